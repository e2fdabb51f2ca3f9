import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import MixedPooling1D, MixedPooling2D
from tests import windows
from tests.gradients import to_numpy

LEAVES = [getattr(layers, f"MixedPooling{rank}D") for rank in (1, 2, 3)]


def mixture(alpha):
    return lambda taps, _: alpha * taps.max() + (1 - alpha) * taps.mean()


@pytest.mark.parametrize("cls", LEAVES)
def test_values_and_gradients_are_those_of_the_paper(cls):
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2))

    def definition(x, alpha=0.3):
        return windows.reduce_windows(mixture(alpha), x, 2, 2)

    layer = cls(2, 2, initial_alpha=0.3)
    (gradient,) = windows.assert_equals_definition(layer, definition, x)
    slope = definition(x, 1.0) - definition(x, 0.0)
    expected = np.sum(np.cos(1.0 + np.arange(slope.size)) * slope.ravel())
    assert float(gradient) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("cls", LEAVES)
def test_pads_never_count(cls):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2)).astype("float32")
    expected = windows.reduce_windows(mixture(0.5), x, 3, 2, (1, 1))
    y = cls(3, 2, ((1, 1),) * cls.rank)(x)
    np.testing.assert_allclose(to_numpy(y), expected, atol=1e-5)


def test_fixed_it_is_half_of_both():
    x = windows.irregular((2, 6, 6, 3)).astype("float32")
    layer = MixedPooling2D(2, trainable=False)
    halves = layers.MaxPooling2D(2)(x) + layers.AveragePooling2D(2)(x)
    np.testing.assert_allclose(
        to_numpy(layer(x)), 0.5 * to_numpy(halves), atol=1e-6
    )
    assert layer.trainable_weights == []
    again = MixedPooling2D.from_config(layer.get_config())
    assert not again.trainable


def test_fit_moves_alpha():
    model = keras.Sequential(
        [keras.Input((4, 2)), MixedPooling1D(4), keras.layers.Flatten()]
    )
    model.compile("sgd", "mse")
    x = windows.irregular((16, 4, 2)).astype("float32")
    model.fit(x, x.max(axis=1), verbose=0)
    assert float(to_numpy(model.layers[0].alpha.value)) > 0.5


def test_integers_are_averaged_in_the_compute_dtype():
    x = keras.ops.convert_to_tensor(np.array([1, 2]).reshape(1, 2, 1))
    y = MixedPooling1D(2)(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert to_numpy(y).item() == 1.75


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(3, 2, "same"), x)
    layer = cls(2, 1, initial_alpha=0.25)
    layer.build(x.shape)
    layer.alpha.assign(0.75)
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
        ({"initial_alpha": "half"}, "initial_alpha", TypeError),
        ({"initial_alpha": None}, "initial_alpha", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    words = f"^MixedPooling2D: {argument} must be "
    with pytest.raises(error, match=words):
        MixedPooling2D(**{"pool_size": 2, **keywords})


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls,
        {"pool_size": 2, "padding": 1, "pad_mode": "edge"},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pad_inputs", "pool_op"],
    )


def test_an_alpha_per_channel_is_one_weight():
    class PerChannel(MixedPooling1D):
        def build(self, input_shape):
            self.alpha = self.add_weight((input_shape[-1],), "zeros")

    layer = PerChannel(2)
    x = np.array([[[1.0, 1.0], [7.0, 7.0]]], "float32")
    layer.build(x.shape)
    layer.alpha.assign([0.0, 1.0])
    np.testing.assert_allclose(to_numpy(layer(x)), [[[4, 7]]], rtol=1e-6)
