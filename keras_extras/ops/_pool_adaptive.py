"""Adaptive pooling: as many windows as outputs are asked for.

    y[n, i, c] = R( x[n, j, c]  for floor(i L / o) <= j < ceil((i + 1) L / o) )

with length L and o outputs, on each spatial axis. A window is a product of
one interval per axis, so R, the mean or the maximum, is taken axis by axis;
cost: about one pass over the input per axis. Where o divides L the intervals
do not overlap, and are a reshape; elsewhere they are gathered.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Shape, Tensor
from keras_extras.ops._operation import on_cpu, planned
from keras_extras.ops._pool_global import maximum
from keras_extras.ops._tensors import (
    along,
    as_tensor,
    dtype_of,
    length_of,
    widen,
)


class AdaptivePlan(NamedTuple):
    """An adaptive pooling of inputs of one shape and dtype."""

    lengths: Shape
    outputs: Shape  # `None` where an axis of unknown length stays as it is
    axes: tuple[tuple[int, int], ...]  # (axis, outputs) of what is pooled
    data_format: str
    return_indices: bool
    dtype: str
    on_cpu: bool
    is_empty: bool


def _plan(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None,
    return_indices: bool = False,
) -> AdaptivePlan:
    """Binds the arguments of adaptive pooling."""
    shape = tuple(inputs.shape)
    rank = len(shape) - 2
    data_format = data_format or keras.config.image_data_format()
    lengths = shapes.spatial(shape, data_format)
    sizes = (
        (output_size,) * rank if isinstance(output_size, int) else output_size
    )
    outputs = tuple(
        length if size is None else size
        for length, size in zip(lengths, sizes, strict=True)
    )
    first = shapes.spatial_axes(rank, data_format)[0]
    axes = tuple(
        (axis, size)
        for axis, (length, size) in enumerate(
            zip(lengths, outputs, strict=True), first
        )
        if size is not None and size != length
    )
    return AdaptivePlan(
        lengths,
        outputs,
        axes,
        data_format,
        return_indices,
        dtype_of(inputs),
        on_cpu(inputs),
        0 in shape,
    )


def adaptive_average_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
) -> Tensor:
    """Takes the mean of each of `output_size` windows, per channel.

    As `keras.ops.adaptive_average_pool`, and besides for lengths that are
    known only when the graph runs. Integers become float32.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        output_size: int or one per spatial axis, the number of windows;
            `None` leaves an axis as it is.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor `(batch, *output_size, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(1, 5, 1)
        >>> y = keras_extras.ops.adaptive_average_pool(x, 3)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.5, 3.0, 4.5]
    """
    inputs = as_tensor(inputs)
    if "float" not in dtype_of(inputs):
        inputs = keras.ops.cast(inputs, "float32")
    return adaptive_mean(_plan(inputs, output_size, data_format), inputs)


@planned("adaptive_average_pool")
def adaptive_mean(plan: AdaptivePlan, inputs: Tensor) -> Tensor:
    """Returns the mean of each window, of one axis after the other."""
    inputs, axes, restore = _prepare(plan, inputs)
    for axis, outputs in axes:
        inputs = _mean(*_windows(inputs, axis, outputs), axis)
    return restore(inputs)


def adaptive_max_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
    *,
    return_indices: bool = False,
) -> Tensor:
    """Takes the maximum of each of `output_size` windows, per channel.

    As `keras.ops.adaptive_max_pool`, and besides for lengths that are known
    only when the graph runs. A window with NaN in it gives NaN.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        output_size: int or one per spatial axis, the number of windows;
            `None` leaves an axis as it is.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        return_indices: bool, whether to return the positions too.

    Returns:
        Tensor `(batch, *output_size, channels)`, or channels second; with
        `return_indices` a pair of it and, in int32, the position of each
        maximum in its channel, counted row by row: `row * width + column`
        in 2D. Of equals the first counts.

    Examples:
        >>> x = np.array([1.0, 5.0, 3.0, 4.0, 2.0]).reshape(1, 5, 1)
        >>> y = keras_extras.ops.adaptive_max_pool(x, 3)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [5.0, 5.0, 4.0]
    """
    inputs = as_tensor(inputs)
    plan = _plan(inputs, output_size, data_format, return_indices)
    return adaptive_maximum(plan, inputs)


@planned("adaptive_max_pool")
def adaptive_maximum(plan: AdaptivePlan, inputs: Tensor) -> Any:
    """Returns the maximum of each window, with its position if asked for."""
    inputs, axes, restore = _prepare(plan, inputs)
    if not plan.return_indices:
        for axis, outputs in axes:
            windows, _ = _windows(inputs, axis, outputs)
            inputs = maximum(windows, axis + 1)
        return restore(inputs)
    indices = _positions(inputs)
    # Last axis first: then the first of equals is the first row by row.
    for axis, outputs in reversed(axes):
        windows, _ = _windows(inputs, axis, outputs)
        inputs = maximum(windows, axis + 1)
        # Not argmax of the windows: TensorFlow's passes over NaN.
        is_maximum = keras.ops.logical_or(
            keras.ops.equal(windows, keras.ops.expand_dims(inputs, axis + 1)),
            keras.ops.not_equal(windows, windows),
        )
        taps = keras.ops.argmax(
            keras.ops.cast(is_maximum, "int32"), axis=axis + 1, keepdims=True
        )
        candidates, _ = _windows(indices, axis, outputs)
        chosen = keras.ops.take_along_axis(candidates, taps, axis=axis + 1)
        indices = keras.ops.squeeze(chosen, axis + 1)
    return restore(inputs), restore(indices)


def _mean(windows: Tensor, is_real: Any, axis: int) -> Tensor:
    if is_real is None:
        return keras.ops.mean(windows, axis=axis + 1)
    # Not a mask to multiply with: infinity times zero is no number.
    real: Any = keras.ops.where(is_real, widen(windows), 0)
    count: Any = keras.ops.sum(keras.ops.cast(is_real, real.dtype), axis=1)
    means = keras.ops.divide(keras.ops.sum(real, axis=axis + 1), count)
    return keras.ops.cast(means, windows.dtype)


def _prepare(
    plan: AdaptivePlan, inputs: Tensor
) -> tuple[Any, Sequence[tuple[int, int]], Callable[[Tensor], Tensor]]:
    """Returns the inputs, (axis, outputs) of what is pooled, and the way back.

    The channels are moved last if places are asked for, or if windows will be
    gathered, which is faster in whole rows of channels.
    """
    if plan.data_format == "channels_last" or not (
        plan.return_indices
        or any(
            inputs.shape[axis] is None or inputs.shape[axis] % size
            for axis, size in plan.axes
        )
    ):
        return inputs, plan.axes, lambda outputs: outputs
    axes = [(axis - 1, size) for axis, size in plan.axes]
    back = functools.partial(keras.ops.moveaxis, source=-1, destination=1)
    return keras.ops.moveaxis(inputs, 1, -1), axes, back


def _windows(inputs: Tensor, axis: int, outputs: int) -> tuple[Any, Any]:
    """Returns the windows of one axis, and which of their taps are real.

    The axis becomes two: `(outputs, taps)`. Where a window is shorter than
    the longest, its last position is repeated; `None` says that none is.
    """
    length, xp = length_of(inputs, axis)
    if xp is np and length % outputs == 0:
        split = (outputs, length // outputs)
        return keras.ops.reshape(inputs, _with(inputs, axis, split)), None
    starts, ends = shapes.adaptive_window(xp.arange(outputs), length, outputs)
    taps = xp.arange(xp.max(ends - starts))
    positions = xp.expand_dims(starts, 1) + xp.expand_dims(taps, 0)
    is_real = positions < xp.expand_dims(ends, 1)  # (outputs, taps)
    positions = xp.minimum(positions, xp.expand_dims(ends - 1, 1))
    windows = keras.ops.take(inputs, positions, axis=axis)
    if xp is np and is_real.all():
        return windows, None
    behind = range(2, len(inputs.shape) - axis + 1)
    return windows, xp.expand_dims(is_real, tuple(behind))


def _with(inputs: Tensor, axis: int, split: tuple[int, ...]) -> tuple[Any, ...]:
    """Returns the shape of the inputs with one axis replaced by others."""
    shape = list(inputs.shape)
    unknown = [place for place, size in enumerate(shape) if size is None]
    if len(unknown) == 1:
        shape[unknown[0]] = -1
    elif unknown:
        sizes: Any = keras.ops.shape(inputs)
        shape = list(sizes)
    return (*shape[:axis], *split, *shape[axis + 1 :])


def _positions(inputs: Tensor) -> Tensor:
    """Returns the flat position in its channel of each number, in int32."""
    _, *spatial, _ = range(len(inputs.shape))
    sizes: Any = keras.ops.shape(inputs)
    flat = keras.ops.zeros_like(inputs, dtype="int32")
    for axis in spatial:
        numbers = keras.ops.arange(sizes[axis], dtype="int32")
        flat = flat * sizes[axis] + along(numbers, axis, len(inputs.shape))
    return flat
