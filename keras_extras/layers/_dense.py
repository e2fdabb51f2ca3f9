"""The dense layer: every output is a weighted sum of all inputs.

    y = f( x . T(kernel) + bias )          over the last axis of x

A subclass chooses T, the contraction, or f. Cost: inputs * units products per
position.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import KernelLayer


@keras.saving.register_keras_serializable(package="keras_extras")
class Dense(KernelLayer):
    """Multiplies the last axis of the input by a matrix and adds a bias.

        y = activation(x @ transform_kernel(kernel) + bias)

    Same arguments, weights and numbers as `keras.layers.Dense`, in steps that
    can be overridden. An input of any rank is transformed at its last axis.

    Args:
        units: int >= 1. Size of the output's last axis.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        kernel_initializer: initializer of the kernel, `(inputs, units)`.
        bias_initializer: initializer of the bias, `(units,)`.
        kernel_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        lora_rank: int >= 1 or `None`. Freezes the kernel and trains
            `lora_alpha / lora_rank * a @ b` in its place (see
            `enable_lora`).
        lora_alpha: float, the scale of that update; `None` means
            `lora_rank`.
        quantization_config: `None`. Stands here for Keras's argument order;
            quantize the layer that `keras_extras.conversion.to_keras` makes.
        kernel_transform: `KernelTransform`, or a list of which the first is
            applied first: what is done to the kernel in each call.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, ..., inputs)`
    Output shape:
        `(batch, ..., units)`

    Raises:
        ValueError: if `units` is not a positive integer, or the last axis of
            the input is unknown.

    Hooks:
        `transform_kernel(kernel)`: what is done to the kernel before use.
        `dense_op(inputs, kernel)`: the contraction.
        `add_bias(outputs)`, `activate(outputs)`: the last two steps.

    Examples:
        >>> layer = keras_extras.layers.Dense(3, activation="relu")
        >>> layer(np.ones((2, 5))).shape == (2, 3)
        True
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: None = None,
        *,
        kernel_transform: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
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
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            **kwargs,
        )
        self.units = checks.integer(self, "units", units)
        if quantization_config is not None:
            raise invalid_argument(
                self,
                "quantization_config",
                "None",
                quantization_config,
                fix="keras_extras.conversion.to_keras(model) returns the same "
                "model made of layers that can be quantized.",
            )
        self.quantization_config = None
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        if inputs is None:
            raise invalid_argument(
                self,
                "input_shape",
                "a shape with a known last axis",
                tuple(input_shape),
                fix="The kernel has one row per input.",
            )
        self.add_weights((inputs, self.units), self.units)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        outputs = self.dense_op(inputs, self._kernel_for_use(training))
        outputs = self.add_bias(outputs)  # (batch, ..., units)
        return self.activate(outputs)

    def dense_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the contraction of `inputs` with `kernel`."""
        return ops.dense(inputs, kernel)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, ..., units)`."""
        return (*input_shape[:-1], self.units)
