"""Cosine convolution: the angle between window and kernel, not their lengths.

    y[n, i, f] = sum over j, c of  w[j, c] * kernel[j, c, f] / (|w| * |kernel|)
    w[j, c] = x[n, i*s + j*d - p, c]

with the lengths over all j and c, those of the kernel for each filter.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._dense_cosine import inverse_root, unit
from keras_extras.ops._tensors import as_tensor, widen


def cosine_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Takes the cosine of the angle between every window and each filter.

    Between -1 and 1, and 0 for a window of zeros, which gets no gradient.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, channels / groups, filters)`.
        strides: int or one per spatial axis.
        padding: as in `conv`; pads of zeros add nothing to a length.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x = np.array([3.0, 4.0, 0.0]).reshape(1, 3, 1)
        >>> kernel = np.array([1.0, 0.0]).reshape(2, 1, 1)
        >>> y = keras_extras.ops.cosine_conv(x, kernel)
        >>> np.round(keras.ops.convert_to_numpy(y).ravel(), 4).tolist()
        [0.6, 1.0]

    References:
        Luo et al., "Cosine Normalization", arXiv:1702.05870.
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    options = (strides, padding, data_format, dilation_rate)
    wide: Any = widen(inputs)
    # As many filters of ones as the kernel has: each group gets its own.
    ones = keras.ops.ones(kernel.shape, wide.dtype)
    squares = conv(keras.ops.square(wide), ones, *options)
    rows = tuple(range(len(kernel.shape) - 1))
    cosines = conv(inputs, unit(kernel, rows), *options)
    return keras.ops.cast(widen(cosines) * inverse_root(squares), cosines.dtype)
