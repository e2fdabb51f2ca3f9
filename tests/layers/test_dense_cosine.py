import keras
import numpy as np
import pytest

from keras_extras.layers import CosineDense
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_dense_noisy import finite_difference


def test_cosine_dense_equals_the_formula():
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    layer = CosineDense(4, activation="tanh", bias_initializer="uniform")
    y = to_numpy(layer(x))
    kernel, bias = map(to_numpy, layer.weights)
    lengths = np.linalg.norm(x.astype("float64"), axis=-1)[..., None]
    cosines = x.astype("float64") @ kernel / lengths
    cosines = cosines / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(y, np.tanh(cosines + bias), atol=1e-6)
    assert layer.compute_output_shape(x.shape) == y.shape


def test_lengths_do_not_count():
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    layer = CosineDense(4)
    y = to_numpy(layer(x))
    layer.kernel.assign(7 * to_numpy(layer.kernel))
    for scale in (1e-6, 1.0, 1e6):
        np.testing.assert_allclose(to_numpy(layer(scale * x)), y, atol=1e-5)
    assert np.abs(y).max() <= 1 + 1e-6


def test_gradients_equal_finite_differences():
    x = np.random.default_rng(1).normal(size=(2, 4)).astype("float32")
    layer = CosineDense(3)
    layer.build(x.shape)
    _, gradient, (kernel_gradient, _) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    kernel = to_numpy(layer.kernel)

    def loss(x, kernel):
        y = x @ kernel / np.linalg.norm(x, axis=-1, keepdims=True)
        y = y / np.linalg.norm(kernel, axis=0)
        return (np.cos(1.0 + np.arange(y.size)) * y.ravel()).sum()

    x = x.astype("float64")
    np.testing.assert_allclose(
        gradient, finite_difference(lambda v: loss(v, kernel), x), atol=1e-4
    )
    np.testing.assert_allclose(
        kernel_gradient,
        finite_difference(lambda v: loss(x, v), kernel),
        atol=1e-4,
    )


def test_zeros_give_zeros_and_no_gradient():
    layer = CosineDense(3)
    layer.build((2, 4))
    layer.kernel.assign(to_numpy(layer.kernel) * [0, 1, 1])
    x = np.zeros((2, 4), "float32")
    x[1] = 1
    y, gradient, gradients = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    assert (y[0] == 0).all()
    assert (y[:, 0] == 0).all()
    assert (gradient[0] == 0).all()
    assert (gradients[0][:, 0] == 0).all()
    assert np.isfinite(gradients[0]).all()
    assert np.abs(gradient[1]).max() > 0


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_long_vectors_do_not_leave_half_precision(dtype):
    x = np.full((1, 4), 3000.0, "float32")
    y = CosineDense(2, dtype=dtype, kernel_initializer="ones")(x)
    np.testing.assert_allclose(to_numpy(y), 1, atol=0.01)


def test_unknown_sizes_hooks_and_saving(tmp_path):
    calls = []

    class Recording(CosineDense):
        def dense_op(self, inputs, kernel):
            calls.append("dense_op")
            return super().dense_op(inputs, kernel)

    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    Recording(2)(x)
    assert calls == ["dense_op"]
    model = keras.Sequential([keras.Input((None, 5)), CosineDense(2)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = to_numpy(model.layers[0](x))
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, atol=1e-6)
