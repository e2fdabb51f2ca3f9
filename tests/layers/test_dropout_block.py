import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import DropBlock1D, DropBlock2D
from tests import windows
from tests.gradients import to_numpy, value_and_gradients

LEAVES = [getattr(layers, f"DropBlock{rank}D") for rank in (1, 2, 3)]


def dropped(layer, shape):
    return to_numpy(layer(np.ones(shape, "float32"), training=True)) == 0


@pytest.mark.parametrize("cls", LEAVES)
def test_the_share_dropped_is_that_of_the_paper(cls):
    rate, size = 0.2, 3
    length = {1: 20, 2: 9, 3: 6}[cls.rank]
    shape = (100, *(length,) * cls.rank, 8)
    lost = dropped(cls(rate, size, seed=1), shape)
    # What is dropped for certain: 1 - (1 - P(seed)) ** (seeds in reach).
    starts = length - size + 1
    seed = rate * length**cls.rank / (size * starts) ** cls.rank
    reach = np.array(
        [
            sum(place - size < s <= place for s in range(starts))
            for place in range(length)
        ]
    )
    seeds = reach
    for _ in range(cls.rank - 1):
        seeds = np.multiply.outer(seeds, reach)
    expected = np.mean(1 - (1 - seed) ** seeds)
    axes = tuple(range(1, cls.rank + 1))
    shares = lost.mean(axis=axes).ravel()  # 800 maps of their own
    deviation = shares.std() / np.sqrt(shares.size)
    assert shares.mean() == pytest.approx(expected, abs=4 * deviation)
    assert 0.7 * rate < expected <= rate  # the paper's aim


@pytest.mark.parametrize("size", [2, 3])
def test_what_is_dropped_consists_of_whole_blocks(size):
    lost = dropped(DropBlock2D(0.3, size, seed=2), (8, 7, 9, 4))
    assert lost.any()
    assert not lost.all()
    covered = np.zeros_like(lost)
    for i in range(7 - size + 1):
        for j in range(9 - size + 1):
            part = (slice(None), slice(i, i + size), slice(j, j + size))
            whole = lost[part].all(axis=(1, 2), keepdims=True)
            covered[part] |= whole
    np.testing.assert_array_equal(covered, lost)


def test_examples_and_channels_have_masks_of_their_own():
    lost = dropped(DropBlock1D(0.3, 2, seed=3), (400, 10, 2))
    columns = lost.any(axis=1).reshape(200, 4)  # pairs of examples, channels
    correlations = np.corrcoef(columns.T) - np.eye(4)
    assert np.abs(correlations).max() < 4 / np.sqrt(200)


@pytest.mark.parametrize("cls", LEAVES)
def test_the_rest_is_scaled_to_the_same_sum_and_gradients_follow(cls):
    x = windows.irregular((2, *(5,) * cls.rank, 3), 0.5).astype("float32")
    y, gradient, _ = value_and_gradients(
        lambda x: cls(0.4, 2, seed=4)(x, training=True), [], x
    )
    kept = y != 0
    assert 0 < kept.mean() < 1
    scale = kept.size / kept.sum()
    np.testing.assert_allclose(y, x * kept * scale, rtol=1e-5)
    factors = np.cos(1.0 + np.arange(y.size)).reshape(y.shape)
    np.testing.assert_allclose(gradient, factors * kept * scale, atol=1e-5)


def test_inference_and_rate_zero_change_nothing():
    x = windows.irregular((2, 6, 6, 3)).astype("float32")
    np.testing.assert_array_equal(to_numpy(DropBlock2D(0.5, 3)(x)), x)
    y = DropBlock2D(0, 3)(x, training=True)
    np.testing.assert_array_equal(to_numpy(y), x)


def test_rate_one_with_blocks_of_one_drops_all():
    x = np.ones((2, 6, 3), "float32")
    y = to_numpy(DropBlock1D(1.0, 1)(x, training=True))
    assert (y == 0).all()


def test_a_block_longer_than_an_axis_drops_the_axis_whole():
    lost = dropped(DropBlock2D(0.5, (7, 2), seed=5), (50, 3, 8, 4))
    assert (lost == lost[:, :1]).all()
    whole = dropped(DropBlock1D(0.25, 9, seed=5), (1000, 5, 1)).all(axis=1)
    deviation = np.sqrt(0.25 * 0.75 / 1000)
    assert whole.mean() == pytest.approx(0.25, abs=4 * deviation)


def test_channels_first_drops_the_same_places():
    x = np.ones((4, 6, 6, 6), "float32")
    one = to_numpy(
        DropBlock2D(0.3, 3, "channels_last", seed=6)(x, training=True)
    )
    first = DropBlock2D(0.3, 3, "channels_first", seed=6)
    lost = to_numpy(first(x, training=True)) == 0
    assert lost.any()
    assert (lost != (one == 0)).any()
    for channel in (lost[n, c] for n in range(4) for c in range(6)):
        rows, columns = np.nonzero(channel)
        if rows.size:  # blocks lie along the last two axes
            assert np.ptp(rows) >= 2
            assert np.ptp(columns) >= 2


def test_same_seed_same_blocks_and_every_call_draws_anew():
    layer = DropBlock2D(0.3, 3, seed=7)
    one, other = (dropped(layer, (4, 9, 9, 3)) for _ in range(2))
    assert (one != other).any()
    again = DropBlock2D.from_config(layer.get_config())
    np.testing.assert_array_equal(dropped(again, (4, 9, 9, 3)), one)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_so_and_finite(dtype):
    layer = DropBlock2D(0.3, 3, seed=8, dtype=dtype)
    # More numbers than float16 can count.
    y = layer(np.ones((8, 64, 64, 4), "float32"), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == dtype[6:]
    y = to_numpy(y)
    assert np.isfinite(y).all()
    assert y.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_work(cls, tmp_path):
    for length in (6, 2):  # longer and shorter than a block
        model = keras.Sequential(
            [
                keras.Input((*(None,) * cls.rank, 2)),
                cls(0.5, 3),
                getattr(layers, f"GlobalAveragePooling{cls.rank}D")(),
                keras.layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse")
        x = np.ones((4, *(length,) * cls.rank, 2), "float32")
        history = model.fit(x, np.zeros((4, 1)), verbose=0)
        assert np.isfinite(history.history["loss"]).all()
    windows.assert_saved_and_loaded(cls(0.5, 3, seed=1), x, tmp_path)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"rate": 1.5}, "rate", ValueError),
        ({"rate": "half"}, "rate", TypeError),
        ({"block_size": 0}, "block_size", ValueError),
        ({"block_size": (3, 3, 3)}, "block_size", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"seed": 0.5}, "seed", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error) as caught:
        DropBlock2D(**{"rate": 0.1, **keywords})
    assert str(caught.value).startswith(f"DropBlock2D: {argument} must be ")


def test_hooks_are_called():
    windows.assert_hooks_are_called(
        DropBlock2D,
        {"rate": 0.5},
        np.ones((1, 8, 8, 1), "float32"),
        ["drop"],
        training=True,
    )


def test_noise_in_place_of_zeros_is_one_hook():
    class Noisy(DropBlock2D):
        def drop(self, inputs):
            noise = keras.random.normal(keras.ops.shape(inputs), seed=1)
            ones = keras.ops.ones_like(inputs)
            lost = keras.ops.equal(super().drop(ones), 0)
            return keras.ops.where(lost, noise, inputs)

    x = np.ones((2, 8, 8, 3), "float32")
    y = to_numpy(Noisy(0.3, 3, seed=9)(x, training=True))
    assert 0 < np.mean(y == 1) < 1
    assert (y != 0).all()
