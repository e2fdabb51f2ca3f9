import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients

X = np.array([1.0, 5.0, 3.0, 4.0, 2.0], "float32").reshape(1, 5, 1)


def test_windows_overlap_where_the_size_does_not_divide():
    # windows of 5 in 3: [0, 2), [1, 4), [3, 5)
    mean = ops.adaptive_average_pool(X, 3, "channels_last")
    assert to_numpy(mean).ravel().tolist() == [3.0, 4.0, 3.0]
    maximum = ops.adaptive_max_pool(X, 3, "channels_last")
    assert to_numpy(maximum).ravel().tolist() == [5.0, 5.0, 4.0]


def test_more_windows_than_positions_repeat_them():
    y = ops.adaptive_max_pool(X, 10, "channels_last")
    np.testing.assert_array_equal(to_numpy(y).ravel(), X.ravel().repeat(2))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_indices_count_positions_row_by_row(data_format):
    x = np.zeros((1, 3, 4, 1), "float32")
    x[0, 2, 1] = x[0, 0, 3] = 1.0
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    _, indices = ops.adaptive_max_pool(
        x, (None, 2), data_format, return_indices=True
    )
    assert to_numpy(indices).ravel().tolist() == [0, 3, 4, 6, 9, 10]
    _, same = ops.adaptive_max_pool(x, (3, 4), data_format, return_indices=True)
    assert to_numpy(same).ravel().tolist() == list(range(12))


def test_gradient_of_a_mean_is_shared_by_its_window():
    _, gradient, _ = value_and_gradients(
        lambda x: ops.adaptive_average_pool(x, 3, "channels_last"), [], X
    )
    a, b, c = np.cos([1.0, 2.0, 3.0])
    expected = [a / 2, a / 2 + b / 3, b / 3, b / 3 + c / 2, c / 2]
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-5)
