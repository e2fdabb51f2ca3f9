"""Padding with NumPy's modes, the same on every backend.

    y[i] = x[source(i - before)]

`constant` fills; the other modes repeat the input, and the position that each
padded one repeats is a formula (`_source`). `keras.ops.pad` cannot serve: it
has no `edge` and `wrap` on TensorFlow and torch, and torch's `symmetric` gives
other values in Keras 3.15.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Pads, Tensor
from keras_extras.ops._tensors import as_tensor, length_of


def pad(
    inputs: Tensor,
    pad_width: Sequence[Pads],
    mode: str = "constant",
    constant_values: float = 0,
) -> Tensor:
    """Pads a tensor as `numpy.pad` does.

    Args:
        inputs: tensor of any rank.
        pad_width: (before, after) for each axis, in positions.
        mode: `"constant"`, `"reflect"` (about the edge, which is not
            repeated), `"symmetric"` (the edge is repeated), `"edge"` or
            `"wrap"`. Pads may be wider than the input: the pattern goes on.
        constant_values: number to fill with, in mode `"constant"`.

    Returns:
        Tensor with `before + after` more positions on each axis.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> y = keras_extras.ops.pad(x, [(2, 2)], mode="reflect")
        >>> keras.ops.convert_to_numpy(y).tolist()
        [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]

    References:
        `numpy.pad`, whose modes and numbers these are.
    """
    if mode == "constant":
        # Keras takes a fill value only if it is not the default one.
        fill = {"constant_values": constant_values} if constant_values else {}
        return keras.ops.pad(inputs, pad_width, mode="constant", **fill)
    outputs: Any = as_tensor(inputs)
    for axis, (before, after) in enumerate(pad_width):
        if isinstance(before, int) and before == after == 0:
            continue
        length, xp = outputs.shape[axis], np
        if not isinstance(length, int):  # known only when the graph runs
            sizes: Any = keras.ops.shape(outputs)
            length, xp = sizes[axis], keras.ops
        positions = xp.arange(-before, length + after)
        indices = _source(positions, length, mode, xp)
        outputs = keras.ops.take(outputs, indices, axis=axis)
    return outputs


def pad_spatial(
    inputs: Tensor,
    window: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[Pads],
    data_format: str,
    pad_mode: str = "constant",
    constant_values: float = 0,
) -> Tensor:
    """Pads the spatial axes as `padding` asks for windows of that extent.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        window: positions that a window covers, per spatial axis.
        strides: step of the window, per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`.
        pad_mode: what the pads hold; see `pad`.
        constant_values: number to fill with, in mode `"constant"`.

    Returns:
        The padded tensor, ready for `"valid"` windows.

    Examples:
        >>> x = np.ones((1, 4, 1))
        >>> keras_extras.ops.pad_spatial(
        ...     x, [3], [1], "same", "channels_last"
        ... ).shape == (1, 6, 1)
        True
    """
    inputs = as_tensor(inputs)
    pad_width = pads_of(inputs, window, strides, padding, data_format)
    return pad(inputs, pad_width, pad_mode, constant_values)


def pads_of(
    inputs: Tensor,
    window: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[Pads],
    data_format: str,
) -> list[tuple[Any, Any]]:
    """Returns (before, after) of every axis; tensors if a length is unknown."""
    pads: list[tuple[Any, Any]] = [(0, 0)] * len(inputs.shape)
    axes = shapes.spatial_axes(len(window), data_format)
    for axis, position in enumerate(axes):
        length, maximum = inputs.shape[position], max
        if length is None and strides[axis] > 1:
            length, _ = length_of(inputs, position)
            maximum = keras.ops.maximum
        pads[position] = shapes.axis_pads(
            padding, axis, length, window[axis], strides[axis], maximum
        )
    return pads


def _source(position: Any, length: Any, mode: str, xp: Any) -> Any:
    """Returns the position in the input that a padded position repeats."""
    last = length - 1
    if mode == "edge":
        return xp.clip(position, 0, last)
    if mode == "wrap":
        return position % length
    if mode == "symmetric":  # there and back, each edge twice
        phase = position % (2 * length)
        return xp.minimum(phase, 2 * length - 1 - phase)
    period = xp.maximum(2 * last, 1)  # reflect: each edge once
    phase = position % period
    return xp.minimum(phase, period - phase)
