import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.models import Model
from tests.gradients import to_numpy


@keras.saving.register_keras_serializable("tests")
class Scaled(Model):
    """Stores no argument under its own name, and has no get_config."""

    def __init__(self, sizes, scale=1.0, activation=None):
        super().__init__()
        self.stack = [keras.layers.Dense(n, activation) for n in sizes]
        self.factor = scale

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return self.factor * inputs


@keras.saving.register_keras_serializable("tests")
class Shifted(Scaled):
    def __init__(self, *args, shift=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.by = shift

    def call(self, inputs):
        return super().call(inputs) + self.by


@keras.saving.register_keras_serializable("tests")
class Around(Model):
    def __init__(self, backbone, **kwargs):
        super().__init__(**kwargs)
        self.inner = backbone

    def call(self, inputs):
        return self.inner(inputs)


def summary_of(model):
    lines = []
    model.summary(line_length=100, print_fn=lines.append)
    return "\n".join(lines)


@pytest.mark.parametrize(
    "model",
    [
        lambda: Scaled([3, 2], scale=10.0, activation="tanh"),
        lambda: Shifted((3,), 2.0, shift=5.0),
        lambda: Around(keras.layers.Dense(2), name="around"),
    ],
)
def test_saved_model_predicts_the_same(model, tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model = model()
    model.compile("sgd", "mse")
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
    assert again.get_config().keys() == model.get_config().keys()


def test_config_holds_the_call_whatever_happens_to_its_lists_later():
    sizes = [3, 2]
    model = Shifted(sizes, shift=1.0)
    sizes.append(7)
    assert model.get_config() == {"sizes": [3, 2], "shift": 1.0}


def test_clone_is_a_new_model_of_the_same_make():
    model = Scaled([2], scale=3.0)
    again = keras.models.clone_model(model)
    assert again is not model
    assert again.factor == 3.0


def test_build_gives_true_shapes_and_counts():
    model = Scaled([3, 2])
    model.build((7, 4))
    assert all(layer.built for layer in model.stack)
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2
    text = summary_of(model)
    assert "(None, 3)" in text
    assert "(None, 2)" in text
    assert "?" not in text


def test_first_call_gives_true_shapes_too():
    model = Scaled([3])
    model.compile("sgd", "mse")
    model.fit(np.ones((5, 4)), np.ones((5, 3)), batch_size=5, verbose=0)
    assert "(None, 3)" in summary_of(model)
    assert model.stack[0].kernel.path.endswith("dense/kernel") or (
        "dense_" in model.stack[0].kernel.path
    )


def test_build_and_first_call_name_the_weights_alike():
    paths = []
    for build in (
        lambda model: model.build((None, 4)),
        lambda model: model(np.ones((1, 4))),
    ):
        keras.utils.clear_session()
        model = Scaled([3])
        build(model)
        paths.append([weight.path for weight in model.weights])
    assert paths[0] == paths[1]


def test_several_inputs_are_built():
    class Sum(Model):
        def __init__(self):
            super().__init__()
            self.left = keras.layers.Dense(2)
            self.right = keras.layers.Dense(2)

        def call(self, inputs):
            return self.left(inputs["a"]) + self.right(inputs["b"])

    model = Sum()
    model.build({"a": (None, 3), "b": (None, 5)})
    assert model.count_params() == 3 * 2 + 2 + 5 * 2 + 2


def test_call_that_takes_real_tensors_only_is_built_all_the_same():
    class Raw(Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("not symbolic")
            return self.dense(inputs)

    model = Raw()
    model.build((None, 3))
    assert model.count_params() == 8


def test_predictions_of_classes_and_probabilities():
    x = np.eye(3, dtype="float32")

    class Fixed(Model):
        def __init__(self, matrix):
            super().__init__()
            self.matrix = matrix

        def call(self, inputs):
            return keras.ops.matmul(inputs, np.array(self.matrix, "float32"))

    many = Fixed([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert many.predict_classes(x, verbose=0).tolist() == [1, 0, 1]
    np.testing.assert_allclose(
        many.predict_proba(x, batch_size=2, verbose=0)[0], [0.1, 0.9]
    )
    one = Fixed([[0.1], [0.8], [0.5]])
    classes = one.predict_classes(x, verbose=0)
    assert classes.tolist() == [0, 1, 0]
    assert classes.dtype == np.int64
    logits = Fixed([[1.0, 9.0], [8.0, 2.0], [3.0, 7.0]])
    assert logits.predict_classes(x, verbose=0).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="End the model with a softmax"):
        logits.predict_proba(x, verbose=0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        Fixed([[1.0], [9.0], [-1.0]]).predict_classes(x, verbose=0)


def test_several_outputs_have_no_class():
    class Two(Model):
        def call(self, inputs):
            return inputs, inputs

    with pytest.raises(TypeError, match=r"2 outputs'\. Use predict"):
        Two().predict_classes(np.ones((2, 3)), verbose=0)


def test_functional_form_is_refused_with_the_way_out():
    inputs = keras.Input((3,))
    with pytest.raises(TypeError, match=r"Use keras.Model\(inputs, outputs\)"):
        Model(inputs=inputs, outputs=inputs)
    with pytest.raises(TypeError, match=r"Use keras.Model"):
        Model(inputs, inputs)


def test_stock_layers_and_ours_mix():
    class Mixed(Model):
        def __init__(self):
            super().__init__()
            self.one = keras_extras.layers.Dense(3)
            self.two = keras.layers.Dense(2)

        def call(self, inputs):
            return self.two(self.one(inputs))

    model = Mixed()
    y = to_numpy(model(np.ones((1, 4))))
    assert y.shape == (1, 2)
    assert "?" not in summary_of(model)


@keras.saving.register_keras_serializable("tests")
class Late(Model):
    """Makes one sublayer in `build` and another one in its first call."""

    def __init__(self, units, *, scale=1.0, **options):
        super().__init__(**options)
        self.units = units
        self.factor = scale
        self.second = None

    def build(self, input_shape):
        self.first = keras.layers.Dense(self.units, "tanh")
        super().build(input_shape)

    def call(self, inputs):
        hidden = self.first(inputs)
        if self.second is None:
            self.second = keras.layers.Dense(hidden.shape[-1] + 1)
        return self.factor * self.second(hidden)


LATE = """
import sys
import keras, numpy as np
import keras_extras
from tests.models.test_model import Late
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))
"""


@pytest.mark.parametrize("built_by", ["build", "call", "fit"])
def test_sublayers_made_late_save_load_and_clone(built_by, tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model = Late(3, scale=10.0, name="late")
    model.compile("sgd", "mse")
    if built_by == "build":
        model.build((None, 4))
    elif built_by == "call":
        model(x)
    else:
        model.fit(x, np.ones((5, 4)), verbose=0)
    assert model.count_params() == 15 + 16
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
    clone = keras.models.clone_model(model)
    if not clone.built:
        clone.build((None, 4))
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(x, verbose=0), expected)
    weights = tmp_path / "m.weights.h5"
    model.save_weights(weights)
    other = Late(3, scale=10.0)
    other.build((None, 4))
    other.load_weights(weights)
    np.testing.assert_array_equal(other.predict(x, verbose=0), expected)


def test_a_fresh_process_loads_the_same(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model = Late(3, scale=10.0)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", x)
    files = [tmp_path / "m.keras", tmp_path / "y.npy", tmp_path / "x.npy"]
    subprocess.run(
        [sys.executable, "-c", LATE, *map(str, files)],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    np.testing.assert_allclose(np.load(files[1]), expected, rtol=1e-6)


def test_evaluate_as_a_table():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model = Scaled([2])
    model.compile("sgd", "mse", metrics=["mae"])
    frame = model.evaluate(x, x[:, :2], verbose=0, return_frame=True)
    results = model.evaluate(x, x[:, :2], verbose=0, return_dict=True)
    assert frame.metric.tolist() == ["loss", "mae"] == list(results)
    assert frame.value.tolist() == pytest.approx(list(results.values()))
    plain = model.evaluate(x, x[:, :2], 5, 0)
    assert plain == pytest.approx(list(results.values()))
    model.compile("sgd", "mse", metrics=[keras.metrics.F1Score()])
    labels = np.eye(2, dtype="float32")[[0, 1, 0, 1, 1]]
    frame = model.evaluate(x, labels, verbose=0, return_frame=True)
    assert frame.metric.tolist() == ["loss", "f1_score[0]", "f1_score[1]"]


def test_summary_tells_more_than_keras(capsys):
    model = Scaled([3, 2])
    assert "?" in summary_of(model)  # nothing is known before it is built
    model.build((None, 4))
    text = summary_of(model)
    assert "Multiply-adds:   18 for one example" in text
    assert "Parameters:      23 (92 B), 23 trainable, 0 not" in text
    model.summary()
    assert "Receptive field" in capsys.readouterr().out


def test_predictions_follow_the_loss():
    x = np.eye(2, dtype="float32")
    model = Scaled([2])
    model.build((None, 2))
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.set_weights([np.array([[1.0, -2.0], [3.0, 4.0]]), np.zeros(2)])
    assert model.predict_classes(x, verbose=0).tolist() == [[1, 0], [1, 1]]
    one = model.predict_classes(x, verbose=0, multi_label=False)
    assert one.tolist() == [0, 1]
    assert model.predict_proba(x, verbose=0)[0, 0] == pytest.approx(0.7310586)


def test_sublayers_are_told_of_training_in_fit():
    class Drops(Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dropout = keras.layers.Dropout(0.5)
            self.norm = keras.layers.BatchNormalization(momentum=0.0)

        def call(self, inputs, training=False):
            return self.norm(self.dropout(inputs))

    model = Drops()
    model.compile("sgd", "mse")
    x = np.ones((400, 3), "float32")
    model.fit(x, x, batch_size=400, verbose=0)
    mean = keras.ops.convert_to_numpy(model.norm.moving_mean)
    variance = keras.ops.convert_to_numpy(model.norm.moving_variance)
    np.testing.assert_allclose(mean, np.ones(3), atol=0.3)
    np.testing.assert_allclose(variance, np.ones(3), atol=0.3)  # 0 or 2


def test_stateless_call_is_that_of_keras():
    model = Scaled([4], scale=3.0)
    with pytest.raises(ValueError, match=r"scaled.*build"):
        model.stateless_call([], [], np.ones((2, 3)))
    model.build((None, 3))
    x = np.ones((2, 3), "float32")
    trained = [variable.value for variable in model.trainable_variables]
    rest = [variable.value for variable in model.non_trainable_variables]
    expected = keras.Model.stateless_call(
        model, trained, rest, x, return_losses=True
    )
    ours = model.stateless_call(trained, rest, x, return_losses=True)
    np.testing.assert_array_equal(
        *(keras.ops.convert_to_numpy(each[0]) for each in (ours, expected))
    )
    assert len(ours[1]) == len(rest)
    assert len(ours[2]) == len(expected[2])
    with pytest.raises(ValueError, match="non_trainable_variables must be"):
        model.stateless_call(trained, [*rest, 1.0], x)


class Sown(Model):
    """Draws with a seed of its own, and keeps a statistic."""

    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(1)
        self.normalized = keras.layers.BatchNormalization()
        self.dense = keras.layers.Dense(5, activation="softmax")

    def call(self, inputs, training=False):
        noise = keras.random.normal((4,), seed=self.seed_generator)
        return self.dense(self.normalized(inputs + 0.01 * noise))


UNBUILT = {
    "mlp": lambda: (keras_extras.models.MLP([6], 5, dropout=0.2), (4,)),
    "convnet": lambda: (
        keras_extras.models.ConvNet(
            [2], units=[4], num_classes=5, dropout=0.2, block_dropout=0.1
        ),
        (6, 6, 1),
    ),
    "own": lambda: (Sown(), (4,)),
}


@pytest.mark.parametrize("name", UNBUILT)
@pytest.mark.parametrize("steps", ["joined", "watched", "generator"])
def test_fit_builds_what_was_never_called(name, steps):
    """Keras builds it while it traces, where there are no numbers."""
    model, shape = UNBUILT[name]()
    x = np.random.default_rng(0).random((3, *shape), "float32")
    y = np.array([0, 1, 2])

    class Watching(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    def batches():
        while True:
            yield x[:2], y[:2]

    losses: list = []
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    if steps == "generator":
        model.fit(batches(), steps_per_epoch=3, shuffle=False, verbose=0)
    else:
        callbacks = [Watching()] if steps == "watched" else []
        model.fit(
            x, y, batch_size=2, epochs=2, verbose=0, callbacks=callbacks,
            validation_data=(x, y),
        )  # fmt: skip
        assert len(losses) == (4 if callbacks else 0)
    assert model.built
    assert np.isfinite(model.evaluate(x, y, verbose=0)).all()
    assert all(np.isfinite(to_numpy(weight)).all() for weight in model.weights)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs"
)
@pytest.mark.parametrize("name", UNBUILT)
def test_a_function_of_tensorflow_builds_it_too(name):
    import tensorflow as tf

    model, shape = UNBUILT[name]()
    x = np.random.default_rng(0).random((3, *shape), "float32")
    outputs = tf.function(model)(x)
    assert outputs.shape == (3, 5)
    assert model.built


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("stock", [False, True])
def test_a_quantized_model_is_saved_as_it_is(stock, mode, tmp_path):
    model = Scaled([4, 3], 2.0) if stock else keras_extras.models.MLP([4], 3)
    model.build((None, 5))
    model.quantize(mode)
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    expected = to_numpy(model(x))
    for _ in range(2):  # what was loaded is saved again
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
        modes = [layer.quantization_mode for layer in model._flatten_layers()]
        assert modes.count(mode) == 2
        np.testing.assert_array_equal(to_numpy(model(x)), expected)
