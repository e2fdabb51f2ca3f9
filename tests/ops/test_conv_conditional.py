import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_each_example_has_its_own_kernel():
    x = np.ones((2, 3, 1), "float32")
    kernel = np.array([[1.0, 1, 1], [0, 5, 0]], "float32").reshape(2, 3, 1, 1)
    routing = np.array([[1, 0], [1, 2]], "float32")
    y = to_numpy(ops.conditional_conv(x, kernel, routing))
    assert y.ravel().tolist() == [3, 13]
    alone = to_numpy(ops.conditional_conv(x[1:], kernel, routing[1:]))
    assert alone.ravel().tolist() == [13]
