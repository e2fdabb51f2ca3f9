"""Deformable convolution: each tap of each window looks where it is told to.

    y = g( sum over j, c of  m[j] * x(i*s + j*d - p + o[j], c) * T(k)[j, c, f]
           + bias )
    o, m = conv(x, k2) + b2

with x(.) the input between its positions. A subclass chooses what `Conv`
leaves open, and o and m. Cost: that of `Conv` twice, and 2 ** rank positions
read for each tap.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Tensor
from keras_extras.layers._conv import Conv


class DeformableConv(Conv):
    """Convolves with windows that bend: base of `DeformableConv1D`, `2D`, `3D`.

        y = activation(deformable_conv(x, kernel, offsets, modulation) + bias)

    A convolution of the same window says how far each tap is moved, and with
    `modulated` how much it counts, from 0 to 1. Its weights are zero at first:
    nothing is moved, and all counts a half. Arguments and shapes as in `Conv`,
    of which this is a subclass.

    Args:
        *args: those of `Conv`, in its order.
        modulated: bool, whether taps are weighted, as in the second version.
        offset_groups: int >= 1. The channels are split into so many groups
            with offsets of their own.
        offset_initializer: initializer of the kernel of the offsets,
            `(*kernel_size, channels, offset_groups * taps * (rank + 1))`, or
            `* rank` if not `modulated`.
        **kwargs: those of `Conv`.

    Raises:
        ValueError: if the channels cannot be split into `offset_groups`, and
            as in `Conv`.

    Hooks:
        Those of `Conv`; `find_offsets(inputs)` returns the offsets and the
        modulation, or `None` for that.

    Examples:
        >>> class Jittered(keras_extras.layers.DeformableConv2D):
        ...     def find_offsets(self, inputs):
        ...         offsets, modulation = super().find_offsets(inputs)
        ...         noise = keras.random.normal(keras.ops.shape(offsets))
        ...         return offsets + noise, modulation
        >>> Jittered(4, 3)(np.ones((1, 6, 6, 2))).shape == (1, 4, 4, 4)
        True

    References:
        Dai et al., "Deformable Convolutional Networks", arXiv:1703.06211; Zhu
        et al., "Deformable ConvNets v2", arXiv:1811.11168. Numbers as in
        `torchvision.ops.deform_conv2d`.
    """

    def __init__(
        self,
        *args: Any,
        modulated: bool = True,
        offset_groups: int = 1,
        offset_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.modulated: bool = checks.boolean(self, "modulated", modulated)
        self.offset_groups: int = checks.integer(
            self, "offset_groups", offset_groups
        )
        self._resolve(offset_initializer=offset_initializer)

    def add_weights(
        self, kernel_shape: Sequence[int], num_outputs: int
    ) -> None:
        """Adds kernel and bias, and those of the offsets."""
        super().add_weights(kernel_shape, num_outputs)
        *size, part, _ = kernel_shape
        channels = part * self.groups
        if channels % self.offset_groups:
            raise invalid_argument(
                self,
                "offset_groups",
                "a divisor of the number of input channels",
                self.offset_groups,
                context=f"The input has {channels} channels.",
            )
        numbers = self.rank + self.modulated
        count = self.offset_groups * math.prod(size) * numbers
        self.offset_kernel: Any = self.add_weight(
            name="offset_kernel",
            shape=(*size, channels, count),
            initializer=self.offset_initializer,  # pyright: ignore
        )
        self.offset_bias: Any = self.add_weight(
            name="offset_bias", shape=(count,), initializer="zeros"
        )

    def find_offsets(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns how far taps are moved, and how much they count."""
        axis = shapes.channel_axis(self.rank, self.data_format)
        kernel = keras.ops.convert_to_tensor(self.offset_kernel)
        found: Any = ops.conv(inputs, kernel, **self._convolution_arguments)
        shape = [1] * (self.rank + 2)
        shape[axis] = -1
        found = found + keras.ops.reshape(self.offset_bias, shape)
        if not self.modulated:
            return found, None
        moved = self.offset_bias.shape[0] * self.rank // (self.rank + 1)
        parts: Any = keras.ops.split(found, [moved], axis=axis)
        return parts[0], keras.ops.sigmoid(parts[1])

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the convolution of the padded inputs with bent windows."""
        offsets, modulation = self.find_offsets(inputs)
        return ops.deformable_conv(
            inputs,
            kernel,
            offsets,
            modulation,
            offset_groups=self.offset_groups,
            **self._convolution_arguments,
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class DeformableConv1D(DeformableConv):
    """Convolves sequences with moved taps; see `DeformableConv`.

    Examples:
        >>> layer = keras_extras.layers.DeformableConv1D(8, 3, padding="same")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class DeformableConv2D(DeformableConv):
    """Convolves images with windows that bend; see `DeformableConv`.

    Examples:
        >>> layer = keras_extras.layers.DeformableConv2D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 3))).shape == (2, 3, 3, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class DeformableConv3D(DeformableConv):
    """Convolves volumes with windows that bend; see `DeformableConv`.

    Examples:
        >>> layer = keras_extras.layers.DeformableConv3D(2, 3)
        >>> layer(np.ones((1, 4, 4, 4, 1))).shape == (1, 2, 2, 2, 2)
        True
    """

    rank = 3
