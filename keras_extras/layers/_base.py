"""What all layers share: a config without code, and a kernel in open steps.

`Layer` writes its own config: the arguments of the call that made the layer,
each read from the attribute of the same name. `BiasLayer` and `KernelLayer` add
weights

    kernel, bias        and the steps        T(kernel),  + bias,  f( . )

that `Dense` and `Conv` put around their contraction. T is first what the
argument `kernel_transform` says, then the hook of that name. A subclass
overrides a step, never `call`.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _keras_internals as internals
from keras_extras import ops, transforms
from keras_extras._config import FromCall
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor

# In the others Keras passes LoRA over, or refuses it when the layer is called.
MODES_WITH_LORA = (None, "int8", "int4")


class Layer(FromCall, keras.layers.Layer):
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

    def __init__(
        self, *, activity_regularizer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(
            activity_regularizer=arguments.resolve(
                self, "activity_regularizer", activity_regularizer
            ),
            **kwargs,
        )

    def _mark_built(self) -> None:
        """Counts as built from the start, unless a subclass adds weights."""
        if type(self).build is keras.layers.Layer.build:
            self.built = True


class BiasLayer(transforms.KernelOwner, Layer):
    """Base of layers with kernels that end in a bias and an activation.

    A family calls `add_kernel` and `add_bias_weight` in `build`,
    `apply_transforms`, its hook and its contraction in `call`; the steps
    `add_bias` and `activate` stand at the end of it. The arguments are those of
    `KernelLayer`.
    """

    def __init__(
        self,
        *,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._resolve(
            activation=activation,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
        )
        self.use_bias: bool = checks.boolean(self, "use_bias", use_bias)

    def _resolve(self, **named: Any) -> None:
        """Stores the objects that the arguments name."""
        for name, value in named.items():
            get = transforms.get if name.endswith("_transform") else None
            setattr(self, name, arguments.resolve(self, name, value, get))

    def add_kernel(
        self, name: str, shape: Sequence[int], prefix: str
    ) -> keras.Variable:
        """Returns a new kernel, made as the arguments `<prefix>_*` say."""
        kernel = self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
            autocast=not self._is_changed(prefix),  # transforms get all digits
        )
        self.own_kernel(prefix, kernel)
        return kernel

    def add_bias_weight(self, num_outputs: int) -> None:
        """Adds the bias, which is `None` without `use_bias`."""
        self.bias = None
        if self.use_bias:
            self.bias: Any = self.add_weight(
                name="bias",
                shape=(num_outputs,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def add_bias(self, outputs: Tensor) -> Tensor:
        """Returns `outputs` plus the bias, along the channels."""
        if self.bias is None:
            return outputs
        return keras.ops.add(outputs, self.bias)

    def activate(self, outputs: Tensor) -> Tensor:
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
        kernel_transform: `KernelTransform`, or a list of which the first is
            applied first: what is done to the kernel in each call. `None`:
            nothing.
        lora_rank: int >= 1 or `None`. Freezes the kernel and trains a product
            of two narrow matrices that is added to it (see `enable_lora`).
        lora_alpha: float; the product is scaled by `lora_alpha / lora_rank`.
            `None` means `lora_rank`, which is a scale of 1.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Hooks:
        `add_weights(kernel_shape, num_outputs)`: makes the weights, in `build`.
        `transform_kernel(kernel)`: what is done to the kernel before use,
            after `kernel_transform`.
        `add_bias(outputs)`: adds the bias along the channels.
        `activate(outputs)`: applies the activation.
    """

    lora_enabled = False
    lora_kernel_a: keras.Variable  # these two are there with LoRA only
    lora_kernel_b: keras.Variable

    def __init__(
        self,
        *,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        kernel_transform: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._resolve(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            kernel_constraint=kernel_constraint,
            kernel_transform=kernel_transform,
        )
        self.lora_rank: Any = checks.optional(
            checks.integer, self, "lora_rank", lora_rank
        )
        lora_alpha = checks.optional(
            checks.number, self, "lora_alpha", lora_alpha
        )
        self.lora_alpha: Any = (
            self.lora_rank if lora_alpha is None else lora_alpha
        )

    def add_weights(
        self, kernel_shape: Sequence[int], num_outputs: int
    ) -> None:
        """Adds the kernel, the bias and, if asked for, the LoRA pair."""
        self._kernel = self.add_kernel("kernel", kernel_shape, "kernel")
        self.add_bias_weight(num_outputs)
        if self.lora_rank:
            self._add_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The kernel: the variable itself, or with the LoRA pair merged in."""
        # Not `self.built`: a subclass's `build` may use it after `super`'s.
        if getattr(self, "_kernel", None) is None:
            raise AttributeError(
                f"{type(self).__name__}: kernel exists once the layer is "
                "built. Call the layer, or its build(input_shape), first."
            )
        if not self.lora_enabled:
            return self._kernel
        return self._untransformed("kernel")

    def _kernel_for_use(self, training: bool | None = None) -> Tensor:
        return self.transform_kernel(self.apply_transforms("kernel", training))

    def transform_kernel(self, kernel: Tensor) -> Tensor:
        """Returns the kernel to use, of the same shape. Here: unchanged."""
        return kernel

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freezes the kernel and trains a low-rank update of it instead.

            kernel + (lora_alpha / rank) * a @ b

        The update stands in front of all transforms; `freeze` merges it. Saved
        weights have it merged, as Keras's do.

        Args:
            rank: int >= 1, columns of `a` and rows of `b`.
            lora_alpha: float; `None` means `rank`, which is a scale of 1.
            a_initializer: initializer of `a`, `(*kernel.shape[:-1], rank)`.
            b_initializer: initializer of `b`, `(rank, kernel.shape[-1])`.

        Raises:
            ValueError: if the layer is not built, has a kernel constraint,
                or has LoRA already.
            NotImplementedError: if it is quantized to float8, or by GPTQ or
                AWQ.

        References:
            Hu et al., "LoRA", arXiv:2106.09685.
        """
        self._require_built("enable_lora")
        rank = checks.integer(self, "rank", rank)
        with internals.open_to_weights(self):
            self._add_lora(rank, lora_alpha, a_initializer, b_initializer)

    def _add_lora(
        self,
        rank: int,
        lora_alpha: float | None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        self._require_lora_possible()
        *inputs, outputs = self.kernel.shape
        self.lora_kernel_a, self.lora_kernel_b = (
            self.add_weight(
                name=f"lora_kernel_{letter}",
                shape=shape,
                initializer=arguments.resolve(
                    self, f"{letter}_initializer", initializer
                ),
                regularizer=self.kernel_regularizer,
                dtype="float32",  # small updates vanish in half precision
                autocast=False,
            )
            for letter, shape, initializer in (
                ("a", (*inputs, rank), a_initializer),
                ("b", (rank, outputs), b_initializer),
            )
        )
        self._kernel.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _require_lora_possible(self) -> None:
        name = type(self).__name__
        if self.quantization_mode not in MODES_WITH_LORA:
            raise NotImplementedError(
                f"{name}: LoRA is for layers that are quantized to int8, to "
                f"int4 or not at all. Here it is {self.quantization_mode}."
            )
        if self.lora_enabled:
            raise ValueError(
                f"{name}: LoRA is enabled already, with "
                f"lora_rank={self.lora_rank}. It can be enabled once per layer."
            )
        if self.kernel_constraint is not None:
            raise invalid_argument(
                self,
                "kernel_constraint",
                "None for a layer with LoRA",
                self.kernel_constraint,
                fix="The constrained kernel would not be the one in use.",
            )

    def _untransformed(self, prefix: str) -> Tensor:
        kernel = super()._untransformed(prefix)
        if not self.lora_enabled:
            return kernel
        return ops.low_rank_update(
            self._widened(kernel),
            self.lora_kernel_a.value,
            self.lora_kernel_b.value,
            scale=self.lora_alpha / self.lora_rank,
        )

    def _is_changed(self, prefix: str) -> bool:
        return bool(self.lora_rank) or super()._is_changed(prefix)

    def _trains_kernel(self, prefix: str) -> bool:
        return not self.lora_enabled and super()._trains_kernel(prefix)

    def _own_weights(self) -> list[keras.Variable]:
        own = super()._own_weights()
        return [each for each in own if not self._is_of_lora(each)]

    def _is_of_lora(self, weight: keras.Variable) -> bool:
        return self.lora_enabled and (
            weight is self.lora_kernel_a or weight is self.lora_kernel_b
        )

    def _begin_again(self) -> None:
        """Takes the LoRA pair, and the transforms, back to their beginning."""
        if self.lora_enabled:
            self.lora_kernel_b.assign(
                keras.ops.zeros_like(self.lora_kernel_b.value)
            )
        super()._begin_again()

    def freeze(self) -> None:
        self._require_built("freeze")
        if self.lora_enabled:
            self._merge_lora()
        super().freeze()

    def _merge_lora(self) -> None:
        self._kernel.assign(self.kernel)
        self._kernel.trainable = self.trainable
        self._drop_lora()

    def _drop_lora(self) -> None:
        for name in ("lora_kernel_a", "lora_kernel_b"):
            internals.drop_weight(self, name)
        self.lora_enabled: bool = False
        self.lora_rank = self.lora_alpha = None

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments; LoRA too if it came later."""
        config = super().get_config()
        if self.lora_enabled:
            config["lora_rank"] = self.lora_rank
            config["lora_alpha"] = self.lora_alpha
        return config

    def save_own_variables(self, store: Any) -> None:
        """Saves the weights, a LoRA pair merged into the kernel as in Keras."""
        for place, variable in enumerate(self._own_weights()):
            merged = variable is getattr(self, "_kernel", None)
            store[str(place)] = self.kernel if merged else variable

    def load_own_variables(self, store: Any) -> None:
        """Loads the weights, and begins again with a LoRA pair."""
        if self.lora_enabled:  # which files do not hold
            values = [store[str(place)] for place in range(len(store.keys()))]
            for place, weight in enumerate(internals.own_variables(self)):
                if self._is_of_lora(weight):
                    values.insert(place, weight)
            store = {str(place): value for place, value in enumerate(values)}
        super().load_own_variables(store)


class PowerMean(Layer):
    """Base of the power means, in front of a base of pooling: the power.

    Args:
        *args: those of the base of pooling, in its order.
        initial_power: number but 0, what `power` starts from.
        epsilon: number above 0; smaller inputs count as this.
        **kwargs: those of the base of pooling.
    """

    def __init__(
        self,
        *args: Any,
        initial_power: float = 3.0,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.initial_power: Any = checks.nonzero(
            self, "initial_power", initial_power
        )
        self.epsilon: float = checks.positive(self, "epsilon", epsilon)

    def build(self, input_shape: Shape) -> None:
        initializer = keras.initializers.Constant(self.initial_power)
        # In half precision the power would move in steps of 1 percent.
        self.power: Any = self.add_weight(
            (), initializer, autocast=False, name="power"
        )

    def _reduce_options(self) -> dict[str, Any]:
        return {
            "power": keras.ops.convert_to_tensor(self.power),
            "epsilon": self.epsilon,
        }
