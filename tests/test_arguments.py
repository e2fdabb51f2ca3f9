import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _arguments as arguments


class Owner:
    def __init__(self, rank=2):
        self.rank = rank


@given(st.integers(1, 9), st.integers(1, 3))
def test_spatial_takes_one_for_all_or_one_each(number, rank):
    owner = Owner(rank)
    expected = (number,) * rank
    assert arguments.spatial(owner, "strides", number) == expected
    assert arguments.spatial(owner, "strides", list(expected)) == expected
    assert arguments.spatial(owner, "s", None, default=expected) == expected


@given(st.integers(0, 9), st.integers(0, 9))
def test_padding_becomes_pairs(before, after):
    owner = Owner(2)
    assert arguments.padding(owner, before) == ((before, before),) * 2
    assert arguments.padding(owner, (before, after)) == (
        (before, before),
        (after, after),
    )
    pairs = [[before, after], (after, before)]
    assert arguments.padding(owner, pairs) == ((before, after), (after, before))
    assert arguments.padding(owner, "SAME") == "same"


@pytest.mark.parametrize(
    "value", [True, 1.0, "3", None, -1, 0, (1, 2, 3), (1, 2.5), (1, True), ()]
)
def test_what_is_not_an_integer_is_refused(value):
    with pytest.raises(ValueError, match="Owner: size must be") as caught:
        arguments.spatial(Owner(), "size", value)
    assert f"Received: size={value!r}." in str(caught.value)
    if not isinstance(value, tuple):
        with pytest.raises(ValueError, match="a positive integer"):
            arguments.integer("Owner", "size", value)


def test_booleans_numbers_and_seeds_are_made_plain():
    assert arguments.boolean("x", "flag", True) is True
    assert arguments.number("x", "value", 2) == 2.0
    assert arguments.seed("x", None) is None
    assert arguments.seed("x", 3) == 3
    with pytest.raises(ValueError, match="x: flag must be True or False"):
        arguments.boolean("x", "flag", 1)
    with pytest.raises(ValueError, match="x: value must be a number"):
        arguments.number("x", "value", True)
    with pytest.raises(ValueError, match="x: seed must be an integer or None"):
        arguments.seed("x", 0.5)


def test_did_you_mean():
    with pytest.raises(ValueError, match=r"Did you mean 'reflect'"):
        arguments.pad_mode("Conv2D", "reflects")


def test_default_data_format_is_the_configured_one():
    assert arguments.data_format("x", None) == "channels_last"
    assert arguments.data_format("x", "Channels_First") == "channels_first"
