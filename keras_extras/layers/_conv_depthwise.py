"""Depthwise convolution: each channel is convolved by kernels of its own.

    y[n, i, c*m + r] = g( sum over j of  x[n, i*s + j*d - p, c] * T(k)[j, c, r]
                          + bias[c*m + r] )

with r = 0 ... m - 1. A subclass chooses T (what is done to the kernel), the
contraction, how the input is padded, or g; a leaf chooses the rank. Cost:
outputs * window size products.
"""

from typing import Any, ClassVar

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._conv import ConvLayer


class DepthwiseConv(ConvLayer):
    """Convolves each channel by itself: base of `DepthwiseConv1D`, `2D`, `3D`.

        y = activation(depthwise_conv(pad_inputs(x), transform_kernel(kernel))
                       + bias)

    It filters in space and leaves the channels apart; `SeparableConv` mixes
    them afterwards. Same positional arguments, weights and numbers as
    `keras.layers.DepthwiseConv2D`, in steps that can be overridden; 3D and the
    keyword-only arguments are new. Set the class attribute `rank` to make a
    leaf.

    Args:
        kernel_size: int or `rank` ints. Size of the window, in positions.
        strides: int or `rank` ints. Step of the window, in positions.
        padding: what is added around the input, as in `Conv`: `"valid"`,
            `"same"`, `"causal"`, an int, one int per axis, or one (before,
            after) pair per axis.
        depth_multiplier: int >= 1. Number of output channels per input
            channel; those of one input channel stand next to each other.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        dilation_rate: int or `rank` ints. Distance between the positions that
            a window takes. May stand together with strides.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        depthwise_initializer: initializer of the kernel, `(*kernel_size,
            channels, depth_multiplier)`.
        bias_initializer: initializer of the bias, `(channels *
            depth_multiplier,)`.
        depthwise_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        depthwise_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        depthwise_transform: `KernelTransform`, or a list of which the first
            is applied first: what is done to the kernel in each call. Named
            as the other arguments of this kernel are.
        pad_mode: what the pads hold: `"constant"`, `"reflect"`,
            `"symmetric"`, `"edge"` or `"wrap"`, with NumPy's meaning.
        pad_value: float, the constant of mode `"constant"`.
        **kwargs: `use_mask`, as in `Conv`; `name`, `dtype`, `trainable`, as in
            `keras.layers.Layer`.

    Call arguments:
        inputs, mask, training: as in `Conv`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *windows, channels * depth_multiplier)`, or channels second,
        with the number of windows as in `Conv`.

    Raises:
        ValueError: if an argument is out of its range, or no window fits into
            the input.

    Hooks:
        `pad_inputs(inputs)`: pads that a convolution cannot do itself.
        `transform_kernel(kernel)`: what is done to the kernel before use.
        `convolution_op(inputs, kernel)`: the contraction.
        `add_bias(outputs)`, `activate(outputs)`: the last two steps.

    Examples:
        >>> class Mean2D(keras_extras.layers.DepthwiseConv2D):
        ...     def transform_kernel(self, kernel):
        ...         return keras.ops.ones_like(kernel) / 9
        >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
        >>> keras.ops.convert_to_numpy(Mean2D(3)(x)).ravel().tolist()
        [4.0]
    """

    output_axes: ClassVar[dict[str, tuple[int, ...]]] = {"depthwise": (-2, -1)}

    def __init__(
        self,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        depthwise_transform: Any = None,
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
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            pad_mode=pad_mode,
            pad_value=pad_value,
            **kwargs,
        )
        self._resolve(
            depthwise_initializer=depthwise_initializer,
            depthwise_regularizer=depthwise_regularizer,
            depthwise_constraint=depthwise_constraint,
            depthwise_transform=depthwise_transform,
        )
        self.depth_multiplier: int = checks.integer(
            self, "depth_multiplier", depth_multiplier
        )

    def build(self, input_shape: Shape) -> None:
        channels = arguments.input_channels(self, input_shape)
        self.compute_output_shape(input_shape)  # raises if no window fits
        self.kernel: Any = self.add_kernel(
            "kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            "depthwise",
        )
        self.add_bias_weight(channels * self.depth_multiplier)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor = None
    ) -> Tensor:
        inputs = self.mask_inputs(inputs, mask)
        padded = self.pad_inputs(inputs)  # (batch, *padded, channels)
        kernel = self.apply_transforms("depthwise", training)
        outputs = self.convolution_op(padded, self.transform_kernel(kernel))
        outputs = self.add_bias(outputs)  # (batch, *windows, channels * m)
        return self.activate(outputs)

    def transform_kernel(self, kernel: Tensor) -> Tensor:
        """Returns the kernel to use, of the same shape. Here: unchanged."""
        return kernel

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the depthwise convolution of the padded inputs."""
        return ops.depthwise_conv(inputs, kernel, **self._convolution_arguments)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns `(batch, *windows, channels * m)`, or channels second."""
        axis = shapes.channel_axis(self.rank, self.data_format)
        return self._windows_shape(
            input_shape, input_shape[axis] * self.depth_multiplier
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class DepthwiseConv1D(DepthwiseConv):
    """Convolves each channel of sequences by itself; see `DepthwiseConv`.

    Examples:
        >>> layer = keras_extras.layers.DepthwiseConv1D(3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 4)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class DepthwiseConv2D(DepthwiseConv):
    """Convolves each channel of images by itself; see `DepthwiseConv`.

    Examples:
        >>> layer = keras_extras.layers.DepthwiseConv2D(3, depth_multiplier=2)
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 4, 4, 6)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class DepthwiseConv3D(DepthwiseConv):
    """Convolves each channel of volumes by itself; see `DepthwiseConv`.

    Examples:
        >>> layer = keras_extras.layers.DepthwiseConv3D(3, strides=2, padding=1)
        >>> layer(np.ones((2, 6, 6, 6, 2))).shape == (2, 3, 3, 3, 2)
        True
    """

    rank = 3
