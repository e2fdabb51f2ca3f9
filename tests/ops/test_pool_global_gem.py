import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize(("power", "expected"), [(1, 4), (2, 5), (-1, 7 / 4)])
def test_power_mean_of_integers(power, expected):
    x = np.array([[[1], [7]]])
    y = ops.global_gem_pool(x, "channels_last", power=power)
    np.testing.assert_allclose(to_numpy(y), [[expected]], rtol=1e-6)


def test_axes_are_kept_if_asked_for():
    x = np.ones((2, 3, 4, 5), "float32")
    y = ops.global_gem_pool(x, "channels_first", keepdims=True)
    assert tuple(y.shape) == (2, 3, 1, 1)
