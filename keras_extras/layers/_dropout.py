"""Dropout: leave out a random part of the input while training.

    y = x * b / (1 - rate)          b = 1 with probability 1 - rate, else 0

A subclass chooses which elements share one b (`noise_shape`), or what is done
instead of multiplying.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer


@keras.saving.register_keras_serializable(package="keras_extras")
class Dropout(Layer):
    """Sets a random part of the input to zero while training.

        y = x * b / (1 - rate)

    The rest is scaled up, so that the expected output is the input. In
    inference the input is returned as it is. Same numbers as
    `keras.layers.Dropout` under the same seed.

    Args:
        rate: float from 0 to 1, the share that is set to zero. At 1, all is.
        noise_shape: shape of b, broadcast against the input: ints or `None`
            (as in the input) per axis. `(None, 1, None)` drops whole channels
            of a sequence. `None` draws for every element.
        seed: int or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of any shape and rank.
        training: bool, whether anything is dropped.

    Input shape:
        any
    Output shape:
        the input's

    Raises:
        ValueError: if `rate` or `noise_shape` is out of its range.
        TypeError: if `rate` is not a number.

    Hooks:
        `drop(inputs)`: what is done while training.

    Examples:
        >>> layer = keras_extras.layers.Dropout(0.5)
        >>> y = layer(np.ones((1, 100)), training=True)
        >>> sorted(set(keras.ops.convert_to_numpy(y).ravel().tolist()))
        [0.0, 2.0]

    References:
        Srivastava et al., "Dropout", JMLR 15 (2014); there the scaling is
        done in inference instead.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction(self, "rate", rate)
        self.noise_shape = checks.optional(
            checks.sizes,
            self,
            "noise_shape",
            noise_shape,
            allowed="None or a sequence of positive integers and None",
        )
        self.seed = checks.seed(self, seed)
        if self.rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self._mark_built()

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        if training and self.rate > 0:
            return self.drop(inputs)
        return inputs

    def drop(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with a part set to zero, the rest scaled up."""
        return keras.random.dropout(
            inputs,
            self.rate,
            noise_shape=self.noise_shape,
            seed=self.seed_generator,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape


class SpatialDropout(Dropout):
    """Sets whole channels to zero while training: base of the 1D to 3D leaves.

        y[n, i, c] = x[n, i, c] * b[n, c] / (1 - rate)

    For inputs whose neighbors are alike, as after a convolution: a single
    value that is dropped can be read off its neighbors. Same numbers as
    `keras.layers.SpatialDropout2D` and its relatives under the same seed.

    Args:
        rate: float from 0 to 1, the share of channels that is set to zero.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        seed: int or `None`.
        name: name of the layer.
        dtype: dtype or dtype policy.
        **kwargs: `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        training: bool, whether anything is dropped.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        the input's

    Raises:
        ValueError: if `rate` or `data_format` is out of its range.
        TypeError: if `rate` is not a number.

    Hooks:
        `drop(inputs)`: what is done while training.

    Examples:
        >>> layer = keras_extras.layers.SpatialDropout2D(0.5, seed=0)
        >>> y = layer(np.ones((1, 4, 4, 8)), training=True)
        >>> y = keras.ops.convert_to_numpy(y)
        >>> bool((y == y[:, :1, :1]).all())
        True

    References:
        Tompson et al., "Efficient Object Localization Using Convolutional
        Networks", arXiv:1411.4280.
    """

    _refused_arguments: ClassVar[Mapping[str, str]] = {
        "noise_shape": "The class decides what is dropped together."
    }

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        checks.require_rank(self)
        data_format = arguments.data_format(self, data_format)
        noise_shape: list[int | None] = [None] * (self.rank + 2)
        for axis in shapes.spatial_axes(self.rank, data_format):
            noise_shape[axis] = 1
        super().__init__(
            rate, noise_shape, seed, name=name, dtype=dtype, **kwargs
        )
        self.data_format = data_format
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialDropout1D(SpatialDropout):
    """Sets whole channels of a sequence to zero; see `SpatialDropout`.

    As in Keras the channels are last, whatever is configured; here
    `data_format` says otherwise.

    Examples:
        >>> layer = keras_extras.layers.SpatialDropout1D(0.5)
        >>> layer(np.ones((2, 10, 3)), training=True).shape == (2, 10, 3)
        True
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        data_format: str = "channels_last",
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, data_format, seed, name, dtype, **kwargs)


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialDropout2D(SpatialDropout):
    """Sets whole channels of an image to zero; see `SpatialDropout`.

    Examples:
        >>> layer = keras_extras.layers.SpatialDropout2D(0.5)
        >>> layer(np.ones((2, 8, 8, 3)), training=True).shape == (2, 8, 8, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialDropout3D(SpatialDropout):
    """Sets whole channels of a volume to zero; see `SpatialDropout`.

    Examples:
        >>> layer = keras_extras.layers.SpatialDropout3D(0.5)
        >>> x = np.ones((2, 4, 4, 4, 3))
        >>> layer(x, training=True).shape == x.shape
        True
    """

    rank = 3
