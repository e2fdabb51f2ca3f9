"""Whole models moved to our layers and back: same names, weights, outputs."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import to_extras, to_keras
from tests import samples
from tests.conversion.moving import (
    assert_moves,
    ours_in,
    randomize,
    run,
    values,
)
from tests.gradients import to_numpy

STOCK = sorted(
    name
    for name in samples.names()
    if hasattr(keras.layers, name) and name != "Layer"
)


# --- architectures ----------------------------------------------------------


def application(name, **options):
    make = getattr(keras.applications, name)
    model = make(weights=None, classifier_activation=None, **options)
    return randomize(model)


def test_mobilenet_moves():
    model = application(
        "MobileNetV2", input_shape=(32, 32, 3), classes=5, alpha=0.35
    )
    opened, _ = assert_moves(model, values(2, 32, 32, 3))
    assert [w.path for w in opened.weights] == [w.path for w in model.weights]
    assert len(ours_in(opened)) == 54


@pytest.mark.full
@pytest.mark.parametrize(
    "name", ["ResNet50", "EfficientNetB0", "DenseNet121", "VGG16"]
)
def test_application_moves(name):
    model = application(name, input_shape=(32, 32, 3), classes=5)
    opened, _ = assert_moves(model, values(2, 32, 32, 3))
    assert len(ours_in(opened)) > 20


# --- single layers ----------------------------------------------------------


def test_every_shared_name_is_exchanged():
    assert len(STOCK) > 30


@pytest.mark.parametrize("name", STOCK)
def test_layer_moves_with_all_its_arguments(name):
    ours, shape = samples.make(name)
    config = ours.get_config()
    if config.get("padding") == samples.PADS * getattr(ours, "rank", 1):
        config["padding"] = "same"
    if "AveragePooling" in name and keras.backend.backend() == "torch":
        config["padding"] = "valid"  # Keras's "same" counts the pads there
    stock_class = getattr(keras.layers, name)
    stock = stock_class.from_config(
        {key: config[key] for key in config if key in accepted(stock_class)}
    )
    stock.trainable = False
    model = keras.Sequential([keras.Input(shape), stock])
    randomize(model)
    opened, closed = assert_moves(model, samples.inputs(shape))
    assert type(opened.layers[0]) is getattr(layers, name)
    assert type(closed.layers[0]) is stock_class
    assert closed.layers[0].get_config() == stock.get_config()
    assert not opened.trainable_weights


def accepted(cls):
    import inspect

    return {"name", "dtype", *inspect.signature(cls.__init__).parameters}


def test_functions_and_objects_as_arguments_move():
    def twice(x):
        return 2 * x

    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            keras.layers.Conv1D(
                4,
                3,
                activation=twice,
                kernel_regularizer="l2",
                kernel_constraint=keras.constraints.MaxNorm(3.0),
                activity_regularizer="l1",
                dtype="float32",
            ),
            keras.layers.Dense(3, activation=keras.layers.PReLU()),
        ]
    )
    run(model, values(2, 6, 3))  # builds the activation
    randomize(model)
    opened, closed = assert_moves(model, values(2, 6, 3))
    for new in (opened, closed):
        first, second = new.layers
        assert first.activation is twice
        assert first.kernel_regularizer is not None
        assert first.kernel_constraint.max_value == 3.0
        assert first.activity_regularizer is not None
        assert second.activation is not model.layers[1].activation


def test_policy_and_frozen_layers_are_kept():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, dtype="mixed_bfloat16", name="half"),
            keras.layers.Dense(2, dtype="float32", trainable=False),
        ]
    )
    opened, closed = assert_moves(model, np.ones((2, 4), "float32"))
    for new in (opened, closed):
        assert new.layers[0].compute_dtype == "bfloat16"
        assert [layer.trainable for layer in new.layers] == [True, False]


def test_frozen_model_stays_frozen():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.trainable = False
    model.layers[0].trainable = True
    opened = to_extras(model)
    assert not opened.trainable
    assert opened.layers[0].trainable


def test_the_models_share_no_arrays():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    opened = to_extras(model)
    closed = to_keras(opened)
    x = np.ones((8, 4), "float32")
    expected = model.predict(x, verbose=0)
    # JAX deletes the arrays that a training step replaces.
    for one in (model, opened):
        one.compile("sgd", "mse")
        one.fit(x, np.zeros((8, 3)), verbose=0)
    np.testing.assert_allclose(closed.predict(x, verbose=0), expected)


def masked_model(package, **more):
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(4, 3, mask_zero=True),
            package.Conv1D(2, 3, padding="same", **more),
            package.MaxPooling1D(2, **more),
            package.Flatten(),
        ]
    )


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_masks_that_stock_ignores_stay_ignored():
    x = np.array([[1, 2, 0, 3, 0, 0]])
    stock = masked_model(keras.layers)
    opened = to_extras(stock)
    assert not opened.layers[1].use_mask
    np.testing.assert_allclose(
        to_numpy(opened(x)), to_numpy(stock(x)), atol=1e-6
    )
    closed = to_keras(opened)
    np.testing.assert_allclose(
        to_numpy(closed(x)), to_numpy(stock(x)), atol=1e-6
    )
    ours = masked_model(layers)
    with pytest.raises(ValueError, match=r"2 of the") as caught:
        to_keras(ours)
    assert "MaxPooling1D): it takes a mask" in str(caught.value)
    to_keras(masked_model(layers, use_mask=False))
