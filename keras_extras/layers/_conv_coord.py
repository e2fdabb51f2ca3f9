"""Convolution that knows where it is: coordinates are further input channels.

    y = g( conv([x, coordinates from -1 to 1], T(k)) + bias )

A subclass chooses what `Conv` leaves open. Cost: that of `Conv` with as many
more channels as there are spatial axes.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._conv import Conv


class CoordConv(Conv):
    """Convolves the input and its coordinates: base of `CoordConv1D` to `3D`.

        y = conv([x, coordinates])

    A convolution gives the same answer wherever a pattern is; this one can
    learn to answer by place. The coordinates follow the channels of the
    input, the first spatial axis first, each from -1 to 1, before any
    padding. Arguments and shapes as in `Conv`, of which this is a subclass.

    Args:
        *args: those of `Conv`, in its order.
        with_r: bool, whether the distance from the center is one more
            channel.
        **kwargs: those of `Conv`. `groups` splits input channels and
            coordinates together.

    Hooks:
        Those of `Conv`; `pad_inputs(inputs)` adds the coordinates, then pads.

    Examples:
        >>> class CoordConv4D(keras_extras.layers.CoordConv):
        ...     rank = 4
        >>> CoordConv4D(8, 3, with_r=True).with_r
        True

    References:
        Liu et al., "An Intriguing Failing of Convolutional Neural Networks
        and the CoordConv Solution", arXiv:1807.03247. The authors' code has
        the column before the row.
    """

    def __init__(self, *args: Any, with_r: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.supports_masking = False  # a masked step has its coordinates
        self.with_r: bool = checks.boolean(self, "with_r", with_r)

    def _channels_to_convolve(self, input_shape: Shape) -> int:
        channels = super()._channels_to_convolve(input_shape)
        return channels + self.rank + self.with_r

    def pad_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with their coordinates, padded."""
        return super().pad_inputs(
            ops.add_coordinates(inputs, self.with_r, self.data_format)
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class CoordConv1D(CoordConv):
    """Convolves sequences and the number of each step; see `CoordConv`.

    Examples:
        >>> layer = keras_extras.layers.CoordConv1D(
        ...     1, 1, kernel_initializer="ones"
        ... )
        >>> y = layer(np.zeros((1, 3, 1)))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [-1.0, 0.0, 1.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class CoordConv2D(CoordConv):
    """Convolves images, the row and the column; see `CoordConv`.

    Examples:
        >>> layer = keras_extras.layers.CoordConv2D(8, 3, with_r=True)
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 4, 4, 8)
        True
        >>> layer.kernel.shape == (3, 3, 6, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class CoordConv3D(CoordConv):
    """Convolves volumes and their three coordinates; see `CoordConv`.

    Examples:
        >>> layer = keras_extras.layers.CoordConv3D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 7, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
