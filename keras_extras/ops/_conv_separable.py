"""Separable convolution: first in space, then across the channels.

z[n, i, c*m + r] = sum over j of  x[n, i*s + j*d - p, c] * depthwise[j, c, r]
y[n, i, f]       = sum over e of  z[n, i, e] * pointwise[e, f]
"""

from collections.abc import Sequence

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._conv_depthwise import depthwise_conv


def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Convolves each channel by itself, then mixes them at each position.

    As `keras.ops.separable_conv`, and besides in 3D, with explicit pads and
    with causal padding.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        depthwise_kernel: tensor `(*kernel_size, channels,
            depth_multiplier)`.
        pointwise_kernel: tensor `(*ones, channels * depth_multiplier,
            filters)`, with a 1 per spatial axis.
        strides: int or one per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x = np.array([[1.0, 10.0], [2.0, 20.0]]).reshape(1, 2, 2)
        >>> y = keras_extras.ops.separable_conv(
        ...     x, np.ones((2, 2, 1)), np.ones((1, 2, 1))
        ... )
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [33.0]
    """
    spread = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return conv(spread, pointwise_kernel, data_format=data_format)
