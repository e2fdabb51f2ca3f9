"""What we use of Keras's private side is there, and does what we think.

A failure here names the part of the library that a new Keras has broken.
"""

import keras
import pytest

from keras_extras import _keras_internals as internals

# --- layers and transforms ---------------------------------------------------


class Owner(keras.layers.Layer):
    """A layer with a weight of its own and one in a sublayer."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(2, use_bias=False)

    def build(self, input_shape):
        self.own = self.add_weight((1,), name="own")
        self.state = self.add_weight((1,), name="state", trainable=False)
        self.inner.build(input_shape)


def built_owner():
    layer = Owner()
    layer.build((None, 3))
    layer.built = True
    return layer


def test_a_built_layer_takes_a_weight_in():
    """`enable_lora` adds a pair of weights to a layer that is built."""
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.early = keras.Variable([1.0])
    with internals.open_to_weights(layer):
        layer.late = keras.Variable([1.0])
    assert any(weight is layer.late for weight in layer.weights)
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.later = keras.Variable([1.0])


def test_a_layer_that_fails_to_take_a_weight_is_closed_again():
    """`enable_lora` may raise: a kernel with a constraint takes no pair."""
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(RuntimeError), internals.open_to_weights(layer):
        raise RuntimeError
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.later = keras.Variable([1.0])


def test_a_sublayer_and_its_weights_are_dropped():
    """`freeze` leaves nothing of the transforms in the layer, and its file."""
    layer = built_owner()
    internals.drop_sublayer(layer, layer.inner)
    assert [weight.name for weight in layer.weights] == ["own", "state"]
    assert [weight.name for weight in layer.trainable_weights] == ["own"]


def test_own_variables_are_those_without_sublayers():
    """`set_weights` takes the weights of the stock layer without transforms."""
    layer = built_owner()
    own = internals.own_variables(layer)
    assert [weight.name for weight in own] == ["own", "state"]
    for first, second in zip(own, layer.weights, strict=False):
        assert first is second  # they come first, in this order
