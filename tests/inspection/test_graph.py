import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.inspection import model_graph
from keras_extras.models import ConvNet


def edges(nodes):
    """Returns edges by kinds, with the number of the kind's occurrence."""
    names, seen = [], {}
    for node in nodes:
        seen[node.kind] = seen.get(node.kind, 0) + 1
        names.append(f"{node.kind}{seen[node.kind]}")
    return {
        (names[source], names[target])
        for target, node in enumerate(nodes)
        for source in node.inputs
    }


def residual(inputs, first, second):
    return keras.ops.relu(second(first(inputs)) + inputs)


class Residual(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4, activation="relu")
        self.second = layers.Dense(4)

    def call(self, inputs):
        return residual(inputs, self.first, self.second)


def test_functional_and_subclassed_have_the_same_graph():
    inputs = keras.Input((4,))
    outputs = residual(inputs, layers.Dense(4, "relu"), layers.Dense(4))
    graph = model_graph(keras.Model(inputs, outputs))
    other = model_graph(Residual(), (None, 4))
    expected = {
        ("Input1", "Dense1"),
        ("Dense1", "Dense2"),
        ("Dense2", "Add1"),
        ("Input1", "Add1"),
    }
    assert edges(graph) == edges(other) == expected
    assert [node.parameters for node in graph] == [0, 20, 20, 0]
    assert [node.output_shape for node in graph] == [(4,)] * 4


def test_nested_models_are_opened_unless_told():
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="deep")], name="inner"
    )
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(2)])
    graph = model_graph(model)
    assert [node.path for node in graph][:2] == ["input", "inner/deep"]
    assert edges(graph) == {("Input1", "Dense1"), ("Dense1", "Dense2")}
    graph = model_graph(model, nested=False)
    assert [node.kind for node in graph] == ["Input", "Sequential", "Dense"]
    assert [node.parameters for node in graph] == [0, 15, 8]


def test_two_inputs_a_shared_layer_and_a_function_between():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(2, name="shared")
    x = layers.Concatenate()([shared(a), keras.ops.square(shared(b))])
    graph = model_graph(keras.Model([a, b], x))
    assert [node.name for node in graph if node.kind == "Input"] == ["a", "b"]
    shared = [node for node in graph if node.name == "shared"]
    assert [node.parameters for node in shared] == [8, 0]
    assert edges(graph) == {
        ("Input1", "Dense1"),
        ("Input2", "Dense2"),
        ("Dense1", "Concatenate1"),
        ("Dense2", "Concatenate1"),
    }


def test_a_convnet_of_ours_and_the_model_as_it_was():
    model = ConvNet((3,))
    graph = model_graph(model, (None, 12, 12, 1))
    assert sum(node.parameters for node in graph) == model.count_params()
    assert all(
        node.inputs == ((index - 1,) if index else ())
        for index, node in enumerate(graph)
    )
    inputs = keras.Input((4,))
    layer = layers.Dense(4)
    functional = keras.Model(inputs, layer(inputs))
    model_graph(functional)
    assert layer.output is functional.outputs[0]  # no second node
    assert functional.predict(np.ones((1, 4)), verbose=0).shape == (1, 4)


def test_the_shape_must_be_known():
    with pytest.raises(ValueError, match="input_shape must be"):
        model_graph(Residual())


def test_inputs_of_a_dict_keep_their_names():
    one, other = keras.Input((7,), name="z"), keras.Input((3,), name="a")
    both = keras.layers.Concatenate()([one, other])
    model = keras.Model({"z": one, "a": other}, both)
    found = {
        node.name: tuple(node.output_shape)
        for node in model_graph(model)
        if node.name in ("z", "a")
    }
    assert found == {"z": (7,), "a": (3,)}
