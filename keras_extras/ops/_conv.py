"""Convolution: a weighted sum over every window of the input.

    y[n, i, f] = sum over j, c of  x[n, i*s + j*d - p, c] * kernel[j, c, f]

with i and j running over the spatial axes, s the strides, d the dilation and
p the padding in front.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pad import as_tensor, pad_spatial


def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Convolves a batch of 1D, 2D or 3D inputs with a kernel.

    As `keras.ops.conv`, and besides with explicit pads, causal padding, and
    strides together with dilation. The pads hold zeros; `pad_spatial` has
    the other modes.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, channels / groups, filters)`. The
            number of groups follows from its shape.
        strides: int or one per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x = np.arange(5.0).reshape(1, 5, 1)
        >>> kernel = np.ones((3, 1, 1))
        >>> y = keras_extras.ops.conv(x, kernel, padding="causal")
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [0.0, 1.0, 3.0, 6.0, 9.0]
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    rank = len(inputs.shape) - 2
    data_format = data_format or keras.config.image_data_format()
    strides = shapes.per_axis(strides, rank)
    dilation_rate = shapes.per_axis(dilation_rate, rank)
    empty = inputs.shape[0] == 0
    if empty:  # TensorFlow answers no examples with a wrong shape
        inputs = keras.ops.pad(inputs, [(0, 1)] + [(0, 0)] * (rank + 1))
    # Not every backend strides and dilates at once; all can thin out after.
    thin = max(strides) > 1 and max(dilation_rate) > 1
    if padding != "valid" and (padding != "same" or thin):
        window = [
            shapes.extent(size, dilation)
            for size, dilation in zip(
                kernel.shape[:rank], dilation_rate, strict=True
            )
        ]
        inputs = pad_spatial(inputs, window, strides, padding, data_format)
        padding = "valid"
    options: dict[str, Any] = {
        "strides": 1 if thin else strides,
        "padding": padding,
        "data_format": data_format,
        "dilation_rate": dilation_rate,
    }
    outputs = keras.ops.conv(inputs, kernel, **options)
    if thin:
        outputs = _every(outputs, strides, data_format)
    return outputs[:0] if empty else outputs


def _every(outputs, strides, data_format):
    """Keeps every `strides`-th position of the spatial axes."""
    steps = [slice(None)] * len(outputs.shape)
    axes = shapes.spatial_axes(len(strides), data_format)
    for axis, stride in zip(axes, strides, strict=True):
        steps[axis] = slice(None, None, stride)
    return outputs[tuple(steps)]
