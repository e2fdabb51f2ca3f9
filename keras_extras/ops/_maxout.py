"""Maxout: the largest of several features takes the place of them all.

y[..., j] = max over i of  x[..., i * num_units + j]
"""

import functools
from typing import Any

import keras

from keras_extras._errors import invalid_argument
from keras_extras._shapes import Tensor
from keras_extras.ops._tensors import as_tensor


def maxout(inputs: Tensor, num_units: int, axis: int = -1) -> Tensor:
    """Takes the maximum over groups of features.

    The gradient goes to the maximum, of equals to the first. A NaN is larger
    than every number.

    Args:
        inputs: tensor of any rank, whose size on `axis` is a multiple of
            `num_units`.
        num_units: int >= 1, the features that are left. Those that are that
            many places apart compete.
        axis: int, the axis of the features.

    Returns:
        Tensor like `inputs`, of size `num_units` on `axis`.

    Examples:
        >>> y = keras_extras.ops.maxout(np.array([[1.0, 5.0, 4.0, 2.0]]), 2)
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[4.0, 5.0]]

    References:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389. Grouped as in
        TensorFlow Addons' layer.
    """
    inputs = as_tensor(inputs)
    features = inputs.shape[axis]
    if not features or features % num_units:
        raise invalid_argument(
            "maxout",
            "num_units",
            "a divisor of the number of features",
            num_units,
            context=f"The input's shape is {tuple(inputs.shape)}, axis={axis}.",
        )
    groups: Any = keras.ops.split(inputs, features // num_units, axis=axis)
    return functools.reduce(_larger, groups)


def _larger(a: Tensor, b: Tensor) -> Tensor:
    # Not `keras.ops.maximum`, whose gradient for equals is another one on each
    # backend.
    return keras.ops.where((a >= b) | keras.ops.isnan(a), a, b)
