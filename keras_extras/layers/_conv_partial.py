"""Partial convolution: only what is there counts, scaled to a full window.

    y = g( m' * ( size / count * conv(x * m, T(k)) + bias ) )
    m' = 1 where the window held anything, else 0

with m = 1 where the input is real and 0 in its holes, and count the sum of m
over the window. A subclass chooses what `Conv` leaves open. Cost: that of
`Conv` and one more filter.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._conv import Conv


class PartialConv(Conv):
    """Convolves an input with holes: the base of `PartialConv1D`, `2D`, `3D`.

        y = activation(new_mask * (conv(x * mask) * size / count + bias))

    What stands in a hole never counts, NaN included; where a window is all
    hole, the output is a hole, too, and zero before the activation. Layer
    after layer the holes shrink. Without a mask only the pads are holes, so
    that borders are not darker than the rest. Arguments and shapes as in
    `Conv`, of which this is a subclass.

    Args:
        *args: those of `Conv`, in its order.
        return_mask: bool. `True` returns the pair of the output and the new
            mask, which has one channel.
        **kwargs: those of `Conv`. `pad_value` must be 0: such pads are holes.
            Those of another `pad_mode` repeat the mask as they do the input.

    Call arguments:
        inputs: tensor `(batch, *spatial, channels)`.
        mask: tensor of 1 or `True` for real positions, 0 or `False` for
            holes: like `inputs`, or with one channel, or without the axis of
            the channels, as Keras's own masks of sequences are, which come
            here by themselves. `None`: there are no holes.

    Raises:
        ValueError: if the mask does not fit the inputs, and as in `Conv`.

    Hooks:
        Those of `Conv`; `convolution_op(inputs, kernel, mask)` returns the
        scaled convolution and the new mask.

    Examples:
        >>> class PartialConv4D(keras_extras.layers.PartialConv):
        ...     rank = 4
        >>> PartialConv4D(8, 3, return_mask=True).return_mask
        True

    References:
        Liu et al., "Image Inpainting for Irregular Holes Using Partial
        Convolutions", arXiv:1804.07723. Numbers as in the authors'
        `PartialConv2d`; its `multi_channel` is told by the mask here.
    """

    def __init__(
        self, *args: Any, return_mask: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.return_mask: bool = checks.boolean(
            self, "return_mask", return_mask
        )
        self.supports_masking = True  # takes those of any rank, and ends them
        if self.pad_value != 0:
            raise invalid_argument(self, "pad_value", "0", self.pad_value)

    # Its own `call`: a mask goes through the steps beside the inputs.
    def call(  # pyright: ignore[reportIncompatibleMethodOverride]: as in Keras
        self, inputs: Tensor, mask: Tensor = None, training: bool | None = None
    ) -> Tensor:
        padded, mask = map(self.pad_inputs, (inputs, self._mask(inputs, mask)))
        outputs, mask = self.convolution_op(
            padded, self._kernel_for_use(training), mask
        )
        outputs = self.activate(self.add_bias(outputs) * mask)
        return (outputs, mask) if self.return_mask else outputs

    def convolution_op(
        self, inputs: Tensor, kernel: Tensor, mask: Tensor = None
    ) -> Any:
        """Returns the scaled convolution of what is there, and what will be."""
        return ops.partial_conv(
            inputs, mask, kernel, **self._convolution_arguments
        )

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor = None
    ) -> Tensor:
        """Returns `None`: a mask that Keras passes on is used up here."""

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Returns `(batch, *windows, filters)`, and the shape of the mask."""
        if not self.return_mask:
            return super().compute_output_shape(input_shape)
        return tuple(
            self._windows_shape(input_shape, n) for n in (self.filters, 1)
        )

    def _mask(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Returns the mask with an axis of channels; ones if there is none."""
        axis = shapes.channel_axis(self.rank, self.data_format)
        if mask is None:
            return keras.ops.take(keras.ops.ones_like(inputs), [0], axis=axis)
        full: Any = mask
        if len(full.shape) == self.rank + 1:
            full = keras.ops.expand_dims(full, axis)
        whole = tuple(inputs.shape)
        single = (*whole[:axis], 1, *whole[axis + 1 :])
        if not (
            shapes.may_be_equal(full.shape, whole)
            or shapes.may_be_equal(full.shape, single)
        ):
            raise invalid_argument(
                self,
                "mask",
                "of the shape of the inputs, or with one channel",
                tuple(mask.shape),
                context=f"The inputs have the shape {whole}.",
            )
        return full


@keras.saving.register_keras_serializable(package="keras_extras")
class PartialConv1D(PartialConv):
    """Convolves sequences with missing steps; see `PartialConv`.

    Examples:
        >>> layer = keras_extras.layers.PartialConv1D(
        ...     1, 2, kernel_initializer="ones"
        ... )
        >>> x = np.array([1.0, 2.0, np.nan, np.nan, 3.0]).reshape(1, 5, 1)
        >>> y = layer(x, ~np.isnan(x))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 4.0, 0.0, 6.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class PartialConv2D(PartialConv):
    """Convolves images with holes; see `PartialConv`.

    Examples:
        >>> layer = keras_extras.layers.PartialConv2D(
        ...     8, 3, padding="same", return_mask=True
        ... )
        >>> x, mask = np.ones((2, 6, 6, 3)), np.zeros((2, 6, 6, 1))
        >>> mask[:, :2] = 1
        >>> y, mask = layer(x, mask)
        >>> y.shape == (2, 6, 6, 8)
        True
        >>> keras.ops.convert_to_numpy(mask)[0, :, 0, 0].tolist()
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class PartialConv3D(PartialConv):
    """Convolves volumes with holes; see `PartialConv`.

    Examples:
        >>> layer = keras_extras.layers.PartialConv3D(8, 3, strides=2)
        >>> x = np.ones((2, 7, 7, 7, 1))
        >>> layer(x, x > 0).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
