"""Fractional max pooling: the maximum of windows at uneven, random steps.

    start[i] = floor((i + u) * a) - floor(u * a),   a = (L - k) / (outputs - 1)

with a random u from 0 to 1 per example, channel and axis. A leaf chooses the
rank; a subclass may choose u. Cost: outputs * window size.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Shape, Tensor
from keras_extras.layers._pool import IndicesLayer


class FractionalMaxPooling(IndicesLayer):
    """Takes the maximum of windows at random steps: base of `2D` and `3D`.

        y = max(x)      over windows whose steps are floor(a) or ceil(a)

    Reduces the input by any factor between 1 and 2, say, where the steps of
    `MaxPooling` are whole numbers; the random steps act as a regularizer. The
    windows are drawn anew in every call, in inference as well as in training,
    as in torch: average a few predictions, as the paper does, or override
    `draw_samples`.

    Args:
        pool_size: int or `rank` ints. Size of the window, in positions.
        output_size: int or `rank` ints. Number of windows; give this or
            `output_ratio`.
        output_ratio: float or `rank` floats between 0 and 1. Number of
            windows over the size of the input.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        return_indices: bool, whether to return the places of the maxima too,
            as `MaxPooling` does.
        seed: int or `None`, the start of the random numbers.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *output_size, channels)`, or channels second, with
        `output_size = floor(size * output_ratio)` on each axis if the ratio
        is given.

    Raises:
        ValueError: if an argument is out of its range, both or none of
            `output_size` and `output_ratio` are given, or the input has less
            than `output_size + pool_size - 1` positions on an axis.

    Hooks:
        `draw_samples(inputs)`: the random u, `(batch, channels, rank)`.
        `pool_op(inputs, samples)`: the reduction.

    Examples:
        >>> class Evenly(keras_extras.layers.FractionalMaxPooling2D):
        ...     def draw_samples(self, inputs):
        ...         return 0 * super().draw_samples(inputs)
        >>> layer = Evenly(2, output_ratio=0.7)
        >>> layer(np.ones((1, 10, 10, 3))).shape == (1, 7, 7, 3)
        True

    References:
        Graham, "Fractional max-pooling", arXiv:1412.6071; the overlapping
        windows of `torch.nn.FractionalMaxPool2d`.
    """

    def __init__(
        self,
        pool_size: Ints,
        output_size: Ints | None = None,
        output_ratio: float | tuple[float, ...] | None = None,
        data_format: str | None = None,
        *,
        return_indices: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size: tuple[int, ...] = checks.spatial(
            self, "pool_size", pool_size
        )
        self.output_size: tuple[int, ...] | None = checks.optional(
            checks.spatial, self, "output_size", output_size
        )
        self.output_ratio: tuple[float, ...] | None = self._ratio(output_ratio)
        if (output_size is None) == (output_ratio is None):
            raise invalid_argument(
                self,
                "output_size",
                "given if output_ratio is not, and only then",
                output_size,
                context=f"output_ratio={output_ratio!r}.",
            )
        self.data_format: str = arguments.data_format(self, data_format)
        self.return_indices: bool = checks.boolean(
            self, "return_indices", return_indices
        )
        self.seed: int | None = checks.seed(self, seed)
        self.seed_generator: Any = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self._pooled_shape(inputs.shape)  # raises if the windows do not fit
        samples = self.draw_samples(inputs)  # (batch, channels, rank)
        return self.pool_op(inputs, samples)  # (batch, *output_size, channels)

    def draw_samples(self, inputs: Tensor) -> Tensor:
        """Returns random numbers from 0 up to 1 that place the windows."""
        sizes: Any = keras.ops.shape(inputs)
        axis = shapes.channel_axis(self.rank, self.data_format)
        return keras.random.uniform(
            (sizes[0], sizes[axis], self.rank),
            dtype="float32",
            seed=self.seed_generator,
        )

    def pool_op(self, inputs: Tensor, samples: Tensor) -> Tensor:
        """Returns the maxima of the windows that `samples` place."""
        sizes: Any = keras.ops.shape(inputs)
        axes = shapes.spatial_axes(self.rank, self.data_format)
        lengths = [sizes[axis] for axis in axes]
        return ops.fractional_max_pool(
            inputs,
            samples,
            self.pool_size,
            self._windows(lengths),
            self.data_format,
            self.return_indices,
        )

    def _pooled_shape(self, input_shape: Shape) -> Shape:
        shape = list(input_shape)
        axes = shapes.spatial_axes(self.rank, self.data_format)
        lengths = [shape[axis] for axis in axes]
        windows = self._windows(lengths)
        for axis, count, length, size in zip(
            axes, windows, lengths, self.pool_size, strict=True
        ):
            shape[axis] = count
            if length is not None and not 0 < count <= length - size + 1:
                raise invalid_argument(
                    self,
                    "input_shape",
                    "of at least output_size + pool_size - 1 positions, and "
                    "output_size at least 1, on every axis",
                    tuple(input_shape),
                    context=f"pool_size={self.pool_size}, "
                    f"output_size={tuple(windows)}.",
                )
        return tuple(shape)

    def _windows(self, lengths: Sequence[Any]) -> Any:
        """Returns the number of windows per spatial axis; None if unknown."""
        if self.output_size is not None:
            return self.output_size
        return [
            self._share(length, ratio)
            for length, ratio in zip(
                lengths, self.output_ratio or (), strict=True
            )
        ]

    def _share(self, length: Any, ratio: float) -> Any:
        if length is None:
            return None
        if isinstance(length, int):
            return int(length * ratio)
        # A tensor, in Python's own precision.
        exact: Any = keras.ops.cast(length, "float64")
        return keras.ops.cast(exact * ratio, "int32")

    def _ratio(self, value: Any) -> tuple[float, ...] | None:
        if value is None:
            return None
        rank = checks.require_rank(self)
        items = value if isinstance(value, list | tuple) else (value,) * rank
        ratios = tuple(
            checks.positive(self, "output_ratio", item) for item in items
        )
        if len(ratios) != rank or max(ratios) >= 1:
            allowed = f"a number between 0 and 1, or {rank} of them"
            raise invalid_argument(self, "output_ratio", allowed, value)
        return ratios


@keras.saving.register_keras_serializable(package="keras_extras")
class FractionalMaxPooling2D(FractionalMaxPooling):
    """Reduces images by any factor; see `FractionalMaxPooling`.

    Examples:
        >>> layer = keras_extras.layers.FractionalMaxPooling2D(2, (6, 7))
        >>> layer(np.ones((1, 10, 10, 3))).shape == (1, 6, 7, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class FractionalMaxPooling3D(FractionalMaxPooling):
    """Reduces volumes by any factor; see `FractionalMaxPooling`.

    Examples:
        >>> layer = keras_extras.layers.FractionalMaxPooling3D(2, 3)
        >>> layer(np.ones((1, 5, 5, 5, 2))).shape == (1, 3, 3, 3, 2)
        True
    """

    rank = 3
