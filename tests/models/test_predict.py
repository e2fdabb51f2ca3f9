"""Probabilities and classes of stock models, by the loss they learn with."""

import keras
import numpy as np
import pytest

from keras_extras.models import predict_classes, predict_proba

losses = keras.losses
LOGITS = np.array([[2.0, -1.0, 0.5], [-3.0, 900.0, 1.0]], "float32")


def fixed(outputs, loss=None):
    """Returns a stock model that predicts these rows."""
    inputs = keras.Input((len(outputs),))
    kernel = keras.initializers.Constant(np.asarray(outputs))
    dense = keras.layers.Dense(
        len(outputs[0]), use_bias=False, kernel_initializer=kernel
    )
    model = keras.Model(inputs, dense(inputs))
    if loss is not None:
        model.compile("sgd", loss)
    return model, np.eye(len(outputs), dtype="float32")


def softmax(x):
    powers = np.exp(x.astype("float64") - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x.astype("float64"), -700, 700)))


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        (losses.CategoricalCrossentropy(from_logits=True), softmax),
        ([losses.SparseCategoricalCrossentropy(from_logits=True)], softmax),
        (losses.BinaryCrossentropy(from_logits=True), sigmoid),
        (losses.BinaryFocalCrossentropy(from_logits=True), sigmoid),
    ],
)
def test_logits_become_probabilities_by_the_loss(loss, function):
    model, x = fixed(LOGITS, loss)
    got = predict_proba(model, x, verbose=0)
    np.testing.assert_allclose(got, function(LOGITS), atol=1e-6)
    assert got.dtype == np.float32


@pytest.mark.parametrize("loss", [None, "mse", "categorical_crossentropy"])
def test_logits_that_are_not_known_are_refused(loss):
    model, x = fixed(LOGITS, loss)
    with pytest.raises(ValueError, match="from_logits=True, or use predict"):
        predict_proba(model, x, verbose=0)
    assert predict_classes(model, x, verbose=0).tolist() == [0, 1]


def test_not_a_number_is_no_probability():
    model, x = fixed([[np.nan, 0.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match="from 0 to 1"):
        predict_proba(model, x, verbose=0)


def test_probabilities_stay_as_they_are():
    rows = [[0.1, 0.9], [0.8, 0.2]]
    model, x = fixed(rows, "sparse_categorical_crossentropy")
    np.testing.assert_allclose(predict_proba(model, x, verbose=0), rows)
    assert predict_classes(model, x, verbose=0).tolist() == [1, 0]


def test_one_output_is_yes_or_no():
    model, x = fixed([[0.2], [0.7]], "binary_crossentropy")
    assert predict_classes(model, x, verbose=0).tolist() == [0, 1]
    logits = losses.BinaryCrossentropy(from_logits=True)
    model, x = fixed([[0.2], [-0.7]], logits)
    classes = predict_classes(model, x, verbose=0)
    assert classes.tolist() == [1, 0]
    assert classes.dtype == np.int64


@pytest.mark.parametrize(
    "loss", ["binary_crossentropy", losses.BinaryCrossentropy()]
)
def test_several_labels(loss):
    rows = [[0.6, 0.7, 0.1], [0.2, 0.1, 0.4]]
    model, x = fixed(rows, loss)
    labels = predict_classes(model, x, verbose=0)
    assert labels.tolist() == [[1, 1, 0], [0, 0, 0]]
    one = predict_classes(model, x, verbose=0, multi_label=False)
    assert one.tolist() == [1, 2]
    model.compile("sgd", "mse")
    assert predict_classes(model, x, verbose=0).tolist() == [1, 2]
    told = predict_classes(model, x, verbose=0, multi_label=True)
    assert told.tolist() == labels.tolist()


def test_classes_along_an_axis_of_positions():
    x = np.random.default_rng(0).random((2, 5, 3)).astype("float32")
    model = keras.Sequential([keras.layers.Softmax()])
    assert predict_classes(model, x, verbose=0).tolist() == (
        x.argmax(axis=-1).tolist()
    )


def test_one_number_an_example_without_an_axis():
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(1, activation="sigmoid")(inputs)
    model = keras.Model(inputs, keras.ops.squeeze(outputs, -1))
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    expected = (model.predict(x, verbose=0) > 0.5).astype("int64")
    classes = predict_classes(model, x, verbose=0)
    np.testing.assert_array_equal(classes, expected)
