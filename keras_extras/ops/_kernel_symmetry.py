"""Kernels that mirror themselves, or whose outputs are orthonormal.

    M = kernel as a matrix, one row per output:  (outputs, all the rest)

Cost: a linear system of the size of the larger side of M for Cayley's map, of
the smaller one for reflections.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._kernel import (
    Axes,
    as_matrix,
    other_axes,
    output_axes,
)
from keras_extras.ops._tensors import as_tensor


def reflect_kernel(
    kernel: Tensor, flip_axes: Sequence[int] | None = None
) -> Tensor:
    """Turns a kernel round: its window, or the sides of a matrix.

    Args:
        kernel: tensor `(*window, inputs, outputs)`, or a square matrix.
        flip_axes: the axes whose order is reversed, all at once. `None` means
            those of the window, and for a matrix its transpose.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> y = keras_extras.ops.reflect_kernel(np.array([[1.0, 2], [3, 4]]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    kernel = as_tensor(kernel)
    if flip_axes is None and len(kernel.shape) == 2:
        return keras.ops.transpose(kernel)
    if flip_axes is None:
        flip_axes = range(len(kernel.shape) - 2)
    return keras.ops.flip(kernel, tuple(flip_axes))


def cayley_kernel(kernel: Tensor, axis: Axes = -1) -> Tensor:
    """Makes the outputs' weights orthonormal by Cayley's map.

        (I - A/2)^-1 (I + A/2)          A = X - X', X = lower triangle of M

    M is transposed if it has fewer rows than columns, and X filled up with
    zeros to a square; the result is cut to the columns of M.

    Args:
        kernel: tensor of any rank; M is its matrix, one row per output.
        axis: int or ints, the axes of the outputs.

    Returns:
        Tensor with the shape and dtype of `kernel`, whose matrix has
        orthonormal rows, or columns if there are more outputs than weights.

    Examples:
        >>> y = keras_extras.ops.cayley_kernel(np.array([[0.0, 2.0], [5, 0]]))
        >>> keras.ops.convert_to_numpy(y).round(6).tolist()
        [[0.0, 1.0], [-1.0, 0.0]]

    References:
        Lezcano-Casado and Martínez-Rubio, "Cheap Orthogonal Constraints in
        Neural Networks", arXiv:1901.08428, section 4.
    """
    return _orthogonal(_cayley, as_tensor(kernel), axis)


def householder_kernel(kernel: Tensor, axis: Axes = -1) -> Tensor:
    """Makes the outputs' weights orthonormal by a product of reflections.

        H_1 H_2 ... H_n          H_j = I - 2 v_j v_j' / |v_j|^2

    v_j is column j of M below the diagonal, with 1 on it and 0 above. M is
    transposed if it has fewer rows than columns; the result is cut to the
    columns of M.

    Args:
        kernel: tensor of any rank; M is its matrix, one row per output.
        axis: int or ints, the axes of the outputs.

    Returns:
        Tensor with the shape and dtype of `kernel`, whose matrix has
        orthonormal rows, or columns if there are more outputs than weights.

    Examples:
        >>> y = keras_extras.ops.householder_kernel(np.array([[7.0, 1.0]]).T)
        >>> keras.ops.convert_to_numpy(y).round(6).tolist()
        [[0.0], [-1.0]]

    References:
        Joffrain et al., "Accumulating Householder transformations, revisited",
        ACM TOMS 2006: all reflections at once, by one triangular system.
    """
    return _orthogonal(_householder, as_tensor(kernel), axis)


def _orthogonal(
    tall_map: Callable[[Tensor], Tensor], kernel: Tensor, axis: Axes
) -> Tensor:
    """Returns a kernel whose matrix is `tall_map` of the one given."""
    matrix = as_matrix(kernel, axis)
    wide = matrix.shape[0] < matrix.shape[1]
    if wide:
        matrix = keras.ops.transpose(matrix)
    matrix = tall_map(matrix)
    if wide:
        matrix = keras.ops.transpose(matrix)
    order = (*output_axes(kernel, axis), *other_axes(kernel, axis))
    moved = keras.ops.reshape(matrix, [kernel.shape[i] for i in order])
    return keras.ops.transpose(
        moved, [order.index(i) for i in range(len(order))]
    )


def _cayley(matrix: Tensor) -> Tensor:
    rows, columns = matrix.shape
    pads = (0, 0), (0, rows - columns)
    lower: Any = keras.ops.pad(keras.ops.tril(matrix), pads)
    half = (lower - keras.ops.transpose(lower)) / 2
    identity = keras.ops.eye(rows, dtype=matrix.dtype)
    return keras.ops.solve(identity - half, (identity + half)[:, :columns])


def _householder(matrix: Tensor) -> Tensor:
    # H_1 ... H_n = I - V T V' with inverse of T = strict upper triangle of
    # V'V + half its diagonal.
    rows, columns = matrix.shape
    identity = keras.ops.eye(rows, columns, dtype=matrix.dtype)
    v = keras.ops.tril(matrix, -1) + identity
    products: Any = keras.ops.matmul(keras.ops.transpose(v), v)
    system: Any = keras.ops.triu(products) - keras.ops.eye(
        columns, dtype=matrix.dtype
    ) * (products / 2)
    right = keras.ops.transpose(v[:columns])
    return identity - keras.ops.matmul(v, keras.ops.solve(system, right))
