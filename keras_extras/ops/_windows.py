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
from keras_extras.ops._pool import pad_windows, pool_plan, tap
from keras_extras.ops._tensors import as_tensor


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
    plan = pool_plan(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    padded = pad_windows(inputs, plan, constant_values)
    places = (dict(enumerate(place)) for place in np.ndindex(*plan.size))
    return keras.ops.stack(
        [tap(padded, plan, place) for place in places], axis=-1
    )
