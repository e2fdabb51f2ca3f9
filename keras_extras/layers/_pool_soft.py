"""Soft pooling: the mean of every window, weighted by its softmax.

    y[n, i, c] = sum over j of exp(w[j]) * w[j]  /  sum over j of exp(w[j])

with w the taps of the window i. Between the mean and the maximum, with a
gradient for every input. Cost: outputs * window size, in memory too.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import ops
from keras_extras.layers._pool import Pool


class SoftPooling(Pool):
    """Takes the softmax-weighted mean of windows: base of `SoftPooling1D`-`3D`.

        y = sum(softmax(x) * x)          over the window, per channel

    Keeps more of the input than the maximum, and weighs what is strong more
    than the mean does. Arguments, shapes and hooks as in `Pool`; padded
    positions never count.

    References:
        Stergiou et al., "Refining activation downsampling with SoftPool",
        arXiv:2101.00440.
    """

    reduce: Callable[..., Any] = staticmethod(ops.soft_pool)
    casts = True
    takes_mask = True


@keras.saving.register_keras_serializable(package="keras_extras")
class SoftPooling1D(SoftPooling):
    """Takes the softmax-weighted mean of steps; see `SoftPooling`.

    Examples:
        >>> x = np.array([0.0, np.log(3.0)]).reshape(1, 2, 1)
        >>> y = keras_extras.layers.SoftPooling1D(2)(x)  # weights 1/4, 3/4
        >>> round(float(y[0, 0, 0]), 4)
        0.824
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class SoftPooling2D(SoftPooling):
    """Takes the softmax-weighted mean of pixels; see `SoftPooling`.

    Examples:
        >>> layer = keras_extras.layers.SoftPooling2D(3, 2, "same")
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class SoftPooling3D(SoftPooling):
    """Takes the softmax-weighted mean of voxels; see `SoftPooling`.

    Examples:
        >>> layer = keras_extras.layers.SoftPooling3D(2)
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
