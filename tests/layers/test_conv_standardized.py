import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import WeightStandardizedConv2D
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import HOOKS, images, recording, reference_conv
from tests.layers.test_dense_noisy import finite_difference

RANKS = {
    rank: getattr(keras_extras.layers, f"WeightStandardizedConv{rank}D")
    for rank in (1, 2, 3)
}


def standardized(kernel, epsilon):
    """As timm's StdConv2d: the batch norm of each filter's weights."""
    flat = kernel.reshape(-1, kernel.shape[-1]).astype("float64")
    flat = (flat - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + epsilon)
    return flat.reshape(kernel.shape)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("epsilon", [None, 0.1])
def test_it_is_the_convolution_with_standardized_filters(rank, epsilon):
    x = images(rank, 5, 4)
    more = {} if epsilon is None else {"epsilon": epsilon}
    layer = RANKS[rank](4, 2, 2, padding=1, groups=2, **more)
    outputs = to_numpy(layer(x))
    expected = reference_conv(
        x.astype("float64"),
        standardized(to_numpy(layer.kernel), epsilon or 1e-6),
        (2,) * rank,
        [(1, 1)] * rank,
        (1,) * rank,
        {"mode": "constant"},
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_gradient_equals_finite_differences():
    x = images(2, 3, 1, batch=1)
    layer = WeightStandardizedConv2D(2, 2, use_bias=False)
    layer.build(x.shape)
    y, _, (gradient,) = value_and_gradients(layer, layer.trainable_weights, x)
    slopes = np.cos(1.0 + np.arange(y.size)).reshape(y.shape)

    def loss(kernel):
        outputs = reference_conv(
            x.astype("float64"),
            standardized(kernel, 1e-6),
            (1, 1),
            [(0, 0)] * 2,
            (1, 1),
            {"mode": "constant"},
        )
        return (slopes * outputs).sum()

    expected = finite_difference(loss, to_numpy(layer.kernel))
    np.testing.assert_allclose(gradient, expected, atol=1e-3, rtol=1e-3)


def test_the_transform_does_the_same_on_any_convolution():
    x = images(2, 5, 2)
    layer = WeightStandardizedConv2D(3, 3)
    plain = keras_extras.layers.Conv2D(
        3, 3, kernel_transform="WeightStandardization"
    )
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-2
    )


def test_a_constant_filter_stays_finite():
    layer = WeightStandardizedConv2D(2, 3, kernel_initializer="ones")
    assert (to_numpy(layer(np.ones((1, 4, 4, 1), "float32"))) == 0).all()


def test_wrong_argument_is_named():
    with pytest.raises(TypeError, match="Conv2D: epsilon must be a finite"):
        WeightStandardizedConv2D(2, 3, epsilon="small")


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_model_loads_again(rank, tmp_path):
    calls = []
    x = images(rank, 4, 1)
    recording(RANKS[rank], calls)(2, 3)(x)
    assert calls == HOOKS
    layer = RANKS[rank](2, 3, epsilon=0.5)
    model = keras.Sequential([keras.Input((*(None,) * rank, 1)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-6
    )
