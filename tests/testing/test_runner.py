import keras
import pytest

from keras_extras.testing import (
    CheckFailure,
    CheckSkip,
    LayerTraits,
    check_layer,
    layer_checks,
)
from keras_extras.testing._check import Check
from keras_extras.testing._runner import CHECKS, make_subject, run_check
from tests.testing.broken import Weighted
from tests.testing.broken_config import ArgumentForgotten, NoKeywords
from tests.testing.broken_shapes import CentersBatch

NAME = "check_batch_independence"


def test_each_check_has_a_name_of_its_own_and_says_how_to_repair():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert check.name.startswith("check_")
        assert "Repair: " in check.doc


def test_failures_are_raised_with_the_whole_table():
    with pytest.raises(AssertionError, match=NAME) as caught:
        check_layer(CentersBatch(), backends=(), max_examples=1)
    assert "passed   check_clone" in str(caught.value)
    assert isinstance(caught.value.__cause__, CheckFailure)


def test_failures_are_warned_of():
    with pytest.warns(UserWarning, match=NAME):
        check_layer(CentersBatch(), backends=(), max_examples=1, on_fail="warn")


def test_a_failure_that_is_announced_is_none():
    results = check_layer(
        CentersBatch(),
        backends=(),
        max_examples=1,
        on_fail=None,
        expected_failures={NAME: "looks at the batch", "check_nan": "so too"},
    )
    (found,) = (result for result in results if result.check == NAME)
    assert found.status == "expected"
    assert found.reason.startswith("looks at the batch (")
    assert not results.failed


def test_an_announced_failure_that_does_not_come_is_one():
    results = check_layer(
        keras.layers.ReLU(),
        backends=(),
        max_examples=1,
        on_fail=None,
        expected_failures={"check_clone": "once it did"},
    )
    assert [result.check for result in results.failed] == ["check_clone"]
    assert "passes, though" in results.failed[0].reason


def test_a_constructor_without_keywords_is_checked_all_the_same():
    results = check_layer(NoKeywords(4), backends=(), on_fail=None)
    assert [result.check for result in results.failed] == ["check_clone"]
    assert "layer = NoKeywords(units=4)\n" in results.failed[0].example
    assert sum(result.status == "passed" for result in results) > 15


def test_nothing_is_said_after_what_the_rest_needs_has_failed():
    class Doubles(Weighted):
        def get_config(self):
            return super().get_config() | {"units": 2 * self.units}

    results = check_layer(Doubles(), backends=(), on_fail=None)
    assert [result.check for result in results.failed] == ["check_clone"]
    reasons = {result.reason for result in results[1:]}
    assert reasons == {"needs check_clone", "needs check_call"}


def test_the_layer_itself_is_never_built():
    layer = keras.layers.Dense(3)
    check_layer(layer, backends=(), max_examples=1)
    assert not layer.built


def test_checks_can_be_called_one_by_one():
    checks = dict(layer_checks(ArgumentForgotten()))
    checks["check_clone"]()
    with pytest.raises(CheckFailure, match="factor"):
        checks["check_config_holds_arguments"]()
    with pytest.raises(CheckSkip, match="data_format"):
        checks["check_data_formats"]()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layer": keras.layers.Dense}, TypeError, "Give an instance: Dense"),
        ({"layer": 3}, TypeError, "must be a keras.layers.Layer"),
        ({"max_examples": 0}, ValueError, "max_examples=0"),
        ({"max_examples": 1.5}, ValueError, "max_examples=1.5"),
        ({"traits": {}}, TypeError, "must be LayerTraits"),
        ({"on_fail": "shout"}, ValueError, "on_fail='shout'"),
        ({"backends": ["theano"]}, ValueError, "theano"),
        ({"backends": "jax"}, ValueError, "backends='jax'"),
        ({"expected_failures": {"check_x": ""}}, ValueError, "check_x"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        check_layer(**{"layer": keras.layers.ReLU()} | arguments)


def test_traits_of_the_caller_replace_those_of_the_class():
    check_layer(
        CentersBatch(),
        traits=LayerTraits(batch_independent=False),
        expected_failures={},
        backends=(),
        max_examples=1,
    )


def test_what_the_layer_raises_is_a_failure_with_an_example():
    def crashes(subject):
        raise LookupError("no weights today")

    subject = make_subject("test", keras.layers.ReLU(), (5,), backends=())
    with pytest.raises(CheckFailure, match="LookupError: no weights") as caught:
        run_check(Check(crashes, (), "both"), subject)
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.example.endswith("layer(x)")


def test_a_failure_of_the_example_hides_nothing():
    class CannotBeDescribed(keras.layers.Layer):
        def get_config(self):
            raise KeyError("config")

        def call(self, *inputs):
            raise OSError("disk")

    def crashes(subject):
        subject.cls = None  # not even its name can be written
        raise LookupError("first")

    subject = make_subject("test", CannotBeDescribed(), backends=())
    with pytest.raises(CheckFailure, match="LookupError: first") as caught:
        run_check(Check(crashes, (), "both"), subject)
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.example == ""


def test_shapes_that_do_not_fit_have_an_example():
    results = check_layer(
        keras.layers.Conv2D(3, 3),
        input_shapes=(4,),
        backends=(),
        on_fail=None,
    )
    (failed,) = results.failed
    assert failed.check == "check_call"
    assert failed.example.endswith("layer(x)")
    with pytest.raises(ValueError, match="expected min_ndim=4"):
        exec(failed.example, {})
