import keras
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


class Base:
    def __init__(self, a, b=2, **kwargs):
        pass


class Middle(Base):
    def __init__(self, *args, c=3, **kwargs):
        pass


class Leaf(Middle):
    pass


class Fixing(Base):
    def __init__(self, d, **kwargs):
        pass


class Closed(Base):
    def __init__(self, e=5):
        pass


class Mixin:
    def __init__(self, *args, gain=1.0, **kwargs):
        super().__init__(*args, **kwargs)


class Mixed(Mixin, Base):
    pass


@pytest.mark.parametrize(
    ("cls", "args", "kwargs", "bound"),
    [
        (Base, (1,), {}, {"a": 1, "b": 2}),
        (Base, (1,), {"z": 0}, {"a": 1, "b": 2}),
        (Leaf, (1, 7), {}, {"a": 1, "b": 7, "c": 3}),
        (Leaf, (1,), {"c": 4}, {"a": 1, "c": 4}),
        (Fixing, (4,), {"b": 9}, {"d": 4, "b": 9}),
        (Fixing, (4,), {}, {"d": 4}),
        (Closed, (), {}, {"e": 5}),
        (Mixed, (1,), {"gain": 2.0}, {"a": 1, "gain": 2.0}),
    ],
)
def test_bind_gives_the_arguments_of_the_call(cls, args, kwargs, bound):
    assert arguments.bind(cls, Base, args, kwargs) == bound


def test_accepted_follows_the_chain_of_keywords():
    config = {"a": 1, "d": 2, "e": 3, "name": "x"}
    assert arguments.accepted(Leaf, Base, config) == config
    assert arguments.accepted(Closed, Base, config) == {"e": 3}


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@given(
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_plain_values_are_their_own_config(value):
    assert arguments.serialize("value", value) == value
    assert arguments.deserialize(value) == value


def test_objects_are_serialized_as_keras_does():
    initializer = keras.initializers.Constant(0.5)
    plain = arguments.serialize("kernel_initializer", initializer)
    assert plain == keras.initializers.serialize(initializer)
    assert arguments.deserialize([plain])[0].value == 0.5
    relu = keras.activations.relu
    assert arguments.serialize("activation", relu) == "relu"
