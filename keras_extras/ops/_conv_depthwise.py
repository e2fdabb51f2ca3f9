"""Depthwise convolution: each channel is convolved by kernels of its own.

    y[n, i, c*m + r] = sum over j of  x[n, i*s + j*d - p, c] * kernel[j, c, r]

with r = 0 ... m - 1 and m the number of outputs per channel.
"""

from collections.abc import Sequence

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import (
    ConvPlan,
    by_keras,
    conv_plan,
    convolve,
    with_channels_last,
)
from keras_extras.ops._operation import planned
from keras_extras.ops._tensors import as_tensor


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
    *_, channels, _ = kernel.shape
    plan = conv_plan(
        inputs, kernel, _grouped_shape(kernel), strides, padding, data_format,
        dilation_rate,
    )  # fmt: skip
    if plan.groups != channels:
        plan = plan._replace(is_valid=False)
    return convolve_channels(plan, inputs, kernel)


@planned("depthwise_conv")
def convolve_channels(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    """Returns the depthwise convolution by Keras's operation, if it has it."""
    # Not in 3D, and on TensorFlow not with different strides.
    if len(plan.size) > 2 or len(set(plan.strides)) > 1:
        return convolve(plan, inputs, grouped(kernel))
    if plan.data_format == "channels_first":
        return with_channels_last(convolve_channels, plan, inputs, kernel)
    return by_keras(keras.ops.depthwise_conv, plan, inputs, kernel)


def grouped(kernel: Tensor) -> Tensor:
    """Returns the kernel of the same convolution, a group for each channel."""
    return keras.ops.reshape(kernel, _grouped_shape(kernel))


def _grouped_shape(kernel: Tensor) -> tuple[int, ...]:
    *size, channels, multiplier = kernel.shape
    return (*size, 1, channels * multiplier)
