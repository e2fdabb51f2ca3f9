import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize(("alpha", "expected"), [(0, 3), (1, 5), (0.25, 3.5)])
def test_mixture_of_integers(alpha, expected):
    x = np.array([[[1], [5]]])
    y = ops.mixed_pool(x, 2, data_format="channels_last", alpha=alpha)
    assert to_numpy(y).item() == expected


def test_shares_broadcast_over_channels_first():
    x = np.array([[[1.0, 5.0], [1.0, 5.0]]], "float32")
    alpha = np.array([[0.0], [1.0]], "float32")
    y = ops.mixed_pool(x, 2, data_format="channels_first", alpha=alpha)
    assert to_numpy(y).tolist() == [[[3], [5]]]
