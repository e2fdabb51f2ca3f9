"""Faster ways on JAX: a small window is a few strided slices of the input.

The CPU's `reduce_window` and, worse, the `select_and_scatter` of its gradient
go element by element; slices compared or added as wholes are vectorized.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops import _pool, _pool_adaptive
from keras_extras.ops._fast import (
    KERAS_SAME_AVERAGE,
    Row,
    is_stock_max,
)
from keras_extras.ops._fast.jax import conv

MAX_TAPS = 9  # beyond, the slices cost more than they save
MAX_LENGTH = 128  # of an axis in as many slices, which have to be compiled


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
    windows = _pool.standardize(
        inputs, pool_size, strides, padding, data_format, 1, False
    )
    return _max_pool(inputs, windows)


def _maximum(inputs, windows):
    axes = [(1, 1, (0, 0))] * inputs.ndim
    for axis, size, stride, (before, count) in _counted(inputs, windows):
        after = (count - 1) * stride + size - before - inputs.shape[axis]
        axes[axis] = size, stride, (before, max(after, 0))
    sizes, strides, pads = zip(*axes, strict=True)
    if len(windows.size) < 3 or not any(map(any, pads)):
        return functools.reduce(lax.max, _taps(inputs, windows))
    # Nearly all slices would be padded: XLA's own way is no slower.
    lowest = jnp.array(-math.inf, inputs.dtype)
    return lax.reduce_window(inputs, lowest, lax.max, sizes, strides, pads)


def _maximum_jvp(windows, primals, tangents):
    # `lax.max` halves the gradient of equals; Keras's goes to the first.
    (inputs,), (change,) = primals, tangents
    if all(map(int.__le__, windows.size, windows.strides)):
        best, place = _best(inputs, windows)
    else:
        padded = _pool.pad_windows(inputs, windows, -math.inf)
        valid = windows._replace(padding="valid")
        best, place = _apart(functools.partial(_best, windows=valid), padded)
    chosen = [
        jnp.where(place == number, tap, 0)
        for number, tap in enumerate(_split_taps(change, windows))
    ]
    return best, functools.reduce(lax.add, chosen)


_differentiable: Any = jax.custom_jvp(_maximum, nondiff_argnums=(1,))
_differentiable.defjvp(_maximum_jvp)
# As one call where nobody compiles: slices are small, and many.
_max_pool = jax.jit(_differentiable, static_argnums=1)


def _best(inputs, windows):
    """Returns the maximum of each window, and the number of its tap."""
    first, *others = _taps(inputs, windows)
    best, place = first, jnp.zeros(first.shape, "int8")
    for number, tap in enumerate(others, 1):
        better = jnp.logical_or(tap > best, tap != tap)  # or NaN
        best = jnp.where(better, tap, best)
        place = jnp.where(better, jnp.int8(number), place)
    return best, place


def _apart(function, inputs):
    """Returns `function(inputs)`, computed once.

    XLA would compute it anew wherever it is used, within one loop over the
    result; into the branches of a condition it does not look.
    """
    if 0 in inputs.shape:
        return function(inputs)
    whichever = inputs[(0,) * inputs.ndim] > 0
    return lax.cond(whichever, function, function, inputs)


def _taps(inputs, windows):
    """Yields, for each place in the window, what all windows hold there.

    A slice that begins or ends in the pads is padded itself: the input would
    have to be copied.
    """
    axes = []
    for axis, size, stride, (before, count) in _counted(inputs, windows):
        length = inputs.shape[axis]
        axes.append(
            [
                _inside(offset - before, count, length, stride)
                for offset in range(size)
            ]
        )
    for places in itertools.product(*axes):
        index = [slice(None)] * len(inputs.shape)
        pads = [(0, 0, 0)] * len(inputs.shape)
        for axis, (inside, before, after) in zip(
            windows.axes, places, strict=True
        ):
            index[axis], pads[axis] = inside, (before, after, 0)
        tap = inputs[tuple(index)]
        lowest = jnp.array(-math.inf, inputs.dtype)
        yield lax.pad(tap, lowest, pads) if any(map(any, pads)) else tap


def _counted(inputs, windows):
    """Yields axis, size, stride, (pad in front, windows) of each axis."""
    for number, (axis, size, stride) in enumerate(
        zip(windows.axes, windows.size, windows.strides, strict=True)
    ):
        length = inputs.shape[axis]
        before, after = shapes.axis_pads(
            windows.padding, number, length, size, stride
        )
        count = max((before + length + after - size) // stride + 1, 0)
        yield axis, size, stride, (before, count)


def _inside(start, count, length, stride):
    """Returns which of `start + stride * i` are positions, and the rest.

    That is the slice of those in `0 .. length - 1`, for i below `count`, and
    how many lie before and after them.
    """
    first = min(max(-(start // stride), 0), count)
    stop = min(max(-((start - length) // stride), first), count)
    if first == stop:
        return slice(0, 0), first, count - first
    last = start + stride * (stop - 1)
    return slice(start + stride * first, last + 1, stride), first, count - stop


def _split_taps(inputs, windows):
    """Yields what `_taps` does, with zeros in the pads, one stride apart.

    The transpose of a slice with steps is a slow scatter. Here each axis is
    split into the positions that leave the same rest by the stride, so a tap
    is a slice without steps, and the transpose is a stack.
    """
    parts: dict[tuple[int, ...], Tensor] = {(): inputs}
    for axis, size, stride, (before, count) in _counted(inputs, windows):
        length = inputs.shape[axis]
        rows = count + (size - 1) // stride
        pads = [(0, 0, 0)] * inputs.ndim
        pads[axis] = (before, stride * rows - length - before, 0)
        parts = {
            (*rests, rest): phase
            for rests, part in parts.items()
            for rest, phase in enumerate(
                _phases(lax.pad(part, jnp.zeros((), part.dtype), pads),
                        axis, stride)
            )
        }  # fmt: skip
    for places in np.ndindex(*windows.size):
        tap = parts[tuple(map(int.__mod__, places, windows.strides))]
        for place, (axis, _, stride, (_, count)) in zip(
            places, _counted(inputs, windows), strict=True
        ):
            first = place // stride
            tap = lax.slice_in_dim(tap, first, first + count, axis=axis)
        yield tap


def _phases(inputs, axis, stride):
    """Returns the positions `stride * i + rest` of an axis, for each rest."""
    if stride == 1:
        return [inputs]
    shape = list(inputs.shape)
    shape[axis : axis + 1] = shape[axis] // stride, stride
    split = jnp.split(inputs.reshape(shape), stride, axis + 1)
    return [jnp.squeeze(phase, axis + 1) for phase in split]


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
        _is_for_cpu(inputs, data_format)
        and math.prod(shapes.per_axis(pool_size, rank)) <= MAX_TAPS
        and isinstance(padding, str)
        and is_stock_max(*beyond, **options)
    )


def _is_for_cpu(inputs, data_format):
    return (
        data_format is not None
        and jax.default_backend() == "cpu"
        and jnp.issubdtype(inputs.dtype, jnp.floating)
        and all(isinstance(length, int) for length in inputs.shape[1:])
    )


def adaptive_average_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
) -> Tensor:
    """See `keras_extras.ops.adaptive_average_pool`: slice by slice."""
    return _adaptive_average_pool(inputs, _as_tuple(output_size), data_format)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _adaptive_average_pool(inputs, output_size, data_format):
    sums = inputs.astype(jnp.promote_types(inputs.dtype, "float32"))
    means = _adaptive(
        lambda slices: functools.reduce(lax.add, slices) / len(slices),
        sums, output_size, data_format,
    )  # fmt: skip
    return means.astype(inputs.dtype)


def _as_tuple(output_size):
    return output_size if isinstance(output_size, int) else tuple(output_size)


def adaptive_max_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
    **_,
) -> Tensor:
    """See `keras_extras.ops.adaptive_max_pool`: slice by slice."""
    return _adaptive_max_pool(inputs, _as_tuple(output_size), data_format)


def _adaptive_maximum(inputs, output_size, data_format):
    return _adaptive(
        functools.partial(functools.reduce, lax.max),
        inputs, output_size, data_format,
    )  # fmt: skip


def _adaptive_maximum_jvp(output_size, data_format, primals, tangents):
    # The gradient of equals is divided as the definition divides it.
    return jax.jvp(
        lambda x: _pool_adaptive.adaptive_max_pool(x, output_size, data_format),
        primals,
        tangents,
    )


_adaptive_differentiable: Any = jax.custom_jvp(
    _adaptive_maximum, nondiff_argnums=(1, 2)
)
_adaptive_differentiable.defjvp(_adaptive_maximum_jvp)
_adaptive_max_pool = jax.jit(_adaptive_differentiable, static_argnums=(1, 2))


def _adaptive(combine, inputs, output_size, data_format):
    """Combines the slices of each window, along one axis after the other."""
    for axis, windows in _adaptive_windows(inputs, output_size, data_format):
        # Split, not sliced: the transpose is a concatenation, and no sum.
        slices = jnp.split(inputs, inputs.shape[axis], axis)
        inputs = jnp.concatenate(
            [combine(slices[start:stop]) for start, stop in windows], axis
        )
    return inputs


def _adaptive_windows(inputs, output_size, data_format):
    """Returns (axis, windows) of each axis that is pooled."""
    axes = shapes.spatial_axes(len(inputs.shape) - 2, data_format)
    if isinstance(output_size, int):
        output_size = (output_size,) * len(axes)
    return [
        (
            axis,
            [
                shapes.adaptive_window(number, inputs.shape[axis], size)
                for number in range(size)
            ],
        )
        for axis, size in zip(axes, output_size, strict=True)
        if size not in (None, inputs.shape[axis])
    ]


def _few_slices(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
    return_indices: bool = False,
) -> bool:
    return (
        not return_indices
        and _is_for_cpu(inputs, data_format)
        and all(
            sum(stop - start for start, stop in windows) <= MAX_LENGTH
            for _, windows in _adaptive_windows(
                inputs, output_size, data_format
            )
        )
    )


ROWS = (
    Row("max_pool", max_pool, _few_taps),
    Row("adaptive_average_pool", adaptive_average_pool, _few_slices),
    Row("adaptive_max_pool", adaptive_max_pool, _few_slices),
    KERAS_SAME_AVERAGE,
    *conv.ROWS,
)
