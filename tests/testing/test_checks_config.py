import keras
import pytest

from keras_extras.testing import CheckFailure, layer_checks
from tests.testing.broken import Weighted
from tests.testing.broken_config import (
    ArgumentFilledInBuild,
    ArgumentForgotten,
    ConstantInConfig,
    DefaultInConfig,
    LambdaInConfig,
    NoKeywords,
    SharedDefault,
)


def reason(layer, check):
    with pytest.raises(CheckFailure) as caught:
        dict(layer_checks(layer))[check]()
    return str(caught.value)


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (NoKeywords(), "check_clone", "cannot be made from its config"),
        (
            ArgumentForgotten(),
            "check_config_holds_arguments",
            "lacks the constructor argument 'factor'",
        ),
        (
            ConstantInConfig(),
            "check_config_holds_arguments",
            "says use_bias=True of a layer made with use_bias=False",
        ),
        (
            DefaultInConfig(),
            "check_config_holds_arguments",
            "says rate=0.5 of a layer made with rate=0.25",
        ),
        (
            ArgumentFilledInBuild(),
            "check_config_is_stable",
            "the config has another units after a call",
        ),
        (SharedDefault(), "check_config_is_stable", "another sizes"),
        (LambdaInConfig(), "check_config_survives_json", "Error"),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    assert words in reason(layer, check)


class Narrow(Weighted):
    """Fixes the argument of its parent, and takes it no longer."""

    def __init__(self, gain=1.0, **kwargs):
        super().__init__(units=3, **kwargs)
        self.gain = gain

    def get_config(self):
        config = super().get_config() | {"gain": self.gain}
        del config["units"]
        return config


class Checked(Weighted):
    """Refuses the values that the check tries first."""

    def __init__(self, units=3, **kwargs):
        if units % 3:
            raise ValueError("three, six, ...")
        super().__init__(units, **kwargs)


@pytest.mark.parametrize(
    "layer",
    [
        Narrow(),
        Checked(),
        keras.layers.Dense(3),
        keras.layers.TimeDistributed(keras.layers.Dense(2)),
    ],
    ids=lambda layer: layer.name,
)
def test_no_false_alarm(layer):
    checks = dict(layer_checks(layer))
    checks["check_clone"]()
    checks["check_config_holds_arguments"]()
    checks["check_config_is_stable"]()
