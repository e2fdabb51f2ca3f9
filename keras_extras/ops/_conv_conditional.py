"""Conditional convolution: every example is convolved by its own kernel.

    y[n] = conv(x[n], sum over e of  r[n, e] * kernel[e])
         = sum over e of  r[n, e] * conv(x[n], kernel[e])

The first form costs one convolution, but a kernel per example; the second one
convolution per expert, for any number of examples.
"""

from collections.abc import Sequence

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._tensors import as_tensor


def conditional_conv(
    inputs: Tensor,
    kernel: Tensor,
    routing: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Convolves each example with its own mixture of kernels.

    A batch of one, known as such, is convolved once, with the mixture; others
    once per expert, which needs no kernel per example.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(experts, *kernel_size, channels / groups, filters)`.
        routing: tensor `(batch, experts)`, the share of each expert.
        strides: int or one per spatial axis.
        padding: as in `conv`.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x, kernel = np.ones((2, 3, 1)), np.ones((2, 3, 1, 1))
        >>> y = keras_extras.ops.conditional_conv(x, kernel, np.eye(2) * 2)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [6.0, 6.0]

    References:
        Yang et al., "CondConv", arXiv:1904.04971, equation 1.
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    routing = as_tensor(routing)
    options = (strides, padding, data_format, dilation_rate)
    if inputs.shape[0] == 1:
        mixture = keras.ops.tensordot(routing[0], kernel, axes=1)
        return conv(inputs, mixture, *options)
    each = (-1, *(1,) * (len(inputs.shape) - 1))
    return sum(
        keras.ops.reshape(routing[:, expert], each)
        * conv(inputs, kernel[expert], *options)
        for expert in range(kernel.shape[0])
    )
