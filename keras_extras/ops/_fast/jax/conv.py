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

import jax
import jax.core
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import Row
from keras_extras.ops._fast.jax.cpu import on_cpu
from keras_extras.ops._fast.jax.window import Window, native

MAX_TAPS = 49  # each is a slice, and slices are compiled one by one


def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """See `keras_extras.ops.conv`."""
    window = _window(inputs, kernel, strides, padding, dilation_rate)
    return solve("outputs", inputs, kernel, window)


def _window(inputs, kernel, strides, padding, dilation_rate):
    rank = len(inputs.shape) - 2
    lengths, size = inputs.shape[1:-1], kernel.shape[:rank]
    strides = shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    pads = tuple(
        shapes.axis_pads(
            padding, axis, length, shapes.extent(taps, step), stride
        )
        for axis, (length, taps, step, stride) in enumerate(
            zip(lengths, size, dilation, strides, strict=True)
        )
    )
    groups = inputs.shape[-1] // kernel.shape[-2]
    return Window(lengths, size, strides, pads, dilation, groups)


def _can_solve(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> bool:
    if not _is_plain(inputs, kernel, data_format):
        return False
    *_, channels, filters = kernel.shape
    groups, rest = divmod(inputs.shape[-1], channels)
    if rest or not groups or filters % groups:
        return False  # the generic one has the words for it
    window = _window(inputs, kernel, strides, padding, dilation_rate)
    return min(window.outputs) > 0


def _is_plain(inputs, kernel, data_format):
    """Tells whether all is float32, known, and the channels are last."""
    sizes = (*inputs.shape, *kernel.shape)
    return (
        data_format == "channels_last"
        and inputs.dtype == kernel.dtype == jnp.float32
        and len(inputs.shape) == len(kernel.shape)
        and all(isinstance(size, int) and size > 0 for size in sizes)
        and math.prod(kernel.shape[:-2]) <= MAX_TAPS
    )


def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    output_padding: Ints | None = None,
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    *,
    groups: int = 1,
) -> Tensor:
    """See `keras_extras.ops.conv_transpose`: the inputs of a convolution."""
    window = _transposed(
        inputs, kernel, strides, padding, output_padding, dilation_rate, groups
    )
    return solve("inputs", inputs, kernel, window)


def _transposed(
    inputs, kernel, strides, padding, output_padding, dilation_rate, groups
):
    rank = len(inputs.shape) - 2
    size = kernel.shape[:rank]
    strides = shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    added: Sequence[int | None] = (None,) * rank
    if output_padding is not None:
        added = shapes.per_axis(output_padding, rank)
    lengths, crops = [], []
    for axis in range(rank):
        extent = shapes.extent(size[axis], dilation[axis])
        crop = shapes.transpose_crops(
            padding, axis, extent, strides[axis], added[axis]
        )
        crops.append(crop)
        lengths.append(
            shapes.transpose_length(
                inputs.shape[axis + 1], extent, strides[axis], crop
            )
        )
    return Window(tuple(lengths), size, strides, tuple(crops), dilation, groups)


def _can_solve_back(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    output_padding: Ints | None = None,
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    *,
    groups: int = 1,
) -> bool:
    if not _is_plain(inputs, kernel, data_format):
        return False
    if inputs.shape[-1] != kernel.shape[-1] or inputs.shape[-1] % groups:
        return False
    window = _transposed(
        inputs, kernel, strides, padding, output_padding, dilation_rate, groups
    )
    return min(window.lengths) > 0


def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """See `keras_extras.ops.depthwise_conv`: as many groups as channels."""
    return conv(
        inputs,
        _grouped(kernel),
        strides,
        padding,
        data_format,
        dilation_rate,
    )


def _grouped(kernel):
    *size, channels, multiplier = kernel.shape
    return kernel.reshape(*size, 1, channels * multiplier)


def _can_solve_depthwise(inputs, kernel, *arguments, **named) -> bool:
    return inputs.shape[-1] == kernel.shape[-2] and _can_solve(
        inputs, _grouped(kernel), *arguments, **named
    )


def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    *arguments,
    **named,
) -> Tensor:
    """See `keras_extras.ops.separable_conv`: its two steps."""
    spread = depthwise_conv(inputs, depthwise_kernel, *arguments, **named)
    return conv(spread, pointwise_kernel, data_format="channels_last")


def _can_solve_both(inputs, depthwise_kernel, pointwise_kernel, *arguments,
                    **named) -> bool:  # fmt: skip
    return (
        pointwise_kernel.dtype == jnp.float32
        and math.prod(pointwise_kernel.shape[:-2]) == 1
        and pointwise_kernel.shape[-2] == math.prod(depthwise_kernel.shape[-2:])
        and _can_solve_depthwise(inputs, depthwise_kernel, *arguments, **named)
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


def _derivative(number, cotangent, known, *, what, window):
    """Returns the cotangent of the first or second argument of `solve`."""
    names = [name for name in _NAMES if name != what]
    unknown = names.pop(number)
    tensors = {what: cotangent, names[0]: known}
    pair = [tensors[name] for name in _NAMES if name != unknown]
    return solve(unknown, pair[0], pair[1], window)


def _first(cotangent, _, other, **parameters):
    return _derivative(0, cotangent, other, **parameters)


def _second(cotangent, one, _, **parameters):
    return _derivative(1, cotangent, one, **parameters)


def _batch(tensors, axes, **parameters):
    """`vmap`: XLA's own convolution, which knows what to do."""
    mapped = jax.vmap(lambda *pair: native(*pair, **parameters), tuple(axes))
    return mapped(*tensors), 0


def _shape(one, other, **parameters):
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
    Row("conv", conv, _can_solve),
    Row("conv_transpose", conv_transpose, _can_solve_back),
    Row("depthwise_conv", depthwise_conv, _can_solve_depthwise),
    Row("separable_conv", separable_conv, _can_solve_both),
)
