import keras
import pytest

from keras_extras.testing import CheckFailure, CheckResult, CheckResults

FAILED = CheckResult(
    "check_b", "failed", "1 < 2", "assert 2 < 1", 0.5, CheckFailure("1 < 2")
)
PASSED = CheckResult("check_a", "passed", seconds=0.25)
RESULTS = CheckResults("Dense", [PASSED, FAILED])


def test_a_result_reads_as_one_line():
    assert str(PASSED) == "passed   check_a"
    assert str(FAILED) == "failed   check_b: 1 < 2"


def test_what_was_raised_does_not_count_for_equality():
    other = CheckResult("check_b", "failed", "1 < 2", "assert 2 < 1", 0.5)
    assert other == FAILED


def test_the_table_begins_with_the_failures_and_ends_with_their_code():
    lines = str(RESULTS).splitlines()
    assert lines[0] == "Dense: 1 passed, 1 failed in 0.8 s"
    assert lines[1].split() == ["failed", "check_b:", "1", "<", "2"]
    assert lines[2].split() == ["passed", "check_a"]
    assert lines[-2:] == ["# check_b", "assert 2 < 1"]


def test_a_table_of_nothing():
    assert str(CheckResults("Dense")) == "Dense: no checks in 0.0 s"


def test_failed_has_only_those_that_nobody_announced():
    expected = CheckResult("check_c", "expected", "known")
    assert CheckResults("Dense", [PASSED, FAILED, expected]).failed == [FAILED]


def test_the_notebook_table_escapes_what_it_shows():
    text = RESULTS._repr_html_()
    assert "1 &lt; 2" in text
    assert "<pre>assert 2 &lt; 1</pre>" in text
    assert text.index("check_b") < text.index("check_a")


def test_a_failure_carries_the_code():
    failure = CheckFailure("wrong", "assert False")
    assert isinstance(failure, AssertionError)
    assert (str(failure), failure.example) == ("wrong", "assert False")


@pytest.mark.parametrize("layer", [keras.layers.ReLU()])
def test_results_of_a_layer_are_of_the_known_statuses(layer):
    from keras_extras.testing import check_layer
    from keras_extras.testing._results import STATUSES

    results = check_layer(layer, backends=())
    assert {result.status for result in results} <= set(STATUSES)
    assert all(result.seconds >= 0 for result in results)
    assert all(
        bool(result.reason) == (result.status != "passed") for result in results
    )
