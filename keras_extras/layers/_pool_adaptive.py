"""Adaptive pooling: as many windows as outputs are asked for.

    y[n, i, c] = R( x[n, j, c]  for floor(i L / o) <= j < ceil((i + 1) L / o) )

with length L and o = `output_size`, on each spatial axis. A subclass chooses
R (the attribute `reduce`, or the hook `pool_op`); a leaf chooses the rank.
Cost: about one pass over the input per axis.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer
from keras_extras.layers._pool import IndicesLayer


class AdaptivePool(Layer):
    """Reduces the input to a given number of windows: the base of the family.

        y[i] = reduce(x[floor(i L / o) : ceil((i + 1) L / o)])

    Same positional arguments and numbers as
    `keras.layers.AdaptiveAveragePooling2D` and its relatives, and as in
    torch. Whatever the size of the input, known or not, the output has the
    one asked for; windows overlap where it does not divide the input's. Set
    the class attributes `rank` and `reduce` to make a leaf.

    Args:
        output_size: int or `rank` of them, the number of windows. `None` for
            one of them leaves that axis as it is.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *output_size, channels)`, or channels second.

    Raises:
        TypeError: if `output_size` is neither a number nor numbers.
        ValueError: if an argument is out of its range, or the input has no
            position on an axis.

    Hooks:
        `pool_op(inputs)`: the reduction; the shapes must stay as above.

    Examples:
        >>> class AdaptivePowerPooling2D(
        ...     keras_extras.layers.AdaptiveAveragePooling2D
        ... ):
        ...     def pool_op(self, inputs):
        ...         return super().pool_op(inputs**3) ** (1 / 3)
        >>> y = AdaptivePowerPooling2D(3)(np.full((1, 7, 5, 1), 2.0))
        >>> round(float(y[0, 2, 2, 0]), 4)
        2.0
    """

    # A function of keras_extras.ops; set by subclasses.
    reduce: Callable[..., Any]

    def __init__(
        self,
        output_size: int | Sequence[int | None],
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.require_rank(self)
        self.output_size: tuple[int | None, ...] = self._output_size(
            output_size
        )
        self.data_format: str = arguments.data_format(self, data_format)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self._pooled_shape(inputs.shape)  # raises if there is no window
        return self.pool_op(inputs)  # (batch, *output_size, channels)

    def pool_op(self, inputs: Tensor) -> Tensor:
        """Returns `reduce` of every window of the inputs."""
        return type(self).reduce(inputs, self.output_size, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Returns `(batch, *output_size, channels)`, or channels second."""
        return self._pooled_shape(input_shape)

    def _pooled_shape(self, input_shape: Shape) -> Shape:
        axes = shapes.spatial_axes(self.rank, self.data_format)
        shape = list(input_shape)
        arguments.has_positions(self, input_shape)
        for axis, size in zip(axes, self.output_size, strict=True):
            shape[axis] = shape[axis] if size is None else size
        return tuple(shape)

    def _output_size(self, value: object) -> tuple[int | None, ...]:
        if checks.as_integer(value) is not None:
            return checks.spatial(self, "output_size", value)
        return checks.sizes(
            self,
            "output_size",
            value,
            f"a positive integer, or {self.rank} positive integers and None",
            count=self.rank,
        )


class AdaptiveMaxPooling(IndicesLayer, AdaptivePool):
    """Takes the maximum of each window: the base of its leaves `1D` to `3D`.

        y = max(x)          over the window, per channel

    Arguments and shapes as in `AdaptivePool`, and besides:

    Args:
        output_size: as in `AdaptivePool`.
        data_format: as in `AdaptivePool`.
        return_indices: bool. With `True` the output is a pair: the maxima,
            and in int32 the position of each in its channel, counted row by
            row (`row * width + column` in 2D), as in torch. Of equals the
            first counts.
        **kwargs: as in `AdaptivePool`.
    """

    reduce: Callable[..., Any] = staticmethod(ops.adaptive_max_pool)

    def __init__(
        self,
        output_size: int | Sequence[int | None],
        data_format: str | None = None,
        *,
        return_indices: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_size, data_format, **kwargs)
        self.return_indices: bool = checks.boolean(
            self, "return_indices", return_indices
        )

    def pool_op(self, inputs: Tensor) -> Tensor:
        """Returns the maximum of every window, and where it is if asked."""
        return type(self).reduce(
            inputs,
            self.output_size,
            self.data_format,
            return_indices=self.return_indices,
        )


class AdaptiveAveragePooling(AdaptivePool):
    """Takes the mean of each window: the base of its leaves `1D` to `3D`.

        y = mean(x)          over the window, per channel

    Arguments and shapes as in `AdaptivePool`.
    """

    reduce: Callable[..., Any] = staticmethod(ops.adaptive_average_pool)


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """Takes the maximum over windows of steps; see `AdaptivePool`.

    Examples:
        >>> x = np.array([1.0, 5.0, 3.0, 4.0, 2.0]).reshape(1, 5, 1)
        >>> y = keras_extras.layers.AdaptiveMaxPooling1D(3)(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [5.0, 5.0, 4.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """Takes the maximum over windows of pixels; see `AdaptivePool`.

    Examples:
        >>> layer = keras_extras.layers.AdaptiveMaxPooling2D(
        ...     1, return_indices=True
        ... )
        >>> x = np.array([[1.0, 2.0], [9.0, 3.0]]).reshape(1, 2, 2, 1)
        >>> maximum, position = layer(x)
        >>> float(maximum[0, 0, 0, 0]), int(position[0, 0, 0, 0])
        (9.0, 2)
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """Takes the maximum over windows of voxels; see `AdaptivePool`.

    Examples:
        >>> layer = keras_extras.layers.AdaptiveMaxPooling3D(2)
        >>> layer(np.ones((1, 5, 4, 3, 2))).shape == (1, 2, 2, 2, 2)
        True
    """

    rank = 3


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """Takes the mean over windows of steps; see `AdaptivePool`.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(1, 5, 1)
        >>> y = keras_extras.layers.AdaptiveAveragePooling1D(3)(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.5, 3.0, 4.5]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """Takes the mean over windows of pixels; see `AdaptivePool`.

    Examples:
        >>> layer = keras_extras.layers.AdaptiveAveragePooling2D((7, None))
        >>> layer(np.ones((1, 10, 12, 3))).shape == (1, 7, 12, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """Takes the mean over windows of voxels; see `AdaptivePool`.

    Examples:
        >>> layer = keras_extras.layers.AdaptiveAveragePooling3D(2)
        >>> layer(np.ones((1, 5, 4, 3, 2))).shape == (1, 2, 2, 2, 2)
        True
    """

    rank = 3
