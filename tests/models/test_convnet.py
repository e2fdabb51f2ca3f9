import keras
import numpy as np
import pytest

from keras_extras.models import ConvNet
from tests.gradients import to_numpy


def stock(arguments, data_format):
    layers = [
        layer
        for count in arguments["filters"]
        for layer in (
            keras.layers.Conv2D(
                count, 3, activation="relu", data_format=data_format
            ),
            keras.layers.MaxPooling2D(2, data_format=data_format),
        )
    ]
    return keras.Sequential(
        [
            *layers,
            keras.layers.Flatten(data_format=data_format),
            *[keras.layers.Dense(n, "relu") for n in arguments["units"]],
            keras.layers.Dense(10, "softmax"),
        ]
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_convnet_equals_the_stock_stack(data_format):
    arguments = {"filters": [3, 4], "units": [5]}
    x = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    ours = ConvNet(**arguments, data_format=data_format)
    theirs = stock(arguments, data_format)
    theirs.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(
        to_numpy(ours(x)), to_numpy(theirs(x)), atol=1e-6
    )


def test_convnet_saves_and_summarizes(tmp_path):
    x = np.random.default_rng(0).random((4, 10, 10, 1)).astype("float32")
    model = ConvNet(filters=[2], units=[4], num_classes=3, dropout=0.5)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, np.array([0, 1, 2, 0]), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )
    lines = []
    model.summary(line_length=100, print_fn=lines.append)
    shapes = ["(None, 8, 8, 2)", "(None, 4, 4, 2)", "(None, 32)", "(None, 3)"]
    positions = ["\n".join(lines).index(shape) for shape in shapes]
    assert positions == sorted(positions)


def test_image_too_small_for_the_blocks_is_an_error():
    with pytest.raises(ValueError, match="input_shape must be large enough"):
        ConvNet(filters=[2, 2, 2]).build((None, 8, 8, 1))


@pytest.mark.parametrize("shape", [(4, 9, 9), (9, 9), (4, 9, 9, 1, 1)])
def test_images_without_channels_are_told_how_to_get_them(shape):
    x = np.zeros(shape, "float32")
    model = ConvNet([2], units=[2])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for use in (model, model.predict, lambda x: model.fit(x, x[..., 0] > 0)):
        with pytest.raises(ValueError, match=r"images\[\.\.\., None\]"):
            use(x)
    with pytest.raises(ValueError, match=r"images\[:, None\]"):
        ConvNet(2, units=2, data_format="channels_first")(x)


def test_one_number_is_one_block():
    model = ConvNet(2, units=3)
    model.build((None, 9, 9, 1))
    assert [w.shape[-1] for w in model.trainable_weights] == [
        2,
        2,
        3,
        3,
        10,
        10,
    ]
    assert ConvNet.from_config(model.get_config()).get_config()["filters"] == 2
    for filters in (None, [(3, "a")], [None]):
        with pytest.raises(TypeError, match=r"^ConvNet: filters must be"):
            ConvNet(filters)


COURSES = {
    "global average pooling": (
        {"filters": [(32, 32), (64, 64)], "units": [256], "pooling": "avg"},
        (28, 28, 1),
        (84202, 0),
    ),
    "batch normalization": (
        {
            "filters": [(32, 32), (64, 64), (128, 128)],
            "padding": "same",
            "units": [256, 128, 64],
            "batch_normalization": True,
            "pooling": "avg",
        },
        (28, 28, 1),
        (364842, 1792),
    ),
    "Keras's example": (
        {"filters": [(32, 64)], "block_dropout": 0.25, "dropout": 0.5},
        (28, 28, 1),
        (1199882, 0),
    ),
    "LeNet for color": (
        {"filters": [6, 16], "kernel_size": 5, "units": [120, 84]},
        (32, 32, 3),
        (62006, 0),
    ),
}


@pytest.mark.parametrize("name", COURSES)
def test_published_parameter_counts(name):
    arguments, shape, counts = COURSES[name]
    model = ConvNet(**arguments)
    model.build((None, *shape))
    fixed = sum(np.prod(w.shape) for w in model.non_trainable_weights)
    assert (model.count_params(), fixed) == counts


def test_blocks_hold_what_was_asked_for():
    model = ConvNet([(2, 3), 4], batch_normalization=True, block_dropout=0.25)
    norm = ["BatchNormalization", "Activation"]
    assert [type(layer).__name__ for layer in model.blocks] == [
        *["Conv2D", *norm, "Conv2D", *norm, "MaxPooling2D", "Dropout"],
        *["Conv2D", *norm, "MaxPooling2D", "Dropout"],
    ]
    assert model.blocks[7].rate == 0.25


@pytest.mark.parametrize(
    ("pooling", "data_format"),
    [
        ("avg", "channels_last"),
        ("max", "channels_first"),
        ("gem", "channels_last"),
    ],
)
def test_all_options_save_and_load(pooling, data_format, tmp_path):
    x = np.random.default_rng(0).random((3, 12, 12, 2)).astype("float32")
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    model = ConvNet(
        [(2, 3), 4],
        units=[5],
        data_format=data_format,
        batch_normalization=True,
        block_dropout=0.1,
        kernel_regularizer="l2",
        pooling=pooling,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, np.array([0, 1, 2]), verbose=0)
    normalized = [
        layer
        for layer in model.blocks
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert [layer.gamma.shape[0] for layer in normalized] == [2, 3, 4]
    expected = model.predict(x, verbose=0)
    assert model.flatten(np.ones((1, 4, 4, 4))).shape == (1, 4)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), expected)


def test_wrong_pooling_is_refused_with_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'avg'"):
        ConvNet(pooling="avg2")
