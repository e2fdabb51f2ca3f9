"""Layers that take arguments, masks and dropout, and do not do as they say."""

import keras
from keras import ops

from tests.testing.broken import Broken, Noise, Regularized, Simple, register


@register
class ActivationUnused(keras.layers.Layer):
    """Takes all that a dense layer takes, and uses none of the objects."""

    def __init__(
        self,
        units=3,
        activation=None,
        kernel_initializer="he_normal",
        kernel_constraint=None,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.use_bias = use_bias

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), **self.given()
        )

    def given(self):
        return {
            "initializer": self.kernel_initializer,
            "constraint": self.kernel_constraint,
        }

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "kernel_constraint": keras.constraints.serialize(
                self.kernel_constraint
            ),
            "use_bias": self.use_bias,
        }


@register
class InitializerUnused(ActivationUnused):
    def given(self):
        return {"constraint": self.kernel_constraint}

    def call(self, inputs):
        return self.activation(super().call(inputs))


@register
class ConstraintUnused(InitializerUnused):
    def given(self):
        return {"initializer": self.kernel_initializer}


@register
class RegularizerUnused(Regularized):
    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel"
        )


@register
class NumberUnused(Simple):
    """A temperature that no softmax is divided by."""

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature

    def get_config(self):
        return super().get_config() | {"temperature": self.temperature}


@register
class SwitchUnused(ActivationUnused):
    """`use_bias` is stored, and there is no bias."""

    def call(self, inputs):
        return self.activation(super().call(inputs))


@register
class TakesKeywordAway(Simple):
    """An argument out of `**kwargs`, which the config does not know."""

    def __init__(self, **kwargs):
        self.slope = kwargs.pop("slope", 0.3)
        super().__init__(**kwargs)

    def call(self, inputs):
        return ops.leaky_relu(inputs, self.slope)

    def get_config(self):
        return super().get_config()


@register
class NamesItself(Simple):
    def get_config(self):
        return super().get_config() | {"name": "mine"}


@register
class ForgetsTrainable(Simple):
    def __init__(self, trainable=True, **kwargs):
        super().__init__(**kwargs)


@register
class KeepsFloat32(Simple):
    """Takes a dtype and hands none on."""

    def __init__(self, dtype=None, **kwargs):
        super().__init__(**kwargs)


@register
class CountsInstances(Simple):
    """A default dict that each constructor writes to."""

    def __init__(self, options={"count": 0}, **kwargs):  # noqa: B006 - the fault
        super().__init__(**kwargs)
        self.options = options  # a copy of Keras's
        options["count"] += 1

    def get_config(self):
        return super().get_config() | {"options": dict(self.options)}


@register
class MeanOfSteps(Simple):
    """A healthy mean over the steps that a mask leaves, to break."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.mean(inputs, 1)
        return self.mean(inputs, ops.cast(mask[..., None], inputs.dtype))

    def mean(self, inputs, kept):
        count = ops.maximum(ops.sum(kept, 1), 1)
        return ops.sum(kept * inputs, 1) / count

    def compute_mask(self, inputs, mask=None):
        return None


@register
class DividesByAllSteps(MeanOfSteps):
    def mean(self, inputs, kept):
        return ops.mean(kept * inputs, 1)


@register
class MaskInverted(MeanOfSteps):
    def mean(self, inputs, kept):
        return super().mean(inputs, 1 - kept)


@register
class MaskIgnored(MeanOfSteps):
    def mean(self, inputs, kept):
        return ops.mean(inputs, 1)


@register
class MaximumWithZeros(MeanOfSteps):
    """Where the mask is false, zero wins over what is negative."""

    def mean(self, inputs, kept):
        return ops.max(kept * inputs, 1)


@register
class Dropping(Noise):
    """Drops half, and does not scale up what is left."""

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = rate

    def call(self, inputs, training=False):
        if not training:
            return inputs
        shape = ops.shape(inputs)
        drawn = keras.random.uniform(shape, seed=self.generator)
        return self.scaled(inputs * ops.cast(drawn > self.rate, inputs.dtype))

    def scaled(self, kept):
        return kept

    def get_config(self):
        return super().get_config() | {"rate": self.rate}


@register
class DividesByRate(Dropping):
    def scaled(self, kept):
        return kept / self.rate


@register
class SeedFixed(Noise):
    """Takes a seed, and draws with another."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.generator = keras.random.SeedGenerator(42)


@register
class DropoutNeverOn(Simple):
    """A sublayer that is not told of the training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(0.5, dtype=self.dtype_policy)

    def call(self, inputs, training=False):
        return self.dropout(inputs, training=False)


@register
class DivisionByInitialZero(Simple):
    """NaN, until its weights are anything but zero."""

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="gain"
        )

    def call(self, inputs):
        return inputs * self.gain / ops.norm(self.gain)


@register
class RootOfInitialZero(DivisionByInitialZero):
    """A number at first, but with no gradient."""

    def call(self, inputs):
        return inputs + ops.sqrt(ops.sum(ops.square(self.gain)))


@register
class SumsInHalf(Simple):
    """Symmetric inputs cancel; positive ones overflow."""

    def call(self, inputs):
        return ops.sum(inputs, 1) / ops.shape(inputs)[1]


@register
class TinyEpsilon(Simple):
    def call(self, inputs):
        largest = ops.max(ops.abs(inputs), -1, keepdims=True)
        return inputs / (largest + 1e-9)


@register
class WeightsOfTheBatch(Simple):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[0] or 2,), name="gain")

    def call(self, inputs):
        return inputs * self.gain[0]


@register
class LearnsFromTheFirstCall(Simple):
    """Takes the first batch for its mean, whenever that is."""

    fresh = True

    def build(self, input_shape):
        self.mean = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="mean"
        )

    def call(self, inputs):
        if self.fresh:
            self.mean.assign(ops.cast(ops.mean(inputs), self.mean.dtype))
            self.__dict__["fresh"] = False
        return inputs - ops.cast(self.mean, inputs.dtype)


@register
class ShorterInTraining(Simple):
    def call(self, inputs, training=False):
        return inputs[:, 1:] if training else inputs


@register
class LossPerSample(Simple):
    def call(self, inputs):
        self.add_loss(ops.mean(ops.square(inputs), -1))
        return inputs


@register
class LossOfTheSum(Simple):
    """Twice the batch, twice the penalty."""

    def call(self, inputs):
        self.add_loss(ops.sum(ops.square(inputs)))
        return inputs


STEPS = (6, 4)
CORPUS = [
    Broken(ActivationUnused, "check_arguments_matter", (4,)),
    Broken(InitializerUnused, "check_arguments_matter", (4,)),
    Broken(ConstraintUnused, "check_arguments_matter", (4,)),
    Broken(RegularizerUnused, "check_arguments_matter", (4,)),
    Broken(NumberUnused, "check_arguments_matter"),
    Broken(SwitchUnused, "check_arguments_matter", (4,)),
    Broken(TakesKeywordAway, "check_config_holds_arguments"),
    Broken(NamesItself, "check_config_holds_arguments"),
    Broken(ForgetsTrainable, "check_config_holds_arguments"),
    Broken(KeepsFloat32, "check_dtype_policies"),
    Broken(CountsInstances, "check_config_is_stable"),
    *(
        Broken(cls, "check_masked_steps", STEPS, twin=MeanOfSteps)
        for cls in (
            DividesByAllSteps,
            MaskInverted,
            MaskIgnored,
            MaximumWithZeros,
        )
    ),
    Broken(Dropping, "check_dropout_scale"),
    Broken(DividesByRate, "check_dropout_scale"),
    Broken(SeedFixed, "check_seeds"),
    Broken(DropoutNeverOn, "check_training_reaches_layers"),
    Broken(DivisionByInitialZero, "check_nan"),
    Broken(RootOfInitialZero, "check_gradients_are_finite"),
    Broken(SumsInHalf, "check_half_precision_is_finite", STEPS),
    Broken(TinyEpsilon, "check_half_precision_is_finite"),
    Broken(WeightsOfTheBatch, "check_batch_sizes"),
    Broken(LearnsFromTheFirstCall, "check_training_flag"),
    Broken(ShorterInTraining, "check_training_flag", STEPS),
    Broken(LossPerSample, "check_losses"),
    Broken(LossOfTheSum, "check_losses"),
]
