"""`check_model`: what it takes, and what it says of wrong arguments."""

import keras
import pytest

from keras_extras.testing import CheckFailure, check_model
from keras_extras.testing._runner import LAYER_CHECKS, MODEL_CHECKS
from tests.testing.broken_models import ArgumentLost, Net, NoConfig


def quick(model, **arguments):
    return check_model(model, **{"backends": (), "max_examples": 1} | arguments)


def test_a_class_is_made():
    results = quick(Net, input_shapes=(5,))
    assert results.subject == "Net"
    assert not results.failed


def test_a_class_that_needs_arguments_is_refused():
    with pytest.raises(
        TypeError, match=r"NoConfig\(\) cannot .* 'function'. Give an instance"
    ):
        quick(NoConfig)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"model": keras.layers.Dense(3)}, TypeError, "must be a keras.Model"),
        ({"model": keras.layers.Dense}, TypeError, "must be a keras.Model"),
        ({"model": 3}, TypeError, "model=3"),
        ({"max_examples": 0}, ValueError, "max_examples=0"),
        ({"traits": {}}, TypeError, "must be LayerTraits"),
        ({"on_fail": "shout"}, ValueError, "on_fail='shout'"),
        ({"expected_failures": {"check_x": ""}}, ValueError, "check_x"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words) as caught:
        check_model(**{"model": Net()} | arguments)
    assert str(caught.value).startswith("check_model: ")


def test_a_functional_model_tells_its_shapes():
    inputs = [keras.Input((None, 3)), keras.Input((8, 3))]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    results = quick(model, on_fail=None)
    assert str(results[1]) == "passed   check_call"


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(CheckFailure, match=r"input_shapes=\(4,\)"):
        quick(keras.Sequential([keras.Input((3,))]), input_shapes=(4,))


def test_a_failure_has_the_reason_and_code_to_paste():
    results = quick(ArgumentLost(), input_shapes=(5,), on_fail=None)
    (failed,) = results.failed
    assert failed.check == "check_config_holds_arguments"
    assert failed.reason.endswith("lacks the constructor argument 'factor'")
    code = (
        "from tests.testing.broken_models import ArgumentLost\n"
        "\n"
        "layer = ArgumentLost()\n"
    )
    assert code in failed.example
    assert code in str(results)


def test_an_error_of_the_constructor_is_handed_on():
    class CannotBeMade(keras.Model):
        def __init__(self):
            raise ValueError("no such file")

    with pytest.raises(ValueError, match="no such file"):
        quick(CannotBeMade)


def test_models_have_the_checks_of_layers_and_their_own():
    assert len(MODEL_CHECKS) > len(set(MODEL_CHECKS) & set(LAYER_CHECKS)) > 20
