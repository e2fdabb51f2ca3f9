"""Blur pooling: a binomial filter, then every stride-th position.

    y[n, i, c] = sum over j of b[j] * x[n, i*s + j*d - p, c],
    b[j] = C(size - 1, j) / 2 ** (size - 1)          on each spatial axis

with s the strides, d the dilation and p the padding in front. A product of one
filter per axis, so the axes are filtered one after the other. Padded positions
never count: the weights of the real ones are scaled up to 1.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pool import PoolPlan, pad_windows, pool_plan, tap
from keras_extras.ops._tensors import as_float, widen


def blur_pool(
    inputs: Tensor,
    pool_size: Ints = 3,
    strides: Ints = 2,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Takes the binomially weighted mean of every window, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the taps of the filter: 3 is
            (1, 2, 1) / 4, 5 is (1, 4, 6, 4, 1) / 16.
        strides: int or one per spatial axis.
        padding: as in `max_pool`. Padded positions never count.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, as in `max_pool`.
        ceil_mode: bool, whether a last window may reach over the end.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([0.0, 4.0, 0.0, 0.0, 4.0]).reshape(1, 5, 1)
        >>> y = keras_extras.ops.blur_pool(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [2.0, 1.0]

    References:
        Zhang, "Making convolutional networks shift-invariant again",
        arXiv:1904.11486.
    """
    inputs = as_float(inputs)
    plan = pool_plan(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    sums = _filter(pad_windows(widen(inputs), plan), plan)
    if padding != "valid" or ceil_mode:
        ones = keras.ops.ones_like(widen(inputs))
        sums = sums / _filter(pad_windows(ones, plan), plan)
    return keras.ops.cast(sums, inputs.dtype)


def _filter(inputs: Any, plan: PoolPlan) -> Any:
    """Returns the weighted sums along one axis after the other."""
    for axis, size in enumerate(plan.size):
        inputs = sum(
            math.comb(size - 1, number)
            / 2 ** (size - 1)
            * tap(inputs, plan, {axis: number})
            for number in range(size)
        )
    return inputs
