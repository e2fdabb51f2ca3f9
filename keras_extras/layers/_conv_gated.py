"""Gated convolution: each output is let through as far as its gate says.

    y = f( conv(x, T(k) for features) + b ) * g( conv(x, T(k) for gates) + b )

A subclass chooses what `Conv` leaves open, and g. Cost: twice that of `Conv`.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.layers._conv import Conv


class GatedConv(Conv):
    """Multiplies a convolution by a gate: base of `GatedConv1D`, `2D`, `3D`.

        y = activation(features) * gate_activation(gates)

    Features and gates are halves of one convolution with `2 * filters`
    outputs, so that the layer learns for each position and filter what is to
    be let through: in inpainting, where a hole was. Arguments and shapes as
    in `Conv`, of which this is a subclass.

    Args:
        *args: those of `Conv`, in its order.
        gate_activation: name or function that makes gates of numbers. `None`
            is the identity.
        **kwargs: those of `Conv`. The bias has `2 * filters` numbers, the
            kernel as many outputs: for each of the `groups` first the
            features, then the gates.

    Hooks:
        Those of `Conv`; `activate(outputs)` gets features and gates, and
        multiplies them.

    Examples:
        >>> class GatedConv4D(keras_extras.layers.GatedConv):
        ...     rank = 4
        >>> GatedConv4D(8, 3, gate_activation="hard_sigmoid").filters
        8

    References:
        Yu et al., "Free-Form Image Inpainting with Gated Convolution",
        arXiv:1806.03589, where `activation` is an ELU.
    """

    def __init__(
        self, *args: Any, gate_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._resolve(gate_activation=gate_activation)

    def add_weights(
        self, kernel_shape: Sequence[int], num_outputs: int
    ) -> None:
        """Adds kernel and bias, each for features and gates."""
        kernel_shape = (*kernel_shape[:-1], 2 * kernel_shape[-1])
        super().add_weights(kernel_shape, 2 * num_outputs)

    def activate(self, outputs: Tensor) -> Tensor:
        """Returns the activated features times their gates."""
        axis = shapes.channel_axis(self.rank, self.data_format)
        parts: Any = keras.ops.split(outputs, 2 * self.groups, axis=axis)
        features = keras.ops.concatenate(parts[::2], axis=axis)
        gates = keras.ops.concatenate(parts[1::2], axis=axis)
        return super().activate(features) * self.gate_activation(gates)


@keras.saving.register_keras_serializable(package="keras_extras")
class GatedConv1D(GatedConv):
    """Convolves sequences and gates the result; see `GatedConv`.

    Examples:
        >>> layer = keras_extras.layers.GatedConv1D(8, 3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class GatedConv2D(GatedConv):
    """Convolves images and gates the result; see `GatedConv`.

    Examples:
        >>> layer = keras_extras.layers.GatedConv2D(8, 3, activation="elu")
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 4, 4, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class GatedConv3D(GatedConv):
    """Convolves volumes and gates the result; see `GatedConv`.

    Examples:
        >>> layer = keras_extras.layers.GatedConv3D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 7, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
