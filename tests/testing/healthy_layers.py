"""Layers as users write them, of many kinds, without a fault."""

import keras
from keras import ops

from keras_extras.testing import LayerTraits
from tests.testing.broken import Noise, Regularized, Simple, Weighted, register


@register
class Gain(keras.layers.Layer):
    """Its config comes from Keras, which sees the constructor's arguments."""

    traits = LayerTraits(same_shape=True, linear=True)

    def __init__(self, factor=2.0, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.axis = axis

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[self.axis],), initializer="ones", name="gain"
        )

    def call(self, inputs):
        return self.factor * inputs * self.gain

    def get_config(self):
        return super().get_config() | {
            "factor": self.factor,
            "axis": self.axis,
        }


@register
class RunningMean(keras.layers.Layer):
    """State that training updates."""

    def build(self, input_shape):
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={-1: input_shape[-1]}
        )
        self.mean = self.add_weight(
            shape=(input_shape[-1],),
            initializer="zeros",
            trainable=False,
            name="mean",
        )

    def call(self, inputs, training=False):
        if training and self.trainable:
            axes = tuple(range(len(inputs.shape) - 1))
            mean = ops.mean(inputs, axis=axes)
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
        return inputs - ops.cast(self.mean, inputs.dtype)


@register
class Weigh(keras.layers.Layer):
    """Two inputs in a list."""

    def call(self, inputs):
        values, weights = inputs
        return values * ops.sigmoid(weights)


@register
class Distance(keras.layers.Layer):
    """Two positional arguments."""

    def call(self, left, right):
        return ops.sum((left - right) ** 2, axis=-1)


@register
class FromDict(keras.layers.Layer):
    """Inputs by name, and outputs by name."""

    def call(self, inputs):
        total = inputs["left"] + inputs["right"]
        return {"sum": total, "product": inputs["left"] * inputs["right"]}


@register
class MaskedMean(keras.layers.Layer):
    """Uses the mask, and ends it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.mean(inputs, axis=1)
        weights = ops.cast(mask, inputs.dtype)[..., None]
        total = ops.sum(inputs * weights, axis=1)
        return total / ops.maximum(ops.sum(weights, axis=1), 1)

    def compute_mask(self, inputs, previous_mask=None):
        return None


@register
class EverySecondStep(keras.layers.Layer):
    """A mask as long as what comes out."""

    def __init__(self, strides=2, **kwargs):
        super().__init__(**kwargs)
        self.strides = strides
        self.supports_masking = True

    def call(self, inputs):
        return inputs[:, :: self.strides]

    def compute_mask(self, inputs, previous_mask=None):
        mask = previous_mask
        return None if mask is None else mask[:, :: self.strides]

    def compute_output_shape(self, input_shape):
        batch, steps, *rest = input_shape
        steps = None if steps is None else -(-steps // self.strides)
        return (batch, steps, *rest)

    def get_config(self):
        return super().get_config() | {"strides": self.strides}


@register
class Block(keras.layers.Layer):
    """Sublayers, and dropout in training."""

    def __init__(self, units=4, rate=0.5, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rate = rate
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.first = keras.layers.Dense(
            units, activation, dtype=self.dtype_policy, name="first"
        )
        self.second = keras.layers.Dense(
            units, dtype=self.dtype_policy, name="second"
        )
        self.dropout = keras.layers.Dropout(rate, seed=3)

    def build(self, input_shape):
        self.input_spec = keras.layers.InputSpec(
            min_ndim=2, axes={-1: input_shape[-1]}
        )
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.units))

    def call(self, inputs):
        return self.second(self.dropout(self.first(inputs)))

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "rate": self.rate,
            "activation": keras.activations.serialize(self.activation),
        }


@register
class Lookup(keras.layers.Layer):
    """Integers in, vectors out."""

    traits = LayerTraits(input_dtype="int32", input_range=(0, 6))

    def __init__(self, entries=7, **kwargs):
        super().__init__(**kwargs)
        self.entries = entries

    def build(self, input_shape):
        self.table = self.add_weight(shape=(self.entries, 3), name="table")

    def call(self, inputs):
        return ops.take(self.table, inputs, axis=0)

    def get_config(self):
        return super().get_config() | {"entries": self.entries}


@register
class ChannelNorm(keras.layers.Layer):
    """Takes the axis of the channels from data_format."""

    traits = LayerTraits(same_shape=True)

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        self.data_format = data_format

    def call(self, inputs):
        axis = -1 if self.data_format == "channels_last" else 1
        squares = ops.mean(inputs**2, axis=axis, keepdims=True)
        return inputs / ops.sqrt(0.5 + squares)

    def get_config(self):
        return super().get_config() | {"data_format": self.data_format}


@register
class Rounding(keras.layers.Layer):
    """Straight-through, and it says so."""

    traits = LayerTraits(differentiable=False)

    def call(self, inputs):
        rounded = ops.round(4 * inputs) / 4
        return inputs + ops.stop_gradient(rounded - inputs)


@register
class Centered(keras.layers.Layer):
    """Looks at the whole batch, and says so."""

    traits = LayerTraits(batch_independent=False)

    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0, keepdims=True)


@register
class Squashed(keras.layers.Layer):
    """Has a hook and calls it.

    Hooks:
        `squash(inputs)`: what is done.
    """

    def call(self, inputs):
        return self.squash(inputs)

    def squash(self, inputs):
        return ops.tanh(inputs)


@ops.custom_gradient
def square(inputs):
    """The square, with its gradient written by hand."""

    def gradient(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        return ops.multiply(upstream, 2 * inputs)

    return ops.multiply(inputs, inputs), gradient


@register
class OwnGradient(keras.layers.Layer):
    """A hand-written gradient that is right."""

    def call(self, inputs):
        return square(inputs)


# Layers with the shapes of their inputs, `None` where they are found.
HEALTHY = [
    (Gain, None),
    (RunningMean, None),
    (Weigh, None),
    (Distance, ((5, 4), (5, 4))),
    (FromDict, {"left": (5,), "right": (5,)}),
    (MaskedMean, None),
    (EverySecondStep, None),
    (Block, None),
    (Lookup, None),
    (ChannelNorm, (4, 6, 8)),
    (Rounding, None),
    (Centered, None),
    (Squashed, None),
    (OwnGradient, None),
    (Simple, None),
    (Weighted, None),
    (Noise, None),
    (Regularized, None),
]
