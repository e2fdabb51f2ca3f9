"""Spatial pyramid pooling: adaptive pooling at several sizes, side by side.

    y = concat over the levels o of reduce(windows of x, o per axis)

Inputs of any size become a fixed number of windows, as a dense layer needs. A
subclass chooses the reduction; a leaf the rank. Cost: about one pass over the
input per level and axis.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer


class SpatialPyramidPooling(Layer):
    """Reduces any input to a fixed number of windows: base of 1D to 3D leaves.

        y = concat(adaptive_average_pool(x, o) for o in bins)

    Args:
        bins: for each level of the pyramid the number of windows, an int or
            `rank` ints.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        crop: bool, whether the positions at the end that are too few for one
            more in every window are left out, as in TensorFlow Addons. Else,
            and on axes with less positions than windows, windows overlap, as
            in the paper and in `AdaptivePool`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, windows, channels)`, or channels second: the windows of all
        levels, those of a level row by row.

    Raises:
        ValueError: if an argument is out of its range, or the input has no
            position on an axis.

    Hooks:
        `pool_op(inputs)`: the reduction; the shapes must stay as above. The
        class attribute `reduce` is the adaptive pooling it uses.

    Examples:
        >>> class MaxPyramid(keras_extras.layers.SpatialPyramidPooling2D):
        ...     reduce = staticmethod(keras_extras.ops.adaptive_max_pool)
        >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> y = MaxPyramid([1, 2], crop=False)(x)  # the paper's
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [15.0, 5.0, 7.0, 13.0, 15.0]

    References:
        He et al., "Spatial pyramid pooling in deep convolutional networks
        for visual recognition", arXiv:1406.4729: maxima without cropping.
        The default is TensorFlow Addons' `SpatialPyramidPooling2D`.
    """

    reduce: Callable[..., Any] = staticmethod(ops.adaptive_average_pool)

    def __init__(
        self,
        bins: Sequence[int | Sequence[int]],
        data_format: str | None = None,
        *,
        crop: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.require_rank(self)
        self.bins: tuple[tuple[int, ...], ...] = self._bins(bins)
        self.data_format: str = arguments.data_format(self, data_format)
        self.crop: bool = checks.boolean(self, "crop", crop)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # raises if there is no window
        return self.pool_op(inputs)  # (batch, windows, channels)

    def pool_op(self, inputs: Tensor) -> Tensor:
        """Returns the windows of all levels, reduced."""
        return ops.spatial_pyramid_pool(
            keras.ops.cast(inputs, self.compute_dtype),
            self.bins,
            self.data_format,
            crop=self.crop,
            reduce=type(self).reduce,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, windows, channels)`, or channels second."""
        arguments.has_positions(self, input_shape)
        windows = sum(map(math.prod, self.bins))
        if self.data_format == "channels_last":
            return (input_shape[0], windows, input_shape[-1])
        return (input_shape[0], input_shape[1], windows)

    def _bins(self, value: Any) -> tuple[tuple[int, ...], ...]:
        if not isinstance(value, list | tuple) or not value:
            raise invalid_argument(
                self,
                "bins",
                f"a list of positive integers, or of {self.rank} each",
                value,
                error=ValueError if value in ([], ()) else TypeError,
            )
        return tuple(checks.spatial(self, "bins", level) for level in value)


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialPyramidPooling1D(SpatialPyramidPooling):
    """Reduces any sequence to so many windows; see `SpatialPyramidPooling`.

    Examples:
        >>> layer = keras_extras.layers.SpatialPyramidPooling1D([1, 2])
        >>> y = layer(np.array([1.0, 2.0, 3.0, 6.0]).reshape(1, 4, 1))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 1.5, 4.5]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialPyramidPooling2D(SpatialPyramidPooling):
    """Reduces any image to so many windows; see `SpatialPyramidPooling`.

    Examples:
        >>> layer = keras_extras.layers.SpatialPyramidPooling2D([1, 3, 5])
        >>> layer(np.ones((2, 17, 23, 8))).shape == (2, 1 + 9 + 25, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class SpatialPyramidPooling3D(SpatialPyramidPooling):
    """Reduces any volume to so many windows; see `SpatialPyramidPooling`.

    Examples:
        >>> layer = keras_extras.layers.SpatialPyramidPooling3D([1, (1, 2, 2)])
        >>> layer(np.ones((2, 5, 4, 6, 8))).shape == (2, 1 + 4, 8)
        True
    """

    rank = 3
