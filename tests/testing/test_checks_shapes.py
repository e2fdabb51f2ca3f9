import keras
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from tests.testing.broken_shapes import NoneAsZero, StrideForgotten, Subsample


def test_the_smallest_shape_that_shows_it_is_told():
    with pytest.raises(CheckFailure) as caught:
        dict(layer_checks(Subsample()))["check_symbolic_output"]()
    assert "a symbolic call says [((2, 0, 4)" in str(caught.value)
    assert "(2, 1, 4)" in caught.value.example


def test_a_fault_of_one_argument_shows_only_with_it():
    checks = dict(layer_checks(StrideForgotten(1)))
    checks["check_symbolic_output"]()
    with pytest.raises(CheckFailure):
        dict(layer_checks(StrideForgotten(2)))["check_symbolic_output"]()


def test_the_unknown_axis_is_told():
    with pytest.raises(CheckFailure, match=r"\(None, 0, 4\)"):
        dict(layer_checks(NoneAsZero()))["check_unknown_sizes"]()


def test_sizes_may_be_refused():
    dict(layer_checks(keras.layers.Flatten()))["check_unknown_sizes"]()
    dict(layer_checks(keras.layers.Reshape((-1,))))["check_unknown_sizes"]()


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("check_data_formats", "no data_format"),
        ("check_same_shape", "does not declare same_shape"),
    ],
)
def test_what_does_not_apply_is_skipped(check, words):
    with pytest.raises(CheckSkip, match=words):
        dict(layer_checks(keras.layers.ReLU()))[check]()


def test_unknown_sizes_that_are_refused_when_it_is_built_are_no_fault():
    layer = keras.layers.EinsumDense("abc,cd->abd", (None, 3))
    dict(layer_checks(layer, input_shapes=(8, 4)))["check_unknown_sizes"]()
