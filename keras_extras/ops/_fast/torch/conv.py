"""Faster convolutions on torch: of the channels-last memory as it lies.

Keras 3.15 copies the inputs to channels first before each convolution and the
outputs back. A transposed view of channels-last images *is* torch's
`channels_last` memory format, which oneDNN reads and writes directly. Steps
are images of one row, since torch has no such format for them.
"""

from collections.abc import Sequence

import keras
import torch.nn.functional as nnf

from keras_extras._shapes import Pads, Tensor
from keras_extras.ops._conv import ConvPlan, by_keras
from keras_extras.ops._conv_depthwise import grouped
from keras_extras.ops._fast.torch.layout import to_last, to_second
from keras_extras.ops._operation import Row

_CONV = {2: nnf.conv2d, 3: nnf.conv3d}
_TRANSPOSE = {2: nnf.conv_transpose2d, 3: nnf.conv_transpose3d}


def _conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    plan, inputs, kernel = _as_image(plan, inputs, kernel)
    pads = plan.pads or ()
    if plan.padding != "valid" and any(
        before != after for before, after in pads
    ):
        inputs = _pad(inputs, pads)
        pads = ((0, 0),) * len(pads)
    outputs = _CONV[len(pads)](
        to_second(inputs),
        _turned(kernel),
        stride=plan.strides,
        padding=[before for before, _ in pads],
        dilation=plan.dilation,
        groups=plan.groups,
    )
    return _as_given(plan, outputs)


def _as_image(
    plan: ConvPlan, inputs: Tensor, kernel: Tensor
) -> tuple[ConvPlan, Tensor, Tensor]:
    """Returns steps as an image of one row, images and volumes as they are."""
    if len(plan.size) > 1:
        return plan, inputs, kernel
    plan = plan._replace(
        strides=(1, *plan.strides),
        dilation=(1, *plan.dilation),
        pads=((0, 0), *(plan.pads or ())),
    )
    return plan, inputs.unsqueeze(1), kernel.unsqueeze(0)


def _as_given(plan: ConvPlan, outputs: Tensor) -> Tensor:
    """Returns what `_as_image` made an image of as it was."""
    outputs = to_last(outputs)
    return outputs.squeeze(1) if len(plan.size) == 1 else outputs


def _pad(inputs: Tensor, pads: Sequence[Pads]) -> Tensor:
    """Adds zeros, channels last; where a number is negative, cuts."""
    widths = [0, 0]  # from the last axis on
    for pair in reversed(pads):
        widths.extend(pair)
    return nnf.pad(inputs, widths)


def _turned(kernel: Tensor) -> Tensor:
    rank = kernel.ndim - 2
    return kernel.permute(rank + 1, rank, *range(rank))


def _conv_transpose(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    plan, inputs, kernel = _as_image(plan, inputs, kernel)
    crops = plan.pads or ()
    # torch cuts off the same on both sides, and less at the end if asked to.
    is_native = all(
        before >= 0 and 0 <= before - after < max(stride, step)
        for (before, after), stride, step in zip(
            crops, plan.strides, plan.dilation, strict=True
        )
    )
    cuts = crops if is_native else ((0, 0),) * len(crops)
    outputs = _TRANSPOSE[len(crops)](
        to_second(inputs),
        _turned(kernel),
        stride=plan.strides,
        padding=tuple(before for before, _ in cuts),
        output_padding=tuple(before - after for before, after in cuts),
        dilation=plan.dilation,
        groups=plan.groups,
    )
    if not is_native:
        cuts = [(-before, -after) for before, after in crops]
        outputs = to_second(_pad(to_last(outputs), cuts))
    return _as_given(plan, outputs)


def _depthwise_conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    return _conv(plan, inputs, grouped(kernel))


def _is_plain(plan: ConvPlan) -> bool:
    """Returns whether all is float32 on the CPU, and the channels are last."""
    return (
        plan.on_cpu
        and plan.data_format == "channels_last"
        and plan.dtype == "float32"
        and plan.is_valid
        and plan.pads is not None
    )


def _is_plain_and_padded(plan: ConvPlan) -> bool:
    return _is_plain(plan) and (
        isinstance(plan.padding, str)
        or all(min(pair) >= 0 for pair in plan.padding)
    )


def _conv_in_order(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    """Returns the convolution of a copy that lies channels second.

    Of channels-last memory oneDNN (torch 2.13) has wrong numbers in bfloat16,
    for several outputs per channel in one column.
    """
    second = plan._replace(data_format="channels_first")
    copy = to_second(inputs).contiguous()
    return to_last(by_keras(keras.ops.conv, second, copy, kernel))


def _is_grouped_bfloat16(plan: ConvPlan) -> bool:
    return (
        plan.on_cpu
        and plan.data_format == "channels_last"
        and plan.dtype == "bfloat16"
        and plan.groups > 1
    )


ROWS = (
    Row("conv", _is_grouped_bfloat16, _conv_in_order),
    Row("conv", _is_plain_and_padded, _conv),
    Row("depthwise_conv", _is_plain_and_padded, _depthwise_conv),
    Row("conv_transpose", _is_plain, _conv_transpose),
)
