"""The multilayer perceptron: flatten, dense layers, one output per class.

h0 = flatten(x),   h[k] = f(h[k-1] . W[k] + b[k]),   y = g(h[K] . V + c)
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.layers import Dense, Dropout, Flatten
from keras_extras.models._model import Model


@keras.saving.register_keras_serializable(package="keras_extras")
class MLP(Model):
    """Classifies with a stack of dense layers.

    Args:
        units: ints. Size of each hidden layer, in order; may be empty. An int
            is one hidden layer.
        num_classes: int >= 1. Number of outputs.
        activation: name or function, after each hidden layer; or a list of
            them, one for each.
        dropout: float from 0 to 1, the share dropped after each hidden layer;
            or a list of them, one for each.
        output_activation: name or function; `None` gives logits.
        batch_normalization: bool, whether each hidden layer is normalized
            between its sum and its activation.
        kernel_regularizer: penalty on the kernels of all layers, the last one
            too, such as `keras.regularizers.L2(1e-4)`; or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.Model`.

    Input shape:
        `(batch, ...)`, flattened by the model.
    Output shape:
        `(batch, num_classes)`

    Raises:
        ValueError: if `units`, `num_classes` or `dropout` is out of its range,
            or a list has not one item for each hidden layer.

    Examples:
        >>> model = keras_extras.models.MLP(units=[32], num_classes=3)
        >>> model.build((None, 28, 28))
        >>> model.count_params()
        25219
        >>> model = keras_extras.models.MLP(
        ...     [512, 128, 32], activation=["sigmoid", "tanh", "relu"]
        ... )
        >>> model.build((None, 28, 28))
        >>> model.count_params()
        472042
    """

    def __init__(
        self,
        units: int | Sequence[int] = (128, 64),
        num_classes: int = 10,
        activation: Any = "relu",
        dropout: float | Sequence[float] = 0.0,
        output_activation: Any = "softmax",
        *,
        batch_normalization: bool = False,
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flatten = Flatten()
        self.hidden = hidden_layers(
            self,
            units,
            activation,
            dropout,
            batch_normalization,
            kernel_regularizer,
        )
        self.head = Dense(
            checks.integer(self, "num_classes", num_classes),
            activation=output_activation,
            kernel_regularizer=kernel_regularizer,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        hidden = self.flatten(inputs)  # (batch, inputs)
        for layer in self.hidden:  # `Model` sees to `training`
            hidden = layer(hidden)
        return self.head(hidden)  # (batch, num_classes)


def hidden_layers(
    owner: object,
    units: int | Sequence[int],
    activation: Any,
    dropout: float | Sequence[float],
    batch_normalization: bool,
    kernel_regularizer: Any,
) -> list[Any]:
    """Returns the layers between the inputs and the last dense layer."""
    sizes: tuple[int, ...] = ()
    if not isinstance(units, list | tuple) or units:
        allowed = "positive integers, one for each hidden layer"
        sizes = checks.integers(owner, "units", units, allowed)
    activations = one_each(owner, "activation", activation, len(sizes))
    rates = one_each(owner, "dropout", dropout, len(sizes))
    layers = []
    for size, function, rate in zip(sizes, activations, rates, strict=True):
        layers += normalized(
            Dense, size, function, batch_normalization, -1,
            kernel_regularizer=kernel_regularizer,
        )  # fmt: skip
        layers.append(Dropout(rate))
    return layers


def normalized(
    make: Callable[..., keras.Layer],
    size: int,
    activation: Any,
    batch_normalization: bool,
    axis: int,
    *args: Any,
    **options: Any,
) -> list[Any]:
    """Returns a layer with its activation, which a normalization may part."""
    if not batch_normalization:
        return [make(size, *args, activation=activation, **options)]
    return [
        make(size, *args, **options),
        keras.layers.BatchNormalization(axis),
        keras.layers.Activation(activation),
    ]


def one_each(owner: object, name: str, value: Any, count: int) -> list[Any]:
    """Returns `count` items: from one for all, or a list of them."""
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise invalid_argument(
            owner, name, f"one for all, or {count}, one for each layer", value
        )
    return list(value)
