"""Linear maps over the last axis: the full matrix, and a low-rank change."""

from typing import Any

import keras

from keras_extras._shapes import Tensor
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
