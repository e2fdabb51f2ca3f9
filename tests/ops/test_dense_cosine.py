import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_angles_on_paper():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [1e-10, 0.0]], "float32")
    kernel = np.array([[1.0, 0.0, -3.0], [0.0, 0.0, -4.0]], "float32")
    y = to_numpy(ops.cosine_dense(x, kernel))
    expected = [[0.6, 0, -1], [0, 0, 0], [1, 0, -0.6]]
    np.testing.assert_allclose(y, expected, atol=1e-6)
