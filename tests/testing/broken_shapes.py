"""Layers that are wrong about shapes, sizes, axes and batches."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_extras.testing import LayerTraits
from tests.testing.broken import Broken, Simple, Weighted, register
from tests.testing.healthy_layers import ChannelNorm, EverySecondStep


@register
class ReturnsNumber(Simple):
    def call(self, inputs):
        return 3.0


@register
class WeightInCall(Simple):
    """Keras refuses weights that come after `build`."""

    def call(self, inputs):
        return inputs * self.add_weight(shape=(), name="gain")


@register
class SpecOfAnotherDtype(Simple):
    def call(self, inputs):
        return ops.argmax(inputs, axis=-1)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape[:-1], dtype=inputs.dtype)


@register
class Subsample(Simple):
    """Every second step; its shape is wrong for odd lengths."""

    def call(self, inputs):
        return inputs[:, ::2]

    def compute_output_shape(self, input_shape):
        batch, steps, *rest = input_shape
        return (batch, steps and steps // 2, *rest)


@register
class StrideForgotten(Simple):
    """Its shape is right for stride 1 only."""

    def __init__(self, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.strides = strides

    def call(self, inputs):
        return inputs[:, :: self.strides]

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class SwappedAxes(Simple):
    """Height and width; right for squares."""

    def call(self, inputs):
        return ops.transpose(inputs, (0, 2, 1, 3))

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class ChannelsForgotten(Weighted):
    def compute_output_shape(self, input_shape):
        return input_shape


@register
class BatchDropped(Simple):
    def compute_output_shape(self, input_shape):
        return tuple(input_shape[1:])


@register
class NeedsBatchSize(Simple):
    """Its shape arithmetic cannot do with a batch of None."""

    def call(self, inputs):
        return ops.expand_dims(inputs, 1)

    def compute_output_shape(self, input_shape):
        return (max(1, input_shape[0]), 1, *input_shape[1:])


@register
class NoneAsZero(Simple):
    """Twice as many steps, of None many none."""

    def call(self, inputs):
        return ops.repeat(inputs, 2, axis=1)

    def compute_output_shape(self, input_shape):
        batch, steps, *rest = input_shape
        return (batch, 2 * (steps or 0), *rest)


@register
class NoneAsOne(Simple):
    """A mean that divides by the number of steps that it was told."""

    def call(self, inputs):
        return ops.sum(inputs, axis=1) / (inputs.shape[1] or 1)


@register
class BiasOfChannelsLast(Simple):
    """The gain is for the last axis, whatever data_format says."""

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        self.data_format = data_format

    def call(self, inputs):
        return ops.softmax(inputs, axis=-1)

    def get_config(self):
        return super().get_config() | {"data_format": self.data_format}


@register
class WeightsOfChannelsLast(BiasOfChannelsLast):
    """Looks for the channels on the last axis when it is built."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), name="gain")

    def call(self, inputs):
        if self.data_format == "channels_first":
            return inputs * ops.reshape(self.gain, (-1, 1, 1))
        return inputs * self.gain


@register
class NotTheSameShape(Simple):
    traits = LayerTraits(same_shape=True)

    def call(self, inputs):
        return inputs[..., :-1] if inputs.shape[-1] > 3 else inputs


@register
class NotLinear(Simple):
    traits = LayerTraits(linear=True)


@register
class BranchOnValue(Simple):
    def call(self, inputs):
        return inputs if ops.max(inputs) > 0 else -inputs

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class NumpyInCall(Simple):
    def call(self, inputs):
        numbers: Any = ops.convert_to_numpy(inputs)
        return ops.convert_to_tensor(np.tanh(numbers))

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class AnotherWayWhenCompiled(Simple):
    """Scales where it can read the numbers, and not where it cannot."""

    def call(self, inputs):
        try:
            return inputs * float(ops.max(inputs[0]))
        except Exception:
            return inputs


@register
class BatchOfTwo(Simple):
    def call(self, inputs):
        return ops.reshape(inputs, (2, -1))


@register
class SqueezesBatch(Simple):
    """A batch of one loses its axis."""

    def call(self, inputs):
        return ops.squeeze(ops.mean(inputs, axis=-1, keepdims=True))


@register
class DividesByBatch(Simple):
    def call(self, inputs):
        batch = inputs.shape[0]
        return inputs if batch is None else inputs * (batch // batch)


@register
class SoftmaxOverBatch(Simple):
    def call(self, inputs):
        return ops.softmax(inputs, axis=0)


@register
class CentersBatch(Simple):
    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0)


@register
class NormalizesAll(Simple):
    """The norm of the whole batch in place of that of each sample."""

    def call(self, inputs):
        return inputs / (1 + ops.sqrt(1 + ops.sum(inputs * inputs)))


@register
class MixesBatch(Simple):
    """A reshape where a transposition is meant."""

    def call(self, inputs):
        batch, steps, features = inputs.shape
        if batch is None:
            return inputs
        mixed = ops.reshape(inputs, (steps, batch, features))
        return ops.transpose(mixed, (1, 0, 2))

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class ShiftsBatch(Simple):
    """A roll over the samples in place of the steps."""

    def call(self, inputs):
        return ops.roll(inputs, 1, axis=0)


@register
class ClaimsToMixBatch(Simple):
    traits = LayerTraits(batch_independent=False)


@register
class UnrollsBatch(Simple):
    """A Python loop over the samples: a trace for each."""

    def call(self, inputs):
        if inputs.shape[0] in (None, 0, 1):
            return ops.tanh(inputs)
        return ops.concatenate(
            [self.call(inputs[i : i + 1]) for i in range(inputs.shape[0])]
        )

    def compute_output_shape(self, input_shape):
        return input_shape


CORPUS = [
    Broken(ReturnsNumber, "check_call", example=False),
    Broken(WeightInCall, "check_call", example=False),
    Broken(SpecOfAnotherDtype, "check_symbolic_output"),
    Broken(Subsample, "check_symbolic_output", twin=EverySecondStep),
    Broken(Subsample, "check_output_shape", twin=EverySecondStep),
    Broken(StrideForgotten, "check_symbolic_output", args=(2,)),
    Broken(SwappedAxes, "check_symbolic_output"),
    Broken(ChannelsForgotten, "check_output_shape"),
    Broken(BatchDropped, "check_output_shape", twin=EverySecondStep),
    Broken(NeedsBatchSize, "check_output_shape", twin=EverySecondStep),
    Broken(NoneAsZero, "check_unknown_sizes"),
    Broken(NoneAsOne, "check_unknown_sizes", only=("tensorflow",)),
    Broken(
        BiasOfChannelsLast, "check_data_formats", (4, 6, 3), twin=ChannelNorm
    ),
    Broken(
        WeightsOfChannelsLast, "check_data_formats", (4, 6, 3), twin=ChannelNorm
    ),
    Broken(NotTheSameShape, "check_same_shape"),
    Broken(NotLinear, "check_linear"),
    Broken(BranchOnValue, "check_compiled", only=("tensorflow", "jax")),
    Broken(NumpyInCall, "check_compiled", only=("tensorflow", "jax")),
    Broken(
        AnotherWayWhenCompiled, "check_compiled", only=("tensorflow", "jax")
    ),
    Broken(BatchOfTwo, "check_batch_sizes"),
    Broken(SqueezesBatch, "check_batch_sizes"),
    Broken(DividesByBatch, "check_batch_sizes"),
    Broken(SoftmaxOverBatch, "check_batch_independence"),
    Broken(CentersBatch, "check_batch_independence"),
    Broken(NormalizesAll, "check_batch_independence"),
    Broken(MixesBatch, "check_batch_independence"),
    Broken(ShiftsBatch, "check_batch_independence"),
    Broken(ClaimsToMixBatch, "check_batch_independence"),
    Broken(UnrollsBatch, "check_retracing"),
]
