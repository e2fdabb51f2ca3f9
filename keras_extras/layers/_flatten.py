"""Flattening: all axes of an example become one.

y[n, i] = x[n, i1, i2, ...]          i counting in row-major order
"""

import math
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras.layers._base import Layer


@keras.saving.register_keras_serializable(package="keras_extras")
class Flatten(Layer):
    """Turns each example into one vector; the batch axis stays.

    Same numbers as `keras.layers.Flatten`: with `"channels_first"` the
    channels are moved last first, so that both formats give the same vector.

    Args:
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, ...)`
    Output shape:
        `(batch, product of the other axes)`; `(batch, 1)` if there are none.

    Raises:
        ValueError: if `data_format` is not one of the two.

    Hooks:
        `order_axes(inputs)`: the order in which the axes are read.

    Examples:
        >>> layer = keras_extras.layers.Flatten()
        >>> layer(np.ones((2, 3, 4))).shape == (2, 12)
        True
    """

    def __init__(self, data_format: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = keras.layers.InputSpec(min_ndim=1)

    def call(self, inputs):
        ordered = self.order_axes(inputs)  # (batch, *spatial, channels)
        batch, size = self.compute_output_shape(inputs.shape)
        if size is None:
            shape: Any = keras.ops.shape(ordered)
            batch, size = shape[0], -1
        return keras.ops.reshape(
            ordered, (-1 if batch is None else batch, size)
        )

    def order_axes(self, inputs):
        """Returns the inputs with the channels last."""
        rank = len(inputs.shape)
        if self.data_format == "channels_last" or rank < 3:
            return inputs
        return keras.ops.moveaxis(inputs, 1, -1)

    def compute_output_shape(self, input_shape):
        """Returns `(batch, size)`; the size is `None` if an axis is."""
        batch, *axes = input_shape
        # Not `None in axes`: torch's compiler cannot trace that for shapes.
        if any(axis is None for axis in axes):
            return (batch, None)
        return (batch, math.prod(axes))

    def compute_output_spec(self, inputs):
        """Returns the symbolic output; sparse inputs stay sparse."""
        return keras.KerasTensor(
            self.compute_output_shape(inputs.shape),
            dtype=inputs.dtype,
            sparse=inputs.sparse,
        )
