"""Faster convolutions on torch: of the channels-last memory as it lies.

Keras 3.15 copies the inputs to channels first before each convolution and the
outputs back. A transposed view of channels-last images *is* torch's
`channels_last` memory format, which oneDNN reads and writes directly. Steps
are images of one row, since torch has no such format for them.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import Row

_CONV = {2: nnf.conv2d, 3: nnf.conv3d}
_TRANSPOSE = {2: nnf.conv_transpose2d, 3: nnf.conv_transpose3d}


def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """See `keras_extras.ops.conv`."""
    rank = len(inputs.shape) - 2
    strides = shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    pads = _pads(inputs, kernel, strides, padding, dilation)
    groups = inputs.shape[-1] // kernel.shape[-2]
    if rank == 1:
        inputs, kernel = inputs.unsqueeze(1), kernel.unsqueeze(0)
        strides, dilation = (1, *strides), (1, *dilation)
        pads = [(0, 0), *pads]
    if any(before != after for before, after in pads):
        inputs = _pad(inputs, pads)
        pads = [(0, 0)] * len(pads)
    outputs = _CONV[len(pads)](
        _second(inputs),
        _kernel(kernel),
        stride=strides,
        padding=tuple(before for before, _ in pads),
        dilation=dilation,
        groups=groups,
    )
    return _last(outputs, rank)


def _pads(inputs, kernel, strides, padding, dilation):
    # A length matters only where there are strides: it may be symbolic.
    return [
        shapes.axis_pads(
            padding,
            axis,
            inputs.shape[axis + 1] if stride > 1 else None,
            shapes.extent(kernel.shape[axis], dilation[axis]),
            stride,
        )
        for axis, stride in enumerate(strides)
    ]


def _pad(inputs, pads):
    widths = [0, 0]  # from the last axis on
    for pair in reversed(pads):
        widths.extend(pair)
    return nnf.pad(inputs, widths)


def _second(inputs):
    return inputs.movedim(inputs.ndim - 1, 1)  # ONNX takes no -1


def _kernel(kernel):
    rank = kernel.ndim - 2
    return kernel.permute(rank + 1, rank, *range(rank))


def _last(outputs, rank):
    outputs = outputs.movedim(1, outputs.ndim - 1)
    return outputs.squeeze(1) if rank == 1 else outputs


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
    """See `keras_extras.ops.conv_transpose`."""
    rank = len(inputs.shape) - 2
    strides = shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    added: Sequence[int | None] = (None,) * rank
    if output_padding is not None:
        added = shapes.per_axis(output_padding, rank)
    crops = [
        shapes.transpose_crops(
            padding,
            axis,
            shapes.extent(kernel.shape[axis], dilation[axis]),
            strides[axis],
            added[axis],
        )
        for axis in range(rank)
    ]
    if rank == 1:
        inputs, kernel = inputs.unsqueeze(1), kernel.unsqueeze(0)
        strides, dilation = (1, *strides), (1, *dilation)
        crops = [(0, 0), *crops]
    # torch cuts off the same on both sides, and less at the end if asked to.
    native = all(
        before >= 0 and 0 <= before - after < max(stride, step)
        for (before, after), stride, step in zip(
            crops, strides, dilation, strict=True
        )
    )
    cuts = crops if native else [(0, 0)] * len(crops)
    outputs = _TRANSPOSE[len(crops)](
        _second(inputs),
        _kernel(kernel),
        stride=strides,
        padding=tuple(before for before, _ in cuts),
        output_padding=tuple(before - after for before, after in cuts),
        dilation=dilation,
        groups=groups,
    )
    outputs = outputs.movedim(1, outputs.ndim - 1)
    if not native:  # negative pads cut
        outputs = _pad(outputs, [(-before, -after) for before, after in crops])
    return outputs.squeeze(1) if rank == 1 else outputs


def depthwise_conv(
    inputs: Tensor, kernel: Tensor, *arguments, **named
) -> Tensor:
    """See `keras_extras.ops.depthwise_conv`: as many groups as channels."""
    return conv(inputs, _grouped(kernel), *arguments, **named)


def _grouped(kernel):
    *size, channels, multiplier = kernel.shape
    return kernel.reshape(*size, 1, channels * multiplier)


def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    *arguments,
    **named,
) -> Tensor:
    """See `keras_extras.ops.separable_conv`: its two steps."""
    spread = depthwise_conv(inputs, depthwise_kernel, *arguments, **named)
    return conv(spread, pointwise_kernel)


def _when(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> bool:
    if not _is_plain(inputs, kernel, data_format):
        return False
    *size, channels, filters = kernel.shape
    groups, rest = divmod(inputs.shape[-1], channels)
    if rest or not groups or filters % groups:
        return False  # the generic one has the words for it
    if not isinstance(padding, str):
        return all(min(pair) >= 0 for pair in padding)
    strided = max(shapes.per_axis(strides, len(size))) > 1
    return not strided or all(
        isinstance(length, int) for length in inputs.shape[1:-1]
    )


def _is_plain(inputs, kernel, data_format):
    """Tells whether all is float32 on the CPU, and the channels are last."""
    return (
        data_format == "channels_last"
        and inputs.dtype == kernel.dtype == torch.float32
        and inputs.device.type == kernel.device.type == "cpu"
        and inputs.ndim == kernel.ndim
    )


def _when_transpose(inputs, kernel, strides=1, padding="valid",
                    output_padding=None, data_format=None, dilation_rate=1, *,
                    groups=1) -> bool:  # fmt: skip
    return (
        _is_plain(inputs, kernel, data_format)
        and inputs.shape[-1] == kernel.shape[-1]
        and inputs.shape[-1] % groups == 0
    )


def _when_depthwise(inputs, kernel, *arguments, **named) -> bool:
    return inputs.shape[-1] == kernel.shape[-2] and _when(
        inputs, _grouped(kernel), *arguments, **named
    )


def _when_separable(inputs, depthwise_kernel, pointwise_kernel, *arguments,
                    **named) -> bool:  # fmt: skip
    channels = depthwise_kernel.shape[-2] * depthwise_kernel.shape[-1]
    return pointwise_kernel.shape[-2] == channels and _when_depthwise(
        inputs, depthwise_kernel, *arguments, **named
    )


ROWS = (
    Row("conv", conv, _when),
    Row("conv_transpose", conv_transpose, _when_transpose),
    Row("depthwise_conv", depthwise_conv, _when_depthwise),
    Row("separable_conv", separable_conv, _when_separable),
)
