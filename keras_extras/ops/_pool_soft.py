"""Soft pooling: the mean of every window, weighted by its softmax.

    y[n, i, c] = sum over j of exp(w[j]) * w[j]  /  sum over j of exp(w[j])

with w the taps of the window i; see `extract_windows`.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pool import any_counts, counted, pool_plan
from keras_extras.ops._pool_global import maximum
from keras_extras.ops._tensors import as_float, widen
from keras_extras.ops._windows import extract_windows


def soft_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Takes the softmax-weighted mean of every window, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: as in `max_pool`. Padded positions never count.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, as in `max_pool`.
        ceil_mode: bool, whether a last window may reach over the end.
        mask: as in `max_pool`. Where nothing counts, the output is 0.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([0.0, np.log(3.0)]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.soft_pool(x, 2)  # weights 1/4 and 3/4
        >>> round(float(y[0, 0, 0]), 4)
        0.824

    References:
        Stergiou et al., "Refining activation downsampling with SoftPool",
        arXiv:2101.00440.
    """
    inputs = as_float(inputs)
    window = (pool_size, strides, padding, data_format, dilation_rate)
    plan = pool_plan(inputs, *window, ceil_mode)
    counts = None if mask is None else counted(mask, plan)
    if counts is not None:
        # Not minus infinity, which in a window of nothing else makes NaN.
        floor = -6e4 if plan.dtype == "float16" else -3e38
        inputs = keras.ops.where(counts, inputs, floor)
    windows: Any = extract_windows(
        widen(inputs), *window, ceil_mode, constant_values=-math.inf
    )
    # Not keras.ops.softmax: TensorFlow's takes no six axes.
    largest = keras.ops.stop_gradient(maximum(windows, -1, keepdims=True))
    powers: Any = keras.ops.exp(windows - largest)
    weights = powers / keras.ops.sum(powers, axis=-1, keepdims=True)
    # A weight of 0 times a pad of minus infinity is 0 here, not NaN.
    is_pad = keras.ops.equal(windows, -math.inf)
    means = keras.ops.sum(
        weights * keras.ops.where(is_pad, 0, windows), axis=-1
    )
    means = keras.ops.cast(means, inputs.dtype)
    if counts is None:
        return means
    return keras.ops.where(any_counts(plan, counts), means, 0)
