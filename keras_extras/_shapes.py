"""Integer arithmetic of windows: how wide, how padded, how many.

A window of `size` taps, `dilation` apart, covers `(size - 1) * dilation + 1`
positions. Moved in steps of `stride` over a padded axis it fits

    floor((length + before + after - extent) / stride) + 1

times. Everything here is plain integers, one axis at a time; a length that is
not known yet is `None` and stays `None`.
"""

from collections.abc import Sequence
from typing import Any

Pads = tuple[int, int]
Shape = tuple[int | None, ...]

# What arguments accept; what they mean is in the docstrings.
Ints = int | Sequence[int]  # one for all spatial axes, or one each
Padding = str | int | Sequence[int | Sequence[int]]
Tensor = Any  # of any backend, symbolic or not, or an array: no promise


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Returns one number per spatial axis, from one for all or one each."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def extent(size: int, dilation: int = 1) -> int:
    """Returns how many positions a window of `size` dilated taps covers."""
    return (size - 1) * dilation + 1


def same_pads(length, window: int, stride: int, maximum=max) -> tuple:
    """Returns (before, after) that make the output `ceil(length / stride)`.

    The smaller half stands in front, as in TensorFlow. `maximum` is the
    function that takes the larger of two lengths: another one than Python's
    is needed where the length is a tensor.
    """
    outputs = (length + stride - 1) // stride
    total = maximum((outputs - 1) * stride + window - length, 0)
    return total // 2, total - total // 2


def axis_pads(
    padding: str | Sequence[Pads],
    axis: int,
    length,
    window: int,
    stride: int,
    maximum=max,
) -> tuple:
    """Returns (before, after) of one spatial axis, for any form of `padding`.

    Causal padding stands in front of the first spatial axis, which is time;
    the other axes are padded as `"same"` does.
    """
    if padding == "valid":
        return 0, 0
    if padding == "causal" and axis == 0:
        return window - 1, 0
    if isinstance(padding, str):
        if length is None and stride == 1:
            length = window  # at stride 1 the total is `window - 1`, always
        if length is None:
            raise TypeError("pads of an unknown length depend on that length")
        return same_pads(length, window, stride, maximum)
    return padding[axis]


def output_length(
    length: int | None,
    axis: int,
    window: int,
    stride: int,
    padding: str | Sequence[Pads],
) -> int | None:
    """Returns how many windows fit on one axis; zero or less if none does."""
    if length is None:
        return None
    before, after = axis_pads(padding, axis, length, window, stride)
    return (length + before + after - window) // stride + 1


def spatial_axes(rank: int, data_format: str) -> range:
    """Returns the axes of the spatial dimensions in a batched tensor."""
    return (
        range(1, rank + 1)
        if data_format == "channels_last"
        else range(2, rank + 2)
    )


def channel_axis(rank: int, data_format: str) -> int:
    """Returns the axis of the channels in a batched tensor."""
    return rank + 1 if data_format == "channels_last" else 1


def window_output_shape(
    input_shape: Shape,
    window: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[Pads],
    data_format: str,
    channels: int | None = None,
) -> Shape:
    """Returns the shape that windows over the spatial axes leave.

    Args:
        input_shape: shape with batch and channels.
        window: positions that a window covers, per spatial axis (see
            `extent`).
        strides: step of the window, per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"` or (before, after) per axis.
        data_format: `"channels_last"` or `"channels_first"`.
        channels: number of output channels; `None` keeps the input's.
    """
    rank = len(window)
    shape = list(input_shape)
    for axis, position in enumerate(spatial_axes(rank, data_format)):
        shape[position] = output_length(
            shape[position], axis, window[axis], strides[axis], padding
        )
    if channels is not None:
        shape[channel_axis(rank, data_format)] = channels
    return tuple(shape)


def window_counts(
    length: int, window: int, stride: int, pads: Pads
) -> list[int]:
    """Returns how many real (not padded) positions each window holds."""
    before, after = pads
    starts = range(-before, length + after - window + 1, stride)
    return [
        max(min(start + window, length) - max(start, 0), 0) for start in starts
    ]
