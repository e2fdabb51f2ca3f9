"""Stochastic depth: leave out a whole residual branch while training.

    StochasticDepth:  y = shortcut + b * residual        b = 1 or 0, for a batch
    DropPath:         y = x * b / (1 - rate)             b = 1 or 0, per example

In inference the first takes the expected b, the second passes its input on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer
from keras_extras.layers._dropout import Dropout


@keras.saving.register_keras_serializable(package="keras_extras")
class StochasticDepth(Layer):
    """Adds a residual branch, or leaves it out while training.

        y = shortcut + b * residual      while training
        y = shortcut + p * residual      else

    with b = 1 with the probability p = `survival_probability`, else 0, one
    for the whole batch. Stands in for `keras.layers.Add`. For one input and a
    draw per example: `DropPath`.

    Args:
        survival_probability: float from 0 to 1, how likely the residual
            branch is kept.
        seed: int or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: list `[shortcut, residual]` of tensors of equal shape.
        training: bool, whether to draw.

    Input shape:
        any, twice
    Output shape:
        the shortcut's

    Raises:
        ValueError: if `survival_probability` is out of its range, or the
            inputs are not two of equal shape.
        TypeError: if `survival_probability` is not a number.

    Hooks:
        `draw_survival(residual)`: b, of a shape that broadcasts.

    Examples:
        >>> layer = keras_extras.layers.StochasticDepth(0.8)
        >>> x = np.ones((1, 2))
        >>> keras.ops.convert_to_numpy(layer([x, 10 * x])).tolist()
        [[9.0, 9.0]]

    References:
        Huang et al., "Deep networks with stochastic depth", arXiv:1603.09382.
        Name, arguments and numbers as in TensorFlow Addons.
    """

    def __init__(
        self,
        survival_probability: float = 0.5,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.survival_probability = checks.fraction(
            self, "survival_probability", survival_probability
        )
        self.seed = checks.seed(self, seed)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self._mark_built()

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        is_list = isinstance(inputs, list | tuple)
        tensors = inputs if is_list else [inputs]
        self.compute_output_shape([tensor.shape for tensor in tensors])
        shortcut, residual = tensors
        if training:
            return shortcut + self.draw_survival(residual) * residual
        return shortcut + self.survival_probability * residual

    def draw_survival(self, residual: Tensor) -> Tensor:
        """Returns 1 with the probability of survival, else 0."""
        sample = keras.random.uniform((), seed=self.seed_generator)
        return keras.ops.cast(
            sample < self.survival_probability, residual.dtype
        )

    def compute_output_shape(self, input_shape: Sequence[Any]) -> Shape:
        """Returns the shape of the shortcut."""
        found = input_shape if _is_nested(input_shape) else [input_shape]
        pair = [tuple(shape) for shape in found]
        if len(pair) != 2 or not shapes.may_be_equal(*pair):
            raise invalid_argument(
                self,
                "inputs",
                "a list of two tensors of equal shape, [shortcut, residual]",
                pair,
            )
        return pair[0]

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor = None
    ) -> Tensor:
        """Returns the mask of the shortcut."""
        is_list = isinstance(previous_mask, list | tuple)
        return previous_mask[0] if is_list else previous_mask


@keras.saving.register_keras_serializable(package="keras_extras")
class DropPath(Dropout):
    """Sets whole examples to zero while training, at the end of a branch.

        y = x * b / (1 - rate),     b = 0 with probability rate, per example

    The sum with the shortcut is left to the model. In inference the input is
    returned as it is. For one draw per batch, and the paper's scaling in
    inference: `StochasticDepth`.

    Args:
        rate: float from 0 to 1, the share of examples that is set to zero.
        seed: int or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of any shape, examples first.
        training: bool, whether anything is dropped.

    Input shape:
        any
    Output shape:
        the input's

    Raises:
        ValueError: if `rate` is out of its range.
        TypeError: if `rate` is not a number.

    Hooks:
        `drop(inputs)`: what is done while training.

    Examples:
        >>> layer = keras_extras.layers.DropPath(0.5, seed=1)
        >>> y = layer(np.ones((100, 2)), training=True)
        >>> sorted(set(map(tuple, keras.ops.convert_to_numpy(y).tolist())))
        [(0.0, 0.0), (2.0, 2.0)]

    References:
        `timm.layers.DropPath`; `torchvision.ops.StochasticDepth` in its mode
        `"row"`.
    """

    _refused_arguments: ClassVar[Mapping[str, str]] = {
        "noise_shape": "The class decides what is dropped together."
    }

    def __init__(
        self, rate: float, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, None, seed, **kwargs)

    def drop(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with some examples zero, the rest scaled up."""
        noise_shape = (None,) + (1,) * (len(inputs.shape) - 1)
        return keras.random.dropout(
            inputs, self.rate, noise_shape, self.seed_generator
        )


def _is_nested(input_shape: Sequence[Any]) -> bool:
    """Returns whether these are several shapes, not one."""
    return all(hasattr(size, "__len__") for size in input_shape)
