"""The table of a model against Keras's own counts and sums."""

import keras
import numpy as np
import pytest

from keras_extras.inspection import summary_frame
from keras_extras.models import ConvNet

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
