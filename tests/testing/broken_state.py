"""Layers that keep, draw or change what they should not, or say it wrongly."""

import random

import keras
import numpy as np
from keras import ops

from keras_extras.testing import LayerTraits
from tests.testing.broken import Broken, Noise, Simple, register
from tests.testing.healthy_layers import FromDict, Weigh


@register
class NoiseAlways(Noise):
    def call(self, inputs, training=False):
        return inputs + self.noise(inputs)


@register
class NoiseByDefault(Noise):
    """Noise whenever nobody says whether it is training."""

    def call(self, inputs, training=None):
        return inputs if training is False else inputs + self.noise(inputs)


@register
class StatisticsInInference(Simple):
    def build(self, input_shape):
        self.mean = self.add_weight(
            shape=(input_shape[-1],),
            initializer="zeros",
            trainable=False,
            name="mean",
        )

    def call(self, inputs, training=False):
        axes = tuple(range(len(inputs.shape) - 1))
        self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(inputs, axis=axes))
        return ops.tanh(inputs)


@register
class CountsCalls(Simple):
    """A step counter that inference moves, too."""

    def build(self, input_shape):
        self.steps = self.add_weight(
            shape=(),
            initializer="zeros",
            trainable=False,
            name="steps",
            dtype="int32",
        )

    def call(self, inputs):
        self.steps.assign_add(1)
        return ops.tanh(inputs)


@register
class ClaimsToBeRandom(Simple):
    traits = LayerTraits(deterministic=False)


@register
class NoSeedArgument(Noise):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def get_config(self):
        config = super().get_config()
        del config["seed"]
        return config


@register
class SeedIgnored(Noise):
    def __init__(self, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.generator = keras.random.SeedGenerator()


@register
class SeedOfKeras(Noise):
    """Draws from the global generator of Keras."""

    def noise(self, inputs):
        return keras.random.normal(ops.shape(inputs), dtype=inputs.dtype)


@register
class AlwaysTheSameNoise(Noise):
    """A number as seed gives the same noise in each step."""

    def noise(self, inputs):
        return keras.random.normal(
            ops.shape(inputs), dtype=inputs.dtype, seed=self.seed or 1337
        )


@register
class NoiseOfNumpy(Noise):
    def noise(self, inputs):
        return ops.cast(np.random.normal(size=inputs.shape[-1:]), inputs.dtype)


@register
class NoiseOfPython(Noise):
    def noise(self, inputs):
        return random.random()


@register
class GlobalSeedInCall(Noise):
    def noise(self, inputs):
        np.random.seed(0)
        return ops.cast(np.random.normal(size=inputs.shape[-1:]), inputs.dtype)


@register
class GlobalSeedInConstructor(Noise):
    """Whoever uses the layer gets its seed."""

    def __init__(self, seed=None, **kwargs):
        keras.utils.set_random_seed(42)
        super().__init__(seed, **kwargs)


@register
class AssignsToList(Simple):
    def call(self, inputs):
        inputs[0] = inputs[0] + inputs[1]
        return inputs[0]


@register
class PopsFromList(Simple):
    def call(self, inputs):
        last = inputs.pop()
        return last + inputs[0]


@register
class PopsFromDict(Simple):
    def call(self, inputs):
        return inputs.pop("left") + inputs["right"]


@register
class AddsInPlace(Simple):
    """On torch the tensor of the caller is another one afterwards."""

    def call(self, inputs):
        inputs += 1
        return inputs


@register
class CounterAttribute(Simple):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return ops.tanh(inputs)


@register
class KeepsOutput(Simple):
    def call(self, inputs):
        self.last_output = ops.tanh(inputs)
        return self.last_output


@register
class KeepsShapes(Simple):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, inputs):
        self.seen.append(str(inputs.shape))
        return ops.tanh(inputs)


@register
class KeepsInDict(Simple):
    """A cache of tensors, by name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.cache = {}

    def call(self, inputs):
        self.cache["inputs"] = inputs
        return ops.tanh(inputs)


@register
class KeepsFirstScale(Simple):
    """The scale of the first batch for ever after."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = None

    def call(self, inputs, training=False):
        if training and self.scale is None:
            self.scale = ops.max(ops.abs(inputs))
        return ops.tanh(inputs) if self.scale is None else inputs / self.scale


CORPUS = [
    Broken(NoiseAlways, "check_training_flag"),
    Broken(NoiseByDefault, "check_training_flag"),
    Broken(StatisticsInInference, "check_training_flag"),
    Broken(CountsCalls, "check_training_flag"),
    Broken(ClaimsToBeRandom, "check_training_flag", example=False),
    Broken(NoSeedArgument, "check_seeds"),
    Broken(SeedIgnored, "check_seeds"),
    Broken(SeedOfKeras, "check_seeds"),
    Broken(AlwaysTheSameNoise, "check_seeds"),
    Broken(NoiseOfNumpy, "check_global_random_state"),
    Broken(NoiseOfPython, "check_global_random_state"),
    Broken(GlobalSeedInCall, "check_global_random_state"),
    Broken(GlobalSeedInConstructor, "check_global_random_state"),
    Broken(
        AssignsToList, "check_inputs_are_untouched", [(4,), (4,)], twin=Weigh
    ),
    Broken(
        PopsFromList, "check_inputs_are_untouched", [(4,), (4,)], twin=Weigh
    ),
    Broken(
        PopsFromDict,
        "check_inputs_are_untouched",
        {"left": (4,), "right": (4,)},
        twin=FromDict,
    ),
    Broken(AddsInPlace, "check_inputs_are_untouched", only=("torch",)),
    Broken(CounterAttribute, "check_python_state"),
    Broken(KeepsOutput, "check_python_state"),
    Broken(KeepsShapes, "check_python_state"),
    Broken(KeepsInDict, "check_python_state"),
    Broken(KeepsFirstScale, "check_python_state"),
]
