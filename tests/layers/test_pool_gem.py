import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import GeMPooling1D, GeMPooling2D
from tests import windows
from tests.gradients import to_numpy, value_and_gradients

LEAVES = [getattr(layers, f"GeMPooling{rank}D") for rank in (1, 2, 3)]


def power_mean(power):
    """The paper's equation 3, of what is not below epsilon."""

    def reduce(taps, numbers):
        return np.mean(np.maximum(taps, 1e-6) ** power) ** (1 / power)

    return reduce


@pytest.mark.parametrize("cls", LEAVES)
@pytest.mark.parametrize("power", [3.0, -2.0, 0.5])
def test_values_and_gradients_are_those_of_the_paper(cls, power):
    if cls.rank == 3 and power != 3:
        pytest.skip("one power is enough for slow loops")
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2), 0.1)

    def definition(x, power=power):
        return windows.reduce_windows(power_mean(power), x, 2, 2)

    layer = cls(2, 2, initial_power=power)
    (gradient,) = windows.assert_equals_definition(layer, definition, x)
    x = x.astype("float32").astype("float64")
    slope = (definition(x, power + 1e-5) - definition(x, power - 1e-5)) / 2e-5
    expected = np.sum(np.cos(1.0 + np.arange(slope.size)) * slope.ravel())
    assert float(gradient) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("cls", LEAVES)
def test_pads_never_count(cls):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2), 0.1)
    x = x.astype("float32")
    layer = cls(3, 2, ((1, 1),) * cls.rank)
    expected = windows.reduce_windows(
        power_mean(3), x.astype("float64"), 3, 2, (1, 1)
    )
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5)


def test_small_and_negative_numbers_count_as_epsilon():
    x = np.array([-1.0, -2.0, 0.0, 1.0], "float32").reshape(1, 4, 1)
    layer = GeMPooling1D(2, epsilon=0.1, initial_power=1)
    layer.build(x.shape)
    y, gradient, (power,) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    np.testing.assert_allclose(y.ravel(), [0.1, 0.55], rtol=1e-6)
    assert np.isfinite(power)
    np.testing.assert_allclose(gradient.ravel()[:3], 0)


@pytest.mark.parametrize("power", [3.0, 60.0])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_no_power_overflows(dtype, power):
    if dtype == "mixed_float16" and keras.backend.backend() == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    x = np.array([6e4, 6e4, 1e-3, 1e-3], "float32").reshape(1, 4, 1)
    layer = GeMPooling1D(2, initial_power=power, dtype=dtype)
    layer.build(x.shape)
    x = keras.ops.cast(x, layer.compute_dtype)
    y, *gradients = value_and_gradients(layer, layer.trainable_weights, x)
    np.testing.assert_allclose(y.ravel(), [6e4, 1e-3], rtol=2e-3)
    assert all(np.isfinite(g).all() for g in keras.tree.flatten(gradients))


def test_the_power_stays_in_single_precision():
    seen = []

    class Watching(GeMPooling1D):
        def pool_op(self, inputs):
            seen.append(to_numpy(keras.ops.convert_to_tensor(self.power)))
            return super().pool_op(inputs)

    Watching(2, initial_power=2.7, dtype="mixed_bfloat16")(
        np.ones((1, 2, 1), "float32")
    )
    assert float(seen[0]) == pytest.approx(2.7, abs=1e-6)


def test_power_one_is_the_mean_and_a_large_one_nearly_the_maximum():
    x = windows.irregular((2, 6, 6, 3), 0.1).astype("float32")
    mean = to_numpy(layers.AveragePooling2D(2)(x))
    y = to_numpy(GeMPooling2D(2, initial_power=1)(x))
    np.testing.assert_allclose(y, mean, rtol=1e-5)
    maximum = to_numpy(layers.MaxPooling2D(2)(x))
    y = to_numpy(GeMPooling2D(2, initial_power=500)(x))
    np.testing.assert_allclose(y, maximum, rtol=0.01)


def test_fit_moves_the_power():
    model = keras.Sequential(
        [keras.Input((4, 2)), GeMPooling1D(4), keras.layers.Flatten()]
    )
    model.compile("sgd", "mse")
    x = windows.irregular((16, 4, 2), 0.1).astype("float32")
    model.fit(x, x.max(axis=1), verbose=0, epochs=2)
    assert float(to_numpy(model.layers[0].power.value)) > 3


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(3, 2, "same"), x)
    layer = cls(2, 1, initial_power=2, epsilon=1e-3)
    layer.build(x.shape)
    layer.power.assign(2.5)
    windows.assert_saved_and_loaded(layer, x, tmp_path)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"strides": 0}, "strides", ValueError),
        ({"padding": "full"}, "padding", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"ceil_mode": "yes"}, "ceil_mode", TypeError),
        ({"pad_mode": "circular"}, "pad_mode", ValueError),
        ({"initial_power": 0}, "initial_power", ValueError),
        ({"initial_power": "3"}, "initial_power", TypeError),
        ({"epsilon": 0}, "epsilon", ValueError),
        ({"epsilon": None}, "epsilon", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error, match=f"^GeMPooling2D: {argument} must be "):
        GeMPooling2D(**{"pool_size": 2, **keywords})


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls,
        {"pool_size": 2, "padding": 1, "pad_mode": "edge"},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pad_inputs", "pool_op"],
    )


def test_a_power_per_channel_is_one_weight():
    class PerChannel(GeMPooling1D):
        def build(self, input_shape):
            self.power = self.add_weight((input_shape[-1],), "ones")

    layer = PerChannel(2)
    x = np.array([[[1.0, 1.0], [7.0, 7.0]]], "float32")
    layer.build(x.shape)
    layer.power.assign([1.0, 2.0])
    np.testing.assert_allclose(to_numpy(layer(x)), [[[4, 5]]], rtol=1e-5)
