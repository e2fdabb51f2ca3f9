import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize(
    ("power", "expected"), [(1, 4), (2, 5), (-1, 7 / 4), (3, 172 ** (1 / 3))]
)
def test_power_mean_of_integers(power, expected):
    x = np.array([[[1], [7]]])
    y = ops.gem_pool(x, 2, data_format="channels_last", power=power)
    np.testing.assert_allclose(to_numpy(y).item(), expected, rtol=1e-6)


def test_powers_broadcast_over_channels_first():
    x = np.array([[[1.0, 7.0], [1.0, 7.0]]], "float32")
    powers = np.array([[1.0], [2.0]], "float32")
    y = ops.gem_pool(x, 2, data_format="channels_first", power=powers)
    np.testing.assert_allclose(to_numpy(y), [[[4], [5]]], rtol=1e-6)


def test_ceil_mode_counts_real_positions():
    x = np.array([1.0, 7.0, 3.0], "float32").reshape(1, 3, 1)
    y = ops.gem_pool(x, 2, ceil_mode=True, power=2.0)
    np.testing.assert_allclose(to_numpy(y).ravel(), [5, 3], rtol=1e-6)


def test_nan_is_passed_on():
    x = np.array([1.0, np.nan, 2.0, 2.0], "float32").reshape(1, 4, 1)
    y = to_numpy(ops.gem_pool(x, 2)).ravel()
    assert np.isnan(y).tolist() == [True, False]
