"""How a convolution and its derivatives are computed on JAX's CPU.

XLA (jaxlib 0.10) gives convolutions over two axes to a library that is slow
without padding and takes one thread for up to 64 filters, goes through groups
element by element, and takes the gradient of a kernel for a convolution with
windows as large as the image. Each function here says what stands instead;
`on_cpu` chooses by shapes alone. The numbers are in docs/guides/speed.md.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor, Window
from keras_extras.ops._fast.jax.window import (
    add_zeros,
    each_tap,
    native,
    transpose_conv,
)

MIN_CHANNELS = 16  # with fewer, zeros in between cost more than they bring
MAX_PATCH = 64  # numbers; for larger ones other ways are as good
MAX_PATCHES = 2**26  # numbers of all patches: 256 MiB
MAX_PRODUCTS = 27  # taps of a depthwise convolution
PATCH_NUMBERS = 2**20  # of a block: what stays in the cache
PATCH_POSITIONS = 2**12  # of a block: a longer product is no faster

# Gives the outputs, or the kernel, of two tensors.
Solver = Callable[[Tensor, Tensor, Window], Tensor]


def on_cpu(one: Tensor, other: Tensor, *, what: str, window: Window) -> Tensor:
    """Returns what `solve` does, in the way that was measured as fastest."""
    rank = len(window.size)
    if math.prod(window.size) == window.groups == 1:
        return _by(_points, _points_kernel, one, other, what, window)
    if _is_depthwise(one, other, what, window):
        return _by(_products, _products_kernel, one, other, what, window)
    if rank == 1 and (window.groups == 1 or what != "kernel"):
        return native(one, other, what=what, window=window)
    if rank == 2 and window.groups == 1:
        if what == "inputs":
            return _plane_inputs(one, other, window)
        return _by(_plane, _plane_kernel, one, other, what, window)
    if what == "inputs" and max(window.strides) == 1:
        other, window = _turn(other, window)
        what = "outputs"
    if window.groups == 1 and max(window.strides) == 1:
        return _by(_planes, _planes_kernel, one, other, what, window)
    return _by(_conv_by_blocks, _kernel_by_blocks, one, other, what, window)


def _by(
    conv: Solver,
    kernel_of: Solver,
    one: Tensor,
    other: Tensor,
    what: str,
    window: Window,
) -> Tensor:
    """Returns what is asked, given how outputs and the kernel are computed."""
    if what == "outputs":
        return conv(one, other, window)
    if what == "kernel":
        return kernel_of(one, other, window)
    return transpose_conv(conv, one, other, window)


def _points(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Returns the outputs for windows of one element: a matrix product."""
    return _point(inputs, window) @ kernel.reshape(kernel.shape[-2:])


def _points_kernel(inputs: Tensor, outputs: Tensor, window: Window) -> Tensor:
    """Returns the kernel for windows of one element, another product."""
    axes = tuple(range(outputs.ndim - 1))
    matrix = jnp.tensordot(_point(inputs, window), outputs, (axes, axes))
    return matrix.reshape(*window.size, *matrix.shape)


def _point(inputs: Tensor, window: Window) -> Tensor:
    axes = range(1, 1 + len(window.size))
    (point,) = each_tap(add_zeros(inputs, window.pads), axes, window)
    return point


def _is_depthwise(
    one: Tensor, other: Tensor, what: str, window: Window
) -> bool:
    channels = one.shape[-1]
    if what == "inputs":
        channels = other.shape[-2] * window.groups
    few = math.prod(window.size) <= MAX_PRODUCTS
    return few and channels == window.groups > 1


def _products(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Returns one product a tap, added up: a depthwise convolution."""
    filters = kernel.shape[-1]
    inputs = _repeat(add_zeros(inputs, window.pads), filters)
    taps = each_tap(inputs, range(1, inputs.ndim - 1), window)
    weights = kernel.reshape(-1, filters)
    products = (tap * weight for tap, weight in zip(taps, weights, strict=True))
    return functools.reduce(jnp.add, products)


def _repeat(inputs: Tensor, filters: int) -> Tensor:
    """Puts the outputs of a channel side by side."""
    return jnp.repeat(inputs, filters // inputs.shape[-1], axis=-1)


def _products_kernel(inputs: Tensor, outputs: Tensor, window: Window) -> Tensor:
    """Adds up products of taps and outputs, all taps in one pass.

    Over the examples and all axes but the last; that follows at the end.
    """
    filters = outputs.shape[-1]
    inputs = _repeat(add_zeros(inputs, window.pads), filters)
    axes = tuple(range(len(window.size)))
    zero = jnp.zeros((), inputs.dtype)

    def add(
        totals: list[Tensor], factors: tuple[Tensor, Tensor]
    ) -> tuple[list[Tensor], None]:
        one, factor = factors
        products = [tap * factor for tap in each_tap(one, axes, window)]
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


def _add_each(some: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    return [one + other for one, other in zip(some, others, strict=True)]


def _turn(kernel: Tensor, window: Window) -> tuple[Tensor, Window]:
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


def _plane(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Convolves over two axes, the first with everything twice as far apart.

    Zeros stand between the elements, and strides, dilation and padding are
    doubled: the same products. But XLA (0.10) gives that to Eigen, which uses
    all cores, instead of YNNPACK. Removed as soon as its own choice is as
    fast; with few channels, or more output than input, it is.
    """
    if kernel.shape[-2] == 3 and _is_small(kernel, len(inputs), window):
        return _patches(inputs, kernel, window)  # colours; 1, 2, 4 are good
    few, many = sorted(kernel.shape[-2:])
    lengths = cast(tuple[int, ...], window.lengths)
    grows = any(map(operator.gt, window.outputs, lengths))
    if few < MIN_CHANNELS or many <= MIN_CHANNELS or grows:
        return native(inputs, kernel, what="outputs", window=window)
    (before, after), pads = window.pads
    return lax.conv_general_dilated(
        inputs,
        kernel,
        (2 * window.strides[0], window.strides[1]),
        ((2 * before, 2 * after), pads),
        (2, 1),
        (2 * window.dilation[0], window.dilation[1]),
        ("NHWC", "HWIO", "NHWC"),
    )


def _is_small(kernel: Tensor, examples: int, window: Window) -> bool:
    """Tells whether all patches are fast, and may be in memory at once."""
    numbers, filters = math.prod(kernel.shape[:-1]), kernel.shape[-1]
    whole = numbers * examples * math.prod(window.outputs)
    return numbers <= min(MAX_PATCH, 8 * filters) and whole <= MAX_PATCHES


def _patches(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Returns patches times matrix, of all examples at once."""
    taps = each_tap(add_zeros(inputs, window.pads), (1, 2), window)
    patches = jnp.concatenate(list(taps), -1)
    return patches @ kernel.reshape(-1, kernel.shape[-1])


def _plane_kernel(inputs: Tensor, outputs: Tensor, window: Window) -> Tensor:
    """Convolves inputs with outputs: examples and channels change places."""
    kernel = _plane(
        jnp.swapaxes(inputs, 0, -1),
        jnp.moveaxis(outputs, 0, -2),
        window._replace(
            size=window.outputs,
            strides=window.dilation,
            dilation=window.strides,
        ),
    )
    # Inputs that no window reaches add to taps that there are not.
    rows, columns = window.size
    return jnp.moveaxis(kernel[:, :rows, :columns], 0, -2)


def _plane_inputs(outputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Solves each phase of the strides by itself, and interleaves them.

    The inputs `stride * q + phase - pad` are reached by the elements `phase`,
    `phase + stride`, ... of the kernel alone: the same problem without
    strides, which is the convolution turned round.
    """
    strides = window.strides
    if max(strides) == 1:
        if _is_small(kernel, len(outputs), window):
            return transpose_conv(_patches, outputs, kernel, window)
        return _plane(outputs, *_turn(kernel, window))
    some = all(map(operator.gt, window.size, strides))
    dilated = max(window.dilation) > 1
    if min(kernel.shape[-2:]) < MIN_CHANNELS or not some or dilated:
        return native(outputs, kernel, what="inputs", window=window)
    lengths = cast(tuple[int, ...], window.lengths)
    counts, cuts = [], []
    for length, (before, _), stride in zip(
        lengths, window.pads, strides, strict=True
    ):
        counts.append(-(-(length + before) // stride))
        cuts.append((-before, length + before - counts[-1] * stride))

    def phase(row: int, column: int) -> Tensor:
        taps = kernel[row :: strides[0], column :: strides[1]]
        size = taps.shape[:2]
        pads = tuple(
            (0, length + number - 1 - count)
            for length, number, count in zip(
                window.outputs, size, counts, strict=True
            )
        )
        alone = Window(tuple(counts), size, (1, 1), pads, (1, 1), groups=1)
        return on_cpu(outputs, taps, what="inputs", window=alone)

    rows = [
        jnp.stack([phase(row, column) for column in range(strides[1])], 3)
        for row in range(strides[0])
    ]
    whole = jnp.stack(rows, 2).reshape(
        -1, *map(operator.mul, counts, strides), kernel.shape[-2]
    )
    return add_zeros(whole, cuts)


def _planes(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Convolves planes, with the taps of the first axis as channels."""
    stacked, plane = _stack(inputs, window)
    kernel = jnp.moveaxis(kernel, 0, 2)
    outputs = _plane(
        stacked,
        kernel.reshape(*plane.size, stacked.shape[-1], kernel.shape[-1]),
        plane,
    )
    return outputs.reshape(-1, *window.outputs, kernel.shape[-1])


def _planes_kernel(inputs: Tensor, outputs: Tensor, window: Window) -> Tensor:
    """Returns the kernel of those planes, taken apart again."""
    stacked, plane = _stack(inputs, window)
    planes = outputs.reshape(-1, *outputs.shape[2:])
    kernel = _plane_kernel(stacked, planes, plane).reshape(
        *plane.size, window.size[0], inputs.shape[-1], outputs.shape[-1]
    )
    return jnp.moveaxis(kernel, 2, 0)


def _stack(inputs: Tensor, window: Window) -> tuple[Tensor, Window]:
    """Returns (examples * depth, ..., taps * channels), and its window."""
    padded = add_zeros(inputs, (window.pads[0], (0, 0), (0, 0)))
    depth = window.outputs[0]
    step = window.dilation[0]
    stacked = jnp.concatenate(
        [
            lax.slice_in_dim(padded, tap * step, tap * step + depth, axis=1)
            for tap in range(window.size[0])
        ],
        -1,
    )
    entries = cast(tuple[Any, ...], window[:-1])
    plane = Window(*(entry[1:] for entry in entries), groups=1)
    return stacked.reshape(-1, *stacked.shape[2:]), plane


def _conv_by_blocks(inputs: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Returns patches times matrix, some examples at a time."""
    *size, channels, filters = kernel.shape
    groups, outputs = window.groups, window.outputs
    axes = range(1, 1 + len(size))
    matrices = jnp.split(kernel.reshape(-1, filters), groups, -1)

    def conv(block: Tensor) -> Tensor:
        taps = list(each_tap(block, axes, window))
        answers = []
        for group, matrix in enumerate(matrices):
            start = group * channels
            patches = jnp.concatenate(
                [tap[..., start : start + channels] for tap in taps], -1
            )
            answers.append(patches.reshape(-1, matrix.shape[0]) @ matrix)
        return jnp.concatenate(answers, -1)

    blocks = _blocks(add_zeros(inputs, window.pads), kernel, window)
    answers = lax.map(conv, blocks)
    return answers.reshape(-1, *outputs, filters)[: inputs.shape[0]]


def _kernel_by_blocks(
    inputs: Tensor, outputs: Tensor, window: Window
) -> Tensor:
    """Returns patches times outputs, added up over blocks of examples.

    The patches stand with the positions last, so that the product runs
    along memory in both factors.
    """
    channels = inputs.shape[-1] // window.groups
    filters, groups = outputs.shape[-1], window.groups
    shape = *window.size, channels, filters
    like = jax.ShapeDtypeStruct(shape, inputs.dtype)
    blocks = _blocks(add_zeros(inputs, window.pads), like, window)
    blocks = jnp.moveaxis(blocks, -1, 1)  # (count, channels, block, *lengths)
    axes = range(2, 2 + len(window.size))

    def add(
        total: Tensor, factors: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, None]:
        block, factor = factors
        patches = jnp.stack(list(each_tap(block, axes, window)))
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


def _blocks(tensor: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Returns (count, examples, ...), filled up with examples of zeros."""
    examples = tensor.shape[0]
    pixels = math.prod(window.outputs)
    numbers = pixels * math.prod(kernel.shape[:-1]) * window.groups
    size = min(examples, PATCH_NUMBERS // numbers, PATCH_POSITIONS // pixels)
    count = -(-examples // max(size, 1))
    # Filling up copies everything: rather somewhat smaller blocks.
    even = (more for more in range(count, 2 * count) if examples % more == 0)
    count = next(even, count)
    size = -(-examples // count)
    tensor = jnp.pad(
        tensor,
        [(0, count * size - examples)] + [(0, 0)] * (tensor.ndim - 1),
    )
    return tensor.reshape(count, size, *tensor.shape[1:])
