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
        ({"units": [0]}, "MLP: units must be"),
        ({"num_classes": 0}, "MLP: num_classes must be"),
        ({"dropout": 2}, "Dropout: rate must be"),
    ],
)
def test_wrong_argument_raises(keywords, words):
    with pytest.raises(ValueError, match=words):
        MLP(**keywords)


COURSES = {
    "3-4-4-1": (
        {"units": (4, 4), "num_classes": 1, "activation": "tanh"},
        (3,),
        16 + 20 + 5,
    ),
    "784-15-10": ({"units": (15,), "activation": "sigmoid"}, (28, 28), 11935),
    "50-50-10": ({"units": (50, 50), "activation": "tanh"}, (784,), 42310),
    "512-128-32-10": (
        {"units": (512, 128, 32), "activation": ["sigmoid", "tanh", "relu"]},
        (28, 28),
        472042,
    ),
    "784-512-10": ({"units": (512,)}, (784,), 407050),
}


@pytest.mark.parametrize("name", COURSES)
def test_published_parameter_counts(name):
    arguments, shape, count = COURSES[name]
    model = MLP(**arguments)
    model.build((None, *shape))
    assert model.count_params() == count


def test_each_layer_has_its_activation_and_dropout():
    model = MLP((5, 4), activation=["tanh", keras.ops.abs], dropout=[0.1, 0.7])
    first, dropped, second, more = model.hidden
    assert first.activation is keras.activations.tanh
    assert second.activation is keras.ops.abs
    assert (dropped.rate, more.rate) == (0.1, 0.7)


def test_normalized_and_penalized_mlp_equals_the_formula(tmp_path):
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    model = MLP(
        units=[5],
        num_classes=3,
        activation="tanh",
        output_activation=None,
        batch_normalization=True,
        kernel_regularizer=keras.regularizers.L2(0.5),
    )
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(x, x[:, :3], verbose=0)  # so that the statistics are not 0 and 1
    names = [weight.name for weight in model.weights]
    w = dict(zip(names[:6], map(to_numpy, model.weights[:6]), strict=True))
    head, offset = map(to_numpy, model.weights[6:])
    sums = x @ w["kernel"] + w["bias"]
    scale = w["gamma"] / np.sqrt(w["moving_variance"] + 1e-3)
    hidden = np.tanh((sums - w["moving_mean"]) * scale + w["beta"])
    expected = hidden @ head + offset
    np.testing.assert_allclose(to_numpy(model(x)), expected, atol=1e-5)
    penalty = 0.5 * ((w["kernel"] ** 2).sum() + (head**2).sum())
    got = to_numpy(sum(model.losses))
    assert got == pytest.approx(penalty, rel=1e-5)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_list_needs_one_item_for_each_layer():
    with pytest.raises(ValueError, match="or 2, one for each layer"):
        MLP((4, 3), activation=["relu"])


def test_one_number_is_one_hidden_layer():
    model = MLP(32)
    model.build((None, 4))
    assert model.count_params() == 4 * 32 + 32 + 32 * 10 + 10
    assert MLP.from_config(model.get_config()).get_config()["units"] == 32
    with pytest.raises(TypeError, match=r"^MLP: units must be"):
        MLP(None)
