"""Arguments of constructors that change nothing are named; others are not."""

import keras
import pytest

from keras_extras.testing import CheckFailure, layer_checks
from keras_extras.testing._checks_arguments import unread_arguments
from tests.testing import broken_promises as broken


def check(layer, shape=None):
    arguments = {} if shape is None else {"input_shape": shape}
    return dict(layer_checks(layer, **arguments))["check_arguments_matter"]


@pytest.mark.parametrize(
    ("cls", "argument"),
    [
        (broken.ActivationUnused, "activation"),
        (broken.InitializerUnused, "kernel_initializer"),
        (broken.ConstraintUnused, "kernel_constraint"),
    ],
)
def test_an_argument_without_effect_is_named(cls, argument):
    with pytest.raises(CheckFailure, match=f"{argument} has no effect"):
        check(cls())()


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Dense(3),
        keras.layers.Dense(3, use_bias=False, activation="tanh"),
        keras.layers.LayerNormalization(),
        keras.layers.Dropout(0.5),
    ],
    ids=lambda layer: layer.name,
)
def test_arguments_of_stock_layers_have_an_effect(layer):
    check(layer)()


def test_what_no_method_reads_is_seen_in_the_source():
    class Kept(keras.layers.Layer):
        def __init__(self, used=1, kept=2, handed_on=3):
            super().__init__()
            self.used = used
            self.kept = kept
            self.helper = keras.layers.Dense(handed_on)

        def call(self, inputs):
            return self.helper(inputs) * self.used

    assert unread_arguments(Kept) - {"self"} == {"kept"}


def test_source_that_looks_attributes_up_by_name_is_left_alone():
    class Dynamic(keras.layers.Layer):
        def __init__(self, kept=2):
            super().__init__()
            self.kept = kept

        def call(self, inputs):
            return inputs * getattr(self, "kept")  # noqa: B009

    assert unread_arguments(Dynamic) == set()
