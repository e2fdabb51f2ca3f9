import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_angles_on_paper_with_channels_first():
    x = np.array([[[3.0, 4.0, 0.0, 0.0]]], "float32")
    kernel = np.array([0.0, 2.0], "float32").reshape(2, 1, 1)
    y = to_numpy(ops.cosine_conv(x, kernel, data_format="channels_first"))
    np.testing.assert_allclose(y, [[[0.8, 0, 0]]], atol=1e-6)


def test_pads_add_nothing_to_a_length():
    x = np.array([5.0], "float32").reshape(1, 1, 1)
    kernel = np.array([0.0, 1.0], "float32").reshape(2, 1, 1)
    y = to_numpy(ops.cosine_conv(x, kernel, padding=[(1, 1)]))
    np.testing.assert_allclose(y.ravel(), [1, 0], atol=1e-6)
