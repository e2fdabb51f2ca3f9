import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _config


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
    assert _config.bind(cls, Base, args, kwargs) == bound


def test_accepted_follows_the_chain_of_keywords():
    config = {"a": 1, "d": 2, "e": 3, "name": "x"}
    assert _config.accepted(Leaf, Base, config) == config
    assert _config.accepted(Closed, Base, config) == {"e": 3}


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
    assert _config.serialize("value", value) == value
    assert _config.deserialize(value) == value


def test_objects_are_serialized_as_keras_does():
    initializer = keras.initializers.Constant(0.5)
    plain = _config.serialize("kernel_initializer", initializer)
    assert plain == keras.initializers.serialize(initializer)
    assert _config.deserialize([plain])[0].value == 0.5
    relu = keras.activations.relu
    assert _config.serialize("activation", relu) == "relu"


def test_arrays_and_lists_that_keras_wraps_become_plain():
    array = np.eye(2)
    plain = _config.serialize("mask", array)
    np.testing.assert_array_equal(_config.deserialize(plain), array)

    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.items = [1, 2]  # Keras wraps it

    assert type(_config.serialize("items", Holder().items)) is list
