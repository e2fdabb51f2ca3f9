"""The operator norm of a convolution: how far it stretches an input at most.

    max |conv(x, k)| / |x|          over all inputs x of one size

the largest singular value of the matrix that a convolution is. It is that of
the kernel as a matrix (`spectral_norm`) only where windows do not overlap.
Cost: a small singular value problem per position of the input, or a
convolution and a transposed one per step.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._checks import choice
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._conv_transpose import conv_transpose
from keras_extras.ops._tensors import as_tensor, widen


def conv_norm(
    kernel: Tensor,
    input_size: Ints,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    dilation_rate: Ints = 1,
    groups: int = 1,
    *,
    pad_mode: str = "constant",
    steps: int = 100,
) -> Tensor:
    """Returns the largest singular value of a convolution.

    With zero padding by a power iteration, which comes nearer from below in
    `steps` steps; with `pad_mode="wrap"`, where each frequency goes through a
    matrix of its own, exactly. Gradients are those of the value at fixed
    singular vectors.

    Args:
        kernel: tensor `(*kernel_size, channels / groups, filters)`.
        input_size: int or one per spatial axis, the size of the input.
        strides: int or one per spatial axis; 1 with `pad_mode="wrap"`.
        padding: as in `conv`; taken for `"same"` with `pad_mode="wrap"`.
        dilation_rate: int or one per spatial axis.
        groups: int >= 1, the groups of channels.
        pad_mode: `"constant"` for zeros, or `"wrap"`.
        steps: int >= 1, steps of the power iteration.

    Returns:
        Scalar tensor, float32 at least.

    Examples:
        >>> kernel = np.ones((2, 1, 1), "float32")  # x[i] + x[i + 1]
        >>> y = keras_extras.ops.conv_norm(kernel, 100, pad_mode="wrap")
        >>> round(float(y), 4)
        2.0

    References:
        Sedghi et al., "The Singular Values of Convolutional Layers",
        arXiv:1805.10408. Yoshida and Miyato, arXiv:1705.10941, for the power
        iteration.
    """
    kernel = widen(as_tensor(kernel))
    rank = len(kernel.shape) - 2
    lengths = shapes.per_axis(input_size, rank)
    taps = shapes.per_axis(dilation_rate, rank)
    steps_apart = shapes.per_axis(strides, rank)
    if choice("conv_norm", "pad_mode", pad_mode, ("constant", "wrap")) == (
        "wrap"
    ):
        if max(steps_apart) > 1:
            raise invalid_argument(
                "conv_norm", "strides", "1 for pad_mode='wrap'", strides
            )
        return _circular_norm(kernel, lengths, taps, groups)
    extents = tuple(map(shapes.extent, kernel.shape[:rank], taps))
    pads: Any = shapes.all_pads(padding, lengths, extents, steps_apart)
    options: dict[str, Any] = {
        "strides": steps_apart,
        "padding": pads,
        "data_format": "channels_last",
        "dilation_rate": taps,
    }
    left = tuple(
        (length + sum(pair) - extent) % stride
        for length, pair, extent, stride in zip(
            lengths, pads, extents, steps_apart, strict=True
        )
    )
    shape = (1, *lengths, kernel.shape[-2] * groups)
    # From a fixed irregular vector, so that all backends agree.
    start = np.cos(np.arange(1, math.prod(shape) + 1, dtype="float32"))
    v = keras.ops.convert_to_tensor(start.reshape(shape), kernel.dtype)
    fixed = keras.ops.stop_gradient(kernel)
    for _ in range(steps):
        u = _unit(conv(v, fixed, **options))
        back = conv_transpose(
            u, fixed, output_padding=left, groups=groups, **options
        )
        v = _unit(back)
    u = _unit(conv(v, fixed, **options))
    u, v = keras.ops.stop_gradient(u), keras.ops.stop_gradient(v)
    return keras.ops.sum(u * conv(v, kernel, **options))


def _circular_norm(
    kernel: Any, lengths: Sequence[int], dilation: Sequence[int], groups: int
) -> Any:
    """Returns the largest singular value over all frequencies."""
    real, imaginary = kernel, keras.ops.zeros_like(kernel)
    for axis, (length, step) in enumerate(zip(lengths, dilation, strict=True)):
        place = step * np.arange(kernel.shape[axis])
        angle = 2 * np.pi / length * np.outer(np.arange(length), place)
        cos, sin = (
            keras.ops.convert_to_tensor(part.astype("float32"), kernel.dtype)
            for part in (np.cos(angle), np.sin(angle))
        )

        def along(wave: Any, part: Any, axis: int = axis) -> Any:
            axes: Any = [[1], [axis]]
            moved = keras.ops.tensordot(wave, part, axes)
            return keras.ops.moveaxis(moved, 0, axis)

        real, imaginary = (
            along(cos, real) + along(sin, imaginary),
            along(cos, imaginary) - along(sin, real),
        )
    channels, filters = kernel.shape[-2:]
    real, imaginary = (
        keras.ops.swapaxes(
            keras.ops.reshape(part, (-1, channels, groups, filters // groups)),
            1,
            2,
        )
        for part in (real, imaginary)
    )
    # A complex matrix has the singular values of this real one.
    opposite: Any = keras.ops.negative(imaginary)
    rows = [
        keras.ops.concatenate([real, opposite], -1),
        keras.ops.concatenate([imaginary, real], -1),
    ]
    values = keras.ops.svd(keras.ops.concatenate(rows, -2), compute_uv=False)
    return keras.ops.max(values)


def _unit(x: Any) -> Any:
    return x / keras.ops.maximum(keras.ops.sqrt(keras.ops.sum(x**2)), 1e-12)
