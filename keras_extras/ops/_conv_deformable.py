"""Deformable convolution: each tap of each window looks where it is told to.

    y[n, i, f] = sum over j, c of
        m[n, i, j] * x(n, i*s + j*d - p + o[n, i, j], c) * kernel[j, c, f]

with o the offsets, in positions, m their weights, and x(.) the input between
its positions, linear on each axis, and zero beside it. Cost: that of `conv`,
and 2 ** rank positions read for each tap.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import ConvPlan, conv_plan
from keras_extras.ops._pad import pads_of
from keras_extras.ops._tensors import along, as_tensor, widen


def deformable_conv(
    inputs: Tensor,
    kernel: Tensor,
    offsets: Tensor,
    modulation: Tensor | None = None,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    *,
    offset_groups: int = 1,
) -> Tensor:
    """Convolves inputs with windows whose taps are moved.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, channels / groups, filters)`.
        offsets: tensor `(batch, *windows, offset_groups * taps * rank)`, or
            channels second: how far each tap of each window is moved, in
            positions; the axes of a tap stand next to each other.
        modulation: tensor `(batch, *windows, offset_groups * taps)`, or
            channels second, what each tap is multiplied with; `None` for 1.
        strides: int or one per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.
        offset_groups: int, into how many groups the channels are split that
            have offsets of their own.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1)
        >>> kernel = np.ones((1, 1, 1))
        >>> offsets = np.full((1, 4, 1), 0.5)
        >>> y = keras_extras.ops.deformable_conv(x, kernel, offsets)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.5, 3.0, 6.0, 4.0]

    References:
        Dai et al., "Deformable Convolutional Networks", arXiv:1703.06211;
        Zhu et al., arXiv:1811.11168, equation 1, for the modulation. Numbers
        and order of offsets as in `torchvision.ops.deform_conv2d`.
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    plan = conv_plan(
        inputs, kernel, kernel.shape, strides, padding, data_format,
        dilation_rate,
    )  # fmt: skip
    first = plan.data_format == "channels_first"
    tensors: list[Any] = [inputs, as_tensor(offsets)]
    if modulation is not None:
        tensors.append(as_tensor(modulation))
    if first:
        tensors = [keras.ops.moveaxis(tensor, 1, -1) for tensor in tensors]
    taps = _sampled(plan, *tensors, offset_groups=offset_groups)
    *size, channels, filters = kernel.shape
    count, groups = math.prod(size), plan.groups
    shape: Any = keras.ops.shape(tensors[1])
    windows = shape[:-1]
    # (batch, windows, taps, groups, channels / groups)
    taps = keras.ops.reshape(
        taps, (windows[0], math.prod(windows[1:]), count, groups, channels)
    )
    grouped = (count, channels, groups, filters // groups)
    outputs: Any = keras.ops.einsum(
        "nptgc,tcgf->npgf", taps, keras.ops.reshape(kernel, grouped)
    )
    outputs = keras.ops.reshape(outputs, (*windows, filters))
    return keras.ops.moveaxis(outputs, -1, 1) if first else outputs


def _sampled(
    plan: ConvPlan,
    inputs: Any,
    offsets: Any,
    modulation: Any = None,
    *,
    offset_groups: int,
) -> Any:
    """Returns what the taps see: (batch, windows, taps, channels)."""
    rank, count = len(plan.size), math.prod(plan.size)
    shape: Any = keras.ops.shape(offsets)
    batch, *windows, _ = shape
    sizes: Any = keras.ops.shape(inputs)
    lengths = sizes[1:-1]
    parts = inputs.shape[-1] // offset_groups
    # Not -1 in the shapes: an empty batch has no such number. `prod` takes
    # lengths that are known only when the graph runs.
    number, positions = math.prod(windows), math.prod(lengths)
    split = (batch, number, offset_groups, count)
    points: Any = widen(offsets)  # half precision has no place between pixels
    points = keras.ops.reshape(
        points, (batch, *windows, offset_groups, count, rank)
    )
    unmoved: Any = keras.ops.cast(_places(plan, inputs, windows), points.dtype)
    # Groups stand beside the examples, so that each has points of its own.
    values: Any = _between(
        _beside(inputs, (batch, positions, offset_groups, parts)),
        _beside(points + unmoved, (*split, rank), (number * count, rank)),
        lengths,
    )
    values = keras.ops.reshape(
        values, (batch, offset_groups, number, count, parts)
    )
    if modulation is not None:
        weights: Any = keras.ops.reshape(modulation, (*split, 1))
        weights = keras.ops.cast(weights, values.dtype)
        values = values * keras.ops.swapaxes(weights, 1, 2)
    values = keras.ops.transpose(values, (0, 2, 3, 1, 4))
    return keras.ops.reshape(
        values, (batch, number, count, offset_groups * parts)
    )


def _beside(
    tensor: Any, split: Sequence[Any], rest: Sequence[Any] | None = None
) -> Any:
    """Returns (batch, number, groups, ...) as (batch * groups, number, ...)."""
    batch, number, groups, *more = split
    moved = keras.ops.swapaxes(keras.ops.reshape(tensor, split), 1, 2)
    return keras.ops.reshape(
        moved, (batch * groups, *(rest or (number, *more)))
    )


def _places(plan: ConvPlan, inputs: Any, windows: Sequence[Any]) -> Any:
    """Returns where unmoved taps are: (1, *windows, 1, taps, rank)."""
    rank = len(plan.size)
    pads = pads_of(
        inputs, plan.extents, plan.strides, plan.padding, "channels_last"
    )[1:-1]
    taps = np.stack(list(np.ndindex(*plan.size))) * plan.dilation
    axes = []
    for axis in range(rank):
        numbers: Any = keras.ops.arange(windows[axis])
        starts: Any = numbers * plan.strides[axis]
        starts = along(starts - pads[axis][0], axis, rank + 1)
        places = starts + keras.ops.convert_to_tensor(
            taps[:, axis].astype("int32")
        )
        full = (*windows, len(taps))
        axes.append(keras.ops.broadcast_to(places, full))
    return keras.ops.expand_dims(keras.ops.stack(axes, -1), (0, rank + 1))


def _between(inputs: Any, points: Any, lengths: Sequence[Any]) -> Any:
    """Returns the inputs between their positions, zero beside them.

    `inputs` are `(batch, positions, channels)`, `points` `(batch, points,
    rank)`.
    """
    rank = len(lengths)
    axes = [points[..., axis] for axis in range(rank)]
    limits: list[Any] = [
        keras.ops.cast(length, points.dtype) for length in lengths
    ]
    axes = [
        keras.ops.clip(axis, -1.0, limit)
        for axis, limit in zip(axes, limits, strict=True)
    ]
    floors: Any = [keras.ops.floor(axis) for axis in axes]
    shares = [axis - floor for axis, floor in zip(axes, floors, strict=True)]
    values: Any = 0
    for corner in itertools.product((0, 1), repeat=rank):
        weight: Any = 1
        place: Any = 0
        for bit, floor, share, limit, length in zip(
            corner, floors, shares, limits, lengths, strict=True
        ):
            at = floor + bit
            inside = keras.ops.logical_and(at >= 0, at < limit)
            part: Any = share if bit else 1 - share
            share_here: Any = keras.ops.where(inside, part, 0)
            weight = weight * share_here
            index: Any = keras.ops.cast(
                keras.ops.clip(at, 0.0, limit - 1), "int32"
            )
            place = place * length + index
        read: Any = keras.ops.take_along_axis(
            inputs, keras.ops.expand_dims(place, -1), axis=1
        )
        shares_here: Any = keras.ops.expand_dims(weight, -1)
        values = values + read * keras.ops.cast(shares_here, inputs.dtype)
    return values
