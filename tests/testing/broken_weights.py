"""Layers with faults in their weights, and in what they promise in words."""

import uuid
from typing import Any

import keras
from keras import ops

from tests.testing.broken import Broken, Regularized, Simple, Weighted, register
from tests.testing.healthy_layers import EverySecondStep, Squashed


@register
class DrawsInBuild(Weighted):
    """Building again forgets what was learned."""

    def build(self, input_shape):
        if not hasattr(self, "kernel"):
            super().build(input_shape)
        self.kernel.assign(keras.random.normal(self.kernel.shape))


@register
class ScalesInBuild(Weighted):
    """Each time that it is built, its weights are halved."""

    def build(self, input_shape):
        if not hasattr(self, "kernel"):
            super().build(input_shape)
        self.kernel.assign(0.5 * self.kernel)


@register
class ChangesInBuild(Simple):
    """A number that doubles with each `build`."""

    factor = 1

    def build(self, input_shape):
        self.factor = 2 * self.factor

    def call(self, inputs):
        return self.factor * inputs


@register
class SublayerNotBuilt(Simple):
    """Its sublayer gets weights in the first call only."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return self.dense(inputs)


@register
class BuildsOfFixedSize(Weighted):
    """`build` is written for other arguments than Keras gives."""

    def build(self, input_shape, extra=None):
        features = input_shape.channels
        self.kernel = self.add_weight(
            shape=(features, self.units), name="kernel"
        )

    def __call__(self, inputs):
        if not self.built:
            self.kernel = self.add_weight(
                shape=(inputs.shape[-1], self.units), name="kernel"
            )
            self.built = True
        return super().__call__(inputs)


@register
class TwoOfOneName(Weighted):
    def build(self, input_shape):
        super().build(input_shape)
        self.bias = self.add_weight(shape=(self.units,), name="kernel")

    def call(self, inputs):
        return super().call(inputs) + self.bias


@register
class SublayersOfOneName(Simple):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(3, name="dense")
        self.second = keras.layers.Dense(3, name="dense")

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, inputs):
        return self.first(inputs) + self.second(inputs)


@register
class RandomName(Weighted):
    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name=uuid.uuid4().hex
        )


@register
class RegularizerLost(Regularized):
    def build(self, input_shape):
        Weighted.build(self, input_shape)


@register
class RegularizerTwice(Regularized):
    def call(self, inputs):
        if self.kernel_regularizer is not None:
            self.add_loss(self.kernel_regularizer(self.kernel))
        return super().call(inputs)


@register
class RegularizerInCall(Regularized):
    """Its penalty is there only after a call, and by the size of the batch."""

    def build(self, input_shape):
        Weighted.build(self, input_shape)

    def call(self, inputs):
        if self.kernel_regularizer is not None and inputs.shape[0]:
            self.add_loss(
                inputs.shape[0] * self.kernel_regularizer(self.kernel)
            )
        return super().call(inputs)


@register
class FrozenYetMoving(Weighted):
    """Its own rule of learning does not ask whether it may."""

    def call(self, inputs, training=False):
        if training:
            self.kernel.assign(0.9 * self.kernel)
        return super().call(inputs)


@register
class NeverFrozen(Weighted):
    @property
    def trainable_weights(self):
        return [self.kernel] if self.built else []


@register
class CopyOfWeight(Weighted):
    """The numbers of the kernel as they were when it was built."""

    def build(self, input_shape):
        super().build(input_shape)
        self.numbers = ops.convert_to_numpy(self.kernel)

    def call(self, inputs):
        return ops.matmul(inputs, ops.cast(self.numbers, inputs.dtype)) + (
            0 * ops.sum(self.kernel)
        )


@register
class MaskDropped(Simple):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return None


@register
class MaskTooLong(Simple):
    """Every second step, with the mask of all."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs[:, ::2]


@register
class MaskUndeclared(Simple):
    """Hands the mask on by itself, though it does not say so."""

    def call(self, inputs, mask=None):
        outputs: Any = ops.tanh(inputs[:, ::2])
        if mask is not None:
            outputs._keras_mask = mask
        return outputs


@register
class HookInVain(Simple):
    """Has a hook that nobody calls.

    Hooks:
        `squash(inputs)`: what is done.
    """

    def call(self, inputs):
        return ops.tanh(inputs)

    def squash(self, inputs):
        return ops.tanh(inputs)


@register
class HookSkippedByRank(HookInVain):
    """Calls it for images only."""

    def call(self, inputs):
        if len(inputs.shape) == 4:
            return self.squash(inputs)
        return ops.tanh(inputs)


@register
class HookSkippedByArgument(HookInVain):
    """Calls it unless the argument has another value."""

    def __init__(self, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs):
        if self.padding == "causal":
            return ops.tanh(inputs)
        return self.squash(inputs)

    def get_config(self):
        return super().get_config() | {"padding": self.padding}


@register
class HookMissing(Simple):
    """Documents what is not there.

    Hooks:
        `squeeze(inputs)`: what is done.
    """


@register
class AssertsShape(Weighted):
    def build(self, input_shape):
        assert len(input_shape) == 3
        super().build(input_shape)


@register
class UnpacksShape(Weighted):
    """The error is of Python, and names neither layer nor shape."""

    def build(self, input_shape):
        _batch, _steps, features = input_shape
        super().build((features,))


@register
class ErrorWithoutShape(Weighted):
    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError(f"{self.name}: wrong input")
        super().build(input_shape)


CORPUS = [
    Broken(DrawsInBuild, "check_building_twice"),
    Broken(ScalesInBuild, "check_building_twice"),
    Broken(ChangesInBuild, "check_building_twice"),
    Broken(SublayerNotBuilt, "check_weights_come_with_build"),
    Broken(BuildsOfFixedSize, "check_weights_come_with_build"),
    Broken(TwoOfOneName, "check_weight_paths"),
    Broken(SublayersOfOneName, "check_weight_paths"),
    Broken(RandomName, "check_weight_paths"),
    Broken(RegularizerLost, "check_losses"),
    Broken(RegularizerTwice, "check_losses"),
    Broken(RegularizerInCall, "check_losses"),
    Broken(FrozenYetMoving, "check_freezing"),
    Broken(NeverFrozen, "check_freezing"),
    Broken(CopyOfWeight, "check_stateless_call"),
    Broken(MaskDropped, "check_masks", twin=EverySecondStep),
    Broken(MaskTooLong, "check_masks", twin=EverySecondStep),
    Broken(MaskUndeclared, "check_masks", only=("tensorflow", "torch")),
    Broken(HookInVain, "check_hooks", twin=Squashed),
    Broken(HookSkippedByRank, "check_hooks", (8, 4), twin=Squashed),
    Broken(HookSkippedByArgument, "check_hooks", args=("causal",)),
    Broken(HookMissing, "check_hooks", example=False),
    Broken(AssertsShape, "check_wrong_input"),
    Broken(UnpacksShape, "check_wrong_input"),
    Broken(ErrorWithoutShape, "check_wrong_input"),
]
