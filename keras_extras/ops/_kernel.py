"""Kernels into kernels: scaled, projected or rounded, of the same shape.

    M = kernel as a matrix, one row per output:  (outputs, all the rest)

`axis` names the axes of the outputs: -1 for dense layers and convolutions, -2
for transposed ones, (-2, -1) for depthwise ones. "Per output" means per row
of M. Cost: the size of the kernel, and for a power iteration twice that.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._errors import invalid_argument
from keras_extras._shapes import Tensor
from keras_extras.ops._tensors import as_tensor, widen

Axes = int | Sequence[int]


def standardize_kernel(
    kernel: Tensor, axis: Axes = -1, epsilon: float = 1e-5
) -> Tensor:
    """Gives each output's weights mean 0 and variance 1.

        (kernel - mean) / sqrt(variance + epsilon)          per output

    Args:
        kernel: tensor of any rank.
        axis: int or ints, the axes of the outputs.
        epsilon: float, keeps constant weights finite.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> kernel = np.array([[1.0], [3.0]])
        >>> y = keras_extras.ops.standardize_kernel(kernel, epsilon=0)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [-1.0, 1.0]

    References:
        Qiao et al., "Micro-Batch Training with Batch-Channel Normalization
        and Weight Standardization", arXiv:1903.10520, equation 9; their code
        adds epsilon to the unbiased standard deviation instead.
    """
    kernel = as_tensor(kernel)
    axes = other_axes(kernel, axis)
    wide: Any = widen(kernel)
    centered = wide - keras.ops.mean(wide, axes, keepdims=True)
    variance: Any = keras.ops.mean(centered**2, axes, keepdims=True)
    scaled = centered * keras.ops.rsqrt(variance + epsilon)
    return keras.ops.cast(scaled, kernel.dtype)


def kernel_norm(
    kernel: Tensor, axis: Axes = -1, epsilon: float = 1e-12
) -> Tensor:
    """Returns the Euclidean length of each output's weights.

    Args:
        kernel: tensor of any rank.
        axis: int or ints, the axes of the outputs.
        epsilon: float, the smallest length that is returned.

    Returns:
        Tensor of the rank of `kernel`, 1 along all axes but those of the
        outputs.

    Examples:
        >>> y = keras_extras.ops.kernel_norm(np.array([[3.0], [4.0]]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[5.0]]
    """
    kernel = as_tensor(kernel)
    wide: Any = widen(kernel)
    squares = keras.ops.sum(wide**2, other_axes(kernel, axis), keepdims=True)
    # The larger of the squares: the root of 0 has no gradient.
    norm = keras.ops.sqrt(keras.ops.maximum(squares, max(epsilon**2, 1e-37)))
    return keras.ops.cast(norm, kernel.dtype)


def weight_norm(
    kernel: Tensor, gain: Tensor, axis: Axes = -1, epsilon: float = 1e-12
) -> Tensor:
    """Gives each output's weights the length `gain`.

        gain * kernel / |kernel|          per output

    Args:
        kernel: tensor of any rank.
        gain: number, or tensor that is 1 along all axes but the outputs'.
        axis: int or ints, the axes of the outputs.
        epsilon: float, the smallest length that is divided by.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> y = keras_extras.ops.weight_norm(np.array([[3.0], [4.0]]), 10.0)
        >>> keras.ops.convert_to_numpy(y).ravel().round(6).tolist()
        [6.0, 8.0]

    References:
        Salimans and Kingma, "Weight Normalization", arXiv:1602.07868,
        equation 2.
    """
    kernel = as_tensor(kernel)
    wide: Any = widen(kernel)
    gain = keras.ops.cast(gain, wide.dtype)
    scaled = wide * (gain / kernel_norm(wide, axis, epsilon))
    return keras.ops.cast(scaled, kernel.dtype)


def spectral_norm(
    kernel: Tensor, u: Tensor, v: Tensor, axis: Axes = -1, epsilon: float = 0.0
) -> Tensor:
    """Divides a kernel by its largest singular value.

        kernel / sigma          sigma = u . M v

    `u` and `v` are the singular vectors, as `power_iteration` finds them. They
    count as constants: the gradient is that of sigma at fixed u and v.

    Args:
        kernel: tensor of any rank; M is its matrix, one row per output.
        u: tensor, one number per output.
        v: tensor, one number per weight of an output.
        axis: int or ints, the axes of the outputs.
        epsilon: float, the smallest sigma that is divided by.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> one = np.array([1.0, 0.0], "float32")
        >>> y = keras_extras.ops.spectral_norm(np.diag([4.0, 2.0]), one, one)
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[1.0, 0.0], [0.0, 0.5]]

    References:
        Miyato et al., "Spectral Normalization for Generative Adversarial
        Networks", arXiv:1802.05957, equations 8 and 12.
    """
    kernel = as_tensor(kernel)
    wide: Any = widen(kernel)
    u, v = (
        keras.ops.stop_gradient(keras.ops.cast(vector, wide.dtype))
        for vector in (u, v)
    )
    rows = keras.ops.matmul(as_matrix(wide, axis), v)
    sigma = keras.ops.sum(u * rows)
    scaled = wide / keras.ops.maximum(sigma, max(epsilon, 1e-37))
    return keras.ops.cast(scaled, kernel.dtype)


def power_iteration(
    kernel: Tensor,
    v: Tensor,
    axis: Axes = -1,
    steps: int = 1,
    epsilon: float = 1e-12,
) -> tuple[Tensor, Tensor]:
    """Brings two vectors nearer to the first singular vectors of a kernel.

        u = M v / |M v|,  v = M' u / |M' u|          `steps` times

    Args:
        kernel: tensor of any rank; M is its matrix, one row per output.
        v: tensor, one number per weight of an output.
        axis: int or ints, the axes of the outputs.
        steps: int >= 1.
        epsilon: float, the smallest length that is divided by.

    Returns:
        The tensors `u`, one number per output, and `v`, without gradients.

    Examples:
        >>> v = np.ones(2, "float32")
        >>> u, v = keras_extras.ops.power_iteration(
        ...     np.diag([4.0, 2.0]), v, steps=20
        ... )
        >>> keras.ops.convert_to_numpy(u).round(4).tolist()
        [1.0, 0.0]
    """
    kernel = as_tensor(kernel)
    matrix: Any = keras.ops.stop_gradient(as_matrix(widen(kernel), axis))
    u, v = None, keras.ops.cast(v, matrix.dtype)
    for _ in range(steps):
        u = _unit(keras.ops.matmul(matrix, v), epsilon)
        v = _unit(keras.ops.matmul(u, matrix), epsilon)
    return keras.ops.cast(u, kernel.dtype), keras.ops.cast(v, kernel.dtype)


def equalize_kernel(
    kernel: Tensor, axis: Axes = -1, gain: float = math.sqrt(2)
) -> Tensor:
    """Scales a kernel by the inverse root of the weights per output.

        kernel * gain / sqrt(weights per output)

    Args:
        kernel: tensor of any rank, of values about 1.
        axis: int or ints, the axes of the outputs.
        gain: float, by the activation that follows; sqrt(2) for ReLU.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> y = keras_extras.ops.equalize_kernel(np.ones((4, 2)), gain=1.0)
        >>> keras.ops.convert_to_numpy(y).tolist()[0]
        [0.5, 0.5]

    References:
        Karras et al., "Progressive Growing of GANs", arXiv:1710.10196,
        section 4.1.
    """
    kernel = as_tensor(kernel)
    sizes = [kernel.shape[place] for place in other_axes(kernel, axis)]
    return kernel * (gain / math.sqrt(math.prod(sizes)))


# --- helpers ---------------------------------------------------------------


def output_axes(kernel: Tensor, axis: Axes) -> tuple[int, ...]:
    """Returns the axes of the outputs, counted from the front, in order."""
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(place % len(kernel.shape) for place in axes))


def other_axes(kernel: Tensor, axis: Axes) -> tuple[int, ...]:
    """Returns the axes that are summed over for one output."""
    outputs = output_axes(kernel, axis)
    others = tuple(i for i in range(len(kernel.shape)) if i not in outputs)
    if not others:
        raise invalid_argument(
            "keras_extras.ops",
            "axis",
            "so that an axis is left beside those of the outputs",
            axis,
            context=f"The kernel's shape is {tuple(kernel.shape)}.",
        )
    return others


def as_matrix(kernel: Tensor, axis: Axes) -> Tensor:
    """Returns the kernel as a matrix, one row per output."""
    outputs = output_axes(kernel, axis)
    moved: Any = keras.ops.transpose(
        kernel, (*outputs, *other_axes(kernel, axis))
    )
    rows = math.prod(moved.shape[: len(outputs)])
    return keras.ops.reshape(moved, (rows, -1))


def _unit(vector: Tensor, epsilon: float) -> Tensor:
    length = keras.ops.sqrt(keras.ops.sum(vector**2))
    return vector / keras.ops.maximum(length, epsilon)
