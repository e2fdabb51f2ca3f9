"""Transposed convolution: every input adds a scaled kernel to the output.

    y[n, t, f] = g( sum over i, j, c with i*s + j*d = t + b
                    of  x[n, i, c] * T(k)[j, f, c]  + bias[f] )

b is what the padding cuts off in front. A subclass chooses T (what is done to
the kernel), the contraction, or g; a leaf chooses the rank. Cost: inputs *
window size * filters / groups products; with groups, or strides together with
dilation, outputs take the place of inputs.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._conv import Conv


class ConvTranspose(Conv):
    """Convolves the other way round: base of `Conv1DTranspose`, `2D`, `3D`.

        y = activation(conv_transpose(x, transform_kernel(kernel)) + bias)

    It makes small inputs large, as decoders and generators need it, with the
    shapes of a convolution reversed. Where `kernel_size` is no multiple of
    `strides`, the outputs are sums of unequally many terms, which shows as a
    checkerboard.

    Same positional arguments, weights and numbers as
    `keras.layers.Conv2DTranspose` and its relatives, in steps that can be
    overridden; keyword-only arguments are new. Set the class attribute `rank`
    to make a leaf.

    Args:
        filters: int >= 1. Number of output channels.
        kernel_size: int or `rank` ints. Size of the window, in positions.
        strides: int or `rank` ints. Step of the outputs per input.
        padding: what is cut off the output, the reverse of what a convolution
            adds to its input. `"valid"`: nothing. `"same"`: so much that
            `size * strides` positions are left. `"causal"`: as much, on the
            first spatial axis at the end only, so that no output sees a later
            input. Or numbers of positions, as in torch: an int, one int per
            axis, or one (before, after) pair per axis.
        output_padding: int or `rank` ints, positions added at the end, less
            than `strides` or less than `dilation_rate`; see the output shape.
            `None`: with `"valid"` so many that no stride is lost, with numbers
            in `padding` none.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one. In `Conv3DTranspose` it stands before
            `output_padding`, as in Keras.
        dilation_rate: int or `rank` ints. Distance between the positions to
            which one input adds. May stand together with strides.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        kernel_initializer: initializer of the kernel, `(*kernel_size, filters
            / groups, channels)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        groups: int >= 1. The channels are split into so many groups, each
            with its own share of the filters.
        kernel_transform: `KernelTransform`, or a list of which the first is
            applied first: what is done to the kernel in each call. Filters
            of different groups at one place of the kernel count as one.
        **kwargs: `lora_rank` and `lora_alpha` (see `enable_lora`); `name`,
            `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *outputs, filters)`, or channels second. With `window =
        (kernel_size - 1) * dilation_rate + 1`, on each axis: `"valid"`: `(size
        - 1) * strides + window + output_padding`, or `max(window, strides)`
        in place of the last two. `"same"`, `"causal"`: `size * strides`, or
        with `output_padding` `(size - 1) * strides + window % 2 +
        output_padding`. Numbers: `(size - 1) * strides + window - before -
        after + output_padding`.

    Raises:
        ValueError: if an argument is out of its range, the channels cannot be
            split into `groups`, or the padding leaves no output.

    Hooks:
        `pad_inputs(inputs)`: here nothing; what is cut off stands in
        `convolution_op`.
        `transform_kernel(kernel)`: what is done to the kernel before use.
        `convolution_op(inputs, kernel)`: the contraction.
        `add_bias(outputs)`, `activate(outputs)`: the last two steps.

    Examples:
        >>> layer = keras_extras.layers.Conv2DTranspose(8, 4, 2, padding=1)
        >>> layer.compute_output_shape((None, 7, 7, 16))
        (None, 14, 14, 8)

    References:
        Odena et al., "Deconvolution and Checkerboard Artifacts", Distill 2016.
    """

    output_axes: ClassVar[dict[str, tuple[int, ...]]] = {"kernel": (-2,)}
    _refused_arguments: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("pad_mode", "pad_value"),
        "A transposed convolution cuts its output and pads nothing.",
    )

    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        output_padding: Ints | None = None,
        data_format: str | None = None,
        dilation_rate: Ints = 1,
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
        groups: int = 1,
        kernel_transform: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
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
            **kwargs,
        )
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = checks.spatial(
                self, "output_padding", output_padding, minimum=0
            )
            for added, stride, dilation in zip(
                self.output_padding,
                self.strides,
                self.dilation_rate,
                strict=True,
            ):
                if added >= max(stride, dilation):
                    raise invalid_argument(
                        self,
                        "output_padding",
                        "less than strides or dilation_rate on every axis",
                        output_padding,
                        context=f"strides={self.strides}, "
                        f"dilation_rate={self.dilation_rate}.",
                    )

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        return self.filters // self.groups, channels

    def pad_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the inputs as they are."""
        return inputs

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Any:
        """Returns which outputs come of steps that are not masked."""
        if previous_mask is None:
            return None
        added = self.output_padding
        return ops.conv_transpose_mask(
            previous_mask,
            self.kernel_size[0],
            self.strides[0],
            self.padding,
            None if added is None else added[0],
            self.dilation_rate[0],
        )

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the transposed convolution of the inputs with `kernel`."""
        return ops.conv_transpose(
            inputs,
            kernel,
            output_padding=self.output_padding,
            groups=self.groups,
            **self._convolution_arguments,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, *outputs, filters)`, or channels second."""
        shape: list[Any] = list(input_shape)
        added = self.output_padding or (None,) * self.rank
        axes = shapes.spatial_axes(self.rank, self.data_format)
        for axis, sizes in enumerate(
            zip(self._window, self.strides, added, strict=True)
        ):
            crops = shapes.transpose_crops(self.padding, axis, *sizes)
            position = axes[axis]
            shape[position] = shapes.transpose_length(
                shape[position], *sizes[:2], crops
            )
            if shape[position] is not None and shape[position] < 1:
                raise invalid_argument(
                    self,
                    "padding",
                    "so small that each axis has an output",
                    self.padding,
                    context=f"The input shape {tuple(input_shape)} leaves "
                    f"{shape[position]} on axis {position}.",
                )
        shape[shapes.channel_axis(self.rank, self.data_format)] = self.filters
        return tuple(shape)


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv1DTranspose(ConvTranspose):
    """Convolves sequences the other way round; see `ConvTranspose`.

    Examples:
        >>> layer = keras_extras.layers.Conv1DTranspose(8, 4, strides=2)
        >>> layer(np.ones((2, 10, 3))).shape == (2, 22, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv2DTranspose(ConvTranspose):
    """Convolves images the other way round; see `ConvTranspose`.

    Examples:
        >>> layer = keras_extras.layers.Conv2DTranspose(8, 4, 2, padding="same")
        >>> layer(np.ones((2, 7, 7, 3))).shape == (2, 14, 14, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class Conv3DTranspose(ConvTranspose):
    """Convolves volumes the other way round; see `ConvTranspose`.

    Keras's order of arguments: `data_format` stands before `output_padding`.

    Examples:
        >>> layer = keras_extras.layers.Conv3DTranspose(8, 2, strides=2)
        >>> layer(np.ones((2, 3, 3, 3, 1))).shape == (2, 6, 6, 6, 8)
        True
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: Padding = "valid",
        data_format: str | None = None,
        output_padding: Ints | None = None,
        dilation_rate: Ints = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
