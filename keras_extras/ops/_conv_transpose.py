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
from keras_extras.ops._conv import (
    ConvPlan,
    conv,
    conv_plan,
    with_channels_last,
)
from keras_extras.ops._operation import planned
from keras_extras.ops._tensors import as_tensor, take_slice


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
    plan = _plan(
        inputs, kernel, strides, padding, output_padding, data_format,
        dilation_rate, groups,
    )  # fmt: skip
    return convolve_transposed(plan, inputs, kernel)


def _plan(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints,
    padding: str | Sequence[Pads],
    output_padding: Ints | None,
    data_format: str | None,
    dilation_rate: Ints,
    groups: int,
) -> ConvPlan:
    """Binds the arguments; the window is that of the convolution back."""
    *size, filters, channels = kernel.shape
    shape = (*size, channels // groups, filters * groups)
    plan = conv_plan(
        inputs, kernel, shape, strides, padding, data_format, dilation_rate
    )
    if output_padding is not None:
        output_padding = shapes.per_axis(output_padding, len(plan.strides))
    pads, outputs = shapes.transpose_pads(
        plan.padding, plan.lengths, plan.extents, plan.strides, output_padding
    )
    return plan._replace(
        lengths=outputs,
        pads=pads,
        groups=groups,
        is_valid=plan.is_valid and plan.groups == groups,
        output_padding=output_padding,
    )


@planned("conv_transpose")
def convolve_transposed(
    plan: ConvPlan, inputs: Tensor, kernel: Tensor
) -> Tensor:
    """Returns Keras's, cut to size, or the definition where Keras has none."""
    if plan.data_format == "channels_first":
        return with_channels_last(convolve_transposed, plan, inputs, kernel)
    # TensorFlow's CPU has none with dilation, in float32 only by oneDNN.
    if plan.groups > 1 or max(plan.dilation) > 1:
        # The definition: zeros between the inputs, then a convolution.
        crops: Any = plan.pads
        spread = _spread(inputs, plan.strides)
        pads = [
            (size - 1 - before, size - 1 - after)
            for size, (before, after) in zip(plan.extents, crops, strict=True)
        ]
        return conv(
            _resize(spread, pads),
            _turn(kernel, plan.groups),
            data_format=plan.data_format,
            dilation_rate=plan.dilation,
        )
    direct = _keras_agrees(plan)
    options: dict[str, Any] = {
        "strides": plan.strides,
        "padding": plan.padding if direct else "valid",
        "output_padding": (
            plan.output_padding if direct else (0,) * len(plan.size)
        ),
        "data_format": plan.data_format,
    }
    outputs = keras.ops.conv_transpose(inputs, kernel, **options)
    if direct:
        return outputs
    pads = [(-before, -after) for before, after in plan.pads or ()]
    return _resize(outputs, pads)


def _keras_agrees(plan: ConvPlan) -> bool:
    """Returns whether Keras takes these arguments on all backends.

    TensorFlow takes only sizes that a convolution would bring back.
    """
    if plan.padding not in ("valid", "same"):
        return False
    if plan.output_padding is None:
        return True
    is_same = plan.padding == "same"
    return all(
        1 <= added + (size % 2 if is_same else 1) <= stride
        for added, size, stride in zip(
            plan.output_padding, plan.extents, plan.strides, strict=True
        )
    )


def _spread(inputs: Tensor, strides: Sequence[int]) -> Tensor:
    """Puts `strides - 1` zeros between the positions, channels last."""
    for axis, stride in enumerate(strides, 1):
        if stride == 1:
            continue
        sizes: Any = keras.ops.shape(inputs)
        inputs = keras.ops.expand_dims(inputs, axis + 1)
        pads = [(0, 0)] * len(inputs.shape)
        pads[axis + 1] = (0, stride - 1)
        spread = (*sizes[:axis], sizes[axis] * stride, *sizes[axis + 1 :])
        inputs = keras.ops.reshape(keras.ops.pad(inputs, pads), spread)
        inputs = take_slice(inputs, axis, slice(None, 1 - stride))
    return inputs


def _turn(kernel: Tensor, groups: int) -> Tensor:
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


def _resize(inputs: Tensor, pads: Sequence[Pads]) -> Tensor:
    """Adds zeros, channels last; where a number is negative, cuts."""
    widths = [(0, 0)] * len(inputs.shape)
    for axis, (before, after) in enumerate(pads, 1):
        widths[axis] = max(before, 0), max(after, 0)
        cut = slice(max(-before, 0), min(after, 0) or None)
        if cut != slice(0, None):
            inputs = take_slice(inputs, axis, cut)
    if any(width != (0, 0) for width in widths):
        inputs = keras.ops.pad(inputs, widths)
    return inputs
