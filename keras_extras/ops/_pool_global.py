"""Global pooling: reduce all positions to one number per channel.

    y[n, c] = R( x[n, i, c]  for all positions i )          R = max, mean

The mean may leave positions out: `sum(m * x) / sum(m)` with a mask m.
"""

import functools
import math
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._pad import as_tensor


def global_max_pool(
    inputs: Tensor, data_format: str | None = None, keepdims: bool = False
) -> Tensor:
    """Takes the maximum over all positions, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.

    Returns:
        Tensor `(batch, channels)`, or with the spatial axes.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1)
        >>> float(keras_extras.ops.global_max_pool(x)[0, 0])
        3.0
    """
    inputs = as_tensor(inputs)
    axes = _spatial_axes(inputs, data_format)
    return maximum(inputs, axes, keepdims)


def global_average_pool(
    inputs: Tensor,
    data_format: str | None = None,
    keepdims: bool = False,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Takes the mean over all positions, or those of a mask, per channel.

        y = sum(mask * x) / sum(mask)

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.
        mask: bool tensor `(batch, *spatial)`, true where a position counts;
            `None` counts all. Where none counts, the mean is NaN.

    Returns:
        Tensor `(batch, channels)`, or with the spatial axes.

    Examples:
        >>> x = np.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
        >>> y = keras_extras.ops.global_average_pool(
        ...     x, mask=np.array([[True, True, False]])
        ... )
        >>> float(y[0, 0])
        2.0
    """
    inputs = as_tensor(inputs)
    axes = _spatial_axes(inputs, data_format)
    if mask is None:
        return keras.ops.mean(inputs, axis=axes, keepdims=keepdims)
    first = axes if isinstance(axes, int) else axes[0]
    channels = 1 if first == 2 else -1
    counts = keras.ops.cast(keras.ops.expand_dims(mask, channels), "bool")
    # Not a product: what is masked may be infinite, or no number.
    real: Any = keras.ops.where(counts, inputs, 0)
    total: Any = keras.ops.sum(real, axis=axes, keepdims=keepdims)
    return total / keras.ops.sum(
        keras.ops.cast(counts, real.dtype), axis=axes, keepdims=keepdims
    )


def maximum(inputs, axis, keepdims=False):
    """Returns the maximum along axes, of an empty batch too.

    `keras.ops.max` refuses all empty tensors on TensorFlow and torch.
    """
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    reduce = functools.partial(keras.ops.max, axis=axis, keepdims=keepdims)
    if any(size is None for size in inputs.shape):
        # May be empty when the graph runs: with a first value it may.
        lowest = -math.inf if "float" in dtype else int(np.iinfo(dtype).min)
        return reduce(inputs, initial=lowest)
    if 0 in inputs.shape:  # no numbers go in and none come out
        empty = keras.ops.sum(inputs, axis=axis, keepdims=keepdims)
        return keras.ops.cast(empty, dtype)
    return reduce(inputs)


def _spatial_axes(inputs, data_format):
    axes = shapes.spatial_axes(
        len(inputs.shape) - 2,
        data_format or keras.config.image_data_format(),
    )
    # TensorFlow makes a tensor of several, which takes as long as a mean.
    return axes[0] if len(axes) == 1 else tuple(axes)
