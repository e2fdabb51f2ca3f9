import random

import keras
import numpy as np
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from tests.testing.broken import Noise
from tests.testing.broken_state import (
    AlwaysTheSameNoise,
    GlobalSeedInConstructor,
    KeepsOutput,
    NoSeedArgument,
    PopsFromList,
    SeedIgnored,
    StatisticsInInference,
)
from tests.testing.healthy_layers import RunningMean


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (StatisticsInInference(), "check_training_flag", "changes the varia"),
        (NoSeedArgument(), "check_seeds", "has no argument seed"),
        (SeedIgnored(), "check_seeds", "two layers with the same seed give"),
        (AlwaysTheSameNoise(), "check_seeds", "draws the same numbers"),
        (
            GlobalSeedInConstructor(),
            "check_global_random_state",
            "sets the seed of random",
        ),
        (KeepsOutput(), "check_python_state", "attribute 'last_output'"),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


def test_lists_are_looked_at_without_the_copy_that_keras_makes():
    checks = layer_checks(PopsFromList(), input_shapes=[(4,), (4,)])
    with pytest.raises(CheckFailure, match="changes its inputs") as caught:
        dict(checks)["check_inputs_are_untouched"]()
    assert "layer.call(x_tensors)" in caught.value.example


def test_state_that_training_changes_is_no_chance():
    with pytest.raises(CheckSkip, match=r"not by chance|no random"):
        dict(layer_checks(RunningMean()))["check_seeds"]()


@pytest.mark.parametrize(
    "layer",
    [Noise(), Noise(seed=3), keras.layers.Dropout(0.5)],
    ids=["noise", "seeded", "dropout"],
)
def test_no_false_alarm(layer):
    checks = dict(layer_checks(layer))
    for name in (
        "check_training_flag",
        "check_seeds",
        "check_global_random_state",
        "check_python_state",
    ):
        checks[name]()


def test_dropout_of_nothing_draws_nothing():
    with pytest.raises(CheckSkip, match="no random numbers"):
        dict(layer_checks(keras.layers.Dropout(0.0)))["check_seeds"]()


def test_the_check_leaves_different_states_behind_for_nobody():
    random.seed(5)
    np.random.seed(5)
    dict(layer_checks(keras.layers.ReLU()))["check_python_state"]()
    assert random.random() == random.Random(5).random()
