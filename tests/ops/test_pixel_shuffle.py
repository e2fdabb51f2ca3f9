import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_channels_are_read_channel_by_channel_then_row_by_row(data_format):
    x = np.arange(8.0).reshape(1, 1, 1, 8)
    if data_format == "channels_first":
        x = x.reshape(1, 8, 1, 1)
    y = to_numpy(ops.pixel_shuffle(x, 2, data_format))
    first = y[0, 0] if data_format == "channels_first" else y[0, :, :, 0]
    assert first.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    back = to_numpy(ops.pixel_unshuffle(y, 2, data_format))
    np.testing.assert_array_equal(back, x)


def test_one_factor_per_axis():
    x = np.arange(12.0).reshape(1, 1, 2, 6)
    y = ops.pixel_shuffle(x, (3, 2), "channels_last")
    assert to_numpy(y)[0, :, :, 0].tolist() == [
        [0.0, 1.0, 6.0, 7.0],
        [2.0, 3.0, 8.0, 9.0],
        [4.0, 5.0, 10.0, 11.0],
    ]
