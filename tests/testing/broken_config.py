"""Layers that write down something other than what they are."""

import threading
import types
import uuid
from typing import Any

import keras
import numpy as np

from tests.testing.broken import Broken, Simple, Weighted, register
from tests.testing.healthy_layers import Gain


class NotRegistered(Simple):
    pass


@register
class NoKeywords(Weighted):
    """Its constructor takes no name and no dtype."""

    def __init__(self, units=3):
        super().__init__(units)


@register
class RequiredArgumentForgotten(Simple):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return super().get_config()


@register
class ConfigOfAnotherName(Simple):
    """The config names what the constructor calls otherwise."""

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def get_config(self):
        return super().get_config() | {"dropout_rate": self.rate}


@register
class ConfigRaises(Simple):
    """It stored the argument under another name than it reads."""

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self._rate = rate

    def get_config(self):
        return super().get_config() | {"rate": self.rate}


@register
class ConfigDrifts(Weighted):
    """Each generation of clones is twice as wide."""

    def __init__(self, units=3, **kwargs):
        super().__init__(2 * units, **kwargs)


@register
class ConfigSwapped(Simple):
    def __init__(self, low=-1.0, high=1.0, **kwargs):
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def get_config(self):
        return super().get_config() | {"low": self.high, "high": self.low}


@register
class ArgumentForgotten(Simple):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return super().get_config()


@register
class ArgumentForgottenInSubclass(Weighted):
    """The get_config of its parent knows nothing of the new argument."""

    def __init__(self, units=3, gain=1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.gain = gain

    def call(self, inputs):
        return self.gain * super().call(inputs)


@register
class ConstantInConfig(Weighted):
    """The config always says use_bias=True."""

    def __init__(self, units=3, use_bias=True, **kwargs):
        super().__init__(units, **kwargs)
        self.use_bias = use_bias

    def get_config(self):
        return super().get_config() | {"use_bias": True}


@register
class DefaultInConfig(Simple):
    """The argument is kept under a private name; the config finds nothing."""

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self._rate = rate

    def get_config(self):
        return super().get_config() | {"rate": getattr(self, "rate", 0.5)}


@register
class InitializerInConfig(Weighted):
    """The config has the name of the default in place of the value."""

    def __init__(self, units=3, kernel_initializer="he_normal", **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def get_config(self):
        return super().get_config() | {"kernel_initializer": "he_normal"}


@register
class SharedDefault(Simple):
    """All instances write into one list."""

    def __init__(self, sizes=[], **kwargs):  # noqa: B006
        super().__init__(**kwargs)
        self.settings = types.SimpleNamespace(sizes=sizes)

    def build(self, input_shape):
        self.settings.sizes.append(input_shape[-1])

    def get_config(self):
        return super().get_config() | {"sizes": list(self.settings.sizes)}


@register
class ClassAttributeAsConfig(Simple):
    """What one instance learns, all say."""

    known = {}  # noqa: RUF012 - the fault

    def __init__(self, known=None, **kwargs):
        super().__init__(**kwargs)
        self.known.update(known or {})

    def call(self, inputs):
        self.known[f"shape {inputs.shape[1:]}"] = 1
        return inputs

    def get_config(self):
        return super().get_config() | {"known": dict(self.known)}


@register
class ArgumentFilledInBuild(Weighted):
    """None becomes the number of features of the first input."""

    def __init__(self, units: Any = None, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, input_shape):
        self.units = self.units or input_shape[-1]
        super().build(input_shape)


@register
class ArrayInConfig(Simple):
    """Keras writes the array as a dict, and its constructor gets that."""

    def __init__(self, factor=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.factor = np.asarray(factor)

    def call(self, inputs):
        return inputs * float(self.factor[0])

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@register
class SetInConfig(Simple):
    def __init__(self, axes=(1,), **kwargs):
        super().__init__(**kwargs)
        self.axes = frozenset(axes)

    def get_config(self):
        return super().get_config() | {"axes": self.axes}


@register
class LambdaInConfig(Simple):
    def __init__(self, function=None, **kwargs):
        super().__init__(**kwargs)
        self.function = function or (lambda x: 2 * x)

    def call(self, inputs):
        return self.function(inputs)

    def get_config(self):
        return super().get_config() | {"function": self.function}


@register
class ObjectInConfig(Simple):
    """An object that Keras cannot write."""

    def __init__(self, settings=None, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings or types.SimpleNamespace(rate=0.5)

    def get_config(self):
        return super().get_config() | {"settings": self.settings}


@register
class CopyIsItself(Weighted):
    """A copy that shares its weights is none."""

    def __deepcopy__(self, memo):
        return self


@register
class NotToBePickled(Weighted):
    """A file that it holds open goes into the pickle."""

    def __init__(self, units=3, **kwargs):
        super().__init__(units, **kwargs)
        self.lock = threading.Lock()

    def __reduce__(self):
        return type(self), (self.units,), {"lock": self.lock}


@register
class NumberDrawnInConstructor(Simple):
    """It is neither in the config nor a weight."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.offset = float(uuid.uuid4().int % 1000)

    def call(self, inputs):
        return inputs + self.offset


@register
class WeightNotSaved(Weighted):
    """Its own way to save leaves out the bias."""

    def build(self, input_shape):
        super().build(input_shape)
        self.bias = self.add_weight(shape=(self.units,), name="bias")

    def call(self, inputs):
        return super().call(inputs) + self.bias

    def save_own_variables(self, store):
        store["kernel"] = self.kernel

    def load_own_variables(self, store):
        self.kernel.assign(store["kernel"])


@register
class HiddenSublayer(Simple):
    """Keras does not find the weights of a layer in a plain object."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = types.SimpleNamespace(dense=keras.layers.Dense(3))

    def build(self, input_shape):
        self.parts.dense.build(input_shape)

    def call(self, inputs):
        return self.parts.dense(inputs)


CORPUS = [
    Broken(NotRegistered, "check_registered"),
    Broken(NoKeywords, "check_clone", example=False),
    Broken(RequiredArgumentForgotten, "check_clone", example=False, args=(2,)),
    Broken(ConfigOfAnotherName, "check_clone", example=False),
    Broken(ConfigRaises, "check_clone", example=False),
    Broken(ConfigDrifts, "check_clone", example=False),
    Broken(ConfigSwapped, "check_clone", example=False),
    Broken(ArgumentForgotten, "check_config_holds_arguments", twin=Gain),
    Broken(ArgumentForgottenInSubclass, "check_config_holds_arguments"),
    Broken(ConstantInConfig, "check_config_holds_arguments"),
    Broken(DefaultInConfig, "check_config_holds_arguments"),
    Broken(InitializerInConfig, "check_config_holds_arguments"),
    Broken(SharedDefault, "check_config_is_stable"),
    # Once is enough to spoil the class: the example finds it spoilt.
    Broken(ClassAttributeAsConfig, "check_config_is_stable", example=False),
    Broken(ArgumentFilledInBuild, "check_config_is_stable"),
    Broken(ArrayInConfig, "check_config_survives_json"),
    Broken(SetInConfig, "check_config_survives_json"),
    Broken(LambdaInConfig, "check_config_survives_json"),
    Broken(ObjectInConfig, "check_config_survives_json"),
    Broken(CopyIsItself, "check_copies"),
    Broken(NotToBePickled, "check_copies"),
    Broken(NumberDrawnInConstructor, "check_saving"),
    Broken(WeightNotSaved, "check_saving"),
    Broken(WeightNotSaved, "check_copies"),
    Broken(HiddenSublayer, "check_saving"),
]
