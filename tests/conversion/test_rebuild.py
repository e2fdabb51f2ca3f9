"""Graphs, nested models and subclasses made anew, with what they share."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import to_extras, to_keras
from tests.conversion.moving import (
    assert_moves,
    assert_same_outputs,
    ours_in,
    randomize,
    values,
)

# --- graphs -----------------------------------------------------------------


def test_shared_and_nested_layers_and_several_inputs_move():
    shared = keras.layers.Dense(4, activation="tanh", name="shared")
    inner_input = keras.Input((4,), name="inner_input")
    inner = keras.Model(
        inner_input,
        [shared(inner_input), keras.layers.Dense(2)(inner_input)],
        name="inner",
    )
    inputs = {
        "left": keras.Input((4,), name="left"),
        "right": keras.Input((4,), name="right"),
    }
    first, second = inner(shared(inputs["left"]))
    other = shared(inputs["right"])
    total = keras.layers.Add()([first, other]) * 2.0 + keras.ops.sum(
        second, axis=-1, keepdims=True
    )
    model = keras.Model(
        inputs, {"total": total, "second": second}, name="outer"
    )
    randomize(model)
    x = {"left": values(3, 4), "right": values(3, 4, seed=2)}
    opened, closed = assert_moves(model, x)
    for new in (opened, closed):
        assert new.get_layer("shared") is new.get_layer("inner").get_layer(
            "shared"
        )


def test_masks_move():
    inputs = keras.Input((5,), dtype="int32")
    outputs = keras.layers.Embedding(7, 3, mask_zero=True)(inputs)
    outputs = keras.layers.Dropout(0.5)(outputs)
    outputs = keras.layers.GlobalAveragePooling1D()(outputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(outputs))
    randomize(model)
    assert_moves(model, np.array([[1, 2, 0, 0, 0], [3, 3, 3, 1, 0]]))


def test_pooling_that_stock_calls_without_mask_moves_back():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    functional = keras.Model(model.inputs[0], model.outputs[0])
    assert_moves(functional, values(2, 4, 4, 2))


def test_wrappers_move():
    model = keras.Sequential(
        [
            keras.Input((3, 6, 6, 2)),
            keras.layers.TimeDistributed(keras.layers.Conv2D(4, 3)),
            keras.layers.TimeDistributed(
                keras.Sequential(
                    [keras.layers.MaxPooling2D(), keras.layers.Flatten()]
                )
            ),
            keras.layers.Bidirectional(keras.layers.LSTM(3)),
            keras.layers.SpectralNormalization(keras.layers.Dense(2)),
        ]
    )
    randomize(model)
    opened, _ = assert_moves(model, values(2, 3, 6, 6, 2))
    assert [type(layer) for layer in ours_in(opened)] == [
        layers.Dense,
        layers.MaxPooling2D,
        layers.Flatten,
        layers.Conv2D,
    ] or len(ours_in(opened)) == 4


def test_unbuilt_sequential_moves():
    opened = to_extras(keras.Sequential([keras.layers.Dense(3)]))
    assert not opened.built
    assert opened(np.ones((2, 4))).shape == (2, 3)


def test_result_is_not_compiled():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", lambda y, p: keras.ops.mean((y - p) ** 2))
    assert not to_extras(model).compiled
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model.compile("adam", lambda y, p: keras.ops.mean((y - p) ** 2))
    assert not to_extras(model).compiled


class MyConv(keras.layers.Conv2D):
    """A subclass: not ours to exchange."""


def test_subclass_of_stock_stays():
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), MyConv(3, 3), keras.layers.Conv2D(2, 3)]
    )
    randomize(model)
    opened, _ = assert_moves(model, values(2, 6, 6, 2))
    assert type(opened.layers[0]) is MyConv


def test_lora_and_quantized_layers_stay():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4, name="lora"),
            keras.layers.Dense(4, name="int8"),
            keras.layers.Dense(3),
        ]
    )
    randomize(model)
    model.get_layer("lora").enable_lora(2)
    randomize(model)
    model.get_layer("int8").quantize("int8")
    opened = to_extras(model)
    assert [type(layer) for layer in opened.layers] == [
        keras.layers.Dense,
        keras.layers.Dense,
        layers.Dense,
    ]
    assert_same_outputs(model, opened, values(3, 6))


# --- subclassed -------------------------------------------------------------


class Block(keras.layers.Layer):
    """Sublayers made in the constructor, in `build`, and in a list."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = keras.layers.Conv2D(filters, 3, padding="same")
        self.stack = [keras.layers.BatchNormalization(), {}]
        self.stack[1]["last"] = keras.layers.Conv2D(filters, 1)

    def build(self, input_shape):
        self.late = keras.layers.Dense(self.filters)
        self.late.build(input_shape)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs):
        outputs = self.stack[0](self.first(inputs))
        return self.scale * self.stack[1]["last"](outputs) + self.late(inputs)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


class Net(keras.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.block = Block(3)
        self.blocks = [Block(3), Block(3)]
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = self.alias = keras.layers.Dense(units)

    def call(self, inputs):
        outputs = self.block(inputs)
        for block in self.blocks:
            outputs = block(outputs)
        return self.alias(self.pool(outputs))

    def get_config(self):
        return {"units": self.units}


def test_subclassed_model_is_opened():
    model = Net(units=4)
    x = values(2, 5, 5, 2)
    model(x)
    randomize(model)
    opened = to_extras(model)
    assert type(opened) is Net
    assert type(opened.head) is layers.Dense
    assert opened.alias is opened.head
    assert type(opened.block.late) is layers.Dense
    assert type(opened.blocks[1].stack[1]["last"]) is layers.Conv2D
    assert len(opened.weights) == len(model.weights)
    assert_same_outputs(model, opened, x)
    assert len(ours_in(opened)) == 3 * 3 + 2


def test_opened_subclass_saves_and_trains(tmp_path):
    model = Net()
    x = values(4, 5, 5, 2)
    model(x)
    opened = to_extras(model)
    opened.compile("sgd", "mse")
    opened.fit(x, np.ones((4, 2)), verbose=0)
    opened.save_weights(tmp_path / "net.weights.h5")
    model.load_weights(tmp_path / "net.weights.h5")
    assert_same_outputs(opened, model, x)


def test_class_that_cannot_be_made_again_is_named():
    class Odd(keras.layers.Layer):
        def __init__(self, inside, **kwargs):
            super().__init__(**kwargs)
            self.inside = inside

        def call(self, inputs):
            return self.inside(inputs)

    model = keras.Sequential(
        [keras.Input((4,)), Odd(keras.layers.Dense(2), name="odd")]
    )
    with pytest.raises(ValueError, match=r"to_extras: the layer 'odd' \(Odd"):
        to_extras(model)


def test_layers_out_of_reach_are_named():
    class Box:
        pass

    class Hidden(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(2)
            self.box = Box()
            self.box.dense = self.dense
            del self.dense

        def call(self, inputs):
            return self.box.dense(inputs)

    model = keras.Sequential([keras.Input((4,)), Hidden(name="hidden")])
    with pytest.raises(ValueError, match=r"'hidden'.*not in its attributes"):
        to_extras(model)


@pytest.mark.parametrize("function", [to_extras, to_keras])
def test_only_models_are_taken(function):
    with pytest.raises(TypeError, match=r"must be a keras\.Model"):
        function(keras.layers.Dense(3))
