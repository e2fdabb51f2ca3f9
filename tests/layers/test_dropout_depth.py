import keras
import numpy as np
import pytest

from keras_extras.layers import DropPath, StochasticDepth
from tests import windows
from tests.gradients import to_numpy, value_and_gradients


def pair(shape=(3, 4), seed=0):
    shortcut = windows.irregular(shape, seed=seed).astype("float32")
    residual = windows.irregular(shape, seed=seed + 1).astype("float32")
    return shortcut, residual


def test_inference_takes_the_expected_branch():
    shortcut, residual = pair()
    for inputs in ([shortcut, residual], (shortcut, residual)):
        y = to_numpy(StochasticDepth(0.8)(inputs))
        np.testing.assert_allclose(y, shortcut + 0.8 * residual, rtol=1e-5)
    y = to_numpy(StochasticDepth()([shortcut, residual]))
    np.testing.assert_allclose(y, shortcut + 0.5 * residual, rtol=1e-5)


def test_training_keeps_or_drops_the_branch_of_the_whole_batch():
    shortcut, residual = pair()
    layer = StochasticDepth(0.7, seed=1)
    kept = []
    for _ in range(100):
        y = to_numpy(layer([shortcut, residual], training=True))
        b = (y - shortcut) / residual
        np.testing.assert_allclose(b, np.round(b.mean()), atol=1e-4)
        kept.append(round(b.mean()))
    assert set(kept) == {0, 1}
    deviation = np.sqrt(0.7 * 0.3 / 100)
    assert np.mean(kept) == pytest.approx(0.7, abs=4 * deviation)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_branches(probability):
    shortcut, residual = pair()
    layer = StochasticDepth(probability)
    for training in (False, True):
        y = to_numpy(layer([shortcut, residual], training=training))
        np.testing.assert_allclose(y, shortcut + probability * residual)


@pytest.mark.parametrize("training", [False, True])
def test_gradient_of_the_branch_is_its_factor(training):
    shortcut, residual = pair()

    def function(residual):
        layer = StochasticDepth(0.25, seed=2)
        return layer([shortcut, residual], training=training)

    y, gradient, _ = value_and_gradients(function, [], residual)
    factor = ((y - shortcut) / residual).mean()
    factors = np.cos(1.0 + np.arange(12)).reshape(3, 4)
    np.testing.assert_allclose(gradient, factor * factors, atol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_so(dtype):
    layer = StochasticDepth(0.5, dtype=dtype, seed=1)
    x = np.ones((2, 3), "float32")
    for training in (False, True):
        y = layer([x, x], training=training)
        assert keras.backend.standardize_dtype(y.dtype) == dtype[6:]
        assert to_numpy(y)[0, 0] in (1, 1.5, 2)


def test_models_of_unknown_sizes_train_save_and_load(tmp_path):
    inputs = keras.Input((None, 3))
    residual = keras.layers.Dense(3)(inputs)
    outputs = StochasticDepth(0.5, seed=3)([inputs, residual])
    outputs = DropPath(0.5, seed=3)(outputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile("sgd", "mse")
    x = windows.irregular((4, 5, 3)).astype("float32")
    history = model.fit(x, np.zeros((4, 5, 1)), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    for one, other in zip(model.layers, again.layers, strict=True):
        assert one.get_config() == other.get_config()


def test_the_mask_of_the_shortcut_is_passed_on():
    inputs = keras.Input((3,), dtype="int32")
    x = keras.layers.Embedding(5, 2, mask_zero=True)(inputs)
    y = StochasticDepth()([x, keras.layers.Dense(2)(x)])
    outputs = keras.layers.GlobalAveragePooling1D()(y)
    model = keras.Model(inputs, [y, outputs])
    steps, means = model.predict(np.array([[1, 2, 0]]), verbose=0)
    np.testing.assert_allclose(means, steps[:, :2].mean(axis=1), atol=1e-6)
    assert StochasticDepth().compute_mask([x, x], None) is None


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"survival_probability": 1.5}, "survival_probability", ValueError),
        ({"survival_probability": "0.5"}, "survival_probability", TypeError),
        ({"seed": 0.5}, "seed", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error) as caught:
        StochasticDepth(**keywords)
    assert str(caught.value).startswith(f"StochasticDepth: {argument} must be ")


@pytest.mark.parametrize(
    "shapes", [[(2, 3)], [(2, 3)] * 3, [(2, 3), (2, 4)], [(2, 3), (2, 3, 1)]]
)
def test_inputs_that_are_no_pair_are_named(shapes):
    words = "StochasticDepth: inputs must be a list of two tensors"
    with pytest.raises(ValueError, match=words):
        StochasticDepth()([np.ones(shape, "float32") for shape in shapes])


def test_one_tensor_is_no_pair():
    with pytest.raises(ValueError, match="StochasticDepth: inputs must be"):
        StochasticDepth()(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="StochasticDepth: inputs must be"):
        StochasticDepth()(keras.Input((3,)))


def test_a_draw_per_example_is_one_hook():
    calls = []

    class PerExample(StochasticDepth):
        def draw_survival(self, residual):
            calls.append("draw_survival")
            draws = keras.random.uniform(
                (keras.ops.shape(residual)[0], 1), seed=self.seed_generator
            )
            return keras.ops.cast(draws < self.survival_probability, "float32")

    x = np.ones((64, 3), "float32")
    y = to_numpy(PerExample(seed=4)([x, x], training=True))
    assert calls == ["draw_survival"]
    assert set(map(tuple, y)) == {(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)}


# --- DropPath ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4000,), (4000, 3), (4000, 2, 2, 2)])
def test_whole_examples_are_dropped_and_the_others_scaled(shape):
    y = to_numpy(
        DropPath(0.2, seed=1)(np.ones(shape, "float32"), training=True)
    )
    y = y.reshape(4000, -1)
    assert (y == y[:, :1]).all()
    np.testing.assert_allclose(np.unique(y), [0, 1.25], rtol=1e-6)
    deviation = np.sqrt(0.2 * 0.8 / 4000)
    assert np.mean(y == 0) == pytest.approx(0.2, abs=4 * deviation)


def test_path_of_inference_and_of_rate_zero_is_the_input():
    x = windows.irregular((3, 4)).astype("float32")
    np.testing.assert_array_equal(to_numpy(DropPath(0.9)(x)), x)
    y = DropPath(0.0)(x, training=True)
    np.testing.assert_array_equal(to_numpy(y), x)
    y = DropPath(1.0)(x, training=True)
    np.testing.assert_array_equal(to_numpy(y), np.zeros_like(x))


def test_gradient_of_a_path_is_its_factor():
    x = windows.irregular((6, 3)).astype("float32")
    y, gradient, _ = value_and_gradients(
        lambda x: DropPath(0.5, seed=2)(x, training=True), [], x
    )
    factors = np.cos(1.0 + np.arange(18)).reshape(6, 3)
    assert 0 < np.mean(y == 0) < 1
    np.testing.assert_allclose(gradient, factors * np.round(y / x), atol=1e-5)


def test_same_seed_same_paths_and_every_call_draws_anew():
    x = np.ones((50, 2), "float32")
    layer = DropPath(0.5, seed=3)
    one, other = (to_numpy(layer(x, training=True)) for _ in range(2))
    assert (one != other).any()
    again = DropPath.from_config(layer.get_config())
    np.testing.assert_array_equal(to_numpy(again(x, training=True)), one)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"rate": -0.1}, "rate", ValueError),
        ({"rate": "0.5"}, "rate", TypeError),
        ({"seed": 1.5}, "seed", TypeError),
    ],
)
def test_wrong_argument_of_a_path_is_named(keywords, argument, error):
    with pytest.raises(error) as caught:
        DropPath(**{"rate": 0.5, **keywords})
    assert str(caught.value).startswith(f"DropPath: {argument} must be ")


def test_drop_is_called():
    windows.assert_hooks_are_called(
        DropPath,
        {"rate": 0.5},
        np.ones((2, 3), "float32"),
        ["drop"],
        training=True,
    )
