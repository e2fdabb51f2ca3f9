import keras
import pytest

from keras_extras.testing import (
    CheckFailure,
    CheckSkip,
    LayerTraits,
    layer_checks,
)
from tests.testing.broken import Simple
from tests.testing.broken_config import NotRegistered, WeightNotSaved


def test_layers_of_keras_need_no_registration():
    dict(layer_checks(keras.layers.Dense(2)))["check_registered"]()


def test_not_being_registered_is_said_once():
    checks = dict(layer_checks(NotRegistered()))
    with pytest.raises(CheckFailure, match="not registered"):
        checks["check_registered"]()
    checks["check_copies"]()
    checks["check_saving"]()


def test_the_number_that_got_lost_is_in_the_reason():
    with pytest.raises(
        CheckFailure, match=r"the loaded layer gives .* against"
    ):
        dict(layer_checks(WeightNotSaved()))["check_saving"]()


def test_random_layers_are_not_compared():
    checks = layer_checks(Simple(), traits=LayerTraits(deterministic=False))
    with pytest.raises(CheckSkip, match="random by declaration"):
        dict(checks)["check_saving"]()
