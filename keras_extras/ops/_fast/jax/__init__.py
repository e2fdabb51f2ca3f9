"""Faster ways on JAX: a small window is a few strided slices of the input.

The CPU's `reduce_window` and, worse, the `select_and_scatter` of its gradient
go element by element; slices compared or added as wholes are vectorized.
"""

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import (
    KERAS_SAME_AVERAGE,
    Row,
    is_stock_max,
)
from keras_extras.ops._fast.jax import conv
from keras_extras.ops._pad import pad_spatial

MAX_TAPS = 9  # beyond, the slices cost more than they save
MAX_SLICES = 16


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    *_,
    **__,
) -> Tensor:
    """See `keras_extras.ops.max_pool`; the first of equals counts."""
    best = None
    for tap in _taps(
        inputs, pool_size, strides, padding, data_format, -math.inf
    ):
        if best is None:
            best = tap
        else:
            # A NaN wins, as in `lax.max`; `tap != tap` is true of it alone.
            better = jnp.logical_or(tap > best, tap != tap)
            best = jnp.where(better, tap, best)
    return best


def _taps(inputs, size, strides, padding, data_format, fill: float):
    """Yields, for each position in the window, that element of all windows."""
    rank = len(inputs.shape) - 2
    size = shapes.per_axis(size, rank)
    strides = shapes.per_axis(strides or size, rank)
    padded = pad_spatial(
        inputs, size, strides, padding, data_format, constant_values=fill
    )
    axes = shapes.spatial_axes(rank, data_format)
    for offsets in itertools.product(*map(range, size)):
        index = [slice(None)] * (rank + 2)
        for axis, start, covered, stride in zip(
            axes, offsets, size, strides, strict=True
        ):
            stop = padded.shape[axis] - covered + start + 1
            index[axis] = slice(start, stop, stride)
        yield padded[tuple(index)]


def _few_taps(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    *beyond,
    **options,
) -> bool:
    rank = len(inputs.shape) - 2
    return (
        data_format is not None
        and jax.default_backend() == "cpu"
        and jnp.issubdtype(inputs.dtype, jnp.floating)
        and math.prod(shapes.per_axis(pool_size, rank)) <= MAX_TAPS
        and isinstance(padding, str)
        and is_stock_max(*beyond, **options)
    )


def adaptive_average_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
) -> Tensor:
    """See `keras_extras.ops.adaptive_average_pool`: one slice a window."""
    for axis, outputs in _adaptive_axes(inputs, output_size, data_format):
        length = inputs.shape[axis]
        windows = [
            shapes.adaptive_window(index, length, outputs)
            for index in range(outputs)
        ]
        means = [
            jnp.mean(lax.slice_in_dim(inputs, *window, axis=axis), axis)
            for window in windows
        ]
        inputs = jnp.stack(means, axis)
    return inputs


def _adaptive_axes(inputs, output_size, data_format):
    rank = len(inputs.shape) - 2
    sizes = (
        (output_size,) * rank
        if isinstance(output_size, int)
        else tuple(output_size)
    )
    axes = shapes.spatial_axes(rank, data_format)
    return [
        (axis, size)
        for axis, size in zip(axes, sizes, strict=True)
        if size is not None
    ]


def _few_uneven(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
) -> bool:
    if data_format is None or jax.default_backend() != "cpu":
        return False
    if not jnp.issubdtype(inputs.dtype, jnp.floating):
        return False
    axes = _adaptive_axes(inputs, output_size, data_format)
    return all(1 <= size <= MAX_SLICES for _, size in axes) and any(
        inputs.shape[axis] % size for axis, size in axes
    )


ROWS = (
    Row("max_pool", max_pool, _few_taps),
    Row("adaptive_average_pool", adaptive_average_pool, _few_uneven),
    KERAS_SAME_AVERAGE,
    *conv.ROWS,
)
