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
from keras_extras.layers._base import MODES_WITH_LORA, KernelLayer


class _QuantizedDense(keras.layers.Dense):
    """What Keras's `Dense` does once it is quantized, and no more of it.

    Constructor, config and files are those of any layer again, as if Keras's
    `Dense` were not there; `Dense` asks for its files where they are quantized.
    """

    def __init__(self, **kwargs: Any) -> None:
        super(keras.layers.Dense, self).__init__(**kwargs)

    get_config = keras.layers.Layer.get_config
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super(keras.layers.Dense, cls).from_config(config)


@keras.saving.register_keras_serializable(package="keras_extras")
class Dense(KernelLayer, _QuantizedDense):
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
        quantization_config: `keras.quantizers.QuantizationConfig` or `None`:
            how a layer with a quantized `dtype` is quantized; see `quantize`.
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
        quantization_config: Any = None,
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
        self.quantization_config = _quantization_config(
            self, quantization_config
        )
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
        if self.quantization_mode is None:
            self.add_weights((inputs, self.units), self.units)
        else:
            self._add_quantized_weights(input_shape)
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

    # --- quantized: what Keras does, where it is what this layer does --------

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: Any = None,
    ) -> None:
        """Makes the kernel one of few bits, for good, as Keras's `Dense` does.

        `model.quantize` calls it on all layers. Weights, numbers and files are
        those of a quantized `keras.layers.Dense`.

        Args:
            mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`. The
                last two need `model.quantize`, which has the data.
            type_check: bool, whether subclasses are refused, as Keras does.
            config: `keras.quantizers.QuantizationConfig`, or `None` for the
                mode's usual one.

        Raises:
            NotImplementedError: if the layer has a `kernel_transform`, which
                `freeze` writes into the kernel; if it is of a subclass that
                overrides a hook or adds weights; or if it has LoRA and the
                mode is none of `"int8"` and `"int4"`.

        Examples:
            >>> layer = keras_extras.layers.Dense(3)
            >>> layer.build((None, 5))
            >>> layer.quantize("int8")
            >>> layer.dtype_policy.name
            'int8_from_float32'
        """
        self._require_quantizable(mode)
        super().quantize(
            mode,
            type_check=type_check and type(self) is not Dense,
            config=config,
        )
        self.quantization_config = config
        self._kernels.clear()  # it is another variable, or packed

    def _require_quantizable(self, mode: str | None) -> None:
        steps = ("call", "dense_op", "transform_kernel", "add_bias", "activate")
        own = [
            name
            for name in steps
            if getattr(type(self), name) is not getattr(Dense, name)
        ]
        if own:
            reason = f"steps of its own ({', '.join(own)})"
        elif self._chain("kernel"):
            reason = "a kernel_transform, which freeze() writes into the kernel"
        elif self.lora_rank and mode not in MODES_WITH_LORA:
            reason = "LoRA, which freeze() writes into the kernel"
        elif more := self._further_weights():
            reason = f"further weights ({', '.join(more)})"
        else:
            return
        raise NotImplementedError(
            f"{type(self).__name__}: {self.name!r} cannot be quantized to "
            f"{mode}: it has {reason}."
        )

    def _further_weights(self) -> list[str]:
        """Returns the names of weights that Keras's `Dense` does not have."""
        known = {"kernel"}.union(*self.variable_serialization_spec.values())
        own = self._own_weights()
        return [each.name for each in own if each.name not in known]

    def _add_quantized_weights(self, input_shape: Shape) -> None:
        """Adds the weights of a layer whose `dtype` is quantized."""
        self._require_quantizable(self.quantization_mode)
        rank, self.lora_rank = self.lora_rank, None  # Keras drops the alpha
        keras.layers.Dense.build(self, input_shape)
        if rank:
            self._add_lora(rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The kernel as Keras's: unpacked, LoRA merged in, quantized steps."""
        if self.quantization_mode is None:
            return super().kernel
        return keras.layers.Dense.kernel.__get__(self)

    def _merge_lora(self) -> None:
        if self.quantization_mode is None:
            super()._merge_lora()
            return
        merged = {}
        self.save_own_variables(merged)
        self._drop_lora()
        self.load_own_variables(merged)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments; how it was quantized later too."""
        config = super().get_config()
        if self.quantization_config is not None:
            config["quantization_config"] = keras.saving.serialize_keras_object(
                self.quantization_config
            )
        return config

    def save_own_variables(self, store: Any) -> None:
        """Saves the weights in Keras's order.

        Raises:
            ValueError: if the file could not hold them all: GPTQ or AWQ without
                its calibration, or further weights of a subclass.
        """
        mode = self.quantization_mode
        if mode is None or not self.built:
            super().save_own_variables(store)
            return
        if not getattr(self, f"is_{mode}_calibrated", True):
            raise ValueError(
                f"{type(self).__name__}: {self.name!r} waits for the data of "
                f"{mode}, so that its file would hold zeros. model.quantize "
                "with a config that has a dataset calibrates it."
            )
        if more := self._further_weights():
            raise ValueError(
                f"{type(self).__name__}: the file of a quantized layer has no "
                f"place for further weights ({', '.join(more)})."
            )
        if mode not in ("gptq", "awq"):
            keras.layers.Dense.save_own_variables(self, store)
            return
        # Keras 3.15 leaves `kernel_zero` out, and cannot load that file.
        names = self.variable_serialization_spec[mode]
        weights = [getattr(self, name) for name in names]
        for place, weight in enumerate(w for w in weights if w is not None):
            store[str(place)] = weight

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` of this or Keras's layer saved."""
        if self.quantization_mode is None:
            super().load_own_variables(store)
        else:
            keras.layers.Dense.load_own_variables(self, store)


def _quantization_config(owner: Dense, value: object) -> Any:
    """Returns the argument `quantization_config`, checked."""
    quantizers: Any = keras.quantizers
    # Keras 3.12 has that of GPTQ only.
    kind = getattr(quantizers, "QuantizationConfig", quantizers.GPTQConfig)
    if value is None or isinstance(value, kind):
        return value
    raise invalid_argument(
        owner,
        "quantization_config",
        "a keras.quantizers.QuantizationConfig or None",
        value,
        fix="dtype='int8_from_float32' makes a quantized layer.",
        error=TypeError,
    )
