"""Mixed pooling: between the maximum and the mean of every window.

    y = alpha * max_pool(x) + (1 - alpha) * average_pool(x)

with one trainable number alpha.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Ints, Padding, Shape
from keras_extras.layers._pool import Pool


class MixedPooling(Pool):
    """Mixes maximum and mean of windows: the base of `MixedPooling1D` to `3D`.

        y = alpha * max(x) + (1 - alpha) * mean(x)     over the window

    `alpha` is one trainable number per layer; nothing keeps it between 0 and
    1. With `trainable=False` it stays at `initial_alpha`. Arguments, shapes
    and hooks as in `Pool`; padded positions never count.

    Args:
        initial_alpha: number, what `alpha` starts from: the share of the
            maximum.
        **kwargs: those of `Pool`.

    References:
        Lee et al., "Generalizing pooling functions in convolutional neural
        networks", arXiv:1509.08985, section 3.1.
    """

    reduce: Callable[..., Any] = staticmethod(ops.mixed_pool)
    casts = True
    takes_mask = True

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        initial_alpha: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )
        self.initial_alpha: Any = checks.number(
            self, "initial_alpha", initial_alpha
        )

    def build(self, input_shape: Shape) -> None:
        initializer = keras.initializers.Constant(self.initial_alpha)
        self.alpha: Any = self.add_weight((), initializer, name="alpha")

    def _reduce_options(self) -> dict[str, Any]:
        return {"alpha": keras.ops.convert_to_tensor(self.alpha)}


@keras.saving.register_keras_serializable(package="keras_extras")
class MixedPooling1D(MixedPooling):
    """Mixes the maximum and the mean of steps; see `MixedPooling`.

    Examples:
        >>> x = np.array([1.0, 5.0]).reshape(1, 2, 1)
        >>> layer = keras_extras.layers.MixedPooling1D(2, initial_alpha=0.25)
        >>> keras.ops.convert_to_numpy(layer(x)).tolist()
        [[[3.5]]]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class MixedPooling2D(MixedPooling):
    """Mixes the maximum and the mean of pixels; see `MixedPooling`.

    Examples:
        >>> layer = keras_extras.layers.MixedPooling2D(2, trainable=False)
        >>> y = layer(np.array([[1.0, 2.0], [2.0, 7.0]]).reshape(1, 2, 2, 1))
        >>> float(y[0, 0, 0, 0])
        5.0
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class MixedPooling3D(MixedPooling):
    """Mixes the maximum and the mean of voxels; see `MixedPooling`.

    Examples:
        >>> layer = keras_extras.layers.MixedPooling3D(2)
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
