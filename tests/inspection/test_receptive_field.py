"""Receptive fields against which inputs change one number of the output."""

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.inspection import summary_frame

stock, ours = keras.layers, keras_extras.layers


def reached(model, size, axis):
    """Returns which positions of an axis change which outputs, as a matrix.

    One example for each position, in which only that position is not zero.
    All weights are positive, so that nothing cancels.
    """
    shape = model.input_shape[1:]
    x = np.zeros((size + 1, *shape), "float32")  # and one of nothing but zeros
    for position in range(size):
        np.moveaxis(x[position], axis, 0)[position] = 1
    y = model.predict(x, verbose=0)  # (position, *windows, filters)
    changed = np.abs(y[:-1] - y[-1])
    others = tuple(n for n in range(1, y.ndim) if n != axis + 1)
    changed = changed.max(axis=others)  # (position, window)
    return changed > 1e-4 * changed.max()


def positive(model):
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    return model


def branches():
    inputs = keras.Input((40, 40, 1))
    left = stock.Conv2D(2, 5, padding="same")(inputs)
    right = stock.Conv2D(2, 3, padding="same")(inputs)
    right = stock.Conv2D(2, (5, 1), padding="same")(right)
    return keras.Model(inputs, stock.Concatenate()([left, right]))


def residual():
    inputs = keras.Input((40, 40, 1))
    down = stock.Conv2D(2, 1, strides=2)(inputs)
    hidden = stock.Conv2D(2, 3, strides=2, padding="same")(inputs)
    hidden = stock.Conv2D(2, 3, padding="same", activation="relu")(hidden)
    total = keras.ops.relu(hidden + down)
    return keras.Model(inputs, stock.MaxPooling2D(3, 1)(total))


def stack(*layers, shape=(40, 40, 1)):
    return lambda: keras.Sequential(
        [keras.Input(shape), *(make() for make in layers)]
    )


MODELS = {
    "strides and dilation": stack(
        lambda: stock.Conv2D(2, 3, strides=2),
        lambda: stock.Conv2D(2, (3, 2), dilation_rate=2),
        lambda: stock.AveragePooling2D(2),
        lambda: stock.SeparableConv2D(2, 3),
    ),
    "ours": stack(
        lambda: ours.Conv2D(2, 3, strides=2, dilation_rate=2, padding=1),
        lambda: ours.BlurPooling2D(),
        lambda: ours.DepthwiseConv2D(3),
    ),
    "up again": stack(
        lambda: stock.Conv2D(2, 3, strides=2),
        lambda: stock.UpSampling2D(2),
        lambda: stock.Conv2D(2, 3),
        lambda: stock.Conv2DTranspose(2, 4, strides=2),
    ),
    "reshaped first": stack(
        lambda: stock.Reshape((40, 40, 1)),
        lambda: stock.Conv2D(2, 3),
        lambda: stock.ReLU(),
        shape=(40, 40, 1),
    ),
    "one dimension": stack(
        lambda: stock.Conv1D(2, 3, dilation_rate=4, padding="causal"),
        lambda: stock.Dense(2, "relu"),
        lambda: stock.MaxPooling1D(3, 2),
        shape=(40, 2),
    ),
    "branches": branches,
    "residual": residual,
}


@pytest.mark.parametrize("name", MODELS)
def test_field_is_what_changes_an_output(name):
    model = positive(MODELS[name]())
    last = summary_frame(model).iloc[-1]
    rank = len(model.output_shape) - 2
    for axis in range(rank):
        changes = reached(model, 40, axis)
        count = changes.shape[1]
        places = [
            np.flatnonzero(changes[:, window])
            for window in range(count // 3, max(2 * count // 3, count // 3 + 1))
        ]
        spans = [place[-1] - place[0] + 1 for place in places]
        assert max(spans) == last.receptive_field[axis]
        if len(places) > 1:
            moved = (places[-1][0] - places[0][0]) / (len(places) - 1)
            assert moved == pytest.approx(last.receptive_step[axis], abs=0.6)


@pytest.mark.parametrize(
    ("name", "size"),
    # Araujo et al., Distill 2019, and their tables.
    [
        ("MobileNetV2", 491),
        pytest.param("ResNet50", 483, marks=pytest.mark.full),
    ],
)
def test_published_fields(name, size):
    model = getattr(keras.applications, name)(weights=None, include_top=False)
    last = summary_frame(model, (None, 96, 96, 3)).iloc[-1]
    assert last.receptive_field == (size, size)
    assert last.receptive_step == (32, 32)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: stock.GlobalAveragePooling2D(),
        lambda: stock.Flatten(),
        lambda: stock.GroupNormalization(1),
        lambda: stock.Resizing(4, 4),
        lambda: stock.UpSampling2D(2, interpolation="bilinear"),
        lambda: stock.Concatenate(axis=1),
        lambda: stock.LayerNormalization(axis=(1, 2)),
    ],
)
def test_no_field_where_all_is_seen_or_nothing_is_known(layer):
    inputs = keras.Input((8, 8, 2))
    hidden = stock.Conv2D(2, 3)(inputs)
    layer = layer()
    several = isinstance(layer, stock.Concatenate)
    model = keras.Model(inputs, layer([hidden, hidden] if several else hidden))
    frame = summary_frame(model)
    assert frame.receptive_field.tolist() == [(1, 1), (3, 3), None]


def test_words_have_a_field_too():
    model = keras.Sequential(
        [keras.Input((30,)), stock.Embedding(9, 4), stock.Conv1D(2, 5)]
    )
    assert summary_frame(model).receptive_field.tolist() == [(1,), (5,)]
