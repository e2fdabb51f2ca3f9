"""Noise for the weights of a linear map, made of one number per row and column.

noise[i, j] = s(a[i]) * s(b[j])        s(z) = sign(z) * sqrt(|z|)
"""

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._tensors import as_tensor


def factorized_noise(a: Tensor, b: Tensor) -> Tensor:
    """Makes a matrix of noise of one vector for its rows, one for its columns.

    Of normal numbers it makes entries of mean 0 and variance 2 / pi, without
    drawing one for each.

    Args:
        a: tensor `(rows,)` of random numbers.
        b: tensor `(columns,)` of others.

    Returns:
        Tensor `(rows, columns)`.

    Examples:
        >>> y = keras_extras.ops.factorized_noise(
        ...     np.array([4.0, -1.0]), np.array([9.0])
        ... )
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[6.0], [-3.0]]

    References:
        Fortunato et al., "Noisy Networks for Exploration",
        arXiv:1706.10295, equation 10.
    """
    return keras.ops.outer(signed_root(a), signed_root(b))


def signed_root(x: Tensor) -> Tensor:
    """Takes the root of the size of each number, and keeps its sign.

        y = sign(x) * sqrt(|x|)

    Args:
        x: tensor of any shape.

    Returns:
        Tensor of that shape.

    Examples:
        >>> y = keras_extras.ops.signed_root(np.array([9.0, -4.0]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [3.0, -2.0]
    """
    x = as_tensor(x)
    return keras.ops.multiply(
        keras.ops.sign(x), keras.ops.sqrt(keras.ops.abs(x))
    )
