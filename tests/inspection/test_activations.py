import threading

import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.inspection import activations


class Block(layers.Layer):
    """Layers in a list, inside of a layer."""

    def __init__(self):
        super().__init__(name="block")
        self.inner = [layers.Dense(3, name=f"d{i}") for i in range(2)]

    def call(self, inputs):
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.twice = layers.Dense(3, name="twice")
        self.drop = layers.Dropout(0.5, name="drop")
        self.idle = layers.Dense(1, name="idle")
        self.idle.build((None, 3))

    def call(self, inputs, training=None):
        outputs = self.twice(self.twice(self.block(inputs)))
        return self.drop(outputs, training=training)


X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def dense(layer, inputs):
    kernel, bias = layer.get_weights()
    return inputs @ kernel + bias


@pytest.fixture
def net():
    model = Net()
    model(X)
    return model


def test_every_layer_in_order_by_its_path(net):
    found = activations(net, X, batch_size=2)
    assert list(found) == [
        "block/d0", "block/d1", "block", "twice", "twice:2", "drop",
    ]  # fmt: skip
    first, second = net.block.inner
    expected = dense(first, X)
    np.testing.assert_allclose(found["block/d0"], expected, atol=1e-5)
    expected = dense(second, expected)
    np.testing.assert_allclose(found["block"], expected, atol=1e-5)
    for name in ("twice", "twice:2"):
        expected = dense(net.twice, expected)
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    np.testing.assert_array_equal(found["drop"], found["twice:2"])


def test_layers_by_name_path_object_and_class(net):
    def names(layers):
        return list(activations(net, X, layers))

    assert names("drop") == ["drop"]
    assert names("d1") == names("block/d1") == ["block/d1"]
    assert names(net.block) == ["block"]
    assert names([layers.Dropout, "d0"]) == ["block/d0", "drop"]
    assert names(layers.Dense) == ["block/d0", "block/d1", "twice", "twice:2"]


def test_sequential_after_fit_and_predict_as_before():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4), layers.Dense(2, name="last")]
    )
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((5, 2)), verbose=0)
    before = model.predict(X, verbose=0)
    function = model.predict_function
    found = activations(model, X)
    np.testing.assert_allclose(found["last"], before, atol=1e-6)
    assert model.predict_function is function
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    # Compiled while nobody listens, and while somebody did before.
    model.predict_function = None
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    assert all("call" not in vars(layer) for layer in model.layers)


def test_functional_of_two_inputs_with_a_model_inside():
    inner = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2, name="deep")], name="inner"
    )
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    outputs = layers.Add(name="add")([inner(a), b])
    model = keras.Model({"a": a, "b": b}, outputs)
    x = {"a": X.astype("float64"), "b": np.ones((5, 2))}
    found = activations(model, x, batch_size=3)
    assert list(found) == ["inner/deep", "inner", "add"]
    np.testing.assert_array_equal(found["inner/deep"], found["inner"])
    np.testing.assert_allclose(found["add"], found["inner"] + 1, atol=1e-6)


def test_several_outputs_and_half_precision():
    inputs = keras.Input((4, 3))
    outputs = layers.LSTM(2, return_state=True, name="lstm")(inputs)
    half = layers.Dense(2, dtype="mixed_bfloat16", name="half")(outputs[0])
    model = keras.Model(inputs, half)
    found = activations(model, np.ones((5, 4, 3)), ["lstm", "half"])
    assert [part.shape for part in found["lstm"]] == [(5, 2)] * 3
    assert found["half"].dtype == np.float32


def test_other_threads_are_not_recorded(net, monkeypatch):
    original = Block.call

    def call(self, inputs):
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=net.twice, args=(X[:1],))
            other.start()
            other.join()
        return original(self, inputs)

    monkeypatch.setattr(Block, "call", call)
    assert list(activations(net, X, "twice")) == ["twice", "twice:2"]


def test_layers_are_put_back_after_an_error(net):
    with pytest.raises(Exception):  # noqa: B017, PT011 - each backend's own
        activations(net, np.ones((2, 7)))
    assert "call" not in vars(net.twice)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("dens", r"layers must be a name, a path.*block/d0, block/d1"),
        (layers.Conv2D, "layers must be a name"),
        ("idle", "layers that the model calls"),
    ],
)
def test_unknown_layers_are_named(net, layers, message):
    with pytest.raises(ValueError, match=message):
        activations(net, X, layers)


def test_no_model_no_examples(net):
    with pytest.raises(TypeError, match="model must be a Keras model"):
        activations(layers.Dense(2), X)
    with pytest.raises(ValueError, match="x must be at least one example"):
        activations(net, X[:0])
    with pytest.raises(ValueError, match="batch_size must be"):
        activations(net, X, batch_size=0)
