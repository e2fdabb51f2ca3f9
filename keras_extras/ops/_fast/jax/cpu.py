"""How a convolution and its derivatives are computed on JAX's CPU.

XLA (jaxlib 0.10) gives convolutions over two axes to a library that is slow
without padding and takes one thread for up to 64 filters, goes through groups
element by element, and takes the gradient of a kernel for a convolution with
windows as large as the image. Each function here says what stands instead;
`on_cpu` chooses by shapes alone. The numbers are in docs/guides/speed.md.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor

MIN_CHANNELS = 16  # with fewer, XLA's own choice is good
MAX_PRODUCTS = 27  # taps of a depthwise convolution
PATCH_NUMBERS = 2**19  # of a block: what stays in the cache


class Window(NamedTuple):
    """What is fixed: one entry per spatial axis, `lengths` of the inputs."""

    lengths: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def outputs(self):
        return tuple(
            (length + sum(pads) - shapes.extent(size, step)) // stride + 1
            for length, size, stride, pads, step in zip(*self[:5], strict=True)
        )


def native(one: Tensor, other: Tensor, *, what: str, window: Window) -> Tensor:
    """Returns what `solve` does, by XLA's own convolution."""
    rank = len(window.size)
    axes = "DHW"[3 - rank :]

    def conv(inputs, kernel):
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
        channels = other.shape[-2] * window.groups
        like = one.shape[0], *window.lengths, channels
        linear = lambda inputs: conv(inputs, other)  # noqa: E731
        given = one
    else:
        channels = one.shape[-1] // window.groups
        like = *window.size, channels, other.shape[-1]
        linear = lambda kernel: conv(one, kernel)  # noqa: E731
        given = other
    spec = jax.ShapeDtypeStruct(like, given.dtype)
    return jax.linear_transpose(linear, spec)(given)[0]


def on_cpu(one: Tensor, other: Tensor, *, what: str, window: Window) -> Tensor:
    """Returns what `solve` does, in the way that was measured as fastest."""
    rank = len(window.size)
    if _is_depthwise(one, other, what, window):
        if what == "kernel":
            return _depthwise_kernel(one, other, window)
        if what == "outputs":
            return _products(one, other, window)
        return _transpose(_products, one, other, window)
    if what == "kernel":
        if rank == 1 and window.groups == 1:
            return native(one, other, what=what, window=window)
        return _kernel_by_blocks(one, other, window)
    if max(window.strides) == 1:
        if what == "inputs":
            other, window = _turn(other, window)
        return _dense_conv(one, other, window)
    if rank == 1 or (rank == 2 and window.groups == 1):
        return native(one, other, what=what, window=window)
    if what == "outputs":
        return _conv_by_blocks(one, other, window)
    return _transpose(_conv_by_blocks, one, other, window)


def _transpose(conv, outputs, kernel, window):
    """Returns the inputs' derivative of a way of computing outputs."""
    channels = kernel.shape[-2] * window.groups
    spec = jax.ShapeDtypeStruct(
        (outputs.shape[0], *window.lengths, channels), outputs.dtype
    )
    linear = jax.linear_transpose(
        lambda inputs: conv(inputs, kernel, window), spec
    )
    return linear(outputs)[0]


def _is_depthwise(one, other, what, window):
    channels = one.shape[-1]
    if what == "inputs":
        channels = other.shape[-2] * window.groups
    few = math.prod(window.size) <= MAX_PRODUCTS
    return few and channels == window.groups > 1


def _products(inputs, kernel, window):
    """Returns one product a tap, added up: a depthwise convolution."""
    filters = kernel.shape[-1]
    inputs = _repeat(_pad(inputs, window.pads), filters)
    taps = _taps(inputs, range(1, inputs.ndim - 1), window)
    weights = kernel.reshape(-1, filters)
    products = (tap * weight for tap, weight in zip(taps, weights, strict=True))
    return functools.reduce(jnp.add, products)


def _repeat(inputs, filters):
    """Puts the outputs of a channel side by side."""
    return jnp.repeat(inputs, filters // inputs.shape[-1], axis=-1)


def _depthwise_kernel(inputs, outputs, window):
    """Adds up products of taps and outputs, all taps in one pass.

    Over the examples and all axes but the last; that follows at the end.
    """
    filters = outputs.shape[-1]
    inputs = _repeat(_pad(inputs, window.pads), filters)
    axes = tuple(range(len(window.size)))
    zero = jnp.zeros((), inputs.dtype)

    def add(totals, factors):
        one, factor = factors
        products = [tap * factor for tap in _taps(one, axes, window)]
        sums = products
        if axes[:-1]:
            sums = lax.reduce(
                products, [zero] * len(products), _add_each, axes[:-1]
            )
        return _add_each(totals, sums), None

    line = jnp.zeros((window.outputs[-1], filters), inputs.dtype)
    totals = [line] * math.prod(window.size)
    totals = lax.scan(add, totals, (inputs, outputs))[0]
    return jnp.stack(totals).sum(1).reshape(*window.size, 1, filters)


def _add_each(some, others):
    return [one + other for one, other in zip(some, others, strict=True)]


def _turn(kernel, window):
    """Returns the kernel and window of the convolution that gives inputs."""
    *size, channels, filters = kernel.shape
    rank = len(size)
    kernel = lax.rev(kernel, range(rank))
    kernel = kernel.reshape(
        *size, channels, window.groups, filters // window.groups
    )
    # (*size, filters / groups, groups, channels / groups)
    kernel = jnp.moveaxis(kernel, (-1, -2), (-3, -2)).reshape(
        *size, filters // window.groups, window.groups * channels
    )
    pads = []
    for taps, step, (before, after) in zip(
        size, window.dilation, window.pads, strict=True
    ):
        whole = shapes.extent(taps, step) - 1
        pads.append((whole - before, whole - after))
    return kernel, window._replace(lengths=window.outputs, pads=tuple(pads))


def _dense_conv(inputs, kernel, window):
    """Returns the outputs for strides of one."""
    rank = len(window.size)
    if window.groups > 1 and rank > 1:
        return _conv_by_blocks(inputs, kernel, window)
    if rank == 3:
        return _planes(inputs, kernel, window)
    if rank == 2 and min(kernel.shape[-2:]) >= MIN_CHANNELS:
        return _wide(inputs, kernel, window)
    return native(inputs, kernel, what="outputs", window=window)


def _wide(inputs, kernel, window):
    """Pads so that there is more output than input, and cuts it off.

    Only then does XLA (0.10) take Eigen, which uses all cores, instead of
    YNNPACK. Removed as soon as its own choice is as fast.
    """
    lengths, outputs = window.lengths, window.outputs
    more = [i + 1 - o for i, o in zip(lengths, outputs, strict=True)]
    if min(more) <= 0:
        return native(inputs, kernel, what="outputs", window=window)
    axis = min((0, 1), key=lambda axis: more[axis] / outputs[axis])
    pads = list(window.pads)
    before, after = pads[axis]
    pads[axis] = before, after + more[axis]
    wider = native(
        inputs,
        kernel,
        what="outputs",
        window=window._replace(pads=tuple(pads)),
    )
    return lax.slice_in_dim(wider, 0, outputs[axis], axis=axis + 1)


def _planes(inputs, kernel, window):
    """Convolves planes, with the taps of the first axis as channels."""
    padded = _pad(inputs, (window.pads[0], (0, 0), (0, 0)))
    depth = window.outputs[0]
    step = window.dilation[0]
    stacked = jnp.concatenate(
        [
            lax.slice_in_dim(padded, tap * step, tap * step + depth, axis=1)
            for tap in range(window.size[0])
        ],
        -1,
    )
    outputs = _dense_conv(
        stacked.reshape(-1, *stacked.shape[2:]),
        jnp.moveaxis(kernel, 0, 2).reshape(
            *window.size[1:], stacked.shape[-1], -1
        ),
        window._replace(
            lengths=window.lengths[1:],
            size=window.size[1:],
            strides=window.strides[1:],
            pads=window.pads[1:],
            dilation=window.dilation[1:],
        ),
    )
    return outputs.reshape(-1, depth, *outputs.shape[1:])


def _conv_by_blocks(inputs, kernel, window):
    """Returns patches times matrix, some examples at a time."""
    *size, channels, filters = kernel.shape
    groups, outputs = window.groups, window.outputs
    axes = range(1, 1 + len(size))
    matrices = jnp.split(kernel.reshape(-1, filters), groups, -1)

    def conv(block):
        taps = list(_taps(block, axes, window))
        answers = []
        for group, matrix in enumerate(matrices):
            start = group * channels
            patches = jnp.concatenate(
                [tap[..., start : start + channels] for tap in taps], -1
            )
            answers.append(patches.reshape(-1, matrix.shape[0]) @ matrix)
        return jnp.concatenate(answers, -1)

    blocks = _blocks(_pad(inputs, window.pads), kernel, window)
    answers = lax.map(conv, blocks)
    return answers.reshape(-1, *outputs, filters)[: inputs.shape[0]]


def _kernel_by_blocks(inputs, outputs, window):
    """Returns patches times outputs, added up over blocks of examples.

    The patches stand with the positions last, so that the product runs
    along memory in both factors.
    """
    channels = inputs.shape[-1] // window.groups
    filters, groups = outputs.shape[-1], window.groups
    shape = *window.size, channels, filters
    like = jax.ShapeDtypeStruct(shape, inputs.dtype)
    blocks = _blocks(_pad(inputs, window.pads), like, window)
    blocks = jnp.moveaxis(blocks, -1, 1)  # (count, channels, block, *lengths)
    axes = range(2, 2 + len(window.size))

    def add(total, factors):
        block, factor = factors
        patches = jnp.stack(list(_taps(block, axes, window)))
        taps = patches.shape[0]
        patches = patches.reshape(taps, groups, channels, -1)
        factor = factor.reshape(-1, groups, filters // groups)
        products = [
            patches[:, group].reshape(taps * channels, -1) @ factor[:, group]
            for group in range(groups)
        ]
        return total + jnp.concatenate(products, -1), None

    zeros = jnp.zeros((math.prod(shape[:-1]), filters), inputs.dtype)
    factors = blocks, _blocks(outputs, like, window)
    return lax.scan(add, zeros, factors)[0].reshape(shape)


def _blocks(tensor, kernel, window):
    """Returns (count, examples, ...), filled up with examples of zeros."""
    examples = tensor.shape[0]
    pixels = math.prod(window.outputs)
    numbers = pixels * math.prod(kernel.shape[:-1]) * window.groups
    size = min(examples, PATCH_NUMBERS // numbers, 2048 // pixels)
    count = -(-examples // max(size, 1))
    size = -(-examples // count)
    tensor = jnp.pad(
        tensor,
        [(0, count * size - examples)] + [(0, 0)] * (tensor.ndim - 1),
    )
    return tensor.reshape(count, size, *tensor.shape[1:])


def _pad(inputs, pads):
    """Adds zeros to the spatial axes; where a number is negative, cuts."""
    widths = [(0, 0, 0), *((*pair, 0) for pair in pads), (0, 0, 0)]
    return lax.pad(inputs, jnp.zeros((), inputs.dtype), widths)


def _taps(padded, axes, window):
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
