"""Transposed convolution: every input adds a scaled kernel to the output.

    y[n, t, f] = sum over i, j, c with i*s + j*d = t + b
                 of  x[n, i, c] * kernel[j, f, c]

with t, i and j running over the spatial axes, s the strides, d the dilation
and b what is cut off in front. It is the gradient of a convolution with the
same arguments with respect to its input.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._pad import as_tensor


def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    output_padding: Ints | None = None,
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    *,
    groups: int = 1,
) -> Tensor:
    """Convolves 1D, 2D or 3D inputs the other way round: small to large.

    As `keras.ops.conv_transpose`, and besides with explicit pads, causal
    padding, groups, and strides together with dilation.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, filters / groups, channels)`.
        strides: int or one per spatial axis.
        padding: what is cut off the result, which uncut has `(size - 1) *
            strides + window` positions, with `window = (kernel_size - 1) *
            dilation_rate + 1`. `"valid"`: nothing. `"same"`: so much that
            `size * strides` are left. `"causal"`: as much, on the first
            spatial axis at the end only. Or (before, after) per spatial axis.
        output_padding: int or one per spatial axis, positions added at the
            end. `None`: with `"valid"`, `max(strides - window, 0)`; with
            explicit pads, 0. With `"same"` and `"causal"` an int means `(size
            - 1) * strides + window % 2 + output_padding` positions.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.
        groups: int, number of separate groups of channels.

    Returns:
        Tensor `(batch, *outputs, filters)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 10.0]).reshape(1, 2, 1)
        >>> kernel = np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
        >>> y = keras_extras.ops.conv_transpose(x, kernel, strides=2)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.0, 2.0, 13.0, 20.0, 30.0]
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    rank = len(inputs.shape) - 2
    data_format = data_format or keras.config.image_data_format()
    strides = shapes.per_axis(strides, rank)
    dilation_rate = shapes.per_axis(dilation_rate, rank)
    added: Sequence[int | None] = (None,) * rank
    if output_padding is not None:
        added = output_padding = shapes.per_axis(output_padding, rank)
    window = [
        shapes.extent(size, dilation)
        for size, dilation in zip(
            kernel.shape[:rank], dilation_rate, strict=True
        )
    ]
    crops = [
        shapes.transpose_crops(padding, axis, *sizes)
        for axis, sizes in enumerate(zip(window, strides, added, strict=True))
    ]
    both = max(strides) > 1 and max(dilation_rate) > 1
    if groups > 1 or both:
        # The definition: zeros between the inputs, then a convolution.
        spread = _spread(inputs, strides, data_format)
        pads = [
            (size - 1 - before, size - 1 - after)
            for size, (before, after) in zip(window, crops, strict=True)
        ]
        return conv(
            _resize(spread, pads, data_format),
            _turn(kernel, groups),
            data_format=data_format,
            dilation_rate=dilation_rate,
        )
    direct = _keras_agrees(padding, window, strides, added)
    options: dict[str, Any] = {
        "strides": strides,
        "padding": padding if direct else "valid",
        "output_padding": output_padding if direct else (0,) * rank,
        "data_format": data_format,
        "dilation_rate": dilation_rate,
    }
    outputs = keras.ops.conv_transpose(inputs, kernel, **options)
    if direct:
        return outputs
    pads = [(-before, -after) for before, after in crops]
    return _resize(outputs, pads, data_format)


def _keras_agrees(padding, window, strides, output_padding) -> bool:
    """Tells whether Keras has these arguments on all backends.

    TensorFlow takes only sizes that a convolution would bring back.
    """
    if padding not in ("valid", "same"):
        return False
    odd = [size % 2 if padding == "same" else 1 for size in window]
    return all(
        added is None or 1 <= added + one <= stride
        for added, one, stride in zip(output_padding, odd, strides, strict=True)
    )


def _spread(inputs: Any, strides, data_format):
    """Puts `strides - 1` zeros between the positions of each spatial axis."""
    axes = shapes.spatial_axes(len(strides), data_format)
    for axis, stride in zip(axes, strides, strict=True):
        if stride == 1:
            continue
        sizes: Any = keras.ops.shape(inputs)
        inputs = keras.ops.expand_dims(inputs, axis + 1)
        pads = [(0, 0)] * len(inputs.shape)
        pads[axis + 1] = (0, stride - 1)
        spread = (*sizes[:axis], sizes[axis] * stride, *sizes[axis + 1 :])
        inputs = keras.ops.reshape(keras.ops.pad(inputs, pads), spread)
        inputs = _slice(inputs, axis, slice(None, 1 - stride))
    return inputs


def _turn(kernel, groups):
    """Returns the kernel of the convolution that adds the same products.

    Turned round in space, and `(filters / groups, channels)` made into
    `(channels / groups, filters)`.
    """
    *size, filters, channels = kernel.shape
    rank = len(size)
    kernel = keras.ops.flip(kernel, axis=tuple(range(rank)))
    kernel = keras.ops.reshape(
        kernel, (*size, filters, groups, channels // groups)
    )
    order = (*range(rank), rank + 2, rank + 1, rank)
    kernel = keras.ops.transpose(kernel, order)
    return keras.ops.reshape(
        kernel, (*size, channels // groups, groups * filters)
    )


def _resize(inputs: Any, pads, data_format):
    """Adds zeros to the spatial axes; where a number is negative, cuts."""
    widths = [(0, 0)] * len(inputs.shape)
    axes = shapes.spatial_axes(len(pads), data_format)
    for axis, (before, after) in zip(axes, pads, strict=True):
        widths[axis] = max(before, 0), max(after, 0)
        cut = slice(max(-before, 0), min(after, 0) or None)
        if cut != slice(0, None):
            inputs = _slice(inputs, axis, cut)
    if any(width != (0, 0) for width in widths):
        inputs = keras.ops.pad(inputs, widths)
    return inputs


def _slice(inputs, axis, part):
    index = [slice(None)] * len(inputs.shape)
    index[axis] = part
    return inputs[tuple(index)]
