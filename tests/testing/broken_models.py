"""Models with one fault each, and the check that is there to catch it."""

import types

import keras
import numpy as np
from keras import ops

from tests.testing.broken import Broken, register


@register
class Net(keras.Model):
    """Two dense layers and dropout, without a fault, to add one to."""

    def __init__(self, units=4, rate=0.25, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rate = rate
        self.hidden = keras.layers.Dense(units, activation="tanh")
        self.dropout = keras.layers.Dropout(rate)
        self.head = keras.layers.Dense(3)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        shape = self.hidden.compute_output_shape(input_shape)
        self.dropout.build(shape)
        self.head.build(shape)

    def call(self, inputs, training=False):
        hidden = self.dropout(self.hidden(inputs), training=training)
        return self.head(hidden)

    def get_config(self):
        return super().get_config() | {"units": self.units, "rate": self.rate}


@register
class ArgumentLost(Net):
    """Has a constructor argument, and no `get_config` of its own."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs, training=False):
        return self.factor * super().call(inputs, training=training)


@register
class NoConfig(keras.Model):
    """Is given a function, which Keras cannot write by itself."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


@register
class ConstantInConfig(Net):
    """The config always says the default."""

    def get_config(self):
        return super().get_config() | {"units": 4}


@register
class UnderAnotherName(Net):
    """The config has a name that the constructor does not know."""

    def get_config(self):
        config = super().get_config()
        return config | {"width": config.pop("units")}


@register
class LayerInEachCall(Net):
    """Each call has a layer of its own, with new weights."""

    def call(self, inputs, training=False):
        return keras.layers.Dense(3)(self.hidden(inputs))


@register
class LayerInFirstCall(Net):
    """Keras refuses layers that come after `build`."""

    last = None

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        if self.last is None:
            self.last = keras.layers.Dense(3)
        return self.last(outputs)


@register
class LayersInNamespace(Net):
    """Keras does not look for layers in objects of other classes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = types.SimpleNamespace(last=keras.layers.Dense(3))

    def call(self, inputs, training=False):
        return self.parts.last(super().call(inputs, training=training))


@register
class LayersInFunctions(Net):
    """Nor in lists of functions."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        last = keras.layers.Dense(3)
        self.steps = [lambda inputs: last(inputs)]

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        for step in self.steps:
            outputs = step(outputs)
        return outputs


@register
class NothingBuilt(Net):
    """`build` leaves all to the first call."""

    def build(self, input_shape):
        self.built = True


@register
class BuildForgetsHead(Net):
    """`build` leaves one layer to the first call."""

    def build(self, input_shape):
        self.hidden.build(input_shape)


@register
class DropoutAlwaysOn(Net):
    """Drops when it predicts, too."""

    def call(self, inputs, training=False):
        return self.head(self.dropout(self.hidden(inputs), training=True))


@register
class DropoutNeverOn(Net):
    """Does not drop in training."""

    def call(self, inputs, training=False):
        return self.head(self.dropout(self.hidden(inputs), training=False))


@register
class FlagOfItsOwn(Net):
    """The flag has another name, under which nobody hands it in."""

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs, is_training=False
    ):
        hidden = self.dropout(self.hidden(inputs), training=is_training)
        return self.head(hidden)


@register
class FixedBatch(Net):
    """Is written for batches of two."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return ops.reshape(outputs, (2, 3))


@register
class OutputPerSample(Net):
    """As many outputs as samples."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return [outputs[index] for index in range(inputs.shape[0] or 2)]


@register
class MoreInTraining(Net):
    """Another number of outputs in training."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return [outputs, self.hidden(inputs)] if training else outputs


@register
class CountsCalls(Net):
    """Each call differs from the one before."""

    calls = 0

    def call(self, inputs, training=False):
        self.calls += 1
        return self.calls * super().call(inputs, training=training)


@register
class StopsGradients(Net):
    """Nothing is learned."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return ops.stop_gradient(outputs)


@register
class LearnsNothing(Net):
    """Gradients of zero."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return ops.round(1e-6 * outputs) if training else outputs


@register
class HugeOutputs(Net):
    """Finite, but the square is not."""

    def call(self, inputs, training=False):
        return 1e25 * super().call(inputs, training=training)


@register
class RootInTraining(Net):
    """NaN, and only in training."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return outputs + ops.sqrt(outputs - 9) if training else outputs


@register
class NumpyInCall(Net):
    """NumPy knows neither symbols nor gradients."""

    def call(self, inputs, training=False):
        hidden = np.asarray(ops.convert_to_numpy(self.hidden(inputs)))
        return self.head(hidden)


@register
class WrongTrainStep(Net):
    """Its own training step is of another framework."""

    def train_step(self, *args):
        raise RuntimeError("written for another backend")


class NotRegistered(Net):
    """Loads only with `custom_objects`."""


CORPUS = [
    Broken(ArgumentLost, "check_config_holds_arguments"),
    Broken(ConstantInConfig, "check_config_holds_arguments"),
    Broken(NoConfig, "check_clone", args=(ops.tanh,), example=False),
    Broken(UnderAnotherName, "check_clone", example=False),
    Broken(LayerInEachCall, "check_training_flag"),
    Broken(LayerInFirstCall, "check_call"),
    Broken(LayersInNamespace, "check_saving"),
    Broken(LayersInFunctions, "check_saving"),
    Broken(NothingBuilt, "check_summary"),
    Broken(BuildForgetsHead, "check_weights_come_with_build"),
    Broken(BuildForgetsHead, "check_summary"),
    Broken(DropoutAlwaysOn, "check_training_flag"),
    Broken(DropoutNeverOn, "check_training_reaches_layers"),
    Broken(FlagOfItsOwn, "check_training_reaches_layers"),
    Broken(FixedBatch, "check_batch_sizes", (5,)),
    Broken(OutputPerSample, "check_batch_sizes", (5,)),
    Broken(MoreInTraining, "check_training_flag"),
    Broken(CountsCalls, "check_python_state"),
    Broken(CountsCalls, "check_fit"),
    Broken(StopsGradients, "check_fit"),
    Broken(LearnsNothing, "check_fit"),
    Broken(HugeOutputs, "check_fit"),
    Broken(RootInTraining, "check_fit"),
    Broken(NumpyInCall, "check_symbolic_output", only=("tensorflow", "jax")),
    # Keras's symbols are real tensors on torch.
    Broken(NumpyInCall, "check_gradients_reach_weights", only=("torch",)),
    Broken(WrongTrainStep, "check_fit"),
    Broken(NotRegistered, "check_registered"),
]
