"""Integer arithmetic of windows: how wide, how padded, how many.

A window of `size` taps, `dilation` apart, covers `(size - 1) * dilation + 1`
positions. Moved in steps of `stride` over a padded axis it fits

    floor((length + before + after - extent) / stride) + 1

times. Everything here is plain integers, one axis at a time; a length that is
not known yet is `None` and stays `None`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Pads = tuple[int, int]
Shape = tuple[int | None, ...]

# What arguments accept; what they mean is in the docstrings.
Ints = int | Sequence[int]  # one for all spatial axes, or one each
Padding = str | int | Sequence[int | Sequence[int]]
Tensor = Any  # of any backend, symbolic or not, or an array: no promise
Length = int | Tensor  # of one axis
Maximum = Callable[[Any, Any], Any]  # the larger of two lengths


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Returns one number per spatial axis, from one for all or one each."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def extent(size: int, dilation: int = 1) -> int:
    """Returns how many positions a window of `size` dilated taps covers."""
    return (size - 1) * dilation + 1


def same_pads(
    length: Length, window: int, stride: int, maximum: Maximum = max
) -> tuple[Length, Length]:
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
    length: Length | None,
    window: int,
    stride: int,
    maximum: Maximum = max,
) -> tuple[Length, Length]:
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


def all_pads(
    padding: str | Sequence[Pads],
    lengths: Shape,
    extents: Sequence[int],
    strides: Sequence[int],
) -> tuple[Pads, ...] | None:
    """Returns (before, after) of each spatial axis.

    `None` if they depend on a length that is not known, or is a symbol.
    """
    if padding == "valid":
        return ((0, 0),) * len(lengths)
    if not isinstance(padding, str):
        return tuple((before, after) for before, after in padding)
    pads = []
    for axis, (length, extent, stride) in enumerate(
        zip(lengths, extents, strides, strict=False)
    ):
        needs_length = stride > 1 and (padding == "same" or axis > 0)
        known = length if isinstance(length, int) else None
        if needs_length and known is None:
            return None
        pads.append(axis_pads(padding, axis, known, extent, stride))
    return tuple(pads)


class Window(NamedTuple):
    """The windows of a convolution, an entry for each spatial axis.

    Of a transposed one they lie on its outputs.
    """

    lengths: Shape
    size: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[Pads, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def outputs(self) -> tuple[int, ...]:
        """The number of windows on each axis; all lengths must be known."""
        return tuple(
            ((length or 0) + sum(pads) - extent(size, step)) // stride + 1
            for length, size, stride, pads, step in zip(*self[:5], strict=True)
        )


def choose(condition: bool, yes: Any, no: Any) -> Any:
    """Returns `yes` if the condition holds, else `no`."""
    return yes if condition else no


def overhang(
    length: Length,
    window: int,
    stride: int,
    pads: tuple[Length, Length],
    where: Callable[[Any, Any, Any], Any] = choose,
) -> Length:
    """Returns how far one more window would reach over the padded end.

    That window counts in ceil mode, if it starts inside of the input or of
    the pads in front; else there is none, and the answer is 0. `where`
    chooses between two numbers: another one than Python's is needed where the
    length is a tensor.
    """
    before, after = pads
    last = length + before + after - window  # the last place for a start
    more = -last % stride
    return where(last + more < length + before, more, 0)


def output_length(
    length: int | None,
    axis: int,
    window: int,
    stride: int,
    padding: str | Sequence[Pads],
    ceil_mode: bool = False,
) -> int | None:
    """Returns how many windows fit on one axis; zero or less if none does."""
    if length is None:
        return None
    pads = axis_pads(padding, axis, length, window, stride)
    padded = length + sum(pads)
    if ceil_mode:
        padded += overhang(length, window, stride, pads)
    return (padded - window) // stride + 1


def spatial(shape: Shape, data_format: str) -> Shape:
    """Returns the lengths of the spatial axes of a batched shape."""
    return shape[1:-1] if data_format == "channels_last" else shape[2:]


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
    ceil_mode: bool = False,
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
        ceil_mode: whether a last window may reach over the end.
    """
    rank = len(window)
    shape = list(input_shape)
    for axis, position in enumerate(spatial_axes(rank, data_format)):
        shape[position] = output_length(
            shape[position],
            axis,
            window[axis],
            strides[axis],
            padding,
            ceil_mode,
        )
    if channels is not None:
        shape[channel_axis(rank, data_format)] = channels
    return tuple(shape)


def padded_shape(
    input_shape: Shape,
    window: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[Pads],
    data_format: str,
) -> Shape:
    """Returns the shape with the pads; see `window_output_shape`."""
    shape = list(input_shape)
    axes = spatial_axes(len(window), data_format)
    for axis, position in enumerate(axes):
        length = shape[position]
        if length is not None:
            pads = axis_pads(padding, axis, length, window[axis], strides[axis])
            shape[position] = length + sum(pads)
    return tuple(shape)


def fewest_taps(
    input_shape: Shape,
    size: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[Pads],
    data_format: str,
    dilation: Sequence[int],
) -> int:
    """Returns the least number of real positions of a window on any axis."""
    fewest = max(size)
    axes = spatial_axes(len(size), data_format)
    for axis, position in enumerate(axes):
        length, stride = input_shape[position], strides[axis]
        if length is None:
            continue
        window = extent(size[axis], dilation[axis])
        pads = axis_pads(padding, axis, length, window, stride)
        counts = window_counts(length, size[axis], stride, pads, dilation[axis])
        fewest = min([fewest, *counts])
    return fewest


def window_counts(
    length: int, size: int, stride: int, pads: Pads, dilation: int = 1
) -> list[int]:
    """Returns how many real (not padded) positions each window holds."""
    before, after = pads
    window = extent(size, dilation)
    starts = range(-before, length + after - window + 1, stride)
    return [
        sum(
            0 <= place < length
            for place in range(start, start + window, dilation)
        )
        for start in starts
    ]


def adaptive_window(
    index: Length, length: Length, outputs: int
) -> tuple[Length, Length]:
    """Returns (start, end) of a window of adaptive pooling on one axis.

        floor(index * length / outputs), ceil((index + 1) * length / outputs)

    Neighbors overlap by one position where `outputs` does not divide
    `length`. Plain integers, or arrays or tensors of them.
    """
    start = index * length // outputs
    end = ((index + 1) * length + outputs - 1) // outputs
    return start, end


def transpose_crops(
    padding: str | Sequence[Pads],
    axis: int,
    window: int,
    stride: int,
    output_padding: int | None = None,
) -> Pads:
    """Returns what a transposed convolution cuts off (before, after).

    Uncut, `length` inputs leave `(length - 1) * stride + window` outputs. A
    negative number means that so many zeros are added.
    """
    if not isinstance(padding, str):
        before, after = padding[axis]
        return before, after - (output_padding or 0)
    if padding == "valid":
        if output_padding is None:
            output_padding = max(stride - window, 0)
        return 0, -output_padding
    total = window - stride  # leaves `length * stride`
    if output_padding is not None:
        total = window - window % 2 - output_padding
    # Causal: an output sees no later input if only the end is cut.
    before = 0 if padding == "causal" and axis == 0 else max(total // 2, 0)
    return before, total - before


def transpose_pads(
    padding: str | Sequence[Pads],
    lengths: Shape,
    extents: Sequence[int],
    strides: Sequence[int],
    output_padding: Sequence[int] | None = None,
) -> tuple[tuple[Pads, ...], Shape]:
    """Returns what a transposed convolution cuts off, and what it leaves.

    That is (before, after) and the number of outputs, of each spatial axis.
    """
    added = output_padding or (None,) * len(lengths)
    crops = tuple(
        transpose_crops(padding, axis, *sizes)
        for axis, sizes in enumerate(zip(extents, strides, added, strict=False))
    )
    sizes = zip(lengths, extents, strides, crops, strict=False)
    return crops, tuple(transpose_length(*each) for each in sizes)


def transpose_length(
    length: int | None, window: int, stride: int, crops: Pads
) -> int | None:
    """Returns the number of outputs of a transposed convolution."""
    if length is None:
        return None
    return (length - 1) * stride + window - sum(crops)


def may_be_equal(first: Shape, second: Shape) -> bool:
    """Returns whether two shapes are equal as far as they are known."""
    return len(first) == len(second) and all(
        None in pair or pair[0] == pair[1]
        for pair in zip(first, second, strict=True)
    )
