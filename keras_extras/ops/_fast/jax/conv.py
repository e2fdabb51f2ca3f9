"""Faster convolutions on JAX's CPU: one primitive that is its own derivative.

    sum over n, i, j  of  inputs[n, i*s + j*d - p] kernel[j] outputs[n, i]

is linear in each of three tensors, and a convolution, a transposed convolution
and the gradient of a kernel are its derivatives for one of them, given the
other two (`solve`). The derivatives of these are the same three again, so that
each is written once and all orders, forwards and backwards, are fast.

On other platforms, and under `vmap`, it is XLA's own convolution; on the CPU
it is what `_fast.jax.cpu` has.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.core
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from keras_extras._shapes import Tensor, Window
from keras_extras.ops._conv import ConvPlan
from keras_extras.ops._conv_depthwise import grouped
from keras_extras.ops._fast.jax.cpu import on_cpu
from keras_extras.ops._fast.jax.window import native
from keras_extras.ops._operation import Row

MAX_TAPS = 49  # each is a slice, and slices are compiled one by one


def _window(plan: ConvPlan) -> Window:
    return Window(
        plan.lengths,
        plan.size,
        plan.strides,
        plan.pads or (),
        plan.dilation,
        plan.groups,
    )


def _conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    return solve("outputs", inputs, kernel, _window(plan))


def _conv_transpose(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    return solve("inputs", inputs, kernel, _window(plan))


def _depthwise_conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    return solve("outputs", inputs, grouped(kernel), _window(plan))


def _is_plain(plan: ConvPlan) -> bool:
    """Returns whether all is float32, known, and the channels are last."""
    return (
        plan.data_format == "channels_last"
        and plan.dtype == "float32"
        and plan.is_valid
        and all(
            isinstance(size, int) and size > 0
            for size in (plan.batch, *plan.lengths)
        )
        and 0 < math.prod(plan.size) <= MAX_TAPS
        and min(_window(plan).outputs) > 0
    )


def solve(what: str, one: Tensor, other: Tensor, window: Window) -> Tensor:
    """Returns the outputs, the inputs or the kernel, given the other two.

    Args:
        what: `"outputs"`, from inputs and kernel: the convolution; `"inputs"`,
            from outputs and kernel: the transposed convolution; `"kernel"`,
            from inputs and outputs.
        one: the first of the two, inputs before outputs before kernel.
        other: the second of the two.
        window: how they belong together.
    """
    return _solve.bind(one, other, what=what, window=window)


_NAMES = ("inputs", "outputs", "kernel")  # as the arguments of `solve`


def _derivative(
    number: int, cotangent: Tensor, known: Tensor, *, what: str, window: Window
) -> Tensor:
    """Returns the cotangent of the first or second argument of `solve`."""
    names = [name for name in _NAMES if name != what]
    unknown = names.pop(number)
    tensors = {what: cotangent, names[0]: known}
    pair = [tensors[name] for name in _NAMES if name != unknown]
    return solve(unknown, pair[0], pair[1], window)


def _first(
    cotangent: Tensor, _: Tensor, other: Tensor, **parameters: Any
) -> Tensor:
    return _derivative(0, cotangent, other, **parameters)


def _second(
    cotangent: Tensor, one: Tensor, _: Tensor, **parameters: Any
) -> Tensor:
    return _derivative(1, cotangent, one, **parameters)


def _batch(
    tensors: Sequence[Tensor], axes: Sequence[int | None], **parameters: Any
) -> tuple[Tensor, int]:
    """`vmap`: XLA's own convolution, which knows what to do."""
    mapped = jax.vmap(lambda *pair: native(*pair, **parameters), tuple(axes))
    return mapped(*tensors), 0


def _shape(one: Any, other: Any, **parameters: Any) -> jax.core.ShapedArray:
    answer = jax.eval_shape(
        lambda *pair: native(*pair, **parameters),
        *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (one, other)),
    )
    return jax.core.ShapedArray(answer.shape, answer.dtype)


_solve = Primitive("keras_extras_conv")
_compiled = jax.jit(
    lambda one, other, *, what, window: solve(what, one, other, window),
    static_argnames=("what", "window"),
)
_solve.def_impl(lambda *pair, **parameters: _compiled(*pair, **parameters))
_solve.def_abstract_eval(_shape)
ad.defbilinear(_solve, _first, _second)
batching.primitive_batchers[_solve] = _batch
mlir.register_lowering(_solve, mlir.lower_fun(native, multiple_results=False))
mlir.register_lowering(
    _solve, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu"
)

ROWS = (
    Row("conv", _is_plain, _conv),
    Row("depthwise_conv", _is_plain, _depthwise_conv),
    Row("conv_transpose", _is_plain, _conv_transpose),
)
