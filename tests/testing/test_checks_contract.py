import keras
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from keras_extras.testing._checks_contract import documented_hooks
from tests.testing.broken import Noise
from tests.testing.broken_weights import (
    AssertsShape,
    ErrorWithoutShape,
    HookInVain,
    HookMissing,
    HookSkippedByRank,
    MaskDropped,
    MaskTooLong,
)
from tests.testing.healthy_layers import Block, EverySecondStep, MaskedMean


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (MaskDropped(), "check_masks", "the mask is lost"),
        (MaskTooLong(), "check_masks", "does not fit the output"),
        (HookInVain(), "check_hooks", "hook squash is not called"),
        (HookMissing(), "check_hooks", "hook squeeze does not exist"),
        (AssertsShape(), "check_wrong_input", "AssertionError"),
        (ErrorWithoutShape(), "check_wrong_input", "without naming the shape"),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


def test_hooks_are_read_from_the_docstrings_of_all_parents():
    class More(HookInVain):
        """Has another one.

        Hooks:
            `stretch(inputs)`: what is done first.

            `squash(inputs)`: as before.

        Examples:
            `not_a_hook(inputs)`
        """

    assert documented_hooks(More) == ["stretch", "squash"]
    assert documented_hooks(keras.layers.Dense) == []


def test_a_rank_that_skips_the_hook_is_caught_and_no_other():
    steps = dict(layer_checks(HookSkippedByRank(), input_shapes=(4, 3)))
    with pytest.raises(CheckFailure):
        steps["check_hooks"]()
    images = layer_checks(HookSkippedByRank(), input_shapes=(4, 4, 3))
    dict(images)["check_hooks"]()


@pytest.mark.parametrize(
    "layer",
    [MaskedMean(), EverySecondStep(), Block(), Noise(), keras.layers.GRU(2)],
    ids=lambda layer: layer.name,
)
def test_masks_that_are_right(layer):
    dict(layer_checks(layer))["check_masks"]()


def test_masks_are_for_time_steps():
    checks = dict(layer_checks(keras.layers.ReLU(), input_shapes=(4,)))
    with pytest.raises(CheckSkip, match="time steps"):
        checks["check_masks"]()
