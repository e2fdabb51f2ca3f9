import keras
import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy

X = np.array([1.0, 10.0], "float32").reshape(1, 2, 1)
KERNEL = np.array([1.0, 2.0, 3.0], "float32").reshape(3, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [1, 12, 23, 30]),
        ({"strides": 2}, [1, 2, 13, 20, 30]),
        ({"strides": 4}, [1, 2, 3, 0, 10, 20, 30, 0]),
        ({"strides": 4, "output_padding": 0}, [1, 2, 3, 0, 10, 20, 30]),
        ({"strides": 2, "padding": "same"}, [1, 2, 13, 20]),
        ({"strides": 2, "padding": "causal"}, [1, 2, 13, 20]),
        ({"padding": "same"}, [12, 23]),
        ({"padding": "causal"}, [1, 12]),
        ({"strides": 2, "padding": [(1, 0)]}, [2, 13, 20, 30]),
        (
            {"strides": 2, "padding": [(0, 1)], "output_padding": 1},
            [1, 2, 13, 20, 30],
        ),
        (
            {"strides": 2, "padding": [(2, 0)], "output_padding": 1},
            [13, 20, 30, 0],
        ),
        ({"strides": 2, "dilation_rate": 2}, [1, 0, 12, 0, 23, 0, 30]),
        (
            {"strides": 2, "dilation_rate": 2, "padding": [(4, 2)]},
            [23],
        ),
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_on_paper(arguments, expected, data_format):
    x = X if data_format == "channels_last" else np.moveaxis(X, -1, 1)
    got = ops.conv_transpose(x, KERNEL, data_format=data_format, **arguments)
    assert to_numpy(got).ravel().tolist() == expected


def test_groups_stay_apart():
    x = np.array([[1.0, 10.0]], "float32").reshape(1, 1, 2)
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]], "float32").reshape(1, 2, 2)
    got = ops.conv_transpose(x, kernel, groups=2)
    # kernel[0, filter of the group, channel]; the channels are the groups
    assert to_numpy(got).ravel().tolist() == [1, 3, 20, 40]


@pytest.mark.parametrize("groups", [1, 2])
def test_an_empty_batch_has_the_same_shape(groups):
    x = np.zeros((0, 3, 3, 2), "float32")
    kernel = np.zeros((3, 3, 2 // groups, 2), "float32")
    got = ops.conv_transpose(x, kernel, 2, "same", groups=groups)
    assert tuple(got.shape) == (0, 6, 6, 2)


def test_symbolic_inputs_have_the_same_shape():
    inputs = keras.KerasTensor((None, 4, 5, 2))
    kernel = np.zeros((3, 2, 3, 2), "float32")
    for dilation, size in ((1, (12, 9)), ((2, 1), (14, 9))):
        got = ops.conv_transpose(
            inputs, kernel, (3, 2), [(1, 0), (0, 2)], 1, None, dilation
        )
        assert tuple(got.shape) == (None, *size, 3)
