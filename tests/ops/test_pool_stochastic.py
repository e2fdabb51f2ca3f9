import keras
import numpy as np
import pytest

from keras_extras import ops
from keras_extras.ops._pool_stochastic import _chosen, _shares
from tests.gradients import to_numpy


@pytest.mark.parametrize(
    ("sample", "chosen"),
    [(0.0, 1.0), (0.09, 1.0), (0.11, 2.0), (0.29, 2.0), (0.31, 7.0),
     (1 - 2**-24, 7.0)],
)  # fmt: skip
def test_a_number_falls_into_the_share_of_one_tap(sample, chosen):
    taps = np.array([[-3.0, 1.0, 0.0, 2.0, 7.0, 0.0]], "float32")
    taps = keras.ops.convert_to_tensor(taps)
    samples = np.array([sample], "float32")
    y = _chosen(taps, _shares(taps), keras.ops.convert_to_tensor(samples))
    assert to_numpy(y).tolist() == [chosen]


def test_integers_and_channels_first():
    x = np.array([[[1, 3, 5, 5], [2, 2, 0, 0]]])
    y = to_numpy(ops.stochastic_pool(x, 2, data_format="channels_first"))
    np.testing.assert_allclose(y, [[[2.5, 5], [2, 0]]])


def test_a_seed_draws_the_same_again():
    x = np.random.default_rng(0).random((50, 4, 1)).astype("float32")
    one, other, third = (
        to_numpy(ops.stochastic_pool(x, 4, draw=True, seed=seed))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()
