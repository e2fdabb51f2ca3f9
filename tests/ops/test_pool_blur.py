import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize(
    ("size", "filters"),
    [(1, [1]), (2, [1, 1]), (3, [1, 2, 1]), (5, [1, 4, 6, 4, 1])],
)
def test_an_impulse_shows_the_filter(size, filters):
    x = np.zeros((1, 1, 9), "float32")
    x[0, 0, 4] = sum(filters)
    y = ops.blur_pool(x, size, 1, "same", "channels_first")
    assert [n for n in to_numpy(y).ravel() if n] == filters


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_constant_stays_where_a_window_reaches_over_the_end(data_format):
    x = np.full((1, 6, 6, 6), 3.0, "float32")
    for padding in ("causal", "valid"):
        y = ops.blur_pool(x, 3, 2, padding, data_format, 1, True)
        np.testing.assert_allclose(to_numpy(y), 3, rtol=1e-6)
