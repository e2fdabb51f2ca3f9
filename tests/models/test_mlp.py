import keras
import numpy as np
import pytest

from keras_extras.models import MLP
from tests.gradients import to_numpy


def test_mlp_equals_the_formula():
    x = np.random.default_rng(0).normal(size=(3, 2, 2)).astype("float32")
    model = MLP(units=[5], num_classes=3, activation="tanh")
    got = to_numpy(model(x))
    kernel, bias, head, offset = map(to_numpy, model.weights)
    sums = np.tanh(x.reshape(3, 4) @ kernel + bias) @ head + offset
    powers = np.exp(sums)
    np.testing.assert_allclose(
        got, powers / powers.sum(axis=1, keepdims=True), atol=1e-5
    )


def test_mlp_learns_and_saves(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    model = MLP(units=[16], num_classes=2, dropout=0.1)
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy"
    )
    model.fit(x, y, epochs=15, verbose=0)
    assert (model.predict_classes(x, verbose=0) == y).mean() > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_dropout_acts_in_training_only():
    x = np.ones((2, 8), "float32")
    model = MLP(units=[64], dropout=0.5)
    still = to_numpy(model(x, training=False))
    np.testing.assert_array_equal(to_numpy(model(x)), still)
    assert (to_numpy(model(x, training=True)) != still).any()


def test_no_hidden_layers_is_logistic_regression():
    model = MLP(units=(), num_classes=3, output_activation=None)
    model.build((None, 4))
    assert model.count_params() == 15


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"units": [0]}, "Dense: units must be"),
        ({"num_classes": 0}, "Dense: units must be"),
        ({"dropout": 2}, "Dropout: rate must be"),
    ],
)
def test_wrong_argument_raises(keywords, words):
    with pytest.raises(ValueError, match=words):
        MLP(**keywords)
