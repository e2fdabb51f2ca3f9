import keras
import numpy as np
import pytest

from keras_extras.layers import NoisyDense
from tests.gradients import to_numpy, value_and_gradients


def finite_difference(function, x, step=1e-5):
    """The gradient of a function of an array, by central differences."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        change = function(x + moved) - function(x - moved)
        gradient[place] = change / (2 * step)
    return gradient


def noise_of(layer):
    """(noise of the kernel, of the bias) from the stored numbers, in NumPy."""
    first, units = map(to_numpy, layer.eps)
    if not layer.use_factorised:
        return first, units
    root = lambda z: np.sign(z) * np.sqrt(np.abs(z))  # noqa: E731
    return np.outer(root(first), root(units)), root(units)


X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


@pytest.mark.parametrize("use_factorised", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
def test_noisy_dense_equals_the_formula(use_factorised, use_bias):
    layer = NoisyDense(3, 0.5, use_factorised, "tanh", use_bias, seed=1)
    layer.build(X.shape)
    for weight in layer.trainable_weights:
        weight.assign(np.random.default_rng(2).normal(size=weight.shape))
    kernel, sigma = to_numpy(layer.kernel), to_numpy(layer.sigma_kernel)
    bias, bias_sigma = (
        (to_numpy(layer.bias), to_numpy(layer.sigma_bias))
        if use_bias
        else (0, 0)
    )
    noise, bias_noise = noise_of(layer)
    np.testing.assert_allclose(
        to_numpy(layer(X)), np.tanh(X @ kernel + bias), atol=1e-5
    )
    expected = X @ (kernel + sigma * noise) + bias + bias_sigma * bias_noise
    np.testing.assert_allclose(
        to_numpy(layer(X, training=True)), np.tanh(expected), atol=1e-5
    )


@pytest.mark.parametrize("use_factorised", [True, False])
def test_weights_begin_as_in_the_paper(use_factorised):
    layer = NoisyDense(300, 0.4, use_factorised, seed=0)
    layer.build((None, 100))
    limit = 0.1 if use_factorised else np.sqrt(0.03)
    for mean in map(to_numpy, (layer.kernel, layer.bias)):
        assert np.abs(mean).max() == pytest.approx(limit, rel=0.05)
        assert mean.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    sigma = 0.04 if use_factorised else 0.017
    for each in map(to_numpy, (layer.sigma_kernel, layer.sigma_bias)):
        np.testing.assert_allclose(each, sigma, rtol=1e-6)
    assert to_numpy(layer.bias)[0] != to_numpy(layer.kernel)[0, 0]


@pytest.mark.parametrize(
    ("use_factorised", "variance"), [(True, 2 / np.pi), (False, 1)]
)
def test_noise_has_the_moments_of_the_paper(use_factorised, variance):
    layer = NoisyDense(300, use_factorised=use_factorised, seed=0)
    layer.build((None, 300))
    noise, bias_noise = noise_of(layer)
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.var() == pytest.approx(variance, rel=0.15)
    spread = np.sqrt(2 / np.pi) if use_factorised else 1
    assert bias_noise.var() == pytest.approx(spread, rel=0.3)


def test_noise_is_held_until_it_is_reset_or_removed():
    layer = NoisyDense(3, seed=0)
    quiet, noisy = to_numpy(layer(X)), to_numpy(layer(X, training=True))
    assert np.abs(noisy - quiet).max() > 0.01
    np.testing.assert_array_equal(to_numpy(layer(X, training=True)), noisy)
    layer.reset_noise()
    assert np.abs(to_numpy(layer(X, training=True)) - noisy).max() > 0.01
    layer.remove_noise()
    np.testing.assert_allclose(
        to_numpy(layer(X, training=True)), quiet, atol=1e-6
    )


def test_noise_is_drawn_anew_in_each_training_call_if_it_is_not_held():
    layer = NoisyDense(3, hold_noise=False, seed=0)
    one, two = (to_numpy(layer(X, training=True)) for _ in range(2))
    assert np.abs(one - two).max() > 0.01
    np.testing.assert_array_equal(to_numpy(layer(X)), to_numpy(layer(X)))


def test_same_seed_same_noise_whatever_is_drawn_elsewhere():
    noises = []
    for _ in range(2):
        keras.random.normal((3,))
        layer = NoisyDense(3, seed=7)
        layer.build(X.shape)
        noises.append([to_numpy(each) for each in layer.eps])
    for one, other in zip(*noises, strict=True):
        np.testing.assert_array_equal(one, other)
    other = NoisyDense(3, seed=8)
    other.build(X.shape)
    assert (to_numpy(other.eps[0]) != noises[0][0]).all()


def test_sigmas_are_trained_by_the_noise():
    layer = NoisyDense(2, seed=3)
    layer.build(X.shape)
    y, gradient, gradients = value_and_gradients(
        lambda x: layer(x, training=True), layer.trainable_weights, X
    )
    by_name = {
        weight.name: each
        for weight, each in zip(layer.trainable_weights, gradients, strict=True)
    }
    slopes = np.cos(1.0 + np.arange(y.size)).reshape(y.shape)
    noise, bias_noise = noise_of(layer)
    np.testing.assert_allclose(by_name["kernel"], X.T @ slopes, atol=1e-5)
    np.testing.assert_allclose(
        by_name["sigma_kernel"], X.T @ slopes * noise, atol=1e-5
    )
    np.testing.assert_allclose(
        by_name["sigma_bias"], slopes.sum(axis=0) * bias_noise, atol=1e-5
    )
    kernel = to_numpy(layer.kernel) + to_numpy(layer.sigma_kernel) * noise
    np.testing.assert_allclose(gradient, slopes @ kernel.T, atol=1e-5)


@pytest.mark.parametrize("hold_noise", [True, False])
def test_it_trains_and_is_saved(hold_noise, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            NoisyDense(4, activation="relu", hold_noise=hold_noise, seed=1),
            NoisyDense(1, use_factorised=False, hold_noise=hold_noise, seed=2),
        ]
    )
    model.compile("sgd", "mse")
    layer = model.layers[0]
    noise = noise_of(layer)[0]
    before = to_numpy(layer.sigma_kernel)
    model.fit(X, X.sum(axis=1), epochs=2, batch_size=3, verbose=0)
    assert (np.abs(noise_of(layer)[0] - noise).max() > 0) != hold_noise
    assert np.abs(to_numpy(layer.sigma_kernel) - before).max() > 0
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, atol=1e-6)
    assert again.layers[0].hold_noise == hold_noise
    np.testing.assert_array_equal(
        noise_of(again.layers[0])[0], noise_of(layer)[0]
    )


def test_initializers_and_regularizers_of_the_caller_count():
    layer = NoisyDense(
        3,
        kernel_initializer="ones",
        kernel_regularizer=keras.regularizers.L1(1),
    )
    layer.build((None, 4))
    assert (to_numpy(layer.kernel) == 1).all()
    assert layer.get_config()["bias_initializer"] is None
    total = sum(
        float(keras.ops.convert_to_numpy(each)) for each in layer.losses
    )
    assert total == pytest.approx(12 + 12 * 0.5 / 2)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"units": 0}, "units", ValueError),
        ({"sigma": "0.5"}, "sigma", TypeError),
        ({"use_factorised": "yes"}, "use_factorised", TypeError),
        ({"hold_noise": None}, "hold_noise", TypeError),
        ({"seed": 0.5}, "seed", TypeError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error, match="NoisyDense: ") as caught:
        NoisyDense(**{"units": 3, **keywords})
    text = str(caught.value)
    assert text.startswith(f"NoisyDense: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_unknown_inputs_are_refused_and_more_axes_taken():
    with pytest.raises(ValueError, match="known last axis"):
        NoisyDense(3).build((None, None))
    assert NoisyDense(3)(np.ones((2, 4, 5)), training=True).shape == (2, 4, 3)
