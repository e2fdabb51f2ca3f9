"""Separable convolution: first in space, then across the channels.

    z[n, i, c*m + r] = sum over j of  x[n, i*s + j*d - p, c] * T(k)[j, c, r]
    y[n, i, f]       = g( sum over e of  z[n, i, e] * U(q)[e, f]  + bias[f] )

with r = 0 ... m - 1. A subclass chooses T and U (what is done to the two
kernels), the contraction, how the input is padded, or g; a leaf chooses the
rank. Cost: outputs * channels * m * (window size + filters) products.
"""

from typing import Any, ClassVar

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._conv import ConvLayer


class SeparableConv(ConvLayer):
    """Convolves in space, then mixes: base of `SeparableConv1D`, `2D`, `3D`.

        y = activation(separable_conv(pad_inputs(x), T(k), U(q)) + bias)

    A convolution whose kernel is a product of one in space and one across the
    channels: `filters` times fewer products where the window is large. Same
    positional arguments, weights and numbers as `keras.layers.SeparableConv2D`,
    in steps that can be overridden; 3D and the keyword-only arguments are new.
    Set the class attribute `rank` to make a leaf.

    Args:
        filters: int >= 1. Number of output channels.
        kernel_size: int or `rank` ints. Size of the window, in positions.
        strides: int or `rank` ints. Step of the window, in positions.
        padding: what is added around the input, as in `Conv`: `"valid"`,
            `"same"`, `"causal"`, an int, one int per axis, or one (before,
            after) pair per axis.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        dilation_rate: int or `rank` ints. Distance between the positions that
            a window takes. May stand together with strides.
        depth_multiplier: int >= 1. Number of channels that the convolution in
            space makes of each input channel.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        depthwise_initializer: initializer of the kernel in space,
            `(*kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: initializer of the kernel across the channels,
            `(*ones, channels * depth_multiplier, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        depthwise_regularizer: penalty on the kernel in space, or `None`.
        pointwise_regularizer: penalty on the kernel across the channels, or
            `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        depthwise_constraint: projection of the kernel in space after each
            update.
        pointwise_constraint: projection of the kernel across the channels
            after each update.
        bias_constraint: projection of the bias after each update.
        depthwise_transform: `KernelTransform`, or a list of which the first
            is applied first: what is done to the kernel in space in each
            call.
        pointwise_transform: the same for the kernel across the channels.
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
        `(batch, *windows, filters)`, or channels second, with the number of
        windows as in `Conv`.

    Raises:
        ValueError: if an argument is out of its range, or no window fits into
            the input.

    Hooks:
        `pad_inputs(inputs)`: pads that a convolution cannot do itself.
        `transform_depthwise_kernel(kernel)`: T, before use.
        `transform_pointwise_kernel(kernel)`: U, before use.
        `convolution_op(inputs, depthwise_kernel, pointwise_kernel)`: both
        contractions.
        `add_bias(outputs)`, `activate(outputs)`: the last two steps.

    Examples:
        >>> layer = keras_extras.layers.SeparableConv2D(64, 3)
        >>> layer.build((None, 8, 8, 32))
        >>> [tuple(weight.shape) for weight in layer.weights]
        [(3, 3, 32, 1), (1, 1, 32, 64), (64,)]

    References:
        Chollet, "Xception", arXiv:1610.02357.
    """

    output_axes: ClassVar[dict[str, tuple[int, ...]]] = {
        "depthwise": (-2, -1),
        "pointwise": (-1,),
    }

    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        depthwise_transform: Any = None,
        pointwise_transform: Any = None,
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
            pointwise_initializer=pointwise_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            depthwise_transform=depthwise_transform,
            pointwise_transform=pointwise_transform,
        )
        self.filters: int = checks.integer(self, "filters", filters)
        self.depth_multiplier: int = checks.integer(
            self, "depth_multiplier", depth_multiplier
        )

    def build(self, input_shape: Shape) -> None:
        channels = arguments.input_channels(self, input_shape)
        self.compute_output_shape(input_shape)  # raises if no window fits
        self.depthwise_kernel: Any = self.add_kernel(
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            "depthwise",
        )
        self.pointwise_kernel: Any = self.add_kernel(
            "pointwise_kernel",
            (
                *(1,) * self.rank,
                channels * self.depth_multiplier,
                self.filters,
            ),
            "pointwise",
        )
        self.add_bias_weight(self.filters)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor = None
    ) -> Tensor:
        inputs = self.mask_inputs(inputs, mask)
        padded = self.pad_inputs(inputs)  # (batch, *padded, channels)
        depthwise, pointwise = (
            self.apply_transforms(prefix, training)
            for prefix in ("depthwise", "pointwise")
        )
        outputs = self.convolution_op(
            padded,
            self.transform_depthwise_kernel(depthwise),
            self.transform_pointwise_kernel(pointwise),
        )
        outputs = self.add_bias(outputs)  # (batch, *windows, filters)
        return self.activate(outputs)

    def transform_depthwise_kernel(self, kernel: Tensor) -> Tensor:
        """Returns the kernel to use in space. Here: unchanged."""
        return kernel

    def transform_pointwise_kernel(self, kernel: Tensor) -> Tensor:
        """Returns the kernel to use across the channels. Here: unchanged."""
        return kernel

    def convolution_op(
        self, inputs: Tensor, depthwise_kernel: Tensor, pointwise_kernel: Tensor
    ) -> Tensor:
        """Returns the separable convolution of the padded inputs."""
        return ops.separable_conv(
            inputs,
            depthwise_kernel,
            pointwise_kernel,
            **self._convolution_arguments,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, *windows, filters)`, or channels second."""
        return self._windows_shape(input_shape, self.filters)


@keras.saving.register_keras_serializable(package="keras_extras")
class SeparableConv1D(SeparableConv):
    """Convolves sequences in two steps; see `SeparableConv`.

    Examples:
        >>> layer = keras_extras.layers.SeparableConv1D(8, 3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class SeparableConv2D(SeparableConv):
    """Convolves images in two steps; see `SeparableConv`.

    Examples:
        >>> layer = keras_extras.layers.SeparableConv2D(8, 3, padding="same")
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 6, 6, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class SeparableConv3D(SeparableConv):
    """Convolves volumes in two steps; see `SeparableConv`.

    Examples:
        >>> layer = keras_extras.layers.SeparableConv3D(8, 3)
        >>> layer(np.ones((2, 5, 5, 5, 2))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
