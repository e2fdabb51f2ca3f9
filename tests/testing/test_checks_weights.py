import keras
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from tests.testing.broken_weights import (
    CopyOfWeight,
    DrawsInBuild,
    FrozenYetMoving,
    RandomName,
    RegularizerLost,
    RegularizerTwice,
    SublayerNotBuilt,
    TwoOfOneName,
)
from tests.testing.healthy_layers import Block, RunningMean


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (DrawsInBuild(), "check_building_twice", "again changes '.*kernel'"),
        (
            SublayerNotBuilt(),
            "check_weights_come_with_build",
            "build makes 0 weights, a call makes 2",
        ),
        (TwoOfOneName(), "check_weight_paths", "two weights have the path"),
        (RandomName(), "check_weight_paths", "a clone has other paths"),
        (RegularizerLost(), "check_losses", "adds 0 after one call"),
        (RegularizerTwice(), "check_losses", "after two, where its weights"),
        (FrozenYetMoving(), "check_freezing", "frozen, .* changes '.*kernel'"),
        (CopyOfWeight(), "check_stateless_call", "with other weights gives"),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


@pytest.mark.parametrize(
    "layer",
    [Block(), RunningMean(), keras.layers.BatchNormalization()],
    ids=lambda layer: layer.name,
)
def test_no_false_alarm(layer):
    checks = dict(layer_checks(layer))
    for name in (
        "check_building_twice",
        "check_weights_come_with_build",
        "check_weight_paths",
        "check_freezing",
        "check_stateless_call",
    ):
        checks[name]()


def test_a_penalty_that_call_adds_once_counts():
    class InCall(RegularizerTwice):
        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), name="kernel"
            )

    dict(layer_checks(InCall()))["check_losses"]()


def test_without_weights_there_is_nothing_to_freeze():
    with pytest.raises(CheckSkip, match="no weights"):
        dict(layer_checks(keras.layers.ReLU()))["check_freezing"]()


class AlwaysMoving(keras.layers.BatchNormalization):
    """Frozen, its statistics still move in training."""

    def call(self, inputs, training=None, mask=None):
        if training:
            self.moving_mean.assign(self.moving_mean + 1)
        return super().call(inputs, training=training, mask=mask)


def test_statistics_that_move_though_frozen_are_caught():
    with pytest.raises(
        CheckFailure, match=r"frozen, .* changes '.*moving_mean"
    ):
        dict(layer_checks(AlwaysMoving()))["check_freezing"]()


class FreezesNothing(keras.layers.Dense):
    """Says that it is frozen; an optimizer moves its weights all the same."""

    @property
    def trainable(self):
        return self.__dict__.get("says", True)

    @trainable.setter
    def trainable(self, value):
        self.__dict__["says"] = value


def test_weights_that_an_optimizer_still_moves_are_not_frozen():
    with pytest.raises(CheckFailure, match="kernel' stays trainable"):
        dict(layer_checks(FreezesNothing(3)))["check_freezing"]()
