import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


def test_conv_takes_one_number_for_all_axes_and_the_default_format():
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    kernel = np.ones((3, 3, 2, 1), "float32")
    got = to_numpy(ops.conv(x, kernel, 2, "same", dilation_rate=1))
    padded = np.pad(x.astype("float64"), [(0, 0), (1, 1), (1, 1), (0, 0)])
    for i in range(3):
        for j in range(3):
            window = padded[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            assert abs(got[0, i, j, 0] - window.sum()) < 1e-5


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_strides_and_dilation_stand_together(data_format):
    x = np.arange(9, dtype="float32").reshape(1, 9, 1)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    kernel = np.array([1.0, 10.0], "float32").reshape(2, 1, 1)
    got = ops.conv(x, kernel, 3, "valid", data_format, 2)
    # x[i] + 10 * x[i + 2], in steps of 3
    assert to_numpy(got).ravel().tolist() == [20.0, 53.0, 86.0]
