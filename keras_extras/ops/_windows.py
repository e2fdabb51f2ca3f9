"""The windows of a pooling layer, laid side by side.

    w[n, i, c, j] = x[n, i*s + j*d - p, c]

with i and j running over the spatial axes, s the strides, d the dilation and p
the padding in front. A pooling is then a formula over the last axis. Cost:
memory for outputs * window size, which a fold over the taps does not need.
"""

from collections.abc import Sequence

import keras
import numpy as np

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pad import as_tensor
from keras_extras.ops._pool import Windows, pad_windows, standardize


def extract_windows(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    constant_values: float = 0,
) -> Tensor:
    """Lays the taps of every window along a new last axis.

    For poolings whose formula needs a window as a whole, such as a softmax
    over it or its median.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, the distance between the
            positions that a window takes.
        ceil_mode: bool, whether a last window may reach over the end.
        constant_values: what a window finds beside the input.

    Returns:
        Tensor `(batch, *windows, channels, taps)`, or channels second; the
        taps row by row.

    Examples:
        >>> x = np.array([5.0, 1.0, 3.0, 2.0]).reshape(1, 4, 1)
        >>> y = keras_extras.ops.extract_windows(x, 3, 1)
        >>> keras.ops.convert_to_numpy(keras.ops.median(y, axis=-1)).tolist()
        [[[3.0], [2.0]]]
    """
    inputs = as_tensor(inputs)
    windows = standardize(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    padded = pad_windows(inputs, windows, constant_values)
    return keras.ops.stack(
        [tap(padded, windows, place) for place in np.ndindex(*windows.size)],
        axis=-1,
    )


def tap(
    inputs: Tensor, windows: Windows, place: Sequence[int | None]
) -> Tensor:
    """Returns what every window of padded inputs holds at one place.

    `place` has a number for each spatial axis; `None` leaves the axis whole.
    """
    steps = [slice(None)] * len(inputs.shape)
    for axis, number in enumerate(place):
        if number is not None:
            offset = number * windows.dilation[axis]
            # From the end, since the length may not be known.
            stop = offset + 1 - windows.extents[axis]
            steps[windows.axes[axis]] = slice(
                offset, stop or None, windows.strides[axis]
            )
    return inputs[tuple(steps)]


def as_float(inputs: Tensor) -> Tensor:
    """Returns a tensor of floats: integers in Keras's configured one."""
    inputs = as_tensor(inputs)
    if "float" in keras.backend.standardize_dtype(inputs.dtype):
        return inputs
    return keras.ops.cast(inputs, keras.config.floatx())


def widen(inputs: Tensor) -> Tensor:
    """Returns half precision as float32, for sums and powers on the way."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if dtype in ("float16", "bfloat16"):
        return keras.ops.cast(inputs, "float32")
    return inputs
