import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_first_in_space_then_across_the_channels(rank, data_format):
    x = np.array([1.0, 10.0], "float32").reshape(1, *(1,) * rank, 2)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    depthwise = np.array([[1, 2], [3, 4]], "float32")  # channel, output
    pointwise = np.array([[1], [10], [100], [1000]], "float32")
    got = ops.separable_conv(
        x,
        depthwise.reshape(*(1,) * rank, 2, 2),
        pointwise.reshape(*(1,) * rank, 4, 1),
        data_format=data_format,
    )
    assert to_numpy(got).ravel().tolist() == [1 + 20 + 3000 + 40000]


def test_padding_and_strides_belong_to_the_first_step():
    x = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 4, 1)
    got = ops.separable_conv(
        x,
        np.ones((2, 1, 1), "float32"),
        np.full((1, 1, 1), 10, "float32"),
        strides=2,
        padding=[(1, 1)],
    )
    assert to_numpy(got).ravel().tolist() == [10, 50, 40]
