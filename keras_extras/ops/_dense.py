"""Linear maps over the last axis: the full matrix, and a low-rank change."""

from typing import Any

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._kernel import Axes, kernel_norm
from keras_extras.ops._tensors import as_tensor


def dense(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Multiplies the last axis of the input by a matrix.

        y[..., j] = sum over i of  x[..., i] * kernel[i, j]

    Args:
        inputs: tensor `(..., inputs)`.
        kernel: tensor `(inputs, units)`.

    Returns:
        Tensor `(..., units)`.

    Examples:
        >>> y = keras_extras.ops.dense(np.ones((1, 2)), np.ones((2, 3)))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[2.0, 2.0, 2.0]]
    """
    return keras.ops.matmul(inputs, kernel)


def low_rank_update(
    kernel: Tensor, a: Tensor, b: Tensor, scale: float = 1.0
) -> Tensor:
    """Adds a product of two narrow matrices to a kernel.

        kernel + scale * a @ b

    Args:
        kernel: tensor `(..., units)`.
        a: tensor `(..., rank)`, the other axes as in `kernel`.
        b: tensor `(rank, units)`.
        scale: float.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> kernel = keras_extras.ops.low_rank_update(
        ...     np.zeros((2, 2)), np.ones((2, 1)), np.ones((1, 2)), scale=0.5
        ... )
        >>> keras.ops.convert_to_numpy(kernel).tolist()
        [[0.5, 0.5], [0.5, 0.5]]

    References:
        Hu et al., "LoRA", arXiv:2106.09685, equation 3.
    """
    kernel = as_tensor(kernel)
    product: Any = keras.ops.matmul(a, b)
    changed = keras.ops.add(kernel, scale * product)
    return keras.ops.cast(changed, kernel.dtype)


def dora_update(
    kernel: Tensor,
    a: Tensor,
    b: Tensor,
    magnitude: Tensor,
    scale: float = 1.0,
    axis: Axes = -1,
) -> Tensor:
    """Turns a kernel by a product of narrow matrices, and sets its lengths.

        magnitude * v / |v|          v = kernel + scale * a @ b, per output

    The length `|v|` counts as a constant: no gradient goes through it.

    Args:
        kernel: tensor `(..., units)`.
        a: tensor `(..., rank)`, the other axes as in `kernel`.
        b: tensor `(rank, units)`.
        magnitude: tensor that is 1 along all axes but the outputs'.
        scale: float.
        axis: int or ints, the axes of the outputs.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> kernel = keras_extras.ops.dora_update(
        ...     np.array([[3.0], [0.0]]), np.array([[0.0], [4.0]]),
        ...     np.array([[1.0]]), np.array([[10.0]]),
        ... )
        >>> keras.ops.convert_to_numpy(kernel).ravel().round(4).tolist()
        [6.0, 8.0]

    References:
        Liu et al., "DoRA", arXiv:2402.09353, equations 5 and 11.
    """
    turned: Any = low_rank_update(kernel, a, b, scale)
    length: Any = keras.ops.stop_gradient(kernel_norm(turned, axis))
    return turned * (keras.ops.cast(magnitude, turned.dtype) / length)
