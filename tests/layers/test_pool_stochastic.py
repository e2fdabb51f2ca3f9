import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import StochasticPooling1D, StochasticPooling2D
from tests import windows
from tests.gradients import to_numpy, value_and_gradients

LEAVES = [getattr(layers, f"StochasticPooling{rank}D") for rank in (1, 2, 3)]


def weighted_mean(taps, numbers):
    shares = np.maximum(taps, 0)  # the paper's equations 4 and 6
    return (shares * taps).sum() / max(shares.sum(), 1e-30)


@pytest.mark.parametrize("cls", LEAVES)
def test_inference_is_the_weighted_mean_of_the_paper(cls):
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2), 0.1)
    windows.assert_equals_definition(
        cls(2, 2),
        lambda x: windows.reduce_windows(weighted_mean, x, 2, 2),
        x,
    )


@pytest.mark.parametrize("cls", LEAVES)
def test_negative_numbers_and_pads_have_no_share(cls):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2)).astype("float32")
    layer = cls(3, 2, ((1, 1),) * cls.rank)
    expected = windows.reduce_windows(
        weighted_mean, x.astype("float64"), 3, 2, (1, 1)
    )
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)


def test_training_draws_each_tap_as_often_as_the_paper_says():
    taps = np.array([4.0, 0.0, 1.0, -2.0, 3.0, 2.0], "float32")
    count = 4000
    x = np.tile(taps.reshape(1, 6, 1), (count, 1, 1))
    layer = StochasticPooling1D(6, seed=1)
    drawn = to_numpy(layer(x, training=True)).ravel()
    assert set(drawn) == {4.0, 1.0, 3.0, 2.0}
    for value in set(drawn):
        share = value / 10
        deviation = np.sqrt(share * (1 - share) / count)
        assert np.mean(drawn == value) == pytest.approx(
            share, abs=4 * deviation
        )


def test_overlapping_windows_and_channels_draw_for_themselves():
    x = np.tile([[[1.0], [2.0], [1.0]]], (2000, 1, 2)).astype("float32")
    y = to_numpy(StochasticPooling1D(2, 1, seed=3)(x, training=True))
    draws = (y == 2).reshape(2000, 4)  # two windows, two channels
    correlations = np.corrcoef(draws.T) - np.eye(4)
    assert np.abs(correlations).max() < 4 / np.sqrt(2000)


@pytest.mark.parametrize("cls", LEAVES)
def test_gradient_goes_to_what_was_drawn(cls):
    x = windows.irregular((2, *(4, 4, 4)[: cls.rank], 2), 0.1)
    x = x.astype("float32")
    y, gradient, _ = value_and_gradients(
        lambda x: cls(2, seed=5)(x, training=True), [], x
    )
    expected = np.zeros(x.shape)
    for value, factor in zip(
        y.ravel(), np.cos(1.0 + np.arange(y.size)), strict=True
    ):
        assert np.sum(x == value) == 1, "not a value of the input"
        expected[x == value] = factor
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_a_window_without_positive_numbers_gives_zero():
    x = np.array([-1.0, 0.0, -3.0, -2.0], "float32").reshape(1, 4, 1)
    layer = StochasticPooling1D(2)
    for training in (False, True):
        y, gradient, _ = value_and_gradients(
            lambda x, t=training: layer(x, training=t), [], x
        )
        assert y.ravel().tolist() == [0, 0]
        assert (gradient == 0).all()


def test_nan_is_passed_on():
    x = np.array([1.0, np.nan, 2.0, 3.0], "float32").reshape(1, 4, 1)
    for training in (False, True):
        y = to_numpy(StochasticPooling1D(2)(x, training=training)).ravel()
        assert np.isnan(y).tolist() == [True, False]


def test_same_seed_same_draws_and_every_call_draws_anew():
    x = windows.irregular((4, 8, 8, 2), 0.1).astype("float32")
    layer = StochasticPooling2D(2, seed=3)
    first, second = (to_numpy(layer(x, training=True)) for _ in range(2))
    assert (first != second).any()
    again = StochasticPooling2D.from_config(layer.get_config())
    np.testing.assert_array_equal(to_numpy(again(x, training=True)), first)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_draws_and_does_not_overflow(dtype):
    if dtype == "mixed_float16" and keras.backend.backend() == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    x = np.array([3e4, 6e4, 5e4, 4e4], "float32").reshape(1, 4, 1)
    layer = StochasticPooling1D(4, dtype=dtype, seed=1)
    mean = float(to_numpy(layer(x)).item())
    assert mean == pytest.approx(86e8 / 18e4, rel=0.01)
    drawn = layer(x, training=True)
    assert keras.backend.standardize_dtype(drawn.dtype) == dtype[6:]
    assert np.isclose(x, to_numpy(drawn), rtol=0.01).any()


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(3, 2, "same"), x)
    windows.assert_saved_and_loaded(cls(2, 1, seed=4), x, tmp_path)


def test_fit_draws_where_the_sizes_are_unknown():
    model = keras.Sequential(
        [
            keras.Input((None, None, 2)),
            StochasticPooling2D(2, padding="same"),
            layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x = windows.irregular((4, 5, 6, 2)).astype("float32")
    history = model.fit(x, np.zeros((4, 1)), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


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
        ({"seed": 1.5}, "seed", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    words = f"^StochasticPooling2D: {argument} must be "
    with pytest.raises(error, match=words):
        StochasticPooling2D(**{"pool_size": 2, **keywords})


def test_window_larger_than_the_input_is_named():
    words = "StochasticPooling2D: input_shape must be"
    with pytest.raises(ValueError, match=words):
        StochasticPooling2D(4)(np.ones((1, 3, 5, 1), "float32"))


@pytest.mark.parametrize("cls", LEAVES)
@pytest.mark.parametrize(
    ("training", "hook"), [(True, "sample_op"), (False, "pool_op")]
)
def test_hooks_are_called(cls, training, hook):
    windows.assert_hooks_are_called(
        cls,
        {"pool_size": 2, "padding": 1, "pad_mode": "edge"},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pad_inputs", hook],
        training=training,
    )


def test_one_hook_makes_inference_the_maximum():
    class MaxInInference(StochasticPooling1D):
        def pool_op(self, inputs):
            return layers.MaxPooling1D(self.pool_size)(inputs)

    x = np.array([1.0, 3.0], "float32").reshape(1, 2, 1)
    assert to_numpy(MaxInInference(2)(x)).item() == 3
