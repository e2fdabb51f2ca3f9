"""The multilayer perceptron: flatten, dense layers, one output per class.

h0 = flatten(x),   h[k] = f(h[k-1] . W[k] + b[k]),   y = g(h[K] . V + c)
"""

import keras

from keras_extras.layers import Dense, Dropout, Flatten
from keras_extras.models._model import Model


@keras.saving.register_keras_serializable(package="keras_extras")
class MLP(Model):
    """Classifies with a stack of dense layers.

    Args:
        units: ints. Size of each hidden layer, in order; may be empty.
        num_classes: int >= 1. Number of outputs.
        activation: name or function, after each hidden layer.
        dropout: float from 0 to 1, the share dropped after each hidden layer.
        output_activation: name or function; `None` gives logits.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.Model`.

    Input shape:
        `(batch, ...)`, flattened by the model.
    Output shape:
        `(batch, num_classes)`

    Raises:
        ValueError: if `units`, `num_classes` or `dropout` is out of its range.

    Examples:
        >>> model = keras_extras.models.MLP(units=[32], num_classes=3)
        >>> model.build((None, 28, 28))
        >>> model.count_params()
        25219
    """

    def __init__(
        self,
        units=(128, 64),
        num_classes=10,
        activation="relu",
        dropout=0.0,
        output_activation="softmax",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.flatten = Flatten()
        self.hidden = []
        for size in units:
            self.hidden += [Dense(size, activation), Dropout(dropout)]
        self.head = Dense(num_classes, activation=output_activation)

    def call(self, inputs, training=False):
        hidden = self.flatten(inputs)  # (batch, inputs)
        for layer in self.hidden:  # Keras hands `training` to the dropouts
            hidden = layer(hidden)
        return self.head(hidden)  # (batch, num_classes)
