import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_norm_of_each_window_of_an_array():
    x = np.array([[3.0, 1.0], [4.0, 1.0]], "float32").reshape(1, 2, 2)
    y = to_numpy(ops.lp_pool(x, 2, data_format="channels_last"))
    np.testing.assert_allclose(y.ravel(), [5, np.sqrt(2)], rtol=1e-6)
    y = to_numpy(ops.lp_pool(x, 2, data_format="channels_first", order=1))
    np.testing.assert_allclose(y.ravel(), [4, 5], rtol=1e-6)


def test_negative_order_with_a_zero_is_zero():
    x = np.array([0.5, 0.25, 0.0, 1.0], "float32").reshape(1, 4, 1)
    y = to_numpy(ops.lp_pool(x, 2, order=-1)).ravel()
    np.testing.assert_allclose(y, [1 / 6, 0], rtol=1e-6)
