"""Global generalized mean pooling: the power mean of all positions.

    y[n, c] = ( mean over i of x[n, i, c] ** power ) ** (1 / power)

with inputs not below epsilon and one trainable power. Cost: a logarithm and an
exponential per input.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import ops
from keras_extras.layers._base import PowerMean
from keras_extras.layers._pool_global import GlobalPool


class GlobalGeMPooling(PowerMean, GlobalPool):
    """Takes the power mean of each channel: base of its leaves 1D to 3D.

        y = mean(max(x, epsilon) ** power) ** (1 / power)     over all positions

    The descriptor of an image in retrieval. `power` is one trainable number
    per layer: 1 is the mean, infinity the maximum. For inputs that are not
    negative, as behind a `relu`. Computed with logarithms, so that no power
    overflows. Arguments, shapes and hooks as in `GlobalPool`.

    Args:
        initial_power: number but 0, what `power` starts from.
        epsilon: number above 0; smaller inputs count as this.
        **kwargs: those of `GlobalPool`.

    References:
        Radenović et al., "Fine-tuning CNN image retrieval with no human
        annotation", arXiv:1711.02512, equation 3 with one power for all
        channels.
    """

    reduce: Callable[..., Any] = staticmethod(ops.global_gem_pool)
    needs_positions = True
    casts = True

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        *,
        initial_power: float = 3.0,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"initial_power": initial_power, "epsilon": epsilon}
        super().__init__(data_format, keepdims, **kwargs)


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalGeMPooling1D(GlobalGeMPooling):
    """Takes the power mean of all steps; see `GlobalGeMPooling`.

    Examples:
        >>> x = np.array([1.0, 7.0]).reshape(1, 2, 1)
        >>> layer = keras_extras.layers.GlobalGeMPooling1D(initial_power=2)
        >>> keras.ops.convert_to_numpy(layer(x)).round(4).tolist()
        [[5.0]]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalGeMPooling2D(GlobalGeMPooling):
    """Takes the power mean of all pixels; see `GlobalGeMPooling`.

    Examples:
        >>> layer = keras_extras.layers.GlobalGeMPooling2D()
        >>> layer(np.ones((2, 8, 8, 3))).shape == (2, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalGeMPooling3D(GlobalGeMPooling):
    """Takes the power mean of all voxels; see `GlobalGeMPooling`.

    Examples:
        >>> layer = keras_extras.layers.GlobalGeMPooling3D(keepdims=True)
        >>> layer(np.ones((2, 4, 4, 4, 3))).shape == (2, 1, 1, 1, 3)
        True
    """

    rank = 3
