import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_arrays_bools_and_channels_first():
    x = np.array([[[1.0, 2.0, np.nan], [3.0, 4.0, np.nan]]], "float32")
    mask = ~np.isnan(x[:, :1])
    kernel = np.ones((2, 2, 1), "float32")
    y, new = ops.partial_conv(x, mask, kernel, data_format="channels_first")
    assert to_numpy(y).tolist() == [[[10, 12]]]  # twice 2 + 4 is 12
    assert to_numpy(new).tolist() == [[[1, 1]]]


def test_mask_of_each_channel_is_counted_over_the_channels():
    x = np.array([[1.0, 5.0]]).reshape(1, 1, 2)
    mask = np.array([[1, 0]]).reshape(1, 1, 2)
    y, new = ops.partial_conv(
        x, mask, np.ones((1, 2, 1)), data_format="channels_last"
    )
    assert to_numpy(y).item() == 2
    assert to_numpy(new).shape == (1, 1, 1)
