"""Conditional convolution: every example is convolved by its own kernel.

    y[n] = g( conv(x[n], sum over e of r[n, e] * T(k)[e])
              + sum over e of r[n, e] * bias[e] )
    r[n] = sigmoid( mean of x[n] over space . routing_kernel + routing_bias )

A subclass chooses what `Conv` leaves open, and r. Cost: that of `Conv`, times
the number of experts for more than one example.
"""

import copy
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._conv import Conv


class CondConv(Conv):
    """Convolves each example with a mixture of kernels of its own.

        y = activation(conv(x, r . kernel) + r . bias)
        r = routing_activation(mean of x over space @ routing_kernel
                               + routing_bias)

    The experts, kernels of the same form, are mixed by what the example looks
    like: more capacity for nearly the same work, when examples come one by
    one. The base of `CondConv1D`, `2D` and `3D`. Arguments and shapes as in
    `Conv`, of which this is a subclass.

    Args:
        *args: those of `Conv`, in its order.
        num_experts: int >= 1, the number of kernels that are mixed.
        routing_activation: name or function that makes shares of numbers:
            `"sigmoid"`, or `"softmax"` for shares that add up to one.
        routing_initializer: initializer of the routing kernel, `(channels,
            num_experts)`.
        **kwargs: those of `Conv`. The kernel is `(num_experts, *kernel_size,
            channels / groups, filters)`, each expert drawn by itself, the
            bias `(num_experts * filters,)`.

    Hooks:
        `route(inputs)`: the shares, `(batch, num_experts)`.
        Those of `Conv`; `convolution_op(inputs, kernel, routing)` and
        `add_bias(outputs, routing)` get the shares, too.

    Examples:
        >>> class CondConv4D(keras_extras.layers.CondConv):
        ...     rank = 4
        >>> CondConv4D(8, 3, num_experts=8).num_experts
        8

    References:
        Yang et al., "CondConv: Conditionally Parameterized Convolutions for
        Efficient Inference", arXiv:1904.04971. Kernels and biases are mixed
        as in timm's `CondConv2d`; the routing, a layer before it there, is
        inside. Softmax is Chen et al., "Dynamic Convolution",
        arXiv:1912.03458.
    """

    kernel_initializer: Any
    output_axes: ClassVar[dict[str, tuple[int, ...]]] = {
        "kernel": (0, -1)
    }  # filters of each expert

    def __init__(
        self,
        *args: Any,
        num_experts: int = 4,
        routing_activation: Any = "sigmoid",
        routing_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.supports_masking = False  # the routing looks at all steps
        self.num_experts: int = checks.integer(self, "num_experts", num_experts)
        self._resolve(
            routing_activation=routing_activation,
            routing_initializer=routing_initializer,
        )

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        channels = arguments.input_channels(self, input_shape)
        shape = (channels, self.num_experts)
        self.routing_kernel: Any = self.add_weight(
            name="routing_kernel",
            shape=shape,
            initializer=self.routing_initializer,
        )
        self.routing_bias: Any = self.add_weight(
            name="routing_bias", shape=shape[1:], initializer="zeros"
        )

    def add_weights(
        self, kernel_shape: Sequence[int], num_outputs: int
    ) -> None:
        """Adds kernel and bias with a part per expert, each drawn by itself."""
        experts, initial = self.num_experts, self.kernel_initializer
        self.kernel_initializer = functools.partial(_draw_each, initial)
        super().add_weights((experts, *kernel_shape), experts * num_outputs)
        self.kernel_initializer = initial

    # Its own `call`: the shares of the inputs reach two later steps.
    def call(  # pyright: ignore[reportIncompatibleMethodOverride]: no mask
        self, inputs: Tensor, training: bool | None = None
    ) -> Tensor:
        routing = self.route(inputs)  # (batch, experts)
        outputs = self.convolution_op(
            self.pad_inputs(inputs), self._kernel_for_use(training), routing
        )
        outputs = self.add_bias(outputs, routing)  # (batch, *windows, filters)
        return self.activate(outputs)

    def route(self, inputs: Tensor) -> Tensor:
        """Returns the share of each expert in each example's kernel."""
        axes = list(shapes.spatial_axes(self.rank, self.data_format))
        means = keras.ops.mean(inputs, axis=axes)  # (batch, channels)
        shares = keras.ops.matmul(means, self.routing_kernel)
        return self.routing_activation(shares + self.routing_bias)

    def convolution_op(
        self, inputs: Tensor, kernel: Tensor, routing: Tensor = None
    ) -> Tensor:
        """Returns the convolution with each example's mixture of kernels."""
        return ops.conditional_conv(
            inputs, kernel, routing, **self._convolution_arguments
        )

    def add_bias(self, outputs: Tensor, routing: Tensor = None) -> Tensor:
        """Returns `outputs` plus each example's mixture of biases."""
        if self.bias is None:
            return outputs
        bias = keras.ops.reshape(self.bias, (self.num_experts, -1))
        bias = keras.ops.matmul(routing, bias)  # (batch, filters)
        shape = [-1, *(1,) * (self.rank + 1)]
        shape[shapes.channel_axis(self.rank, self.data_format)] = self.filters
        return outputs + keras.ops.reshape(bias, shape)


def _draw_each(
    initializer: Any, shape: Sequence[int], dtype: Any = None
) -> Tensor:
    """Returns parts along the first axis that are drawn one by one."""
    parts = []
    for index in range(shape[0]):
        # Keras's initializers draw the same numbers each time they are called.
        if isinstance(getattr(initializer, "seed", None), int):
            initializer = copy.copy(initializer)
            initializer.seed += bool(index)
        parts.append(initializer(shape[1:], dtype=dtype))
    return keras.ops.stack(parts)


@keras.saving.register_keras_serializable(package="keras_extras")
class CondConv1D(CondConv):
    """Convolves each sequence with a kernel of its own; see `CondConv`.

    Examples:
        >>> layer = keras_extras.layers.CondConv1D(8, 3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class CondConv2D(CondConv):
    """Convolves each image with a kernel of its own; see `CondConv`.

    Examples:
        >>> layer = keras_extras.layers.CondConv2D(8, 3, num_experts=2)
        >>> layer(np.ones((2, 6, 6, 3))).shape == (2, 4, 4, 8)
        True
        >>> layer.kernel.shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class CondConv3D(CondConv):
    """Convolves each volume with a kernel of its own; see `CondConv`.

    Examples:
        >>> layer = keras_extras.layers.CondConv3D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 7, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
