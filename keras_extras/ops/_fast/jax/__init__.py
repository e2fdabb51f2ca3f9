"""Faster ways on JAX: a small window is a few strided slices of the input.

The CPU's `reduce_window` and, worse, the `select_and_scatter` of its gradient
go element by element; slices compared or added as wholes are vectorized.
"""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._fast import KERAS_SAME_AVERAGE
from keras_extras.ops._fast.jax import conv
from keras_extras.ops._operation import Row
from keras_extras.ops._pool import PoolPlan, pad_windows
from keras_extras.ops._pool_adaptive import AdaptivePlan, adaptive_maximum

MAX_TAPS = 9  # beyond, the slices cost more than they save
MAX_LENGTH = 128  # of an axis in as many slices, which have to be compiled


def on_cpu(tensor: Tensor) -> bool:
    """Returns whether what is not placed anywhere runs on the CPU."""
    return jax.default_backend() == "cpu"


def is_concrete(tensor: Tensor) -> bool:
    """Returns whether the tensor has numbers now."""
    return not isinstance(tensor, jax.core.Tracer)


def _maximum(inputs: Tensor, plan: PoolPlan) -> Tensor:
    axes = [(1, 1, (0, 0))] * inputs.ndim
    for axis, size, stride, (before, count) in _counted(inputs, plan):
        after = (count - 1) * stride + size - before - inputs.shape[axis]
        axes[axis] = size, stride, (before, max(after, 0))
    sizes, strides, pads = zip(*axes, strict=True)
    if len(plan.size) < 3 or not any(map(any, pads)):
        return functools.reduce(lax.max, _taps(inputs, plan))
    # Nearly all slices would be padded: XLA's own way is no slower.
    lowest = jnp.array(-math.inf, inputs.dtype)
    return lax.reduce_window(inputs, lowest, lax.max, sizes, strides, pads)


def _maximum_jvp(
    plan: PoolPlan, primals: tuple[Tensor], tangents: tuple[Tensor]
) -> tuple[Tensor, Tensor]:
    # `lax.max` halves the gradient of equals; Keras's goes to the first.
    (inputs,), (change,) = primals, tangents
    if all(map(int.__le__, plan.size, plan.strides)):
        best, place = _best(inputs, plan)
    else:
        padded = pad_windows(inputs, plan, -math.inf)
        valid = plan._replace(padding="valid", pads=((0, 0),) * len(plan.size))
        best, place = _apart(functools.partial(_best, plan=valid), padded)
    chosen = [
        jnp.where(place == number, tap, 0)
        for number, tap in enumerate(_split_taps(change, plan))
    ]
    return best, functools.reduce(lax.add, chosen)


_differentiable: Any = jax.custom_jvp(_maximum, nondiff_argnums=(1,))
_differentiable.defjvp(_maximum_jvp)
# As one call where nobody compiles: slices are small, and many.
_max_pool = jax.jit(_differentiable, static_argnums=1)


def _best(inputs: Tensor, plan: PoolPlan) -> tuple[Tensor, Tensor]:
    """Returns the maximum of each window, and the number of its tap."""
    first, *others = _taps(inputs, plan)
    best, place = first, jnp.zeros(first.shape, "int8")
    for number, tap in enumerate(others, 1):
        better = jnp.logical_or(tap > best, tap != tap)  # or NaN
        best = jnp.where(better, tap, best)
        place = jnp.where(better, jnp.int8(number), place)
    return best, place


def _apart(function: Callable[[Tensor], Any], inputs: Tensor) -> Any:
    """Returns `function(inputs)`, computed once.

    XLA would compute it anew wherever it is used, within one loop over the
    result; into the branches of a condition it does not look.
    """
    if 0 in inputs.shape:
        return function(inputs)
    whichever = inputs[(0,) * inputs.ndim] > 0
    return lax.cond(whichever, function, function, inputs)


def _taps(inputs: Tensor, plan: PoolPlan) -> Iterator[Tensor]:
    """Yields, for each place in the window, what all windows hold there.

    A slice that begins or ends in the pads is padded itself: the input would
    have to be copied.
    """
    axes = []
    for axis, size, stride, (before, count) in _counted(inputs, plan):
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
            plan.axes, places, strict=True
        ):
            index[axis], pads[axis] = inside, (before, after, 0)
        tap = inputs[tuple(index)]
        lowest = jnp.array(-math.inf, inputs.dtype)
        yield lax.pad(tap, lowest, pads) if any(map(any, pads)) else tap


def _counted(
    inputs: Tensor, plan: PoolPlan
) -> Iterator[tuple[int, int, int, tuple[int, int]]]:
    """Yields axis, size, stride, (pad in front, windows) of each axis."""
    for axis, size, stride, (before, after) in zip(
        plan.axes, plan.size, plan.strides, plan.pads or (), strict=True
    ):
        padded = before + inputs.shape[axis] + after
        yield (
            axis,
            size,
            stride,
            (before, max((padded - size) // stride + 1, 0)),
        )


def _inside(
    start: int, count: int, length: int, stride: int
) -> tuple[slice, int, int]:
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


def _split_taps(inputs: Tensor, plan: PoolPlan) -> Iterator[Tensor]:
    """Yields what `_taps` does, with zeros in the pads, one stride apart.

    The transpose of a slice with steps is a slow scatter. Here each axis is
    split into the positions that leave the same rest by the stride, so a tap
    is a slice without steps, and the transpose is a stack.
    """
    parts: dict[tuple[int, ...], Tensor] = {(): inputs}
    for axis, size, stride, (before, count) in _counted(inputs, plan):
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
    for places in np.ndindex(*plan.size):
        tap = parts[tuple(map(int.__mod__, places, plan.strides))]
        for place, (axis, _, stride, (_, count)) in zip(
            places, _counted(inputs, plan), strict=True
        ):
            first = place // stride
            tap = lax.slice_in_dim(tap, first, first + count, axis=axis)
        yield tap


def _phases(inputs: Tensor, axis: int, stride: int) -> list[Tensor]:
    """Returns the positions `stride * i + rest` of an axis, for each rest."""
    if stride == 1:
        return [inputs]
    shape = list(inputs.shape)
    shape[axis : axis + 1] = shape[axis] // stride, stride
    split = jnp.split(inputs.reshape(shape), stride, axis + 1)
    return [jnp.squeeze(phase, axis + 1) for phase in split]


def _has_few_taps(plan: PoolPlan) -> bool:
    return (
        _is_known_on_cpu(plan)
        and plan.is_stock
        and isinstance(plan.padding, str)
        and math.prod(plan.size) <= MAX_TAPS
    )


def _is_known_on_cpu(plan: PoolPlan | AdaptivePlan) -> bool:
    return (
        plan.on_cpu
        and "float" in plan.dtype
        and all(isinstance(length, int) for length in plan.lengths)
    )


def _max_pool_row(plan: PoolPlan, inputs: Tensor) -> Tensor:
    return _max_pool(inputs, plan)


@functools.partial(jax.jit, static_argnums=0)
def _adaptive_average_pool(plan: AdaptivePlan, inputs: Tensor) -> Tensor:
    sums = inputs.astype(jnp.promote_types(inputs.dtype, "float32"))

    def mean(slices: list[Tensor]) -> Tensor:
        return functools.reduce(lax.add, slices) / len(slices)

    return _adaptive(mean, plan, sums).astype(inputs.dtype)


def _adaptive_maximum(plan: AdaptivePlan, inputs: Tensor) -> Tensor:
    return _adaptive(functools.partial(functools.reduce, lax.max), plan, inputs)


def _adaptive_maximum_jvp(
    plan: AdaptivePlan, primals: tuple[Tensor], tangents: tuple[Tensor]
) -> tuple[Tensor, Tensor]:
    # The gradient of equals is divided as the definition divides it.
    definition = functools.partial(inspect.unwrap(adaptive_maximum), plan)
    return jax.jvp(definition, primals, tangents)


_adaptive_differentiable: Any = jax.custom_jvp(
    _adaptive_maximum, nondiff_argnums=(0,)
)
_adaptive_differentiable.defjvp(_adaptive_maximum_jvp)
_adaptive_max_pool = jax.jit(_adaptive_differentiable, static_argnums=0)


def _adaptive(
    combine: Callable[[list[Tensor]], Tensor],
    plan: AdaptivePlan,
    inputs: Tensor,
) -> Tensor:
    """Combines the slices of each window, along one axis after the other."""
    for axis, windows in _adaptive_windows(plan):
        # Split, not sliced: the transpose is a concatenation, and no sum.
        slices = jnp.split(inputs, inputs.shape[axis], axis)
        inputs = jnp.concatenate(
            [combine(slices[start:stop]) for start, stop in windows], axis
        )
    return inputs


def _adaptive_windows(
    plan: AdaptivePlan,
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yields (axis, windows) of each axis that is pooled."""
    first = shapes.spatial_axes(len(plan.lengths), plan.data_format)[0]
    for axis, size in plan.axes:
        length = plan.lengths[axis - first]
        yield (
            axis,
            [shapes.adaptive_window(i, length, size) for i in range(size)],
        )


def _has_few_slices(plan: AdaptivePlan) -> bool:
    return (
        not plan.return_indices
        and _is_known_on_cpu(plan)
        and all(
            sum(stop - start for start, stop in windows) <= MAX_LENGTH
            for _, windows in _adaptive_windows(plan)
        )
    )


ROWS = (
    Row("max_pool", _has_few_taps, _max_pool_row),
    Row("adaptive_average_pool", _has_few_slices, _adaptive_average_pool),
    Row("adaptive_max_pool", _has_few_slices, _adaptive_max_pool),
    KERAS_SAME_AVERAGE,
    *conv.ROWS,
)
