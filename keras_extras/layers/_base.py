"""What all layers share: a config without code, and a kernel in open steps.

`Layer` writes its own config: the arguments of the call that made the layer,
each read from the attribute of the same name. `BiasLayer` and `KernelLayer` add
weights

    kernel, bias        and the steps        T(kernel),  + bias,  f( . )

that `Dense` and `Conv` put around their contraction. A subclass overrides a
step, never `call`.
"""

from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import ops
from keras_extras._errors import wrong


class Layer(keras.layers.Layer):
    """Base of all layers here: saves its constructor arguments by itself.

    Store each constructor argument under its own name; nothing else is
    needed for `get_config`, `from_config`, cloning and saving, in subclasses
    of subclasses too. Arguments that a class fixes for its parent
    (`super().__init__(kernel_size=3)`) are not part of the config, since they
    are not part of the call.

    Args:
        activity_regularizer: penalty on the output, or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Raises:
        AttributeError: by `get_config`, if an argument was not stored.

    Examples:
        >>> class Scale(keras_extras.layers.Layer):
        ...     def __init__(self, factor=2.0, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.factor = factor
        ...
        ...     def call(self, inputs):
        ...         return self.factor * inputs
        >>> Scale(factor=3.0).get_config()["factor"]
        3.0
    """

    rank: int  # number of spatial axes; set by the 1D, 2D and 3D leaves

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls, *args, **kwargs)
        bound = arguments.bind(cls, keras.layers.Layer, args, kwargs)
        # Past Keras's tracking, which starts in `__init__` only.
        object.__setattr__(layer, "_argument_names", tuple(bound))
        return layer

    def __init__(self, *, activity_regularizer: Any = None, **kwargs):
        super().__init__(
            activity_regularizer=arguments.resolve(
                self, "activity_regularizer", activity_regularizer
            ),
            **kwargs,
        )

    def get_config(self):
        """Returns the constructor arguments in plain form, by name."""
        config = super().get_config()
        for name in self._argument_names:
            if name not in config:
                config[name] = arguments.serialize(name, self._argument(name))
        return arguments.accepted(type(self), keras.layers.Layer, config)

    def _argument(self, name: str):
        try:
            return getattr(self, name)
        except AttributeError:
            raise AttributeError(
                f"{type(self).__name__}: the constructor argument {name} is "
                f"not stored, so it cannot be saved. Add self.{name} = {name} "
                "to __init__."
            ) from None

    @classmethod
    def from_config(cls, config):
        """Returns the layer that `config` describes: `cls(**config)`."""
        return super().from_config(
            {
                name: arguments.deserialize(value)
                for name, value in config.items()
            }
        )

    def _mark_built(self):
        """Counts as built from the start, unless a subclass adds weights."""
        if type(self).build is keras.layers.Layer.build:
            self.built = True


class BiasLayer(Layer):
    """Base of layers that end in a bias and an activation.

    A family calls `add_kernel` and `add_bias_weight` in `build`; the steps
    `add_bias` and `activate` stand at the end of its `call`. The arguments are
    those of `KernelLayer`.
    """

    def __init__(
        self,
        *,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        bias_constraint: Any = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._resolve(
            activation=activation,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
        )
        self.use_bias = arguments.boolean(self, "use_bias", use_bias)

    def _resolve(self, **named):
        """Stores the Keras objects that the arguments name."""
        for name, value in named.items():
            setattr(self, name, arguments.resolve(self, name, value))

    def add_kernel(self, name: str, shape, prefix: str):
        """Returns a new kernel, made as the arguments `<prefix>_*` say."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
        )

    def add_bias_weight(self, num_outputs: int):
        """Adds the bias, which is `None` without `use_bias`."""
        self.bias = (
            self.add_kernel("bias", (num_outputs,), "bias")
            if self.use_bias
            else None
        )

    def add_bias(self, outputs):
        """Returns `outputs` plus the bias, along the channels."""
        if self.bias is None:
            return outputs
        return keras.ops.add(outputs, self.bias)

    def activate(self, outputs):
        """Returns the activation of `outputs`."""
        if self.activation is None:
            return outputs
        return self.activation(outputs)


class KernelLayer(BiasLayer):
    """Base of layers with a kernel: holds the weights and the shared steps.

    A family calls `add_weights` in `build`, and the steps in its `call`:
    `transform_kernel`, its own contraction, `add_bias`, `activate`.

    Args:
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel, or `None`.
        bias_regularizer: penalty on the bias, or `None`.
        activity_regularizer: penalty on the output, or `None`.
        kernel_constraint: projection of the kernel after each update, or
            `None`.
        bias_constraint: projection of the bias after each update, or `None`.
        lora_rank: int >= 1 or `None`. Freezes the kernel and trains a product
            of two narrow matrices that is added to it (see `enable_lora`).
        lora_alpha: float; the product is scaled by `lora_alpha / lora_rank`.
            `None` means `lora_rank`, which is a scale of 1.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Hooks:
        `transform_kernel(kernel)`: what is done to the kernel before use.
        `add_bias(outputs)`: adds the bias along the channels.
        `activate(outputs)`: applies the activation.
    """

    def __init__(
        self,
        *,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._resolve(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            kernel_constraint=kernel_constraint,
        )
        if lora_rank is not None:
            lora_rank = arguments.integer(self, "lora_rank", lora_rank)
        self.lora_rank = lora_rank
        if lora_alpha is not None:
            lora_alpha = arguments.number(self, "lora_alpha", lora_alpha)
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.lora_enabled = False

    def add_weights(self, kernel_shape, num_outputs):
        """Adds the kernel, the bias and, if asked for, the LoRA pair."""
        self._kernel = self.add_kernel("kernel", kernel_shape, "kernel")
        self.add_bias_weight(num_outputs)
        if self.lora_rank:
            self._add_lora(self.lora_rank, "he_uniform", "zeros")

    @property
    def kernel(self):
        """The kernel: the variable itself, or with the LoRA pair merged in."""
        # Not `self.built`: a subclass's `build` may use it after `super`'s.
        if getattr(self, "_kernel", None) is None:
            raise AttributeError(
                f"{type(self).__name__}: kernel exists once the layer is "
                "built. Call the layer, or its build(input_shape), first."
            )
        return self._effective_kernel()

    def _effective_kernel(self):
        if not self.lora_enabled:
            return self._kernel
        return ops.low_rank_update(
            self._kernel,
            self.lora_kernel_a,
            self.lora_kernel_b,
            scale=self._lora_scale,
        )

    @property
    def _lora_scale(self) -> float:
        return (self.lora_alpha or 0) / (self.lora_rank or 1)

    def _kernel_for_use(self):
        # A tensor, not the variable: `ones_like(variable)` raises on JAX, and
        # the conversion is what casts to the compute dtype.
        kernel = keras.ops.convert_to_tensor(self._effective_kernel())
        return self.transform_kernel(kernel)

    def transform_kernel(self, kernel):
        """Returns the kernel to use, of the same shape. Here: unchanged."""
        return kernel

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ):
        """Freezes the kernel and trains a low-rank update of it instead.

            kernel + (lora_alpha / rank) * a @ b

        Args:
            rank: int >= 1, columns of `a` and rows of `b`.
            lora_alpha: float; `None` means `rank`, which is a scale of 1.
            a_initializer: initializer of `a`, `(*kernel.shape[:-1], rank)`.
            b_initializer: initializer of `b`, `(rank, kernel.shape[-1])`.

        Raises:
            ValueError: if the layer is not built, has a kernel constraint,
                or has LoRA already.

        References:
            Hu et al., "LoRA", arXiv:2106.09685.
        """
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}: enable_lora needs a built layer. "
                "Call the layer, or its build(input_shape), first."
            )
        rank = arguments.integer(self, "rank", rank)
        self._tracker.unlock()  # Keras lets no weight in after `build`
        self._add_lora(rank, a_initializer, b_initializer)
        self._tracker.lock()
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _add_lora(self, rank, a_initializer, b_initializer):
        if self.lora_enabled:
            raise ValueError(
                f"{type(self).__name__}: LoRA is enabled already, with "
                f"lora_rank={self.lora_rank}. It can be enabled once per layer."
            )
        if self.kernel_constraint is not None:
            raise wrong(
                self,
                "kernel_constraint",
                "None for a layer with LoRA",
                self.kernel_constraint,
                fix="The constrained kernel would not be the one in use.",
            )
        shape = self._kernel.shape
        # float32 whatever the policy: small updates vanish in half precision.
        self.lora_kernel_a = self.add_weight(
            name="lora_kernel_a",
            shape=(*shape[:-1], rank),
            initializer=a_initializer,
            regularizer=self.kernel_regularizer,
            dtype="float32",
        )
        self.lora_kernel_b = self.add_weight(
            name="lora_kernel_b",
            shape=(rank, shape[-1]),
            initializer=b_initializer,
            regularizer=self.kernel_regularizer,
            dtype="float32",
        )
        self._kernel.trainable = False
        self.lora_enabled = True

    def save_own_variables(self, store):
        """Saves the weights, a LoRA pair merged into the kernel as in Keras."""
        for index, variable in enumerate(self._saved_variables()):
            merged = variable is getattr(self, "_kernel", None)
            store[str(index)] = self.kernel if merged else variable

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved; a LoRA pair starts anew."""
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        for index, variable in enumerate(self._saved_variables()):
            variable.assign(store[str(index)])
        self.lora_kernel_b.assign(
            keras.ops.zeros_like(self.lora_kernel_b.value)
        )

    def _saved_variables(self):
        own = {}
        super().save_own_variables(own)
        lora = (
            (self.lora_kernel_a, self.lora_kernel_b)
            if self.lora_enabled
            else ()
        )
        return [
            variable
            for variable in own.values()
            if all(variable is not other for other in lora)
        ]
