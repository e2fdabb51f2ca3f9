import numpy as np
import pytest

from keras_extras import ops
from tests import windows
from tests.gradients import to_numpy


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_integers_are_weighted_by_their_exponentials(data_format):
    x = np.array([0, 1, 2, 3]).reshape(1, 2, 2, 1)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    y = to_numpy(ops.soft_pool(x, 2, data_format=data_format))
    e = np.exp(np.arange(4.0))
    np.testing.assert_allclose(y.ravel(), (e * range(4)).sum() / e.sum(), 1e-6)


def test_minus_infinity_has_no_weight():
    x = np.array([-np.inf, 2.0, 1.0, 1.0], "float32").reshape(1, 4, 1)
    y = to_numpy(ops.soft_pool(x, 2)).ravel()
    np.testing.assert_allclose(y, [2, 1], rtol=1e-6)


def test_a_window_lies_between_its_mean_and_its_maximum():
    x = windows.irregular((2, 6, 6, 3)).astype("float32")
    y = to_numpy(ops.soft_pool(x, 3, data_format="channels_last"))
    assert (y < to_numpy(ops.max_pool(x, 3))).all()
    assert (y > to_numpy(ops.average_pool(x, 3))).all()
