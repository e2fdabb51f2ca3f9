"""Window pooling: reduce every window of the input to one number per channel.

    y[n, i, c] = R( x[n, i*s + j - p, c]  for j in 0 .. size-1 )

A subclass chooses R (the attribute `reduce`, or the hook `pool_op`); a leaf
chooses the rank. Cost: outputs * window size.
"""

from collections.abc import Callable

import keras

from keras_extras import _arguments as arguments
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import wrong
from keras_extras._shapes import Ints, Padding
from keras_extras.layers._base import Layer


class Pool(Layer):
    """Reduces every window to one number per channel: the base of pooling.

        y = reduce(window of x)

    Same positional arguments and numbers as `keras.layers.MaxPooling2D` and
    its relatives. Set the class attributes `rank` and `reduce` to make a
    leaf.

    Args:
        pool_size: int or `rank` ints. Size of the window, in positions.
        strides: int, `rank` ints, or `None`. Step of the window, in
            positions. `None` means `pool_size`: windows do not overlap.
        padding: `"valid"`, `"same"`, `"causal"`, or numbers of positions: an
            int, one per axis, or one (before, after) pair per axis. Padded
            positions never count.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        name: name of the layer.
        **kwargs: `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *windows, channels)`, or channels second, with `windows =
        floor((size + pads - pool_size) / strides) + 1` on each axis.

    Raises:
        ValueError: if an argument is out of its range, or no window fits into
            the input.

    Hooks:
        `pool_op(inputs)`: the reduction; the shapes must stay as above.

    Examples:
        >>> class PowerPooling2D(keras_extras.layers.AveragePooling2D):
        ...     def pool_op(self, inputs):
        ...         return super().pool_op(inputs**3) ** (1 / 3)
        >>> y = PowerPooling2D(2)(np.full((1, 4, 4, 1), 2.0))
        >>> round(float(y[0, 0, 0, 0]), 4)
        2.0
    """

    reduce: Callable  # a function of keras_extras.ops; set by subclasses

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = arguments.spatial(self, "pool_size", pool_size)
        self.strides = arguments.spatial(
            self, "strides", strides, default=self.pool_size
        )
        self.padding = arguments.padding(self, padding)
        self._check_pads()
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)  # raises if no window fits
        return self.pool_op(inputs)  # (batch, *windows, channels)

    def pool_op(self, inputs):
        """Returns `reduce` of every window of the inputs."""
        return type(self).reduce(
            inputs,
            self.pool_size,
            self.strides,
            self.padding,
            self.data_format,
        )

    def _check_pads(self):
        if isinstance(self.padding, str):
            return
        for pair, size in zip(self.padding, self.pool_size, strict=True):
            if max(pair) >= size:
                raise wrong(
                    self,
                    "padding",
                    "smaller than the window",
                    self.padding,
                    context=f"pool_size={self.pool_size}.",
                    fix="A window of padding alone has no value.",
                )

    def compute_output_shape(self, input_shape):
        """Returns `(batch, *windows, channels)`, or channels second."""
        output_shape = shapes.window_output_shape(
            input_shape,
            self.pool_size,
            self.strides,
            self.padding,
            self.data_format,
        )
        return arguments.windows_fit(self, input_shape, output_shape)


class MaxPooling(Pool):
    """Takes the maximum of every window: the base of `MaxPooling1D` to `3D`.

        y = max(x)          over the window, per channel

    Arguments and shapes as in `Pool`; `pool_size` is 2 unless given. The
    gradient goes to the maximum, of equals to the first.
    """

    reduce = staticmethod(ops.max_pool)

    def __init__(
        self,
        pool_size: Ints = 2,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )


class AveragePooling(Pool):
    """Takes the mean of every window: base of `AveragePooling1D` to `3D`.

        y = mean(x)          over the real positions of the window, per channel

    Arguments and shapes as in `Pool`. Padded positions count neither in the
    sum nor in the number divided by.
    """

    reduce = staticmethod(ops.average_pool)


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxPooling1D(MaxPooling):
    """Takes the maximum over windows of steps; see `Pool`.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y = keras_extras.layers.MaxPooling1D()(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 2.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxPooling2D(MaxPooling):
    """Takes the maximum over windows of pixels; see `Pool`.

    Examples:
        >>> layer = keras_extras.layers.MaxPooling2D(3, strides=2, padding=1)
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxPooling3D(MaxPooling):
    """Takes the maximum over windows of voxels; see `Pool`.

    Examples:
        >>> layer = keras_extras.layers.MaxPooling3D()
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3


@keras.saving.register_keras_serializable(package="keras_extras")
class AveragePooling1D(AveragePooling):
    """Takes the mean over windows of steps; see `Pool`.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y = keras_extras.layers.AveragePooling1D(2)(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [2.0, 1.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class AveragePooling2D(AveragePooling):
    """Takes the mean over windows of pixels; see `Pool`.

    Examples:
        >>> layer = keras_extras.layers.AveragePooling2D(3, padding="same")
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 3, 3, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class AveragePooling3D(AveragePooling):
    """Takes the mean over windows of voxels; see `Pool`.

    Examples:
        >>> layer = keras_extras.layers.AveragePooling3D(2)
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
