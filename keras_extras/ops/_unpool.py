"""Max unpooling: put each maximum back to its place, zeros elsewhere.

    y[n, place[n, i, c], c] = x[n, i, c]

with i running over the windows and `place` the number of a position, row by
row, as `max_pool` gives it.
"""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._tensors import along, as_tensor, dtype_of


def max_unpool(
    inputs: Tensor,
    indices: Tensor,
    output_size: Sequence[int],
    data_format: str | None = None,
) -> Tensor:
    """Puts values back to the places that max pooling took them from.

    Where windows overlap, one place may be named more than once; it gets the
    mean of what it is given, which is the value itself if all come from max
    pooling. So does its gradient reach the input undoubled.

    Args:
        inputs: tensor `(batch, *windows, channels)`, or channels second.
        indices: integers of the same shape, the places, from
            `max_pool(..., return_indices=True)`.
        output_size: number of positions per spatial axis of the output.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *output_size, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y, places = keras_extras.ops.max_pool(x, 2, return_indices=True)
        >>> back = keras_extras.ops.max_unpool(y, places, [4])
        >>> keras.ops.convert_to_numpy(back).ravel().tolist()
        [0.0, 3.0, 2.0, 0.0]

    References:
        `torch.nn.functional.max_unpool2d`; there the gradient of a place
        named twice counts twice.
    """
    inputs, indices = as_tensor(inputs), as_tensor(indices)
    indices = keras.ops.cast(indices, "int32")
    data_format = data_format or keras.config.image_data_format()
    rank = len(inputs.shape) - 2
    axis = shapes.channel_axis(rank, data_format)
    sizes: Any = keras.ops.shape(inputs)
    batch, channels = sizes[0], sizes[axis]
    plane = functools.reduce(operator.mul, output_size, 1)
    outputs_shape = [batch, *output_size]
    outputs_shape.insert(axis, channels)
    if 0 in inputs.shape:
        return keras.ops.zeros(outputs_shape, inputs.dtype)
    example, channel = (
        along(keras.ops.arange(number, dtype="int32"), place, rank + 2)
        for number, place in ((batch, 0), (channels, axis))
    )
    if data_format == "channels_last":
        places = (example * plane + indices) * channels + channel
    else:
        places = (example * channels + channel) * plane + indices
    places = keras.ops.reshape(places, (-1,))
    values = keras.ops.reshape(inputs, (-1,))
    count = batch * channels * plane
    total: Any = keras.ops.segment_sum(values, places, num_segments=count)
    ones = keras.ops.ones_like(values)
    named: Any = keras.ops.segment_sum(ones, places, num_segments=count)
    named = keras.ops.maximum(named, 1)
    if "float" in dtype_of(inputs):
        total = total / named
    else:
        total = keras.ops.floor_divide(total, named)
    return keras.ops.reshape(total, outputs_shape)
