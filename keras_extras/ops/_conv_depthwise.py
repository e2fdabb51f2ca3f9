"""Depthwise convolution: each channel is convolved by kernels of its own.

    y[n, i, c*m + r] = sum over j of  x[n, i*s + j*d - p, c] * kernel[j, c, r]

with r = 0 ... m - 1 and m the number of outputs per channel.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._pad import as_tensor, pad_spatial


def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Convolves each channel of 1D, 2D or 3D inputs by itself.

    As `keras.ops.depthwise_conv`, and besides in 3D, with explicit pads and
    with causal padding.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, channels, depth_multiplier)`.
        strides: int or one per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, channels * depth_multiplier)`, or channels
        second.

    Examples:
        >>> x = np.array([[1.0, 10.0], [2.0, 20.0]]).reshape(1, 2, 2)
        >>> kernel = np.ones((2, 2, 1))
        >>> y = keras_extras.ops.depthwise_conv(x, kernel)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 30.0]
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    rank = len(inputs.shape) - 2
    data_format = data_format or keras.config.image_data_format()
    strides = shapes.per_axis(strides, rank)
    dilation_rate = shapes.per_axis(dilation_rate, rank)
    *size, channels, multiplier = kernel.shape
    if rank > 2:  # which Keras has not: as many groups as channels
        kernel = keras.ops.reshape(kernel, (*size, 1, channels * multiplier))
        return conv(
            inputs, kernel, strides, padding, data_format, dilation_rate
        )
    empty = inputs.shape[0] == 0
    if empty:  # TensorFlow answers no examples with a wrong shape
        inputs = keras.ops.pad(inputs, [(0, 1)] + [(0, 0)] * (rank + 1))
    if padding not in ("valid", "same"):
        window = [
            shapes.extent(taps, dilation)
            for taps, dilation in zip(size, dilation_rate, strict=True)
        ]
        inputs = pad_spatial(inputs, window, strides, padding, data_format)
        padding = "valid"
    options: dict[str, Any] = {
        "strides": strides,
        "padding": padding,
        "data_format": data_format,
        "dilation_rate": dilation_rate,
    }
    outputs: Any = keras.ops.depthwise_conv(inputs, kernel, **options)
    return outputs[:0] if empty else outputs
