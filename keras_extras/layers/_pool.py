"""Window pooling: reduce every window of the input to one number per channel.

    y[n, i, c] = R( x[n, i*s + j*d - p, c]  for j in 0 .. size-1 )

A subclass chooses R (the attribute `reduce`, or the hook `pool_op`) or how the
input is padded; a leaf chooses the rank. Cost: outputs * window size.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._base import Layer


class Pool(Layer):
    """Reduces every window to one number per channel: the base of pooling.

        y = reduce(windows of pad_inputs(x))

    Same positional arguments and numbers as `keras.layers.MaxPooling2D` and
    its relatives; keyword-only arguments are new. Set the class attributes
    `rank` and `reduce` to make a leaf.

    Args:
        pool_size: int or `rank` ints. Size of the window, in positions.
        strides: int, `rank` ints, or `None`. Step of the window, in
            positions. `None` means `pool_size`: windows do not overlap.
        padding: `"valid"`, `"same"`, `"causal"`, or numbers of positions: an
            int, one per axis, or one (before, after) pair per axis.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        name: name of the layer.
        dilation_rate: int or `rank` ints. Distance between the positions that
            a window takes.
        ceil_mode: bool, whether a last window counts that starts inside, but
            reaches over the end. What it finds there never counts.
        pad_mode: what the pads hold. `"constant"`: nothing, padded positions
            never count. `"reflect"`, `"symmetric"`, `"edge"` or `"wrap"`: real
            values, with NumPy's meaning; a window may lie within them.
        use_mask: bool, whether a mask counts. False ignores it, as Keras's
            layers do.
        **kwargs: `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        mask: bool tensor `(batch, steps)`, which Keras fills in, for the 1D
            layers of maximum and mean, their mixture and the soft mean. What
            is masked never counts, like a pad; a window that holds nothing
            else gives 0, and is masked in the output.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *windows, channels)`, or channels second, with `windows =
        floor((size + pads - (pool_size - 1) * dilation_rate - 1) / strides)
        + 1` on each axis; `ceil` in place of `floor` if `ceil_mode`, less the
        windows that would start behind the input.

    Raises:
        ValueError: if an argument is out of its range, no window fits into
            the input, or one would hold nothing but pads.

    Hooks:
        `pad_inputs(inputs)`: the pads of all modes but `"constant"`.
        `pool_op(inputs)`: the reduction; the shapes must stay as above. With
            a mask, `pool_op(inputs, mask)`; a class whose hook takes none
            does not support masks.

    Examples:
        >>> class PowerPooling2D(keras_extras.layers.AveragePooling2D):
        ...     def pool_op(self, inputs):
        ...         return super().pool_op(inputs**3) ** (1 / 3)
        >>> y = PowerPooling2D(2)(np.full((1, 4, 4, 1), 2.0))
        >>> round(float(y[0, 0, 0, 0]), 4)
        2.0
    """

    # A function of keras_extras.ops; set by subclasses.
    reduce: Callable[..., Any]
    casts = False  # whether integers become numbers of the compute dtype
    takes_mask = False  # whether `reduce` does

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        dilation_rate: Ints = 1,
        ceil_mode: bool = False,
        pad_mode: str = "constant",
        use_mask: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size: tuple[int, ...] = checks.spatial(
            self, "pool_size", pool_size
        )
        self.strides: tuple[int, ...] = checks.spatial(
            self, "strides", strides, default=self.pool_size
        )
        self.padding: str | checks.Pads = checks.padding(self, padding)
        self.data_format: str = arguments.data_format(self, data_format)
        self.dilation_rate: tuple[int, ...] = checks.spatial(
            self, "dilation_rate", dilation_rate
        )
        self.ceil_mode: bool = checks.boolean(self, "ceil_mode", ceil_mode)
        self.pad_mode: str = checks.pad_mode(self, pad_mode)
        self._check_pads()
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        takes = inspect.signature(self.pool_op).parameters
        self.use_mask: bool = checks.boolean(self, "use_mask", use_mask)
        self.supports_masking = self.rank == 1 and all(
            (self.use_mask, self.takes_mask, "mask" in takes)
        )
        self._mark_built()

    def call(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        self._pooled_shape(inputs.shape)  # raises if no window fits
        padded = self.pad_inputs(inputs)  # (batch, *padded, channels)
        if mask is None or not self.supports_masking:
            return self.pool_op(padded)  # (batch, *windows, channels)
        return self.pool_op(padded, self._padded_mask(mask))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Any:
        """Returns which windows hold a step that is not masked."""
        if previous_mask is None:
            return None
        return ops.pool_mask(
            previous_mask,
            self.pool_size[0],
            self.strides[0],
            self.padding,
            self.dilation_rate[0],
            self.ceil_mode,
            self.pad_mode,
        )

    def pad_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the padded input; pads that never count are left out."""
        if self._pads_never_count:
            return inputs
        return ops.pad_spatial(
            inputs,
            self._window,
            self.strides,
            self.padding,
            self.data_format,
            self.pad_mode,
        )

    def _padded_mask(self, mask: Tensor) -> Tensor:
        if self._pads_never_count:
            return mask
        axis = shapes.channel_axis(self.rank, self.data_format)
        steps = keras.ops.expand_dims(keras.ops.cast(mask, "int32"), axis)
        return keras.ops.squeeze(self.pad_inputs(steps), axis)

    def pool_op(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        """Returns `reduce` of every window of the padded inputs."""
        options = self._reduce_options()
        if mask is not None:
            options["mask"] = mask
        return self._reduce(inputs, **options)

    def _reduce_options(self) -> dict[str, Any]:
        """Returns the arguments that only the `reduce` of this class takes."""
        return {}

    def _reduce(self, inputs: Tensor, **options: Any) -> Tensor:
        if self.casts:
            inputs = keras.ops.cast(inputs, self.compute_dtype)
        return type(self).reduce(
            inputs,
            self.pool_size,
            self.strides,
            self.padding if self._pads_never_count else "valid",
            self.data_format,
            dilation_rate=self.dilation_rate,
            ceil_mode=self.ceil_mode,
            **options,
        )

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Returns `(batch, *windows, channels)`, or channels second."""
        return self._pooled_shape(input_shape)

    def _pooled_shape(self, input_shape: Shape) -> Shape:
        padding, shape = self.padding, tuple(input_shape)
        if not self._pads_never_count:  # they are part of the input
            padding, shape = (
                "valid",
                shapes.padded_shape(
                    shape, self._window, self.strides, padding, self.data_format
                ),
            )
        output_shape = shapes.window_output_shape(
            shape,
            self._window,
            self.strides,
            padding,
            self.data_format,
            ceil_mode=self.ceil_mode,
        )
        if max(self.dilation_rate) > 1 and padding != "valid":
            self._check_taps(shape)
        return arguments.windows_fit(self, input_shape, output_shape)

    def _check_pads(self) -> None:
        if isinstance(self.padding, str) or not self._pads_never_count:
            return
        for pair, extent in zip(self.padding, self._window, strict=True):
            if max(pair) >= extent:
                raise invalid_argument(
                    self,
                    "padding",
                    "smaller than the window",
                    self.padding,
                    context=f"pool_size={self.pool_size}, "
                    f"dilation_rate={self.dilation_rate}.",
                    fix="A window of padding alone has no value.",
                )

    def _check_taps(self, input_shape: Shape) -> None:
        """Refuses dilated windows whose every tap lies beside the input."""
        fewest = shapes.fewest_taps(
            input_shape,
            self.pool_size,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        if fewest == 0:
            raise invalid_argument(
                self,
                "input_shape",
                "large enough for a real position in every window",
                tuple(input_shape),
                context=f"pool_size={self.pool_size}, dilation_rate="
                f"{self.dilation_rate}, padding={self.padding!r}.",
                fix="A window of padding alone has no value.",
            )

    @property
    def _window(self) -> tuple[int, ...]:
        return tuple(map(shapes.extent, self.pool_size, self.dilation_rate))

    @property
    def _pads_never_count(self) -> bool:
        return self.pad_mode == "constant"


class IndicesLayer(Layer):
    """Base of layers that may return the places of their maxima as well.

    A family checks the argument `return_indices` and gives `_pooled_shape`.
    """

    return_indices: bool
    _pooled_shape: Callable[[Shape], Shape]  # of the maxima

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Returns `(batch, *windows, channels)`, twice for `return_indices`."""
        shape = self._pooled_shape(input_shape)
        return (shape, shape) if self.return_indices else shape

    def compute_output_spec(self, inputs: Tensor, mask: Tensor = None) -> Any:
        """Returns symbolic outputs: of the inputs' dtype, places as int32."""
        shape = self._pooled_shape(inputs.shape)
        maxima = keras.KerasTensor(shape, inputs.dtype)
        if not self.return_indices:
            return maxima
        return maxima, keras.KerasTensor(shape, "int32")


class MaxPooling(IndicesLayer, Pool):
    """Takes the maximum of every window: the base of `MaxPooling1D` to `3D`.

        y = max(x)          over the window, per channel

    Arguments and shapes as in `Pool`; `pool_size` is 2 unless given. The
    gradient goes to the maximum, of equals to the first; in 3D on TensorFlow to
    each, as in Keras. A NaN is larger than every number. Integers stay so.

    Args:
        return_indices: bool. `True` returns the pair of the maxima and, as
            int32 of the same shape, their places: numbers of positions, row
            by row, in the input without its pads. `MaxUnpooling` takes them.
    """

    reduce: Callable[..., Any] = staticmethod(ops.max_pool)
    takes_mask = True

    def __init__(
        self,
        pool_size: Ints = 2,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        return_indices: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )
        self.return_indices: bool = checks.boolean(
            self, "return_indices", return_indices
        )
        if self.return_indices and not self._pads_never_count:
            raise invalid_argument(
                self,
                "pad_mode",
                "'constant' for a layer with return_indices=True",
                self.pad_mode,
                fix="A repeated position has no place of its own.",
            )

    def _reduce_options(self) -> dict[str, Any]:
        return {"return_indices": True} if self.return_indices else {}


class AveragePooling(Pool):
    """Takes the mean of every window: base of `AveragePooling1D` to `3D`.

        y = mean(x)          over the real positions of the window, per channel

    Arguments and shapes as in `Pool`. Integers are averaged in the layer's
    compute dtype.

    Args:
        count_include_pad: bool. `True` counts the padded positions as zeros;
            what a window of `ceil_mode` reaches beyond them never counts.
            Note that this is the default in torch.
        divisor_override: int >= 1 or `None`. What the sum is divided by,
            instead of the count.
    """

    reduce: Callable[..., Any] = staticmethod(ops.average_pool)
    casts = True
    takes_mask = True

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        count_include_pad: bool = False,
        divisor_override: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )
        self.count_include_pad: bool = checks.boolean(
            self, "count_include_pad", count_include_pad
        )
        self.divisor_override: int | None = checks.optional(
            checks.integer, self, "divisor_override", divisor_override
        )

    def _reduce_options(self) -> dict[str, Any]:
        return {
            "count_include_pad": self.count_include_pad,
            "divisor_override": self.divisor_override,
        }


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
