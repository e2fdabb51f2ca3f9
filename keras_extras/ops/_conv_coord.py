"""Coordinates as channels: where each position is, from -1 to 1 on each axis.

    x'[n, i, channels + a] = 2 * i[a] / (size[a] - 1) - 1
    x'[n, i, channels + rank] = sqrt( sum over a of x'[n, i, channels + a]**2 )

with a running over the spatial axes, the first one first; an axis of one
position has the coordinate 0.
"""

from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._tensors import along, as_tensor


def add_coordinates(
    inputs: Tensor, with_r: bool = False, data_format: str | None = None
) -> Tensor:
    """Appends one channel per spatial axis that says where a position is.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        with_r: bool, whether the distance from the center follows as one
            more channel.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor like `inputs`, with `rank` more channels, or `rank + 1`.

    Examples:
        >>> x = np.zeros((1, 3, 1))
        >>> y = keras_extras.ops.add_coordinates(x, with_r=True)
        >>> keras.ops.convert_to_numpy(y)[0, :, 1:].tolist()
        [[-1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]

    References:
        Liu et al., "An Intriguing Failing of Convolutional Neural Networks
        and the CoordConv Solution", arXiv:1807.03247. The authors' code has
        the column before the row, and NaN on an axis of one position.
    """
    inputs = as_tensor(inputs)
    rank = len(inputs.shape) - 2
    data_format = data_format or keras.config.image_data_format()
    channels = shapes.channel_axis(rank, data_format)
    sizes: Any = keras.ops.shape(inputs)
    blank: Any = keras.ops.zeros_like(
        keras.ops.take(inputs, [0], axis=channels)
    )
    coordinates: list[Any] = []
    for axis in shapes.spatial_axes(rank, data_format):
        last = keras.ops.cast(sizes[axis] - 1, "float32")
        places: Any = keras.ops.cast(keras.ops.arange(sizes[axis]), "float32")
        places = (2 * places - last) / keras.ops.maximum(last, 1)
        places = along(keras.ops.cast(places, inputs.dtype), axis, rank + 2)
        coordinates.append(blank + places)
    if with_r:
        squares = sum(places**2 for places in coordinates)
        coordinates.append(keras.ops.sqrt(squares))
    return keras.ops.concatenate([inputs, *coordinates], axis=channels)
