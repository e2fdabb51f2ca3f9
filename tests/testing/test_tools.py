import keras
import numpy as np
import pytest

from keras_extras.testing import gradients
from keras_extras.testing._tools import (
    arrays,
    difference,
    leaves,
    shake,
    tolerance,
)


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        ([1.0], [1.0], ""),
        ([1.0], [1.00001], ""),
        ([1.0], [1.1], "1 against 1.1 at (0,), a gap of 0.1"),
        ([[0, 9], [2, 0.5]], [[0, 9], [1, 0]], "2 against 1 at (1, 0), a gap"),
        ([1000.0], [1000.05], ""),  # of the largest number
        ([0.0, np.nan], [0.0, np.nan], ""),
        ([0.0, np.nan], [0.0, 1.0], "nan against 1 at (1,), a gap of nan"),
        ([np.inf], [np.inf], ""),
        ([-np.inf], [np.inf], "-inf against inf at (0,), a gap of inf"),
        ([1.0], [1.0, 2.0], "shape (1,) against (2,)"),
        (["a", "b"], ["a", "b"], ""),
        (["a", "b"], ["a", "c"], "'b' against 'c' at (1,)"),
        ([], [], ""),
        (5.0, 1.0, "5 against 1 at (), a gap of 4"),
    ],
)
def test_the_difference_is_named(actual, expected, message):
    found = difference(np.array(actual), np.array(expected))
    assert found.startswith(message)
    assert bool(found) == bool(message)


def test_difference_of_structures():
    structure = {"a": np.zeros(2), "b": [np.ones(3), None]}
    assert difference(structure, structure) == ""
    assert difference(structure, np.zeros(2)) == "2 outputs against 1"


def test_the_tolerance_is_that_of_the_largest_number():
    assert tolerance(np.array([0.5, np.inf, np.nan])) == 1e-4
    assert tolerance([np.ones(2), -np.full(3, 250.0)]) == 0.025
    assert tolerance(np.array(["a"])) == 1e-4


def test_arrays_are_copies_and_of_float64():
    (array,) = arrays(keras.ops.ones((2,), "bfloat16"))
    assert array.dtype == "float64"
    value = np.ones(2)
    arrays(value)[0][0] = 5
    assert value[0] == 1


def test_leaves_leave_none_out():
    assert leaves([1, {"a": None, "b": 2}]) == [1, 2]


def test_shake_moves_every_trainable_number_alike():
    layers = [
        keras.layers.Dense(2, kernel_initializer="ones") for _ in range(2)
    ]
    for layer in layers:
        layer.build((None, 3))
        before = arrays(layer.variables)
        shake(layer)
        assert not np.array_equal(layer.kernel, before[0])
        assert np.all(arrays(layer.bias)[0] != 0)
    assert difference(layers[0].weights, layers[1].weights) == ""


def test_gradients_are_those_of_the_weighted_sum():
    layer = keras.layers.Dense(2)
    x = np.array([[1.0, 2.0, 3.0]], "float32")
    layer(x)
    cotangent = np.array([[1.0, 10.0]], "float32")
    before = arrays(layer.variables)
    of_inputs, of_weights = gradients(
        lambda layer, inputs: layer(inputs), layer, x, [cotangent]
    )
    np.testing.assert_allclose(of_inputs[0], cotangent @ before[0].T, rtol=1e-5)
    np.testing.assert_allclose(of_weights[layer.kernel.path], x.T @ cotangent)
    np.testing.assert_allclose(of_weights[layer.bias.path], cotangent[0])
    assert difference(layer.variables, before) == ""


def test_the_gradient_of_what_is_not_used_is_zero():
    class Idle(keras.layers.Layer):
        def build(self, input_shape):
            self.idle = self.add_weight(shape=(2,), initializer="ones")

        def call(self, inputs):
            return 3 * inputs

    layer = Idle()
    x = np.ones((1, 2), "float32")
    layer(x)
    of_inputs, of_weights = gradients(
        lambda layer, inputs: layer(inputs), layer, x, [x]
    )
    np.testing.assert_allclose(of_inputs[0], 3)
    np.testing.assert_array_equal(of_weights[layer.idle.path], 0)


def test_the_gradients_of_a_row_that_is_looked_up_twice_add_up():
    layer = keras.layers.Embedding(3, 1)
    x = np.array([[1, 1, 2]])
    layer(x)
    _, of_weights = gradients(
        lambda layer, inputs: layer(inputs), layer, x, [np.ones((1, 3, 1))]
    )
    gradient = of_weights[layer.embeddings.path]
    np.testing.assert_allclose(gradient[:, 0], [0, 2, 1])
