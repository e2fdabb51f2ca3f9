"""The table of a model against Keras's own counts and sums."""

import keras
import numpy as np
import pytest

from keras_extras.inspection import summary_frame
from keras_extras.inspection._summary import memory, summary_text
from keras_extras.models import MLP, ConvNet

stock = keras.layers


class Stock(keras.Model):
    """A plain Keras subclass, without `build`."""

    def __init__(self):
        super().__init__()
        self.conv = stock.Conv2D(4, 3, name="conv")
        self.norm = stock.BatchNormalization(name="norm")
        self.flat = stock.Flatten(name="flat")
        self.head = stock.Dense(2, name="head")

    def call(self, inputs, training=False):
        hidden = self.norm(self.conv(inputs), training=training)
        return self.head(self.flat(hidden))


def shared():
    inner = keras.Sequential(
        [stock.Conv2D(3, 3, name="conv"), stock.Flatten(name="flat")],
        name="inner",
    )
    dense = stock.Dense(48, name="dense")
    inputs = keras.Input((6, 6, 1), name="image")
    hidden = dense(dense(inner(inputs)))
    return keras.Model(inputs, keras.ops.matmul(hidden, np.ones((48, 2), "f")))


def test_subclassed_stock_model_is_built_and_told():
    frame = summary_frame(Stock(), (None, 8, 8, 1))
    assert frame.name.tolist() == ["conv", "norm", "flat", "head"]
    assert frame["class"].tolist() == [
        *["Conv2D", "BatchNormalization", "Flatten", "Dense"]
    ]
    assert frame.output_shape.tolist() == [
        *[(None, 6, 6, 4), (None, 6, 6, 4), (None, 144), (None, 2)]
    ]
    assert frame.parameters.tolist() == [40, 16, 0, 290]
    assert frame.trainable.tolist() == [40, 8, 0, 290]
    assert frame.multiply_adds.tolist() == [36 * 36, 0, 0, 288]
    assert frame.activation_bytes.tolist() == [576, 576, 576, 8]
    assert frame.weight_bytes.tolist() == [160, 64, 0, 1160]
    assert frame.receptive_field.tolist() == [(3, 3), (3, 3), None, None]


def test_layer_called_twice_and_model_inside():
    model = shared()
    frame = summary_frame(model)
    names = ["image", "inner", "dense", "dense"]
    assert frame.name.tolist()[:4] == names
    assert frame["class"].tolist()[4:] == ["Matmul"]
    assert frame.call.tolist() == [1, 1, 1, 2, 1]
    assert frame.parameters.tolist() == [0, 30, 48 * 49, 0, 0]
    assert frame.parameters.sum() == model.count_params()
    assert frame.multiply_adds.tolist() == [0, 432, 2304, 2304, 96]
    wide = summary_frame(model, expand_nested=True)
    assert wide.depth.tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert wide.name.tolist()[2:4] == ["conv", "flat"]
    assert wide.receptive_field.tolist()[2] == (3, 3)
    top = wide[wide.depth == 0].reset_index(drop=True)
    assert top.equals(frame)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.applications.MobileNetV2(
            weights=None, input_shape=(64, 64, 3)
        ),
        shared,
        lambda: built(ConvNet([(3, 4)], batch_normalization=True)),
    ],
    ids=["MobileNetV2", "shared", "ConvNet"],
)
def test_columns_add_up(make):
    model = make()
    frame = summary_frame(model)
    assert frame.parameters.sum() == model.count_params()
    trained = sum(np.prod(weight.shape) for weight in model.trainable_weights)
    assert frame.trainable.sum() == trained
    assert frame.weight_bytes.sum() == 4 * model.count_params()


def built(model):
    model.build((None, 9, 9, 1))
    return model


def test_what_is_not_called_and_own_weights_stand_at_the_end():
    class Loose(keras.Model):
        def __init__(self):
            super().__init__(name="loose")
            self.used = stock.Dense(2, name="used")
            self.unused = stock.Dense(3, name="unused")
            self.unused.build((None, 4))
            self.factor = self.add_weight((5,), trainable=False)

        def call(self, inputs):
            return self.used(inputs) * self.factor[0]

    frame = summary_frame(Loose(), (None, 4))
    assert frame.name.tolist() == ["used", "unused", "loose"]
    assert frame.call.tolist() == [1, 0, 0]
    assert frame.parameters.tolist() == [10, 15, 5]
    assert frame.trainable.tolist() == [10, 15, 0]
    assert frame.note.tolist() == [
        *["", "not called", "weights of the model itself"]
    ]


def test_real_tensors_give_the_same_shapes():
    class Raw(Stock):
        def call(self, inputs, training=False):
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("real ones only")
            return super().call(inputs, training)

    keras.utils.clear_session()
    frames = [summary_frame(cls(), (None, 8, 8, 1)) for cls in (Stock, Raw)]
    columns = ["name", "output_shape", "parameters", "receptive_field"]
    assert frames[0][columns].equals(frames[1][columns])


def test_sizes_in_bytes_follow_the_dtype():
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    model = keras.Sequential([keras.Input((4,)), stock.Dense(3, dtype=policy)])
    (row,) = summary_frame(model).itertuples()
    assert (row.activation_bytes, row.weight_bytes) == (6, 60)


def test_several_outputs_and_unknown_sizes():
    inputs = keras.Input((None, 3))
    states = stock.LSTM(2, return_state=True)(inputs)
    frame = summary_frame(keras.Model(inputs, states))
    assert list(frame.output_shape[1]) == [(None, 2)] * 3
    assert frame.multiply_adds.isna().tolist() == [False, True]
    assert "(1, None, 3)" in frame.note[1] or "(None,)" in frame.note[1]


def test_model_without_a_shape_is_refused():
    with pytest.raises(ValueError, match="summary_frame: input_shape must be"):
        summary_frame(Stock())


# --- as text -----------------------------------------------------------------


def small():
    keras.utils.clear_session()
    block = keras.Sequential([stock.Conv2D(2, 3), stock.ReLU()], name="block")
    return keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            block,
            stock.Conv2D(4, 3, strides=(2, 1), name="second"),
            stock.BatchNormalization(name="norm"),
            stock.Flatten(name="flat"),
            stock.Dense(5, name="head"),
        ],
        name="small",
    )


def test_the_whole_table():
    lines = summary_text(small()).splitlines()
    assert lines[0] == 'Model: "small" (Sequential)'
    assert lines[2].split() == [
        *["Layer", "(type)", "Output", "shape", "Parameters"],
        *["Multiply-adds", "Memory", "Receptive", "field"],
    ]
    cells = [line.split("  ") for line in lines[4:9]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in cells]
    assert cells == [
        [
            *["block (Sequential)", "(None, 7, 7, 2)", "20", "882", "392 B"],
            "3 x 3, step 1",
        ],
        [
            *["second (Conv2D)", "(None, 3, 5, 4)", "76", "1,080", "240 B"],
            "5 x 5, step 2 x 1",
        ],
        [
            *["norm (BatchNormalization)", "(None, 3, 5, 4)", "16", "0"],
            *["240 B", "5 x 5, step 2 x 1"],
        ],
        ["flat (Flatten)", "(None, 60)", "0", "0", "240 B", "-"],
        ["head (Dense)", "(None, 5)", "305", "300", "20 B", "-"],
    ]
    assert lines[10:] == [
        "Parameters:      417 (1.6 KB), 409 trainable, 8 not",
        "Multiply-adds:   2,262 for one example",
        "Activations:     1.1 KB for one example",
    ]
    columns = {line.index("5 x 5") for line in lines if "5 x 5" in line}
    assert len(columns) == 1


def test_options():
    wide = summary_text(small(), expand_nested=True, show_trainable=True)
    assert "\n  conv2d (Conv2D)" in wide
    assert " yes " in wide
    assert " some " in wide
    part = summary_text(small(), layer_range=["second", "fl"])
    assert "second" in part
    assert "norm" in part
    assert "head" not in part
    assert "417" in part  # the sums are those of the model
    narrow = summary_text(small(), line_length=84).splitlines()
    assert max(map(len, narrow)) == 84
    assert any("…" in line for line in narrow)


def test_wrong_range_is_refused():
    with pytest.raises(ValueError, match="No layer matches 'nowhere'"):
        summary_text(small(), layer_range=["second", "nowhere"])
    with pytest.raises(ValueError, match="layer_range must be two names"):
        summary_text(small(), layer_range="second")


def test_what_is_not_known_is_a_question_with_its_reason():
    inputs = keras.Input((4,))
    strange = keras.Model(inputs, stock.Lambda(lambda x: x, name="odd")(inputs))
    text = summary_text(strange)
    assert "Multiply-adds:   ? for one example" in text
    assert "? odd (Lambda): no formula; add multiply_adds" in text


def test_optimizer_is_counted():
    net = MLP([2], 2)
    net.build((None, 3))
    net.compile("adam", "mse")
    net.optimizer.build(net.trainable_variables)
    assert "Optimizer:       30 numbers" in summary_text(net)  # 2 * 14 + 2


@pytest.mark.parametrize(
    ("size", "text"),
    [(1023, "1023 B"), (1536, "1.5 KB"), (3 * 1024**2, "3.0 MB")],
)
def test_memory(size, text):
    assert memory(size) == text
    assert memory(float("nan")) == "?"
