"""What a convolution is on JAX: its window, XLA's own way, and its taps."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from keras_extras._shapes import Pads, Tensor, Window


def native(one: Tensor, other: Tensor, *, what: str, window: Window) -> Tensor:
    """Returns what `solve` does, by XLA's own convolution."""
    rank = len(window.size)
    axes = "DHW"[3 - rank :]

    def conv(inputs: Tensor, kernel: Tensor, window: Window = window) -> Tensor:
        return lax.conv_general_dilated(
            inputs,
            kernel,
            window.strides,
            window.pads,
            rhs_dilation=window.dilation,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            feature_group_count=window.groups,
        )

    if what == "outputs":
        return conv(one, other)
    if what == "inputs":
        return transpose_conv(conv, one, other, window)
    channels = one.shape[-1] // window.groups
    like = jax.ShapeDtypeStruct(
        (*window.size, channels, other.shape[-1]), other.dtype
    )
    transposed = jax.linear_transpose(lambda kernel: conv(one, kernel), like)
    return transposed(other)[0]


def transpose_conv(
    conv: Callable[[Tensor, Tensor, Window], Tensor],
    outputs: Tensor,
    kernel: Tensor,
    window: Window,
) -> Tensor:
    """Returns the inputs' derivative of a way of computing outputs."""
    channels = kernel.shape[-2] * window.groups
    inputs = jnp.zeros(
        (outputs.shape[0], *window.lengths, channels), outputs.dtype
    )
    # Not `jax.linear_transpose`, which fails on a scan before JAX 0.8. The
    # outputs of zeros are not used, so they are not computed.
    _, pullback = jax.vjp(lambda inputs: conv(inputs, kernel, window), inputs)
    return pullback(outputs)[0]


def add_zeros(inputs: Tensor, pads: Sequence[Pads]) -> Tensor:
    """Adds zeros to the spatial axes; where a number is negative, cuts."""
    widths = [(0, 0, 0), *((*pair, 0) for pair in pads), (0, 0, 0)]
    return lax.pad(inputs, jnp.zeros((), inputs.dtype), widths)


def each_tap(
    padded: Tensor, axes: Sequence[int], window: Window
) -> Iterator[Tensor]:
    """Yields, for each position in the window, that element of all windows."""
    for offsets in itertools.product(*map(range, window.size)):
        index = [slice(None)] * padded.ndim
        for axis, offset, step, stride, count in zip(
            axes, offsets, window.dilation, window.strides, window.outputs,
            strict=True,
        ):  # fmt: skip
            start = offset * step
            index[axis] = slice(start, start + (count - 1) * stride + 1, stride)
        yield padded[tuple(index)]
