import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import GlobalGeMPooling1D, GlobalGeMPooling2D
from tests import windows
from tests.gradients import to_numpy, value_and_gradients

LEAVES = [getattr(layers, f"GlobalGeMPooling{rank}D") for rank in (1, 2, 3)]


@pytest.mark.parametrize("cls", LEAVES)
@pytest.mark.parametrize("power", [3.0, -2.0])
def test_values_and_gradients_are_those_of_the_paper(cls, power):
    x = windows.irregular((2, *(4, 3, 2)[: cls.rank], 2), 0.1)
    axes = tuple(range(1, 1 + cls.rank))

    def definition(x, power=power):
        return np.mean(x**power, axis=axes) ** (1 / power)

    layer = cls(initial_power=power)
    (gradient,) = windows.assert_equals_definition(layer, definition, x)
    x = x.astype("float32").astype("float64")
    slope = (definition(x, power + 1e-5) - definition(x, power - 1e-5)) / 2e-5
    expected = np.sum(np.cos(1.0 + np.arange(slope.size)) * slope.ravel())
    assert float(gradient) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("cls", LEAVES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_equals_one_window_over_everything(cls, data_format):
    sizes = (4,) * cls.rank
    shape = (2, *sizes, 3) if data_format[9] == "l" else (2, 3, *sizes)
    x = windows.irregular(shape, -0.5).astype("float32")
    family = f"GeMPooling{cls.rank}D"
    window = getattr(layers, family)(4, data_format=data_format)(x)
    y = cls(data_format, keepdims=True)(x)
    np.testing.assert_allclose(to_numpy(y), to_numpy(window), rtol=1e-5)
    flat = to_numpy(cls(data_format)(x))
    np.testing.assert_allclose(flat.ravel(), to_numpy(y).ravel())


def test_no_power_overflows():
    x = np.array([6e4, 6e4], "float32").reshape(1, 2, 1)
    layer = GlobalGeMPooling1D(initial_power=50)
    layer.build(x.shape)
    y, *gradients = value_and_gradients(layer, layer.trainable_weights, x)
    np.testing.assert_allclose(y.ravel(), [6e4], rtol=1e-4)
    assert all(np.isfinite(g).all() for g in keras.tree.flatten(gradients))


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(), x)
    layer = cls(keepdims=True, initial_power=2, epsilon=1e-3)
    layer.build(x.shape)
    layer.power.assign(2.5)
    windows.assert_saved_and_loaded(layer, x, tmp_path)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"data_format": "first"}, "data_format", ValueError),
        ({"keepdims": "yes"}, "keepdims", TypeError),
        ({"initial_power": 0}, "initial_power", ValueError),
        ({"initial_power": "3"}, "initial_power", TypeError),
        ({"epsilon": -1}, "epsilon", ValueError),
        ({"epsilon": None}, "epsilon", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    words = f"^GlobalGeMPooling2D: {argument} must be "
    with pytest.raises(error, match=words):
        GlobalGeMPooling2D(**keywords)


def test_no_positions_have_no_mean():
    words = "GlobalGeMPooling2D: input_shape must be"
    with pytest.raises(ValueError, match=words):
        GlobalGeMPooling2D()(np.ones((1, 0, 5, 1), "float32"))


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls, {}, np.ones((1, *(4,) * cls.rank, 1), "float32"), ["pool_op"]
    )


def test_a_descriptor_of_unit_length_is_one_hook():
    class Descriptor(GlobalGeMPooling2D):
        def pool_op(self, inputs):
            return keras.ops.normalize(super().pool_op(inputs))

    x = windows.irregular((2, 4, 4, 8), 0.1).astype("float32")
    y = to_numpy(Descriptor()(x))
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), 1, rtol=1e-5)
