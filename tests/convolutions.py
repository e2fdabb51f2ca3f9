"""Convolutions in NumPy's float64, tap by tap, and their gradients.

Channels last, with one entry per spatial axis of strides, dilation and pads.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Pads = Sequence[tuple[int, int]]
Ints = Sequence[int]


def extents(size: Ints, dilation: Ints) -> list[int]:
    return [(taps - 1) * d + 1 for taps, d in zip(size, dilation, strict=True)]


def pads_of(
    padding: Any, lengths: Ints, extents: Ints, strides: Ints
) -> list[tuple[int, int]]:
    """Returns (before, after) of each axis."""
    pads = []
    sizes = zip(lengths, extents, strides, strict=True)
    for axis, (length, extent, stride) in enumerate(sizes):
        if padding == "valid":
            pads.append((0, 0))
        elif padding == "causal" and axis == 0:
            pads.append((extent - 1, 0))
        elif isinstance(padding, str):
            outputs = -(-length // stride)
            total = max((outputs - 1) * stride + extent - length, 0)
            pads.append((total // 2, total - total // 2))
        else:
            pads.append(tuple(padding[axis]))
    return pads


def resize(x: np.ndarray, pads: Pads) -> np.ndarray:
    """Adds zeros to the spatial axes; where a number is negative, cuts."""
    widths = [(max(a, 0), max(b, 0)) for a, b in pads]
    x = np.pad(x, [(0, 0), *widths, (0, 0)])
    cuts = (
        slice(max(-a, 0), length - max(-b, 0))
        for length, (a, b) in zip(x.shape[1:-1], pads, strict=True)
    )
    return x[(slice(None), *cuts)]


def _taps(
    kernel: np.ndarray, outputs: Ints, strides: Ints, dilation: Ints
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yields the place of each tap, and where in the input it stands."""
    for place in np.ndindex(kernel.shape[:-2]):
        starts = np.multiply(place, dilation)
        yield (
            place,
            (
                slice(None),
                *(
                    slice(start, start + (count - 1) * stride + 1, stride)
                    for start, count, stride in zip(
                        starts, outputs, strides, strict=True
                    )
                ),
            ),
        )


def _groups(kernel: np.ndarray, groups: int) -> Iterator[tuple[slice, slice]]:
    """Yields the channels and the filters of each group."""
    channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
    for group in range(groups):
        yield (
            slice(group * channels, (group + 1) * channels),
            slice(group * filters, (group + 1) * filters),
        )


def convolve(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Ints,
    dilation: Ints,
    pads: Pads,
    groups: int = 1,
) -> np.ndarray:
    """Returns the convolution with a kernel (*size, channels, filters)."""
    x = resize(x, pads)
    outputs = [
        (length - extent) // stride + 1
        for length, extent, stride in zip(
            x.shape[1:-1],
            extents(kernel.shape[:-2], dilation),
            strides,
            strict=True,
        )
    ]
    y = np.zeros((len(x), *outputs, kernel.shape[-1]))
    for place, where in _taps(kernel, outputs, strides, dilation):
        for channels, filters in _groups(kernel, groups):
            products = x[where][..., channels] @ kernel[place][:, filters]
            y[..., filters] += products
    return y


def gradients(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Ints,
    dilation: Ints,
    pads: Pads,
    groups: int,
    factors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns those of sum(factors * y) in the input and the kernel."""
    x = resize(x, pads)
    of_x, of_kernel = np.zeros_like(x), np.zeros_like(kernel)
    axes = tuple(range(x.ndim - 1))
    for place, where in _taps(kernel, factors.shape[1:-1], strides, dilation):
        for channels, filters in _groups(kernel, groups):
            part = factors[..., filters]
            of_x[where][..., channels] += part @ kernel[place][:, filters].T
            of_kernel[place][:, filters] += np.tensordot(
                x[where][..., channels], part, (axes, axes)
            )
    return resize(of_x, [(-a, -b) for a, b in pads]), of_kernel
