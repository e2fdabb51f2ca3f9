"""Global pooling: reduce all positions to one number per channel.

    y[n, c] = R( x[n, i, c]  for all positions i )

A subclass chooses R (the attribute `reduce`, or the hook `pool_op`); a leaf
chooses the rank. Cost: one pass over the input.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer


class GlobalPool(Layer):
    """Reduces all positions to one number per channel: the base of the family.

        y = reduce(x over the spatial axes)

    Same positional arguments and numbers as `keras.layers.GlobalMaxPooling2D`
    and its relatives. Set the class attributes `rank` and `reduce` to make a
    leaf.

    Args:
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        mask: bool tensor `(batch, *spatial)`, for `GlobalAveragePooling1D`
            only, which Keras fills in; the others take no notice of it.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, channels)`; with `keepdims` `(batch, 1, ..., channels)`, or
        channels second.

    Raises:
        ValueError: if `data_format` is not one of the two, `keepdims` is not
            a bool, or there is no position to take the maximum of.

    Hooks:
        `pool_op(inputs)`: the reduction; the shapes must stay as above. With
        a mask, `pool_op(inputs, mask)`.

    Examples:
        >>> class GlobalNormPooling2D(keras_extras.layers.GlobalPool):
        ...     rank = 2
        ...
        ...     def pool_op(self, inputs):
        ...         return keras.ops.sqrt(keras.ops.sum(inputs**2, (1, 2)))
        >>> y = GlobalNormPooling2D()(np.ones((1, 2, 2, 1)))
        >>> round(float(y[0, 0]), 4)
        2.0
    """

    # A function of keras_extras.ops; set by subclasses.
    reduce: Callable[..., Any]
    casts = False  # whether integers become numbers of the compute dtype
    needs_positions = False  # whether no positions have no value

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.require_rank(self)
        self.data_format: str = arguments.data_format(self, data_format)
        self.keepdims: bool = checks.boolean(self, "keepdims", keepdims)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        if 0 in inputs.shape:
            self.compute_output_shape(inputs.shape)  # raises without a value
        if mask is None or not self.supports_masking:
            return self.pool_op(inputs)  # (batch, channels)
        return self.pool_op(inputs, mask)

    def pool_op(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        """Returns `reduce` of the inputs over the spatial axes."""
        options = self._reduce_options()
        if mask is not None:
            options["mask"] = mask
        if self.casts:
            inputs = keras.ops.cast(inputs, self.compute_dtype)
        return type(self).reduce(
            inputs, self.data_format, self.keepdims, **options
        )

    def _reduce_options(self) -> dict[str, Any]:
        """Returns the arguments that only the `reduce` of this class takes."""
        return {}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, channels)`, or with the spatial axes kept."""
        axes = shapes.spatial_axes(self.rank, self.data_format)
        if self.needs_positions:
            arguments.has_positions(self, input_shape)
        if self.keepdims:
            return tuple(
                1 if axis in axes else size
                for axis, size in enumerate(input_shape)
            )
        channels = shapes.channel_axis(self.rank, self.data_format)
        return (input_shape[0], input_shape[channels])


class GlobalMaxPooling(GlobalPool):
    """Takes the maximum of each channel: base of `GlobalMaxPooling1D` to `3D`.

        y = max(x)          over all positions, per channel

    Arguments and shapes as in `GlobalPool`. NaN anywhere gives NaN.
    """

    reduce: Callable[..., Any] = staticmethod(ops.global_max_pool)
    needs_positions = True


class GlobalAveragePooling(GlobalPool):
    """Takes the mean of each channel: base of `GlobalAveragePooling1D` to `3D`.

        y = mean(x)          over all positions, per channel

    Arguments and shapes as in `GlobalPool`. The mean of no positions is NaN.
    """

    reduce: Callable[..., Any] = staticmethod(ops.global_average_pool)


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """Takes the maximum over all steps; see `GlobalPool`.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1)
        >>> float(keras_extras.layers.GlobalMaxPooling1D()(x)[0, 0])
        3.0
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """Takes the maximum over all pixels; see `GlobalPool`.

    Examples:
        >>> layer = keras_extras.layers.GlobalMaxPooling2D()
        >>> layer(np.ones((2, 8, 8, 3))).shape == (2, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """Takes the maximum over all voxels; see `GlobalPool`.

    Examples:
        >>> layer = keras_extras.layers.GlobalMaxPooling3D(keepdims=True)
        >>> layer(np.ones((2, 4, 4, 4, 3))).shape == (2, 1, 1, 1, 3)
        True
    """

    rank = 3


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Takes the mean over all steps, or the unmasked ones; see `GlobalPool`.

        y = sum(mask * x) / sum(mask)

    A mask that comes with the input, or is given in the call, says which
    steps count. The mask ends here: the output has no steps. A sequence
    without a step that counts gives NaN, as in Keras.

    Examples:
        >>> x = np.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
        >>> mask = np.array([[True, True, False]])
        >>> layer = keras_extras.layers.GlobalAveragePooling1D()
        >>> float(layer(x)[0, 0]), float(layer(x, mask=mask)[0, 0])
        (4.0, 2.0)
    """

    rank = 1

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor = None
    ) -> None:
        """Returns `None`: there are no steps left to mask."""


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Takes the mean over all pixels; see `GlobalPool`.

    Examples:
        >>> layer = keras_extras.layers.GlobalAveragePooling2D()
        >>> layer(np.ones((2, 8, 8, 3))).shape == (2, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """Takes the mean over all voxels; see `GlobalPool`.

    Examples:
        >>> layer = keras_extras.layers.GlobalAveragePooling3D()
        >>> layer(np.ones((2, 4, 4, 4, 3))).shape == (2, 3)
        True
    """

    rank = 3
