"""Window pooling: reduce every window of the input to one number per channel.

    y[n, i, c] = R( x[n, i*s + j*d - p, c]  for j in 0 .. size-1 )

with i and j running over the spatial axes, s the strides, d the dilation and p
the padding in front. Padded positions never count: they are below every number
for the maximum, and, unless asked for, neither in the sum nor in the count for
the mean. A maximum or a sum over a window is one over its rows and then over
its columns, so the taps of one axis are combined after those of another.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._operation import on_cpu, planned
from keras_extras.ops._pad import pad, pads_of
from keras_extras.ops._tensors import (
    along,
    as_float,
    as_tensor,
    dtype_of,
    length_of,
    lowest,
    widen,
)


class PoolPlan(NamedTuple):
    """A pooling of inputs of one shape and dtype; per spatial axis."""

    lengths: shapes.Shape
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str | tuple[Pads, ...]
    pads: tuple[Pads, ...] | None  # None if a length is not known yet
    data_format: str
    ceil_mode: bool
    dtype: str
    on_cpu: bool
    return_indices: bool = False
    count_include_pad: bool = False
    divisor_override: int | None = None

    @property
    def extents(self) -> tuple[int, ...]:
        """The positions that a window covers."""
        return tuple(map(shapes.extent, self.size, self.dilation))

    @property
    def axes(self) -> range:
        """The spatial axes of the inputs."""
        return shapes.spatial_axes(len(self.size), self.data_format)

    @property
    def is_stock(self) -> bool:
        """Whether what poolings have beyond Keras is at its default."""
        return (
            max(self.dilation) == 1
            and not self.ceil_mode
            and not self.return_indices
            and not self.count_include_pad
            and self.divisor_override is None
        )


def pool_plan(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None,
    padding: str | Sequence[Pads],
    data_format: str | None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    count_include_pad: bool = False,
    divisor_override: int | None = None,
) -> PoolPlan:
    """Binds the arguments of a pooling; see `max_pool` and `average_pool`."""
    shape = tuple(inputs.shape)
    rank = len(shape) - 2
    data_format = data_format or keras.config.image_data_format()
    lengths = shapes.spatial(shape, data_format)
    size = shapes.per_axis(pool_size, rank)
    steps = size if strides is None else shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    if not isinstance(padding, str):
        padding = tuple((before, after) for before, after in padding)
    extents = size
    if dilation_rate != 1:
        extents = tuple(map(shapes.extent, size, dilation))
    return PoolPlan(
        lengths,
        size,
        steps,
        dilation,
        padding,
        shapes.all_pads(padding, lengths, extents, steps),
        data_format,
        ceil_mode,
        dtype_of(inputs),
        on_cpu(inputs),
        return_indices,
        count_include_pad,
        divisor_override,
    )


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Takes the maximum of every window, per channel.

    As `keras.ops.max_pool`, with the same numbers for every dtype on every
    backend, and besides with all that `torch.nn.functional.max_pool2d` has. A
    NaN is larger than every number.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, the distance between the
            positions that a window takes.
        ceil_mode: bool, whether a last window may reach over the end.
        return_indices: bool, whether to return the place of each maximum too:
            its number, row by row, in the input without pads. Of equals it is
            the first, of NaNs the last, as in torch.
        mask: bool tensor `(batch, *spatial)`, true where a position counts;
            `None` counts all. Where none counts, the maximum is 0.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second; with
        `return_indices` the pair of it and the int32 tensor of the places.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y, places = keras_extras.ops.max_pool(x, 2, return_indices=True)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 2.0]
        >>> keras.ops.convert_to_numpy(places).ravel().tolist()
        [1, 2]
    """
    inputs = as_tensor(inputs)
    plan = pool_plan(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode, return_indices,
    )  # fmt: skip
    return masked_max(plan, inputs, mask)


def masked_max(plan: PoolPlan, inputs: Tensor, mask: Tensor | None) -> Any:
    """Returns the maxima of what counts; 0 where nothing does."""
    if mask is None:
        return max_of_windows(plan, inputs)
    counts = counted(mask, plan)
    found: Any = max_of_windows(
        plan, keras.ops.where(counts, inputs, lowest(plan.dtype))
    )
    maxima, *more = found if plan.return_indices else [found]
    maxima = keras.ops.where(any_counts(plan, counts), maxima, 0)
    return (maxima, *more) if more else maxima


def counted(mask: Tensor, plan: PoolPlan) -> Any:
    """Returns a mask `(batch, *spatial)` with an axis for the channels."""
    axis = -1 if plan.data_format == "channels_last" else 1
    return keras.ops.cast(keras.ops.expand_dims(mask, axis), "bool")


def any_counts(plan: PoolPlan, counts: Tensor) -> Any:
    """Returns whether anything counts in each window; see `counted`."""
    numbers = plan._replace(dtype="int32", return_indices=False)
    found: Any = max_of_windows(numbers, keras.ops.cast(counts, "int32"))
    return keras.ops.greater(found, 0)


@planned("max_pool")
def max_of_windows(plan: PoolPlan, inputs: Tensor) -> Any:
    """Returns the maxima, by folding; with their places if asked for."""
    padded = pad_windows(inputs, plan, lowest(plan.dtype))
    if not plan.return_indices:
        return _fold(larger, padded, plan)
    numbers = places(inputs, plan.axes)
    if math.prod(plan.size) == 1:  # nothing to choose, so nothing to spread
        numbers = numbers + keras.ops.cast(
            keras.ops.zeros_like(inputs), "int32"
        )
    numbers = pad_windows(numbers, plan, -1, lengths_of=inputs)
    return _fold(larger_with_place, (padded, numbers), plan)


def average_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
    divisor_override: int | None = None,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Takes the mean of every window, per channel, over its real positions.

    As `keras.ops.average_pool`, with the same numbers for every dtype on
    every backend, and besides with all that `torch.nn.functional.avg_pool2d`
    has, and dilation. Integers give the mean in Keras's configured float.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, the distance between the
            positions that a window takes.
        ceil_mode: bool, whether a last window may reach over the end.
        count_include_pad: bool, whether padded positions count, as zeros.
            What a window of `ceil_mode` reaches beyond them never counts.
        divisor_override: what the sum is divided by, instead of the count.
        mask: bool tensor `(batch, *spatial)`, true where a position counts;
            `None` counts all. Where none counts, the mean is 0.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([10.0, 20.0]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.average_pool(x, 3, 2, padding="same")
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [15.0]
    """
    inputs = as_float(inputs)
    plan = pool_plan(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode, False, count_include_pad, divisor_override,
    )  # fmt: skip
    return masked_mean(plan, inputs, mask)


def masked_mean(plan: PoolPlan, inputs: Tensor, mask: Tensor | None) -> Any:
    """Returns the means over what counts; 0 where nothing does."""
    if mask is None:
        return mean_of_windows(plan, inputs)
    counts = counted(mask, plan)
    # Not a product: what is masked may be infinite, or no number.
    means = mean_of_windows(plan, keras.ops.where(counts, inputs, 0))
    if plan.divisor_override is not None:
        return means
    masked = keras.ops.cast(keras.ops.logical_not(counts), "float32")
    share: Any = 1 - mean_of_windows(plan._replace(dtype="float32"), masked)
    nothing = keras.ops.less(share, 0.5 / math.prod(plan.size))
    wide: Any = widen(means)
    means = wide / keras.ops.where(nothing, 1, share)
    return keras.ops.cast(keras.ops.where(nothing, 0, means), inputs.dtype)


@planned("average_pool")
def mean_of_windows(plan: PoolPlan, inputs: Tensor) -> Any:
    """Returns the means over what counts in each window."""
    # Zeros add nothing to the sum: only the count has to be put right.
    means: Any = _full_means(pad_windows(inputs, plan), plan)
    if plan.divisor_override is not None:
        return means * (math.prod(plan.size) / plan.divisor_override)
    if plan.padding == "valid" and not plan.ceil_mode:
        return means
    share: Any = _counted_share(plan)
    if share is None:  # a length is known only when the graph runs
        ones = keras.ops.ones_like(inputs)
        ones = pad_windows(ones, plan, pads_hold=int(plan.count_include_pad))
        share = _full_means(ones, plan)
    return means / keras.ops.cast(share, inputs.dtype)


def pad_windows(
    inputs: Tensor,
    plan: PoolPlan,
    constant_values: float = 0,
    *,
    pads_hold: float | None = None,
    lengths_of: Tensor | None = None,
) -> Tensor:
    """Pads the spatial axes, the overhang of a ceil mode included.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        plan: the windows to be placed on it.
        constant_values: number to fill with.
        pads_hold: number for the pads, if it differs from the overhang's.
        lengths_of: tensor that has the spatial lengths, if not `inputs`.
    """
    if plan.padding == "valid" and not plan.ceil_mode:
        return inputs
    like = inputs if lengths_of is None else lengths_of
    extents, strides = plan.extents, plan.strides
    pads = pads_of(like, extents, strides, plan.padding, plan.data_format)
    overhangs: list[tuple[Any, Any]] = [(0, 0)] * len(pads)
    for axis, position in enumerate(plan.axes):
        if plan.ceil_mode and strides[axis] > 1:
            length, xp = length_of(like, position)
            after = shapes.overhang(
                length,
                extents[axis],
                strides[axis],
                pads[position],
                shapes.choose if xp is np else keras.ops.where,
            )
            overhangs[position] = (0, after)
    if pads_hold is not None:
        inputs = _pad(inputs, pads, pads_hold)
        return _pad(inputs, overhangs, constant_values)
    widths = [
        (before, after + more)
        for (before, after), (_, more) in zip(pads, overhangs, strict=True)
    ]
    return _pad(inputs, widths, constant_values)


def _pad(
    inputs: Tensor, widths: Sequence[tuple[Any, Any]], value: float
) -> Tensor:
    nothing = all(
        isinstance(n, int) and n == 0 for pair in widths for n in pair
    )
    return inputs if nothing else pad(inputs, widths, constant_values=value)


def fold_axis(
    combine: Callable[[Any, Any], Any],
    parts: Any,
    axis: int,
    taps: Callable[[Tensor, int, int], Tensor],
    count: int,
) -> Any:
    """Combines the taps of one axis, of each of `parts`, from first to last."""
    return functools.reduce(
        combine,
        (
            keras.tree.map_structure(
                lambda part, n=n: taps(part, axis, n), parts
            )
            for n in range(count)
        ),
    )


def _fold(
    combine: Callable[[Any, Any], Any], parts: Any, plan: PoolPlan
) -> Any:
    """Combines the taps of every window, along one axis after the other."""
    for axis in reversed(range(len(plan.size))):

        def take(part: Tensor, _: int, number: int, axis: int = axis) -> Tensor:
            return tap(part, plan, {axis: number})

        parts = fold_axis(
            combine, parts, plan.axes[axis], take, plan.size[axis]
        )
    return parts


def tap(inputs: Tensor, plan: PoolPlan, place: Mapping[int, int]) -> Tensor:
    """Returns what every window of padded inputs holds at one place.

    `place` has the number within the window for spatial axes; an axis that it
    has not stays whole.
    """
    steps = [slice(None)] * len(inputs.shape)
    for axis, number in place.items():
        offset = number * plan.dilation[axis]
        # From the end, since the length may not be known.
        stop = offset + 1 - plan.extents[axis]
        steps[plan.axes[axis]] = slice(offset, stop or None, plan.strides[axis])
    return inputs[tuple(steps)]


def larger(best: Tensor, tap: Tensor) -> Tensor:
    """Returns the larger of each two; a NaN is larger than all."""
    return keras.ops.where(_is_larger(tap, best), tap, best)


def larger_with_place(
    best: tuple[Tensor, Tensor], tap: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Returns the larger of each two, and its place."""
    (best_number, best_place), (number, place) = best, tap
    # A pad is no maximum, even where the input is as low.
    better = keras.ops.logical_or(
        _is_larger(number, best_number), keras.ops.less(best_place, 0)
    )
    return (
        keras.ops.where(better, number, best_number),
        keras.ops.where(better, place, best_place),
    )


def _is_larger(tap: Tensor, best: Tensor) -> Tensor:
    is_nan = keras.ops.not_equal(tap, tap)
    return keras.ops.logical_or(keras.ops.greater(tap, best), is_nan)


def places(inputs: Tensor, axes: Sequence[int]) -> Tensor:
    """Returns the number of each position, row by row: (1, *spatial, 1)."""
    numbers: Any = 0
    step: Any = 1
    for position in reversed(axes):
        length, xp = length_of(inputs, position)
        if not isinstance(step, int):
            xp = keras.ops
        places_here: Any = xp.arange(length)
        column = places_here * step
        numbers = numbers + along(column, position, len(inputs.shape), xp)
        step = step * length
    return keras.ops.cast(numbers, "int32")


def _full_means(inputs: Tensor, plan: PoolPlan) -> Any:
    """Returns the sum of every window over the number of its taps."""
    inputs = widen(inputs)
    # No backend dilates here, and two know 3D means of float32 alone.
    native = max(plan.dilation) == 1
    if native and (len(plan.size) < 3 or dtype_of(inputs) == "float32"):
        means: Any = keras.ops.average_pool(
            inputs,
            plan.size,
            plan.strides,
            "valid",
            data_format=plan.data_format,
        )
    else:
        means = _fold(keras.ops.add, inputs, plan) / math.prod(plan.size)
    return keras.ops.cast(means, plan.dtype)


def _counted_share(plan: PoolPlan) -> Any:
    """Returns the share of counted taps in each window; None if unknown."""
    if plan.pads is None:
        return None
    rank = len(plan.size)
    share = np.ones((1,) * (rank + 2), "float32")
    for axis, length in enumerate(plan.lengths):
        if length is None:
            return None
        stride, pads, extent = (
            plan.strides[axis],
            plan.pads[axis],
            plan.extents[axis],
        )
        more = 0
        if plan.ceil_mode:
            more = shapes.overhang(length, extent, stride, pads)
        if plan.count_include_pad:
            length, pads = length + sum(pads), (0, 0)
        counts = shapes.window_counts(
            length,
            plan.size[axis],
            stride,
            (pads[0], pads[1] + more),
            plan.dilation[axis],
        )
        counts = np.array(counts, "float32")
        share = share * along(counts, plan.axes[axis], rank + 2, np)
    return share / math.prod(plan.size)
