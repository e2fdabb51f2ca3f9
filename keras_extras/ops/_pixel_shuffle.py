"""Pixel shuffle: channels become finer positions, and back.

    y[n, h * r + i, w * r + j, c] = x[n, h, w, (c * r + i) * r + j]

with r = factor. The order of the channels is torch's (c, then i, then j) for
both data formats and on every backend, where `keras.ops.nn.depth_to_space`
has one by backend and format. Only a reshape and a transpose.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Tensor
from keras_extras.ops._tensors import as_tensor


def pixel_shuffle(
    inputs: Tensor, factor: Ints, data_format: str | None = None
) -> Tensor:
    """Moves channels into positions: fewer channels, a finer grid.

    As `torch.nn.functional.pixel_shuffle`, for any number of spatial axes.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second; the
            number of channels is a multiple of the factors' product.
        factor: int or one per spatial axis, by which the positions grow.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *spatial * factor, channels / product)`, or channels
        second.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 4)
        >>> y = keras_extras.ops.pixel_shuffle(x, 2)
        >>> keras.ops.convert_to_numpy(y)[0, :, :, 0].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    inputs = as_tensor(inputs)
    factors, data_format, order = _standardize(inputs, factor, data_format)
    batch, sizes, channels = _sizes(inputs, data_format)
    channels = channels // math.prod(factors)
    split = (
        (batch, *sizes, channels, *factors)
        if data_format == "channels_last"
        else (batch, channels, *factors, *sizes)
    )
    grown = [size * by for size, by in zip(sizes, factors, strict=True)]
    outputs = keras.ops.transpose(keras.ops.reshape(inputs, split), order)
    return keras.ops.reshape(
        outputs, _with_channels(batch, grown, channels, data_format)
    )


def pixel_unshuffle(
    inputs: Tensor, factor: Ints, data_format: str | None = None
) -> Tensor:
    """Moves positions into channels: a coarser grid, more channels.

    As `torch.nn.functional.pixel_unshuffle`, for any number of spatial axes.
    Undoes `pixel_shuffle`.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second; each
            length is a multiple of the factor.
        factor: int or one per spatial axis, by which the positions shrink.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *spatial / factor, channels * product)`, or channels
        second.

    Examples:
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
        >>> y = keras_extras.ops.pixel_unshuffle(x, 2)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    inputs = as_tensor(inputs)
    factors, data_format, order = _standardize(inputs, factor, data_format)
    batch, sizes, channels = _sizes(inputs, data_format)
    shrunk = [size // by for size, by in zip(sizes, factors, strict=True)]
    pairs = _interleave(shrunk, factors)
    split = _with_channels(batch, pairs, channels, data_format)
    outputs = keras.ops.transpose(
        keras.ops.reshape(inputs, split), np.argsort(order).tolist()
    )
    channels = channels * math.prod(factors)
    return keras.ops.reshape(
        outputs, _with_channels(batch, shrunk, channels, data_format)
    )


def _standardize(
    inputs: Tensor, factor: Ints, data_format: str | None
) -> tuple[tuple[int, ...], str, tuple[int, ...]]:
    """Returns one factor per axis, the format, and the order of the axes.

    The order takes (channels, then fine positions) apart and puts each fine
    axis behind its coarse one.
    """
    rank = len(inputs.shape) - 2
    data_format = data_format or keras.config.image_data_format()
    factors = shapes.per_axis(factor, rank)
    if data_format == "channels_last":  # batch, coarse, channels, fine
        coarse = range(1, rank + 1)
        fine = range(rank + 2, 2 * rank + 2)
        order = (0, *_interleave(coarse, fine), rank + 1)
    else:  # batch, channels, fine, coarse
        coarse = range(rank + 2, 2 * rank + 2)
        fine = range(2, rank + 2)
        order = (0, 1, *_interleave(coarse, fine))
    return factors, data_format, order


def _interleave(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return [item for pair in zip(one, other, strict=True) for item in pair]


def _sizes(inputs: Tensor, data_format: str) -> tuple[Any, Sequence[Any], Any]:
    """Returns batch, spatial sizes and channels, tensors where unknown."""
    static = tuple(inputs.shape)
    sizes: Any = static
    if any(size is None for size in static[1:]):
        sizes = keras.ops.shape(inputs)
    batch = -1 if sizes[0] is None else sizes[0]
    if data_format == "channels_last":
        return batch, sizes[1:-1], sizes[-1]
    return batch, sizes[2:], sizes[1]


def _with_channels(
    batch: Any, sizes: Iterable[Any], channels: Any, data_format: str
) -> tuple[Any, ...]:
    if data_format == "channels_last":
        return (batch, *sizes, channels)
    return (batch, channels, *sizes)
