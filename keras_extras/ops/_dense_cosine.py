"""Cosine similarity as a linear map: the angle counts, the lengths do not.

y[..., j] = sum over i of  x[..., i] * kernel[i, j] / (|x| * |kernel[:, j]|)
"""

from typing import Any

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._dense import dense
from keras_extras.ops._tensors import as_tensor, widen


def cosine_dense(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Takes the cosine of the angle between the input and each column.

    Between -1 and 1, and 0 for a vector of zeros, which gets no gradient.

    Args:
        inputs: tensor `(..., inputs)`.
        kernel: tensor `(inputs, units)`.

    Returns:
        Tensor `(..., units)`.

    Examples:
        >>> y = keras_extras.ops.cosine_dense(
        ...     np.array([[3.0, 4.0]]), np.array([[2.0, -3.0], [0.0, -4.0]])
        ... )
        >>> np.round(keras.ops.convert_to_numpy(y), 4).tolist()
        [[0.6, -1.0]]

    References:
        Luo et al., "Cosine Normalization", arXiv:1702.05870.
    """
    return dense(unit(as_tensor(inputs), -1), unit(as_tensor(kernel), 0))


def unit(x: Tensor, axis: int | tuple[int, ...]) -> Any:
    """Returns `x` with length 1 along the axes; zeros stay zeros."""
    wide: Any = widen(x)
    squares = keras.ops.sum(keras.ops.square(wide), axis=axis, keepdims=True)
    return keras.ops.cast(wide * inverse_root(squares), x.dtype)


def inverse_root(squares: Any) -> Any:
    """Returns 1 / sqrt(squares), and 0 without a gradient where they are."""
    nothing = squares < 1e-30  # smaller numbers are zeros on some machines
    roots = keras.ops.rsqrt(keras.ops.where(nothing, 1, squares))
    return keras.ops.where(nothing, 0, roots)
