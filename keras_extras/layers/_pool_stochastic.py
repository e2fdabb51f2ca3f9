"""Stochastic pooling: one tap of every window, drawn by its size.

    training:   y = w[j]   with probability   p[j] = max(w[j], 0) / sum of these
    inference:  y = sum over j of p[j] * w[j]

with w the taps of a window. Regularizes without a parameter. Cost: outputs *
window size, in memory too.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Ints, Padding, Tensor
from keras_extras.layers._pool import Pool


class StochasticPooling(Pool):
    """Draws a tap of every window while training: base of its leaves 1D to 3D.

        y = x[j]  with probability  x[j] / sum(x)     while training
        y = sum(x * x) / sum(x)                       else

    For inputs that are not negative, as behind a `relu`: negative numbers are
    never drawn, and a window without positive ones gives 0. Arguments and
    shapes as in `Pool`; padded positions never count.

    Args:
        seed: int or `None`, the start of the random numbers.
        **kwargs: those of `Pool`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        training: bool, whether to draw.

    Hooks:
        `pad_inputs(inputs)`: as in `Pool`.
        `pool_op(inputs)`: the reduction in inference.
        `sample_op(inputs)`: the reduction while training.

    References:
        Zeiler and Fergus, "Stochastic pooling", arXiv:1301.3557.
    """

    reduce: Callable[..., Any] = staticmethod(ops.stochastic_pool)
    casts = True

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )
        self.seed: int | None = checks.seed(self, seed)
        self.seed_generator: Any = keras.random.SeedGenerator(seed)

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]: no mask
        self, inputs: Tensor, training: bool | None = False
    ) -> Tensor:
        self.compute_output_shape(inputs.shape)  # raises if no window fits
        padded = self.pad_inputs(inputs)  # (batch, *padded, channels)
        return self.sample_op(padded) if training else self.pool_op(padded)

    def sample_op(self, inputs: Tensor) -> Tensor:
        """Returns a tap of every window of the padded inputs."""
        return self._reduce(inputs, draw=True, seed=self.seed_generator)


@keras.saving.register_keras_serializable(package="keras_extras")
class StochasticPooling1D(StochasticPooling):
    """Draws a step of every window while training; see `StochasticPooling`.

    Examples:
        >>> x = np.array([1.0, 3.0]).reshape(1, 2, 1)
        >>> layer = keras_extras.layers.StochasticPooling1D(2, seed=1)
        >>> float(layer(x)[0, 0, 0])
        2.5
        >>> float(layer(x, training=True)[0, 0, 0]) in (1.0, 3.0)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class StochasticPooling2D(StochasticPooling):
    """Draws a pixel of every window while training; see `StochasticPooling`.

    Examples:
        >>> layer = keras_extras.layers.StochasticPooling2D(3, 2, "same")
        >>> layer(np.ones((1, 8, 8, 3)), training=True).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class StochasticPooling3D(StochasticPooling):
    """Draws a voxel of every window while training; see `StochasticPooling`.

    Examples:
        >>> layer = keras_extras.layers.StochasticPooling3D(2)
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
