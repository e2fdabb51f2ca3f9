import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import SoftPooling1D, SoftPooling2D
from tests import windows
from tests.gradients import to_numpy, value_and_gradients

LEAVES = [getattr(layers, f"SoftPooling{rank}D") for rank in (1, 2, 3)]


def soft_mean(taps, numbers):
    weights = np.exp(taps)  # the paper's equations 3 and 4
    return (weights * taps).sum() / weights.sum()


@pytest.mark.parametrize("cls", LEAVES)
def test_values_and_gradients_are_those_of_the_paper(cls):
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2))
    windows.assert_equals_definition(
        cls(2, 2),
        lambda x: windows.reduce_windows(soft_mean, x, 2, 2),
        x,
    )


@pytest.mark.parametrize(
    ("size", "strides", "pads", "dilation"),
    [(1, 2, (0, 0), 1), (2, 1, (0, 1), 1), (3, 2, (1, 1), 1),
     (3, 3, (2, 2), 2), (2, 2, (0, 0), 3)],
)  # fmt: skip
def test_windows_are_those_of_the_other_poolings(size, strides, pads, dilation):
    x = windows.irregular((2, 7, 2)).astype("float32")
    layer = SoftPooling1D(size, strides, (pads,), dilation_rate=dilation)
    expected = windows.reduce_windows(
        soft_mean, x.astype("float64"), size, strides, pads, dilation
    )
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)


def test_same_padding_and_ceil_mode_count_real_positions_only():
    x = windows.irregular((1, 6, 5, 2)).astype("float32")
    last = to_numpy(SoftPooling2D(2, 2, ceil_mode=True)(x))
    np.testing.assert_array_equal(
        last, to_numpy(SoftPooling2D(2, 2, "same")(x))
    )
    edge = [soft_mean(x[0, 2 * i : 2 * i + 2, 4, 1], 0) for i in range(3)]
    np.testing.assert_allclose(last[0, :, 2, 1], edge, atol=1e-6)


def test_pads_that_repeat_the_input_count():
    x = windows.irregular((1, 5, 2)).astype("float32")
    padded = np.pad(x, [(0, 0), (1, 1), (0, 0)], "reflect")
    y = SoftPooling1D(3, 1, 1, pad_mode="reflect")(x)
    np.testing.assert_allclose(
        to_numpy(y), to_numpy(SoftPooling1D(3, 1)(padded)), atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_large_numbers_do_not_overflow(dtype):
    if dtype == "float16" and keras.backend.backend() == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    x = np.array([3e4, 2e4, -3e4, -3e4], "float32").reshape(1, 4, 1)
    y, gradient, _ = value_and_gradients(
        SoftPooling1D(2, dtype=dtype), [], x.astype(dtype)
    )
    np.testing.assert_allclose(y.ravel(), [3e4, -3e4], rtol=1e-3)
    assert np.isfinite(gradient).all()


def test_nan_is_passed_on():
    x = np.array([1.0, np.nan, 2.0, 3.0], "float32").reshape(1, 4, 1)
    y = to_numpy(SoftPooling1D(2)(x)).ravel()
    assert np.isnan(y).tolist() == [True, False]


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(3, 2, "same"), x)
    windows.assert_saved_and_loaded(cls(2, 1, ceil_mode=True), x, tmp_path)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"strides": 0}, "strides", ValueError),
        ({"padding": "full"}, "padding", ValueError),
        ({"padding": 2}, "padding", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"ceil_mode": "yes"}, "ceil_mode", TypeError),
        ({"pad_mode": "circular"}, "pad_mode", ValueError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    words = f"^SoftPooling2D: {argument} must be "
    with pytest.raises(error, match=words):
        SoftPooling2D(**{"pool_size": 2, **keywords})


def test_window_larger_than_the_input_is_named():
    with pytest.raises(ValueError, match="SoftPooling2D: input_shape must be"):
        SoftPooling2D(4)(np.ones((1, 3, 5, 1), "float32"))


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls,
        {"pool_size": 2, "padding": 1, "pad_mode": "edge"},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pad_inputs", "pool_op"],
    )


def test_a_temperature_is_one_hook():
    class Sharp(SoftPooling1D):
        def pool_op(self, inputs):
            return super().pool_op(50 * inputs) / 50

    x = windows.irregular((1, 8, 2)).astype("float32")
    expected = to_numpy(layers.MaxPooling1D(2)(x))
    np.testing.assert_allclose(to_numpy(Sharp(2)(x)), expected, atol=0.02)
