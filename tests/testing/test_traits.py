import dataclasses

import keras
import pytest

from keras_extras.testing import LayerTraits
from keras_extras.testing._subject import Subject
from tests.testing.healthy_layers import Gain


def test_usual_claims():
    traits = LayerTraits()
    assert traits.deterministic
    assert traits.batch_independent
    assert traits.differentiable
    assert traits.propagates_nan
    assert not traits.linear
    assert not traits.same_shape


def test_a_class_may_carry_its_claims():
    assert Subject(Gain()).traits is Gain.traits


def test_the_caller_knows_better_than_the_class():
    traits = LayerTraits()
    assert Subject(Gain(), traits=traits).traits is traits


def test_an_attribute_of_that_name_may_be_something_else():
    class Other(keras.layers.Layer):
        traits = ("any", "thing")

    assert Subject(Other()).traits == LayerTraits()


def test_traits_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LayerTraits().linear = True
