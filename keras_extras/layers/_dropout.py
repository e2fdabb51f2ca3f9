"""Dropout: leave out a random part of the input while training.

    y = x * b / (1 - rate)          b = 1 with probability 1 - rate, else 0

A subclass chooses which elements share one b (`noise_shape`), or what is done
instead of multiplying.
"""

from collections.abc import Sequence

import keras

from keras_extras import _arguments as arguments
from keras_extras._errors import wrong
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
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.rate = arguments.fraction(self, "rate", rate)
        self.noise_shape = self._noise_shape(noise_shape)
        self.seed = seed
        if self.rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self._mark_built()

    def call(self, inputs, training=False):
        if training and self.rate > 0:
            return self.drop(inputs)
        return inputs

    def drop(self, inputs):
        """Returns the inputs with a part set to zero, the rest scaled up."""
        return keras.random.dropout(
            inputs,
            self.rate,
            noise_shape=self.noise_shape,
            seed=self.seed_generator,
        )

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def _noise_shape(self, value):
        if value is None:
            return None
        sizes = arguments.optional_integers(value)
        if sizes is None:
            raise wrong(
                self,
                "noise_shape",
                "None or a sequence of positive integers and None",
                value,
            )
        return sizes
