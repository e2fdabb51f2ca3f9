"""Spatial pyramid pooling: adaptive pooling at several sizes, side by side.

    y = concat over the levels o of reduce(windows of x, o per axis)

The windows of one level are those of adaptive pooling, row by row.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._pool_adaptive import adaptive_average_pool
from keras_extras.ops._tensors import as_tensor


def spatial_pyramid_pool(
    inputs: Tensor,
    bins: Sequence[int | Sequence[int]],
    data_format: str | None = None,
    *,
    crop: bool = True,
    reduce: Callable[..., Tensor] | None = None,
) -> Tensor:
    """Reduces inputs of any size to a fixed number of windows, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        bins: for each level the number of windows, one int or one per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        crop: bool, whether the positions at the end that are too few for one
            more in every window are left out. Else, and on axes with less
            positions than windows, windows overlap.
        reduce: `adaptive_average_pool`, which `None` stands for, or another
            function of `(inputs, output_size, data_format)`.

    Returns:
        Tensor `(batch, windows, channels)`, or channels second: the windows
        of all levels.

    Examples:
        >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> y = keras_extras.ops.spatial_pyramid_pool(x, [1, 2])
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [7.5, 2.5, 4.5, 10.5, 12.5]

    References:
        He et al., "Spatial pyramid pooling in deep convolutional networks
        for visual recognition", arXiv:1406.4729: maxima without cropping.
        The default is TensorFlow Addons' `SpatialPyramidPooling2D`.
    """
    inputs = as_tensor(inputs)
    data_format = data_format or keras.config.image_data_format()
    rank = len(inputs.shape) - 2
    is_last = data_format == "channels_last"
    sizes: Any = keras.ops.shape(inputs)  # known when the graph runs
    channels = sizes[-1 if is_last else 1]
    reduce = reduce or adaptive_average_pool
    levels = []
    for level in bins:
        size = shapes.per_axis(level, rank)
        part = _crop(inputs, size, data_format) if crop else inputs
        count = math.prod(size)
        shape = (-1, count, channels) if is_last else (-1, channels, count)
        levels.append(keras.ops.reshape(reduce(part, size, data_format), shape))
    return keras.ops.concatenate(levels, axis=1 if is_last else 2)


def _crop(inputs: Tensor, size: Sequence[int], data_format: str) -> Tensor:
    """Cuts the end off so that the windows divide each axis evenly."""
    steps = [slice(None)] * len(inputs.shape)
    sizes: Any = keras.ops.shape(inputs)
    axes = shapes.spatial_axes(len(size), data_format)
    for axis, windows in zip(axes, size, strict=True):
        length = sizes[axis]
        if isinstance(length, int):
            steps[axis] = slice(length // windows * windows or None)
        elif length is not None:  # known only when the graph runs
            even = length // windows * windows
            steps[axis] = slice(keras.ops.where(even == 0, length, even))
    return inputs[tuple(steps)]
