"""Pixel shuffle: channels become finer positions, and back.

    y[n, h * r + i, w * r + j, c] = x[n, h, w, (c * r + i) * r + j]

with r = factor; any number of spatial axes. Cost: one copy of the input.
"""

import math
from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Shape, Tensor
from keras_extras.layers._base import Layer


class _Shuffle(Layer):
    """What both directions share: the arguments, `call` and the axes."""

    shuffle: Callable[..., Tensor]  # a function of keras_extras.ops

    def __init__(
        self, factor: Ints, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        factors = checks.integers(
            self,
            "factor",
            factor,
            "a positive integer, or one per spatial axis",
        )
        single = checks.as_integer(factor) is not None
        self.factor = factors[0] if single else factors
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = (
            keras.layers.InputSpec(min_ndim=3)
            if isinstance(self.factor, int)
            else keras.layers.InputSpec(ndim=len(self.factor) + 2)
        )
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # raises if indivisible
        return type(self).shuffle(inputs, self.factor, self.data_format)

    def _axes(self, input_shape: Shape) -> tuple[int, list[tuple[int, int]]]:
        """Returns the axis of the channels, and (axis, factor) of the rest."""
        rank = len(input_shape) - 2
        factors = shapes.per_axis(self.factor, rank)
        axes = shapes.spatial_axes(rank, self.data_format)
        channels = shapes.channel_axis(rank, self.data_format)
        return channels, list(zip(axes, factors, strict=True))

    def _indivisible(
        self, axis: int, input_shape: Shape, divisor: int
    ) -> Exception:
        return invalid_argument(
            self,
            "input_shape",
            f"a multiple of {divisor} on axis {axis}",
            tuple(input_shape),
            context=f"factor={self.factor}, data_format={self.data_format!r}.",
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class PixelShuffle(_Shuffle):
    """Moves channels into positions: fewer channels, a finer grid.

        y[n, h * r + i, w * r + j, c] = x[n, h, w, (c * r + i) * r + j]

    Behind a convolution it makes an image larger without the uneven overlap
    of a transposed convolution. The order of the channels is torch's, in both
    data formats.

    Args:
        factor: int or one per spatial axis, by which the grid becomes finer.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *spatial * factor, channels / product)`, or channels second,
        with the product of the factors of all axes: `factor**2` in 2D.

    Raises:
        ValueError: if an argument is out of its range, or the channels are
            not a multiple of the product.

    Examples:
        >>> layer = keras_extras.layers.PixelShuffle(2)
        >>> layer(np.ones((1, 4, 4, 12))).shape == (1, 8, 8, 3)
        True

    References:
        Shi et al., "Real-Time Single Image and Video Super-Resolution",
        arXiv:1609.05158.
    """

    shuffle = staticmethod(ops.pixel_shuffle)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape with finer positions and fewer channels."""
        channels, factors = self._axes(input_shape)
        shape: list[Any] = list(input_shape)
        for axis, factor in factors:
            if shape[axis] is not None:
                shape[axis] *= factor
        product = math.prod(factor for _, factor in factors)
        if shape[channels] is not None:
            if shape[channels] % product:
                raise self._indivisible(channels, input_shape, product)
            shape[channels] //= product
        return tuple(shape)


@keras.saving.register_keras_serializable(package="keras_extras")
class PixelUnshuffle(_Shuffle):
    """Moves positions into channels: a coarser grid, more channels.

        y[n, h, w, (c * r + i) * r + j] = x[n, h * r + i, w * r + j, c]

    Undoes `PixelShuffle` with the same factor. Makes an image smaller and
    loses nothing, where pooling or a stride would. The order of the channels
    is torch's, in both data formats.

    Args:
        factor: int or one per spatial axis, by which the grid becomes
            coarser.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *spatial / factor, channels * product)`, or channels second,
        with the product of the factors of all axes: `factor**2` in 2D.

    Raises:
        ValueError: if an argument is out of its range, or a length is not a
            multiple of its factor.

    Examples:
        >>> layer = keras_extras.layers.PixelUnshuffle(2)
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 12)
        True
    """

    shuffle = staticmethod(ops.pixel_unshuffle)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape with coarser positions and more channels."""
        channels, factors = self._axes(input_shape)
        shape: list[Any] = list(input_shape)
        for axis, factor in factors:
            if shape[axis] is not None:
                if shape[axis] % factor:
                    raise self._indivisible(axis, input_shape, factor)
                shape[axis] //= factor
        if shape[channels] is not None:
            shape[channels] *= math.prod(factor for _, factor in factors)
        return tuple(shape)
