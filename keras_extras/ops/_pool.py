"""Window pooling: reduce every window of the input to one number per channel.

    y[n, i, c] = R( x[n, i*s + j - p, c]  for j in 0 .. size-1 )

with i and j running over the spatial axes, s the strides and p the padding in
front. Padded positions never count: they are below every number for the
maximum, and neither in the sum nor in the count for the mean.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pad import as_tensor, pad_spatial


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Takes the maximum of every window, per channel.

    As `keras.ops.max_pool`, and besides with explicit and causal pads.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y = keras_extras.ops.max_pool(x, 2)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 2.0]
    """
    inputs = as_tensor(inputs)
    window, strides, data_format = _standardize(
        inputs, pool_size, strides, data_format
    )
    if padding not in ("valid", "same"):
        inputs = pad_spatial(
            inputs,
            window,
            strides,
            padding,
            data_format,
            constant_values=_lowest(inputs.dtype),
        )
        padding = "valid"
    options: dict[str, Any] = {"padding": padding, "data_format": data_format}
    return keras.ops.max_pool(inputs, window, strides, **options)


def average_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Takes the mean of every window, per channel, over its real positions.

    As `keras.ops.average_pool`, with the same numbers on every backend, and
    besides with explicit and causal pads.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([10.0, 20.0]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.average_pool(x, 3, 2, padding="same")
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [15.0]
    """
    inputs = as_tensor(inputs)
    window, strides, data_format = _standardize(
        inputs, pool_size, strides, data_format
    )
    mean = functools.partial(
        keras.ops.average_pool,
        pool_size=window,
        strides=strides,
        data_format=data_format,
    )
    if padding == "valid":
        return mean(inputs)
    # Zeros add nothing to the sum: only the count has to be put right.
    padded = functools.partial(
        pad_spatial,
        window=window,
        strides=strides,
        padding=padding,
        data_format=data_format,
    )
    share = _real_share(inputs, window, strides, padding, data_format)
    if share is None:  # a length is known only when the graph runs
        share = mean(padded(keras.ops.ones_like(inputs)))
    return mean(padded(inputs)) / keras.ops.cast(share, inputs.dtype)


def _standardize(inputs, pool_size, strides, data_format):
    rank = len(inputs.shape) - 2
    window = shapes.per_axis(pool_size, rank)
    strides = window if strides is None else shapes.per_axis(strides, rank)
    return window, strides, data_format or keras.config.image_data_format()


def _lowest(dtype):
    """Returns the number that no maximum takes."""
    dtype = keras.backend.standardize_dtype(dtype)
    if "float" in dtype:
        return -math.inf
    return int(np.iinfo(dtype).min)


def _real_share(inputs, window, strides, padding, data_format):
    """Returns the share of real positions in each window; None if unknown."""
    axes = shapes.spatial_axes(len(window), data_format)
    share = np.ones((1,) * len(inputs.shape), "float32")
    for axis, position in enumerate(axes):
        length = inputs.shape[position]
        if length is None:
            return None
        counts = shapes.window_counts(
            length,
            window[axis],
            strides[axis],
            shapes.axis_pads(
                padding, axis, length, window[axis], strides[axis]
            ),
        )
        shape = [1] * len(inputs.shape)
        shape[position] = -1
        share = share * np.reshape(counts, shape).astype("float32")
    return share / math.prod(window)
