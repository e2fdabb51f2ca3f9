"""A wrong type is a TypeError, a wrong value a ValueError, for every check."""

import decimal
import math
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _checks as checks


class Owner:
    def __init__(self, rank=2):
        self.rank = rank


@given(st.integers(1, 9), st.integers(1, 3))
def test_spatial_takes_one_for_all_or_one_each(number, rank):
    owner = Owner(rank)
    expected = (number,) * rank
    assert checks.spatial(owner, "strides", number) == expected
    assert checks.spatial(owner, "strides", list(expected)) == expected
    assert checks.spatial(owner, "strides", np.int64(number)) == expected
    assert checks.spatial(owner, "s", None, default=expected) == expected


@given(st.integers(0, 9), st.integers(0, 9))
def test_padding_becomes_pairs(before, after):
    owner = Owner(2)
    assert checks.padding(owner, before) == ((before, before),) * 2
    assert checks.padding(owner, (before, after)) == (
        (before, before),
        (after, after),
    )
    pairs = [[before, after], (after, before)]
    assert checks.padding(owner, pairs) == ((before, after), (after, before))
    assert checks.padding(owner, "SAME") == "same"


def refuses(check, value, error, *arguments, **options):
    """Asserts that a check refuses a value, and names all there is to name."""
    with pytest.raises((TypeError, ValueError)) as caught:
        check(Owner(), *arguments, value, **options)
    assert type(caught.value) is error, value
    text = str(caught.value)
    assert text.startswith("Owner: ")
    assert " must be " in text
    assert f"={value!r}." in text


NOT_INTEGERS = [True, np.True_, 1.0, "3", None, [1], np.float32(2)]


@pytest.mark.parametrize("value", NOT_INTEGERS, ids=repr)
def test_what_is_no_integer_is_a_type_error(value):
    refuses(checks.integer, value, TypeError, "size")
    if value is not None:
        refuses(checks.seed, value, TypeError)


@pytest.mark.parametrize("value", [0, -1, np.int8(0)], ids=repr)
def test_an_integer_that_is_too_small_is_a_value_error(value):
    refuses(checks.integer, value, ValueError, "size")
    assert checks.integer("x", "size", value, minimum=-1) == value
    assert checks.integer("x", "size", value, minimum=None) == value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (True, TypeError),
        ("3", TypeError),
        (None, TypeError),
        ((1, 2.5), TypeError),
        ((1, True), TypeError),
        (1.0, TypeError),
        (-1, ValueError),
        (0, ValueError),
        ((1, 2, 3), ValueError),
        ((), ValueError),
    ],
)
def test_what_is_not_one_integer_per_axis_is_refused(value, error):
    refuses(checks.spatial, value, error, "strides")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("sane", ValueError),
        (-1, ValueError),
        ((1, 2, 3), ValueError),
        (((1, 2, 3), 1), ValueError),
        (((), 1), ValueError),
        (1.5, TypeError),
        ((1, "a"), TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_what_is_no_padding_is_refused(value, error):
    refuses(checks.padding, value, error)


@pytest.mark.parametrize(
    "value", [True, "1", None, 1j, [1.0], decimal.Decimal(1)], ids=repr
)
def test_what_is_no_number_is_a_type_error(value):
    for check in checks.number, checks.positive, checks.fraction:
        refuses(check, value, TypeError, "rate")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(value):
    for check in checks.number, checks.positive, checks.fraction:
        refuses(check, value, ValueError, "rate")


def test_infinities_and_nan_are_numbers_where_they_may_be():
    for value in (math.inf, -math.inf, np.float32(-np.inf)):
        assert checks.number("x", "n", value, finite=False) == value
    assert math.isnan(checks.number("x", "n", math.nan, finite=False))
    refuses(checks.number, "1", TypeError, "n", finite=False)


@given(st.floats(-3, 3))
def test_numbers_are_in_their_range(value):
    assert checks.number("x", "n", value) == value
    assert type(checks.number("x", "n", np.float64(value))) is float
    for check, allowed in [
        (checks.positive, value > 0),
        (checks.fraction, 0 <= value <= 1),
    ]:
        if allowed:
            assert check("x", "n", value) == value
        else:
            refuses(check, value, ValueError, "n")


def test_booleans_are_those_of_python_numpy_and_keras():
    for value in True, np.True_, 1, np.int64(1):
        assert checks.boolean("x", "flag", value) is True
    assert checks.boolean("x", "flag", 0) is False
    for value in 2, "a", None, 0.0, []:
        refuses(checks.boolean, value, TypeError, "flag")


def test_seeds_are_integers_or_none():
    assert checks.seed("x", None) is None
    assert checks.seed("x", np.uint32(3)) == 3


def test_axes_are_a_tuple_or_none():
    assert checks.axes("x", "axis", None) is None
    assert checks.axes("x", "axis", -1) == (-1,)
    assert checks.axes("x", "axis", [0, np.int64(2)]) == (0, 2)
    refuses(checks.axes, [], ValueError, "axis")
    refuses(checks.axes, [0.5], TypeError, "axis")


def test_a_choice_is_one_of_its_options():
    assert checks.choice("x", "mode", "max", ("min", "max")) == "max"
    with pytest.raises(ValueError, match=r"Did you mean 'max'\?"):
        checks.choice("x", "mode", "maxi", ("min", "max"))
    with pytest.raises(TypeError, match="one of"):
        checks.choice("x", "mode", 3, ("min", "max"))
    with pytest.raises(TypeError, match="one of"):
        checks.choice("x", "order", True, (0, 1))
    with pytest.raises(TypeError, match="one of"):
        checks.choice("x", "mode", np.ones(3), ("min", "max"))


def test_names_of_torch_are_understood():
    with pytest.raises(ValueError, match=r"torch's 'replicate' is 'edge' here"):
        checks.pad_mode("Conv2D", "replicate")
    with pytest.raises(ValueError, match=r"Did you mean 'reflect'"):
        checks.pad_mode("Conv2D", "reflects")


@pytest.mark.parametrize(
    ("value", "closest"),
    [
        ("weight_norm", "'WeightNorm'"),
        ("weightnrom", "'WeightNorm'"),
        ("UNIT-NORM", "'UnitNorm'"),
        ("dropout", None),
        (3, None),
    ],
)
def test_the_closest_name_is_found_whatever_its_spelling(value, closest):
    names = ("WeightNorm", "UnitNorm")
    hint = f"Did you mean {closest}?" if closest else ""
    assert checks.did_you_mean(value, names) == hint


def test_unknown_arguments_are_listed_each_with_its_hint():
    allowed = ["strides", "use_bias", "filters"]
    checks.argument_names("Conv2D", {"strides": 2}, allowed)
    with pytest.raises(ValueError, match=r"^Unrecognized") as caught:
        checks.argument_names(
            "Conv2D", {"stride": 2, "xyz": 0, "bias": 1, "strides": 2}, allowed
        )
    assert str(caught.value) == (
        "Unrecognized keyword arguments passed to Conv2D: {'stride': 2, "
        "'xyz': 0, 'bias': 1}. Did you mean 'strides' for 'stride'? Did you "
        "mean 'use_bias' for 'bias'? Conv2D takes strides, use_bias, filters."
    )
    with pytest.raises(TypeError, match=r"Leave in_channels out"):
        checks.argument_names(
            "Conv2D", {"in_channels": 3}, allowed, error=TypeError
        )


def test_paths_are_texts(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert checks.file_path("x", "path", pathlib.Path("a")) == "a"
    assert checks.file_path("x", "path", "~/a") == "/home/me/a"
    refuses(checks.file_path, 3, TypeError, "path")


def test_a_base_without_a_rank_says_so():
    with pytest.raises(TypeError, match="Use a leaf such as Conv2D"):
        checks.spatial(object(), "size", 1)


def test_text_is_a_string():
    assert checks.text("x", "prefix", "") == ""
    for value in (3, None, b"a"):
        refuses(checks.text, value, TypeError, "prefix")


def test_what_is_called_later_can_be_called():
    assert checks.function("x", "f", len, "a function") is len
    assert checks.function("x", "f", None, "a function") is None
    with pytest.raises(TypeError, match=r"x: f must be a function.*=3\."):
        checks.function("x", "f", 3, "a function")


def test_items_are_counted():
    pair = np.array([1, 2])
    assert checks.items("x", "pair", pair, "two", count=2) == [1, 2]
    assert checks.items("x", "list", (3,), "numbers") == [3]
    with pytest.raises(TypeError, match=r"x: pair must be two\..*='ab'"):
        checks.items("x", "pair", "ab", "two", count=2)
    for value, error in [(2, TypeError), ([1], ValueError), ([], ValueError)]:
        with pytest.raises(error, match="x: pair must be two"):
            checks.items("x", "pair", value, "two", count=2)
    with pytest.raises(ValueError, match="x: list must be numbers"):
        checks.items("x", "list", [], "numbers")


def test_dtypes_are_of_the_kinds_allowed():
    assert checks.dtype("x", "int16", "iu", "an integer dtype") == np.int16
    for value, error in [
        ("text", ValueError),
        (np.float32, ValueError),
        ("float32", ValueError),
        (3, TypeError),
    ]:
        with pytest.raises(error, match="x: dtype must be an integer dtype"):
            checks.dtype("x", value, "iu", "an integer dtype")


def test_arrays_have_a_dtype_of_the_kinds_allowed():
    assert checks.array("x", "labels", [1, 2], "iu").tolist() == [1, 2]
    assert checks.array("x", "data", [True], "buif").dtype == bool
    with pytest.raises(TypeError, match=r"x: labels\.dtype must be an integer"):
        checks.array("x", "labels", [1.5], "iu")
    with pytest.raises(TypeError, match=r"data\.dtype must be .*='<U1'\. Ha"):
        checks.array("x", "data", ["a"], "buif", fix="Ha.")


# --- several numbers ---------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, (3,)), ([1, 2], (1, 2)), (np.array([4]), (4,))],
)
def test_integers_come_from_one_or_several(value, expected):
    assert checks.integers("Layer", "factor", value, "integers") == expected


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), ((), ValueError), ("2", TypeError), ([1.0], TypeError)],
)
def test_what_are_no_integers_is_named(value, error):
    with pytest.raises(error, match=r"^Layer: factor must be integers\. Rec"):
        checks.integers("Layer", "factor", value, "integers")


def test_sizes_may_be_open():
    assert checks.sizes("Layer", "shape", [2, None], "sizes") == (2, None)
    assert checks.sizes("Layer", "shape", (), "sizes") == ()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (3, TypeError),
        ("3", TypeError),
        ((1, 0), ValueError),
        ((1, 2.0), TypeError),
        ((1, 2, None), ValueError),
    ],
)
def test_what_are_no_sizes_is_named(value, error):
    with pytest.raises(
        error, match=r"^Layer: shape must be sizes\. Received: "
    ):
        checks.sizes("Layer", "shape", value, "sizes", count=2)


def test_a_number_may_be_anything_but_zero():
    assert checks.nonzero("Layer", "order", -2.5) == -2.5
    assert checks.nonzero("Layer", "order", np.inf, infinite=True) == np.inf
    for value, error in [
        (0, ValueError),
        (np.inf, ValueError),
        (np.nan, ValueError),
        (True, TypeError),
        ("2", TypeError),
    ]:
        with pytest.raises(error, match=r"^Layer: order must be a "):
            checks.nonzero("Layer", "order", value)


def test_none_passes_an_optional_check():
    assert checks.optional(checks.integer, "Layer", "rank", None) is None
    assert checks.optional(checks.integer, "Layer", "rank", 2) == 2
    with pytest.raises(ValueError, match="rank must be a positive integer"):
        checks.optional(checks.integer, "Layer", "rank", 0)
