"""Generalized mean pooling: the power mean of every window.

    y[n, i, c] = ( mean over j of w[j] ** power ) ** (1 / power)

with w the taps of the window i (see `extract_windows`), not below epsilon.
Power 1 is the mean, infinity the maximum. Computed with logarithms, so that
no power overflows:

    y = exp( log( mean of exp(power * log w) ) / power )
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._tensors import as_float, widen
from keras_extras.ops._windows import extract_windows


def gem_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    *,
    power: Tensor = 3.0,
    epsilon: float = 1e-6,
) -> Tensor:
    """Takes the power mean of every window, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: as in `max_pool`. Padded positions never count.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, as in `max_pool`.
        ceil_mode: bool, whether a last window may reach over the end.
        power: number but 0, or a tensor that broadcasts against the inputs
            and the outputs.
        epsilon: number above 0; smaller inputs count as this.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 7.0]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.gem_pool(x, 2, power=2.0)
        >>> round(float(y[0, 0, 0]), 4)
        5.0

    References:
        Radenović et al., "Fine-tuning CNN image retrieval with no human
        annotation", arXiv:1711.02512, equation 3.
    """
    inputs = as_float(inputs)
    windows: Any = extract_windows(
        log_power(inputs, power, epsilon),
        pool_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        ceil_mode,
        constant_values=-math.inf,
    )
    counted = keras.ops.not_equal(windows, -math.inf)
    counts: Any = keras.ops.sum(keras.ops.cast(counted, windows.dtype), -1)
    return root(
        keras.ops.logsumexp(windows, axis=-1), counts, power, inputs.dtype
    )


def log_power(inputs: Tensor, power: Tensor, epsilon: float) -> Any:
    """Returns log(inputs ** power), in float32 at least."""
    inputs = widen(inputs)
    exponent: Any = keras.ops.cast(power, inputs.dtype)
    return exponent * keras.ops.log(keras.ops.maximum(inputs, epsilon))


def root(log_sums: Any, counts: Any, power: Tensor, dtype: Any) -> Tensor:
    """Returns (exp(log_sums) / counts) ** (1 / power)."""
    log_means = log_sums - keras.ops.log(counts)
    means = keras.ops.exp(log_means / keras.ops.cast(power, log_sums.dtype))
    return keras.ops.cast(means, dtype)
