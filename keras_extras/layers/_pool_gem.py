"""Generalized mean pooling: the power mean of every window.

    y[n, i, c] = ( mean over j of w[j] ** power ) ** (1 / power)

with w the taps of the window i, not below epsilon, and one trainable power.
Over all positions at once, as in the paper: `_pool_global_gem`. Cost: outputs *
window size, in memory too.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import ops
from keras_extras._shapes import Ints, Padding
from keras_extras.layers._base import PowerMean
from keras_extras.layers._pool import Pool


class GeMPooling(PowerMean, Pool):
    """Takes the power mean of windows: the base of `GeMPooling1D` to `3D`.

        y = mean(max(x, epsilon) ** power) ** (1 / power)     over the window

    `power` is one trainable number per layer: 1 is the mean, infinity the
    maximum. For inputs that are not negative, as behind a `relu`. Computed
    with logarithms, so that no power overflows. Arguments, shapes and hooks
    as in `Pool`; padded positions never count.

    Args:
        initial_power: number but 0, what `power` starts from.
        epsilon: number above 0; smaller inputs count as this.
        **kwargs: those of `Pool`.

    References:
        Radenović et al., "Fine-tuning CNN image retrieval with no human
        annotation", arXiv:1711.02512, equation 3, where the window is the
        whole image: `GlobalGeMPooling2D`.
    """

    reduce: Callable[..., Any] = staticmethod(ops.gem_pool)
    casts = True

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        initial_power: float = 3.0,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"initial_power": initial_power, "epsilon": epsilon}
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class GeMPooling1D(GeMPooling):
    """Takes the power mean of steps; see `GeMPooling`.

    Examples:
        >>> x = np.array([1.0, 7.0]).reshape(1, 2, 1)
        >>> layer = keras_extras.layers.GeMPooling1D(2, initial_power=2)
        >>> keras.ops.convert_to_numpy(layer(x)).round(4).tolist()
        [[[5.0]]]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class GeMPooling2D(GeMPooling):
    """Takes the power mean of pixels; see `GeMPooling`.

    Examples:
        >>> layer = keras_extras.layers.GeMPooling2D(3, 2, "same")
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class GeMPooling3D(GeMPooling):
    """Takes the power mean of voxels; see `GeMPooling`.

    Examples:
        >>> layer = keras_extras.layers.GeMPooling3D(2)
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
