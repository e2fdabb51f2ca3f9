"""Stochastic pooling: one tap of every window, drawn by its size.

    y[n, i, c] = w[j]   with probability   p[j] = max(w[j], 0) / sum of these

with w the taps of the window i (see `extract_windows`); or the expected value
of that, sum of p[j] * w[j], without drawing.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._tensors import as_float, widen
from keras_extras.ops._windows import extract_windows


def stochastic_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    *,
    draw: bool = False,
    seed: int | keras.random.SeedGenerator | None = None,
) -> Tensor:
    """Takes a tap of every window, drawn by its size, or the mean of that.

    Negative numbers are never drawn; a window without positive ones gives 0.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: as in `max_pool`. Padded positions never count.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, as in `max_pool`.
        ceil_mode: bool, whether a last window may reach over the end.
        draw: bool, whether to draw, or to return the expected value.
        seed: int, `keras.random.SeedGenerator` or `None`, as in
            `keras.random`; used if `draw`.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 3.0]).reshape(1, 2, 1)
        >>> float(keras_extras.ops.stochastic_pool(x, 2)[0, 0, 0])
        2.5
        >>> y = keras_extras.ops.stochastic_pool(x, 2, draw=True, seed=1)
        >>> float(y[0, 0, 0]) in (1.0, 3.0)
        True

    References:
        Zeiler and Fergus, "Stochastic pooling", arXiv:1301.3557; there the
        inputs are not negative.
    """
    # Zeros: a pad, as a negative number, has no share.
    windows: Any = extract_windows(
        as_float(inputs),
        pool_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        ceil_mode,
    )
    shares = _shares(widen(windows))
    if draw:
        sizes: Any = keras.ops.shape(shares)
        samples = keras.random.uniform(sizes[:-1], dtype="float32", seed=seed)
        return _chosen(windows, shares, samples)
    means: Any = keras.ops.sum(shares * widen(windows), axis=-1)
    return keras.ops.cast(means, windows.dtype)


def _shares(windows: Tensor) -> Tensor:
    """Returns the probability of each tap; all 0 where none is positive."""
    sizes: Any = keras.ops.relu(windows)
    totals: Any = keras.ops.sum(sizes, axis=-1, keepdims=True)
    return sizes / keras.ops.where(keras.ops.equal(totals, 0), 1, totals)


def _chosen(windows: Tensor, shares: Tensor, samples: Tensor) -> Tensor:
    """Returns the first tap at which the shares add up to more than u."""
    sums: Any = keras.ops.cumsum(keras.ops.stop_gradient(shares), axis=-1)
    samples = keras.ops.expand_dims(samples, -1)
    # Times the last sum: it is 1 but for rounding, and 0 where there is none.
    passed = keras.ops.less_equal(
        sums, keras.ops.cast(samples, sums.dtype) * sums[..., -1:]
    )
    places: Any = keras.ops.sum(
        keras.ops.cast(passed, "int32"), axis=-1, keepdims=True
    )
    last = windows.shape[-1] - 1
    chosen = keras.ops.take_along_axis(
        windows, keras.ops.minimum(places, last), axis=-1
    )
    # The sum is NaN if the window has one, which is not to be passed over.
    doubt = keras.ops.cast(0 * sums[..., -1], windows.dtype)
    positive: Any = keras.ops.relu(keras.ops.squeeze(chosen, -1))
    return positive + doubt
