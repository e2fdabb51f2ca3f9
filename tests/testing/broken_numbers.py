"""Layers with wrong dtypes, numbers that overflow, and wrong gradients."""

import types

import keras
from keras import ops

from keras_extras.testing import LayerTraits
from tests.testing.broken import Broken, Simple, Weighted, register


@register
class ConstantOfFloat32(Simple):
    """All that follows is float32, silently."""

    def call(self, inputs):
        return ops.multiply(inputs, ops.ones((1,), "float32"))


@register
class CastsToFloat32(Simple):
    def call(self, inputs):
        return ops.cast(ops.tanh(inputs), "float32")


@register
class WeightOfFloat16(Weighted):
    """Half precision, whatever the policy."""

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel", dtype="float16"
        )


@register
class WeightOfFloat32(Weighted):
    """Single precision, also where double is asked for."""

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel", dtype="float32"
        )


@register
class RangeOfIntegers(Simple):
    """Positions as float32: the sum has their dtype."""

    def call(self, inputs):
        positions = ops.arange(inputs.shape[-1], dtype="float32")
        return inputs + positions / inputs.shape[-1]


@register
class SquareOverflows(Simple):
    """A root of a mean of squares: 300 squared is too much for float16."""

    def call(self, inputs):
        squares = ops.mean(inputs * inputs, axis=-1, keepdims=True)
        return inputs / ops.sqrt(squares + 1e-3) + ops.sqrt(squares + 1e-3)


@register
class NaiveSoftmax(Simple):
    def call(self, inputs):
        powers = ops.exp(inputs)
        return powers / ops.sum(powers, axis=-1, keepdims=True)


@register
class NaiveSoftplus(Simple):
    def call(self, inputs):
        return ops.log(1 + ops.exp(inputs))


@register
class NanToNumber(Simple):
    def call(self, inputs):
        return ops.nan_to_num(inputs)


@register
class NanIsNotPositive(Simple):
    """A comparison with NaN is false."""

    def call(self, inputs):
        return ops.where(inputs > 0, inputs, 0 * ops.ones_like(inputs))


@register
class NanSpreads(Simple):
    """Nothing times NaN is NaN."""

    def call(self, inputs):
        return ops.tanh(inputs) + 0 * ops.mean(inputs, axis=0)


@register
class ClaimsToHideNan(Simple):
    traits = LayerTraits(propagates_nan=False)


@register
class NormAtZero(Simple):
    """The root has no derivative at zero."""

    def call(self, inputs):
        return ops.sqrt(ops.sum(inputs * inputs, axis=-1))


@register
class LogUnderWhere(Simple):
    """What is not chosen has a gradient all the same."""

    def call(self, inputs):
        return ops.where(inputs > 0, inputs * ops.log(ops.abs(inputs)), inputs)


@register
class UnusedWeight(Weighted):
    def build(self, input_shape):
        super().build(input_shape)
        self.bias = self.add_weight(shape=(self.units,), name="bias")


@register
class RoundsWeight(Weighted):
    def call(self, inputs):
        return ops.matmul(inputs, ops.round(4 * self.kernel))


@register
class ComparesWeight(Weighted):
    """A pruning threshold that is never learned."""

    def build(self, input_shape):
        super().build(input_shape)
        self.threshold = self.add_weight(
            shape=(), initializer="zeros", name="threshold"
        )

    def call(self, inputs):
        kept = ops.cast(
            ops.abs(self.kernel) > self.threshold, self.compute_dtype
        )
        return ops.matmul(inputs, self.kernel * kept)


@register
class StopsGradient(Simple):
    """The gradient of the second factor is lost."""

    def call(self, inputs):
        return inputs * ops.stop_gradient(ops.sigmoid(inputs))


@register
class StopsGradientOfWeight(Weighted):
    """One of two ways to the kernel is cut."""

    def call(self, inputs):
        squares = self.kernel * ops.stop_gradient(self.kernel)
        return ops.matmul(inputs, squares)


@register
class StraightThrough(Simple):
    """Without the claim that goes with it."""

    def call(self, inputs):
        rounded = ops.round(8 * inputs) / 8
        return inputs**2 + ops.stop_gradient(rounded - inputs)


@ops.custom_gradient
def _wrong_square(inputs):
    def gradient(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        return ops.multiply(upstream, inputs)

    return ops.multiply(inputs, inputs), gradient


@register
class WrongGradient(Simple):
    """A hand-written gradient that forgets the factor 2."""

    def call(self, inputs):
        return _wrong_square(inputs)


@register
class ClaimsNoGradient(Simple):
    traits = LayerTraits(differentiable=False)


@register
class OtherOnEachBackend(Simple):
    def call(self, inputs):
        if keras.backend.backend() == "jax":
            return 2 * inputs
        return inputs


FACTORS = {"usual": 2.0}


@register
class SettingsOfThisProcess(Simple):
    """Loads only where somebody has filled the table."""

    def __init__(self, factor="usual", **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.number = FACTORS[factor]

    def call(self, inputs):
        return self.number * inputs

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def with_settings():
    FACTORS["special"] = 3.0
    return SettingsOfThisProcess("special")


@register
class HalvesWhenDistributed(Simple):
    """Divides as if the devices were to be summed up."""

    def call(self, inputs):
        if keras.distribution.distribution() is None:
            return inputs
        return inputs / 2


@register
class HiddenTable(Simple):
    """A resource of TensorFlow where an export does not look for it."""

    def build(self, input_shape):
        import tensorflow as tf

        keys, values = tf.range(3, dtype="int64"), tf.range(3.0)
        pairs = tf.lookup.KeyValueTensorInitializer(keys, values)
        self.held = types.SimpleNamespace(
            table=tf.lookup.StaticHashTable(pairs, 7.0)
        )

    def call(self, inputs):
        keys = ops.cast(ops.round(inputs), "int64")
        return inputs + ops.cast(self.held.table.lookup(keys), inputs.dtype)


CORPUS = [
    Broken(ConstantOfFloat32, "check_dtype_policies"),
    Broken(CastsToFloat32, "check_dtype_policies"),
    Broken(WeightOfFloat16, "check_dtype_policies"),
    Broken(
        WeightOfFloat32, "check_dtype_policies", only=("tensorflow", "torch")
    ),
    Broken(RangeOfIntegers, "check_dtype_policies"),
    Broken(SquareOverflows, "check_half_precision_is_finite"),
    Broken(NaiveSoftmax, "check_half_precision_is_finite"),
    Broken(NaiveSoftplus, "check_half_precision_is_finite"),
    Broken(NanToNumber, "check_nan"),
    Broken(NanIsNotPositive, "check_nan"),
    Broken(NanSpreads, "check_nan"),
    Broken(ClaimsToHideNan, "check_nan"),
    Broken(NormAtZero, "check_gradients_are_finite"),
    Broken(LogUnderWhere, "check_gradients_are_finite"),
    Broken(UnusedWeight, "check_gradients_reach_weights"),
    Broken(RoundsWeight, "check_gradients_reach_weights"),
    Broken(ComparesWeight, "check_gradients_reach_weights"),
    Broken(StopsGradient, "check_gradients_are_derivatives"),
    Broken(StopsGradientOfWeight, "check_gradients_are_derivatives"),
    Broken(StraightThrough, "check_gradients_are_derivatives"),
    Broken(WrongGradient, "check_gradients_are_derivatives"),
    Broken(ClaimsNoGradient, "check_gradients_are_derivatives", example=False),
    Broken(HiddenTable, "check_export", only=("tensorflow",)),
    Broken(
        OtherOnEachBackend,
        "check_backends",
        only=("tensorflow", "torch"),
        backends=("jax",),
        example=False,
    ),
    Broken(
        with_settings,
        "check_saving_in_a_fresh_process",
        backends=("here",),
        example=False,
    ),
    Broken(
        HalvesWhenDistributed,
        "check_data_parallel",
        backends=("jax",),
        example=False,
    ),
]
