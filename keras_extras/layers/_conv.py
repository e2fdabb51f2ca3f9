"""Convolution: a weighted sum over every window of the input, per filter.

    y[n, i, f] = g( sum over j, c of x[n, i*s + j*d - p, c] * T(k)[j, c, f]
                    + bias[f] )

A subclass chooses T (what is done to the kernel), the contraction, how the
input is padded, or g; a leaf chooses the rank. Cost: outputs * window size *
channels / groups products.
"""

from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._base import BiasLayer, KernelLayer


class ConvLayer(BiasLayer):
    """Base of all convolutions: the window, and the padding in front of it.

    A family gives `transform_kernel`, `convolution_op` and its weights; the
    arguments are those of `Conv`.
    """

    def __init__(
        self,
        *,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        pad_mode: str = "constant",
        pad_value: float = 0.0,
        use_mask: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size: tuple[int, ...] = checks.spatial(
            self, "kernel_size", kernel_size
        )
        self.strides: tuple[int, ...] = checks.spatial(self, "strides", strides)
        self.padding: str | checks.Pads = checks.padding(self, padding)
        self.data_format: str = arguments.data_format(self, data_format)
        self.dilation_rate: tuple[int, ...] = checks.spatial(
            self, "dilation_rate", dilation_rate
        )
        self.pad_mode: str = checks.pad_mode(self, pad_mode)
        self.pad_value: Any = checks.number(
            self, "pad_value", pad_value, finite=False
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=self.rank + 2)
        self.use_mask: bool = checks.boolean(self, "use_mask", use_mask)
        self.supports_masking = self.rank == 1 and self.use_mask

    def mask_inputs(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        """Returns the inputs with what pads hold in place of masked steps."""
        if mask is None or not self.supports_masking:
            return inputs
        axis = shapes.channel_axis(self.rank, self.data_format)
        valid = keras.ops.cast(keras.ops.expand_dims(mask, axis), "bool")
        # Not a product: what is masked may be infinite, or no number.
        return keras.ops.where(valid, inputs, self.pad_value)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Any:
        """Returns which outputs stand for steps that are not masked."""
        if previous_mask is None:
            return None
        return ops.conv_mask(
            previous_mask,
            self.kernel_size[0],
            self.strides[0],
            self.padding,
            self.dilation_rate[0],
        )

    def pad_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the padded input; zeros are left to the convolution."""
        if self._zeros_only:
            return inputs
        return ops.pad_spatial(
            inputs,
            self._window,
            self.strides,
            self.padding,
            self.data_format,
            self.pad_mode,
            self.pad_value,
        )

    def add_bias(self, outputs: Tensor) -> Tensor:
        """Returns `outputs` plus the bias, along the channels."""
        if self.bias is None or self.data_format == "channels_last":
            return super().add_bias(outputs)
        bias = keras.ops.reshape(self.bias, (-1, *(1,) * self.rank))
        # Not `keras.ops.add`: on TensorFlow it takes the last axis for the
        # channels if that has as many positions as there are filters.
        return outputs + bias

    def _windows_shape(self, input_shape: Shape, channels: int) -> Shape:
        """Returns the shape of one window's sum per place, in `channels`."""
        output_shape = shapes.window_output_shape(
            input_shape,
            self._window,
            self.strides,
            self.padding,
            self.data_format,
            channels=channels,
        )
        return arguments.windows_fit(self, input_shape, output_shape)

    @property
    def _window(self) -> tuple[int, ...]:
        return tuple(
            shapes.extent(size, dilation)
            for size, dilation in zip(
                self.kernel_size, self.dilation_rate, strict=True
            )
        )

    @property
    def _zeros_only(self) -> bool:
        return self.pad_mode == "constant" and self.pad_value == 0

    @property
    def _convolution_arguments(self) -> dict[str, Any]:
        """The arguments of the function in `ops` that convolves."""
        return {
            "strides": self.strides,
            "padding": self.padding if self._zeros_only else "valid",
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }


class Conv(ConvLayer, KernelLayer):
    """Convolves the input with a kernel: the base of `Conv1D`, `2D`, `3D`.

        y = activation(conv(pad_inputs(x), transform_kernel(kernel)) + bias)

    Same positional arguments, weights and numbers as `keras.layers.Conv2D`
    and its relatives, in steps that can be overridden; keyword-only arguments
    are new. Set the class attribute `rank` to make a leaf.

    Args:
        filters: int >= 1. Number of output channels.
        kernel_size: int or `rank` ints. Size of the window, in positions.
        strides: int or `rank` ints. Step of the window, in positions.
        padding: what is added around the input. `"valid"`: nothing.
            `"same"`: so much that the output has `ceil(size / strides)`
            positions. `"causal"`: in front of the first spatial axis, so that
            no output sees a later input. Or numbers of positions: an int, one
            int per axis, or one (before, after) pair per axis.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        dilation_rate: int or `rank` ints. Distance between the positions that
            a window takes. May stand together with strides.
        groups: int >= 1. The channels are split into so many groups, each
            convolved by its own share of the filters.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        kernel_initializer: initializer of the kernel,
            `(*kernel_size, channels / groups, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        kernel_transform: `KernelTransform`, or a list of which the first is
            applied first: what is done to the kernel in each call.
        pad_mode: what the pads hold: `"constant"`, `"reflect"`,
            `"symmetric"`, `"edge"` or `"wrap"`, with NumPy's meaning.
        pad_value: float, the constant of mode `"constant"`.
        **kwargs: `use_mask`: bool, False ignores masks, as Keras's layers do;
            `lora_rank` and `lora_alpha` (see `enable_lora`); `name`, `dtype`,
            `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        mask: bool tensor `(batch, steps)` for the 1D layers, which Keras
            fills in. What is masked is as if it were padded, whatever stands
            there; which outputs are masked is told by `ops.conv_mask`.
        training: bool, which transforms of the kernel may ask for.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *windows, filters)`, or channels second, with `windows =
        floor((size + pads - (kernel_size - 1) * dilation_rate - 1) / strides)
        + 1` on each axis.

    Raises:
        ValueError: if an argument is out of its range, the channels cannot be
            split into `groups`, or no window fits into the input.

    Hooks:
        `add_weights(kernel_shape, num_outputs)`: makes the weights, in `build`.
        `pad_inputs(inputs)`: pads that a convolution cannot do itself.
        `transform_kernel(kernel)`: what is done to the kernel before use.
        `convolution_op(inputs, kernel)`: the contraction.
        `add_bias(outputs)`, `activate(outputs)`: the last two steps.

    Examples:
        >>> class Conv4D(keras_extras.layers.Conv):
        ...     rank = 4
        >>> Conv4D(8, 3, strides=2).kernel_size
        (3, 3, 3, 3)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        kernel_transform: Any = None,
        pad_mode: str = "constant",
        pad_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            kernel_transform=kernel_transform,
            bias_constraint=bias_constraint,
            pad_mode=pad_mode,
            pad_value=pad_value,
            **kwargs,
        )
        self.filters: int = checks.integer(self, "filters", filters)
        self.groups: int = checks.integer(self, "groups", groups)
        if self.filters % self.groups:
            raise invalid_argument(
                self,
                "groups",
                "a divisor of filters",
                groups,
                context=f"filters={filters}.",
            )

    def build(self, input_shape: Shape) -> None:
        channels = self._channels_to_convolve(input_shape)
        if channels % self.groups:
            raise invalid_argument(
                self,
                "groups",
                "a divisor of the number of input channels",
                self.groups,
                context=f"The input has {channels} channels, "
                f"input_shape={tuple(input_shape)}.",
            )
        self.compute_output_shape(input_shape)  # raises if no window fits
        self.add_weights(
            (*self.kernel_size, *self._kernel_channels(channels)),
            self.filters,
        )

    def _channels_to_convolve(self, input_shape: Shape) -> int:
        return arguments.input_channels(self, input_shape)

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        return channels // self.groups, self.filters

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor = None
    ) -> Tensor:
        inputs = self.mask_inputs(inputs, mask)
        padded = self.pad_inputs(inputs)  # (batch, *padded, channels)
        outputs = self.convolution_op(padded, self._kernel_for_use(training))
        outputs = self.add_bias(outputs)  # (batch, *windows, filters)
        return self.activate(outputs)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the convolution of the padded inputs with `kernel`."""
        return ops.conv(inputs, kernel, **self._convolution_arguments)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, *windows, filters)`, or channels second."""
        return self._windows_shape(input_shape, self.filters)


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv1D(Conv):
    """Convolves sequences, `(batch, steps, channels)`; see `Conv`.

    Examples:
        >>> layer = keras_extras.layers.Conv1D(8, 3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv2D(Conv):
    """Convolves images, `(batch, height, width, channels)`; see `Conv`.

    Examples:
        >>> layer = keras_extras.layers.Conv2D(8, 3, padding=1, pad_mode="wrap")
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 6, 6, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv3D(Conv):
    """Convolves volumes, `(batch, depth, height, width, channels)`.

    See `Conv` for the arguments.

    Examples:
        >>> layer = keras_extras.layers.Conv3D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 7, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
