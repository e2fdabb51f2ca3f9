import keras
import numpy as np
import pytest

from keras_extras.testing import gradients
from keras_extras.testing._tools import (
    changed_path,
    difference,
    leaves,
    shake,
    to_numpy,
    values,
)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ([1.0], [1.0], ""),
        ([1.0], [1.00001], ""),
        ([1.0], [1.1], "1 against 1.1 at (0,), a gap of 0.1"),
        ([1000.0], [1000.05], ""),  # of the largest number
        ([0.0, np.nan], [0.0, np.nan], ""),
        ([0.0, np.nan], [0.0, 1.0], "NaN in one of them only"),
        ([np.inf], [np.inf], ""),
        ([-np.inf], [np.inf], "-inf against inf at (0,), a gap of inf"),
        ([1.0], [1.0, 2.0], "shape (1,) against (2,)"),
        ([], [], ""),
    ],
)
def test_difference_in_words(one, other, words):
    assert difference(np.array(one), np.array(other)) == words


def test_difference_of_structures():
    one = {"a": np.zeros(2), "b": [np.ones(3), None]}
    assert difference(one, one) == ""
    assert difference(one, np.zeros(2)) == "2 outputs against 1"


def test_half_precision_is_compared_coarsely():
    one, other = np.ones(1, "float16"), np.ones(1, "float16") * 1.01
    assert difference(one, other)
    assert not difference(one, other, "float16")
    assert not difference(one, other, "bfloat16")


def test_to_numpy_takes_what_numpy_has_not():
    tensor = keras.ops.ones((2,), "bfloat16")
    assert to_numpy(tensor).dtype == "float32"


def test_leaves_leave_none_out():
    assert leaves([1, {"a": None, "b": 2}]) == [1, 2]


def test_shake_moves_every_trainable_number_alike():
    one, two = (keras.layers.Dense(2, kernel_initializer="ones") for _ in "ab")
    for layer in (one, two):
        layer.build((None, 3))
        before = values(layer)
        shake(layer)
        assert changed_path(layer, before) == layer.kernel.path
        assert not np.any(to_numpy(layer.bias) == 0)
    assert difference(one.weights, two.weights) == ""


def test_gradients_are_those_of_the_weighted_sum():
    layer = keras.layers.Dense(2)
    x = np.array([[1.0, 2.0, 3.0]], "float32")
    layer(x)
    cotangent = np.array([[1.0, 10.0]], "float32")
    before = values(layer)
    of_inputs, of_weights = gradients(
        lambda one, inputs: one(inputs), layer, x, [cotangent]
    )
    np.testing.assert_allclose(of_inputs[0], cotangent @ before[0].T, rtol=1e-5)
    np.testing.assert_allclose(of_weights[layer.kernel.path], x.T @ cotangent)
    np.testing.assert_allclose(of_weights[layer.bias.path], cotangent[0])
    assert not changed_path(layer, before)


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
        lambda one, inputs: one(inputs), layer, x, [x]
    )
    np.testing.assert_allclose(of_inputs[0], 3)
    np.testing.assert_array_equal(of_weights[layer.idle.path], 0)


def test_the_gradients_of_a_row_that_is_looked_up_twice_add_up():
    layer = keras.layers.Embedding(3, 1)
    x = np.array([[1, 1, 2]])
    layer(x)
    _, of_weights = gradients(
        lambda one, inputs: one(inputs), layer, x, [np.ones((1, 3, 1))]
    )
    gradient = of_weights[layer.embeddings.path]
    np.testing.assert_allclose(gradient[:, 0], [0, 2, 1])
