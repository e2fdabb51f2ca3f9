import keras
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from tests.testing.broken_numbers import (
    ClaimsNoGradient,
    NormAtZero,
    StopsGradientOfWeight,
    UnusedWeight,
    WrongGradient,
)
from tests.testing.healthy_layers import Lookup, OwnGradient, Rounding


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (NormAtZero(), "check_gradients_are_finite", "at inputs of zero the"),
        (UnusedWeight(), "check_gradients_reach_weights", "bias'"),
        (
            StopsGradientOfWeight(),
            "check_gradients_are_derivatives",
            "kernel is",
        ),
        (WrongGradient(), "check_gradients_are_derivatives", "of the inputs"),
        (
            ClaimsNoGradient(),
            "check_gradients_are_derivatives",
            "declares differentiable=False, but",
        ),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


@pytest.mark.parametrize(
    "layer", [OwnGradient(), Rounding(), Lookup()], ids=lambda one: one.name
)
def test_no_false_alarm(layer):
    dict(layer_checks(layer))["check_gradients_are_derivatives"]()


def test_what_has_no_gradient_is_skipped():
    checks = dict(layer_checks(keras.layers.ReLU()))
    with pytest.raises(CheckSkip, match="no trainable weights"):
        checks["check_gradients_reach_weights"]()
