import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_outputs_of_one_channel_stand_together(data_format):
    x = np.array([[1.0, 10.0], [2.0, 20.0]], "float32").reshape(1, 2, 2)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    # (size, channels, outputs per channel)
    kernel = np.array([[[1, 2], [3, 4]], [[1, 0], [0, 1]]], "float32")
    got = to_numpy(
        ops.depthwise_conv(x, kernel, padding=[(0, 0)], data_format=data_format)
    )
    assert got.ravel().tolist() == [3, 2, 30, 60]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_outputs_have_one_order_in_all_ranks(rank):
    x = np.array([1.0, 10.0], "float32").reshape(1, *(1,) * rank, 2)
    kernel = np.array([[1, 2], [3, 4]], "float32")
    got = ops.depthwise_conv(x, kernel.reshape(*(1,) * rank, 2, 2))
    assert to_numpy(got).ravel().tolist() == [1, 2, 30, 40]


def test_causal_padding_stands_in_front():
    x = np.array([1.0, 2.0, 3.0], "float32").reshape(1, 3, 1)
    kernel = np.array([10.0, 1.0], "float32").reshape(2, 1, 1)
    got = ops.depthwise_conv(x, kernel, padding="causal", dilation_rate=2)
    assert to_numpy(got).ravel().tolist() == [1, 2, 13]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_empty_batch_has_the_same_shape(rank):
    x = np.zeros((0, *(3,) * rank, 2), "float32")
    kernel = np.zeros((*(2,) * rank, 2, 2), "float32")
    got = ops.depthwise_conv(x, kernel)
    assert tuple(got.shape) == (0, *(2,) * rank, 4)
