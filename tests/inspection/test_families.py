"""Rules are found by class, and each family is there."""

import keras
import pytest

import keras_extras
from keras_extras.inspection import _families as families

stock = keras.layers


def rules():
    found = families.Rules()

    @found.of(stock.Dense, keras.ops.matmul)
    def rule(operation, call):
        return call

    return found, rule


def test_a_rule_holds_for_subclasses_that_inherit_the_call():
    class Inheriting(stock.Dense):
        def build(self, input_shape):
            pass

    class Overriding(stock.Dense):
        def call(self, inputs):
            return inputs

    found, rule = rules()
    assert found.find(stock.Dense(2)) is rule
    assert found.find(Inheriting(2)) is rule
    assert found.find(Overriding(2)) is None
    assert found.find(stock.Conv1D(2, 3)) is None


def test_a_nearer_class_goes_first():
    class Own(stock.Dense):
        pass

    found, rule = rules()
    own = found.of(Own)(lambda operation, call: None)
    assert found.find(Own(2)) is own
    assert found.find(stock.Dense(2)) is rule


def test_a_rule_of_a_function():
    found, rule = rules()
    inputs = keras.Input((2, 3))
    model = keras.Model(inputs, keras.ops.matmul(inputs, inputs[:, 0, :, None]))
    assert found.find(model.operations[-1]) is rule
    assert found.find(model.operations[1]) is None


def test_functions_that_this_version_has():
    assert families.functions("add no_such_function") == [keras.ops.add]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (families.CONVOLUTIONS, ["Conv1D", "Conv2D", "Conv3D", "Conv"]),
        (families.DEPTHWISE, ["DepthwiseConv1D", "DepthwiseConv2D"]),
        (families.TRANSPOSED, ["Conv1DTranspose", "Conv2DTranspose"]),
        (families.POOLS, ["AveragePooling3D", "Pool", "StochasticPooling"]),
    ],
)
def test_families_have_all_ranks_and_ours(family, expected):
    assert {cls.__name__ for cls in family} >= set(expected)
    assert any(issubclass(cls, keras_extras.layers.Layer) for cls in family)
