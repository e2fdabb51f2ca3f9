"""What an entry of the corpus of broken layers is."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from keras_extras.testing import LayerTraits

register = keras.saving.register_keras_serializable(package="broken")
EVERYWHERE = ("tensorflow", "jax", "torch")


@dataclasses.dataclass(frozen=True)
class Broken:
    """A broken layer, and the check that is there to catch it."""

    cls: Callable[..., keras.Layer]
    check: str
    input_shapes: Any = None
    traits: LayerTraits | None = None
    # The backends on which the fault shows.
    only: tuple[str, ...] = EVERYWHERE
    # The backends handed to `check_layer`, each of which is a process.
    backends: tuple[str, ...] = ()
    # Whether the code of the example can show it: not from this process, or
    # not from the config alone.
    example: bool = True
    # What the constructor is given.
    args: tuple = ()
    # A healthy layer for which the example passes, if that is not the parent.
    twin: type[keras.layers.Layer] | None = None

    def make(self) -> keras.Layer:
        """Returns a new layer."""
        return self.cls(*self.args)


@register
class Simple(keras.layers.Layer):
    """A layer without a fault, to add one to."""

    def call(self, inputs):
        return keras.ops.tanh(inputs)


@register
class Weighted(keras.layers.Layer):
    """A dense layer without a fault, to add one to."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel"
        )

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)

    def get_config(self):
        return super().get_config() | {"units": self.units}


@register
class Noise(Simple):
    """Noise in training, without a fault, to add one to."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        return inputs + self.noise(inputs) if training else inputs

    def noise(self, inputs) -> Any:
        return keras.random.normal(
            keras.ops.shape(inputs), dtype=inputs.dtype, seed=self.generator
        )

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


@register
class Regularized(Weighted):
    """With a regularizer, to lose it."""

    def __init__(self, units=3, kernel_regularizer=None, **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_regularizer: Any = keras.regularizers.get(
            kernel_regularizer
        )

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            name="kernel",
            regularizer=self.kernel_regularizer,
        )

    def get_config(self):
        return super().get_config() | {
            "kernel_regularizer": keras.regularizers.serialize(
                self.kernel_regularizer
            )
        }
