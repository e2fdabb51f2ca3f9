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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pad import as_tensor, pad


class Windows(NamedTuple):
    """The windows of one call, one entry per spatial axis."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Any
    data_format: str
    ceil_mode: bool

    @property
    def extents(self):
        return tuple(map(shapes.extent, self.size, self.dilation))

    @property
    def axes(self):
        return shapes.spatial_axes(len(self.size), self.data_format)


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
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
    windows = standardize(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    padded = pad_windows(inputs, windows, _lowest(inputs.dtype))
    if not return_indices:
        return _fold(larger, padded, windows)
    numbers = places(inputs, windows.axes)
    if math.prod(windows.size) == 1:  # nothing to choose, so nothing to spread
        numbers = numbers + keras.ops.cast(
            keras.ops.zeros_like(inputs), "int32"
        )
    numbers = pad_windows(numbers, windows, -1, lengths_of=inputs)
    return _fold(larger_with_place, (padded, numbers), windows)


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

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([10.0, 20.0]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.average_pool(x, 3, 2, padding="same")
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [15.0]
    """
    inputs = as_tensor(inputs)
    if "float" not in keras.backend.standardize_dtype(inputs.dtype):
        inputs = keras.ops.cast(inputs, keras.config.floatx())
    windows = standardize(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    # Zeros add nothing to the sum: only the count has to be put right.
    means = _full_means(pad_windows(inputs, windows), windows)
    if divisor_override is not None:
        return means * (math.prod(windows.size) / divisor_override)
    if padding == "valid" and not ceil_mode:
        return means
    share = _counted_share(inputs, windows, count_include_pad)
    if share is None:  # a length is known only when the graph runs
        ones = keras.ops.ones_like(inputs)
        ones = pad_windows(ones, windows, pads_hold=int(count_include_pad))
        share = _full_means(ones, windows)
    return means / keras.ops.cast(share, inputs.dtype)


def standardize(
    inputs, pool_size, strides, padding, data_format, dilation_rate, ceil_mode
) -> Windows:
    """Returns the windows, each argument with one entry per spatial axis."""
    rank = len(inputs.shape) - 2
    size = shapes.per_axis(pool_size, rank)
    return Windows(
        size,
        size if strides is None else shapes.per_axis(strides, rank),
        shapes.per_axis(dilation_rate, rank),
        padding,
        data_format or keras.config.image_data_format(),
        ceil_mode,
    )


def pad_windows(
    inputs: Tensor,
    windows: Windows,
    constant_values: float = 0,
    *,
    pads_hold: float | None = None,
    lengths_of: Tensor | None = None,
) -> Tensor:
    """Pads the spatial axes, the overhang of a ceil mode included.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        windows: the windows to be placed on it.
        constant_values: number to fill with.
        pads_hold: number for the pads, if it differs from the overhang's.
        lengths_of: tensor that has the spatial lengths, if not `inputs`.
    """
    like = inputs if lengths_of is None else lengths_of
    pads = [(0, 0)] * len(inputs.shape)
    overhangs = list(pads)
    for axis, position in enumerate(windows.axes):
        length, maximum, where = like.shape[position], max, {}
        extent, stride = windows.extents[axis], windows.strides[axis]
        if length is None and stride > 1:
            sizes: Any = keras.ops.shape(like)
            length, maximum = sizes[position], keras.ops.maximum
            where = {"where": keras.ops.where}
        pads[position] = shapes.axis_pads(
            windows.padding, axis, length, extent, stride, maximum
        )
        if windows.ceil_mode and stride > 1:
            after = shapes.overhang(
                length, extent, stride, pads[position], **where
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


def _pad(inputs, widths, value):
    nothing = all(
        isinstance(n, int) and n == 0 for pair in widths for n in pair
    )
    return inputs if nothing else pad(inputs, widths, constant_values=value)


def fold_axis(
    combine: Callable, parts: Any, axis: int, taps: Callable, count: int
):
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


def _fold(combine, parts, windows):
    """Combines the taps of every window, along one axis after the other."""
    for axis in reversed(range(len(windows.size))):

        def tap(part, position, number, axis=axis):
            offset = number * windows.dilation[axis]
            # From the end, since the length may not be known.
            stop = offset + 1 - windows.extents[axis]
            steps = [slice(None)] * len(part.shape)
            steps[position] = slice(offset, stop or None, windows.strides[axis])
            return part[tuple(steps)]

        parts = fold_axis(
            combine, parts, windows.axes[axis], tap, windows.size[axis]
        )
    return parts


def larger(best: Tensor, tap: Tensor) -> Tensor:
    """Returns the larger of each two; a NaN is larger than all."""
    better = keras.ops.logical_or(
        keras.ops.greater(tap, best), keras.ops.not_equal(tap, tap)  # NaN
    )  # fmt: skip
    return keras.ops.where(better, tap, best)


def larger_with_place(best: tuple, tap: tuple) -> tuple:
    """Returns the larger of each two, and its place."""
    (best, best_place), (tap, place) = best, tap
    better = keras.ops.logical_or(
        keras.ops.greater(tap, best), keras.ops.not_equal(tap, tap)
    )
    # A pad is no maximum, even where the input is as low.
    better = keras.ops.logical_or(better, keras.ops.less(best_place, 0))
    return (
        keras.ops.where(better, tap, best),
        keras.ops.where(better, place, best_place),
    )


def places(inputs: Tensor, axes: Sequence[int]) -> Tensor:
    """Returns the number of each position, row by row: (1, *spatial, 1)."""
    numbers, step, xp = 0, 1, np
    for position in reversed(axes):
        length = inputs.shape[position]
        if length is None:
            sizes: Any = keras.ops.shape(inputs)
            length, xp = sizes[position], keras.ops
        shape = [1] * len(inputs.shape)
        shape[position] = -1
        numbers = numbers + xp.reshape(xp.arange(length) * step, shape)
        step = step * length
    return keras.ops.cast(numbers, "int32")


def _full_means(inputs, windows):
    """Returns the sum of every window over the number of its taps."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    # No backend dilates here, and two know 3D means of float32 alone.
    native = max(windows.dilation) == 1
    if native and (len(windows.size) < 3 or dtype == "float32"):
        options: dict[str, Any] = {"data_format": windows.data_format}
        return keras.ops.average_pool(
            inputs, windows.size, windows.strides, "valid", **options
        )
    if dtype in ("float16", "bfloat16"):
        inputs = keras.ops.cast(inputs, "float32")
    sums: Any = _fold(keras.ops.add, inputs, windows)
    return keras.ops.cast(sums / math.prod(windows.size), dtype)


def _lowest(dtype):
    """Returns the number that no maximum takes."""
    dtype = keras.backend.standardize_dtype(dtype)
    if "float" in dtype:
        return -math.inf
    return int(np.iinfo(dtype).min)


def _counted_share(inputs, windows, count_pads):
    """Returns the share of counted taps in each window; None if unknown."""
    share = np.ones((1,) * len(inputs.shape), "float32")
    for axis, position in enumerate(windows.axes):
        length, stride = inputs.shape[position], windows.strides[axis]
        if length is None:
            return None
        extent = windows.extents[axis]
        pads = shapes.axis_pads(windows.padding, axis, length, extent, stride)
        more = 0
        if windows.ceil_mode:
            more = shapes.overhang(length, extent, stride, pads)
        if count_pads:
            length, pads = length + sum(pads), (0, 0)
        counts = shapes.window_counts(
            length,
            windows.size[axis],
            stride,
            (pads[0], pads[1] + more),
            windows.dilation[axis],
        )
        shape = [1] * len(inputs.shape)
        shape[position] = -1
        share = share * np.reshape(counts, shape).astype("float32")
    return share / math.prod(windows.size)
