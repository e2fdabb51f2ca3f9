import numpy as np
import pytest

from keras_extras import ops
from tests import windows
from tests.gradients import to_numpy


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_taps_of_every_window_stand_row_by_row(rank, data_format):
    x = windows.irregular((2, *(7, 6, 5)[:rank], 2)).astype("float32")
    given = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    y = ops.extract_windows(given, 2, 3, "valid", data_format, 2)
    y = to_numpy(y)
    if data_format == "channels_first":
        y = np.moveaxis(y, 1, -2)
    for number in range(2**rank):
        expected = windows.reduce_windows(
            lambda taps, _, number=number: taps[number], x, 2, 3, dilation=2
        )
        np.testing.assert_array_equal(y[..., number], expected)


def test_pads_and_what_ceil_mode_reaches_hold_the_constant():
    x = np.arange(1.0, 5.0, dtype="float32").reshape(1, 4, 1)
    y = ops.extract_windows(
        x, 2, 2, [(1, 0)], "channels_last", ceil_mode=True, constant_values=-9
    )
    assert to_numpy(y)[0, :, 0].tolist() == [[-9, 1], [2, 3], [4, -9]]
