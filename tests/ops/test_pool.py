import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_gradient_of_equals_goes_to_the_first(padding):
    x = np.ones((1, 4, 4, 1), "float32")
    _, gradient, _ = value_and_gradients(
        lambda x: ops.max_pool(
            x, 2, padding=padding, data_format="channels_last"
        ),
        [],
        x,
    )
    firsts = np.zeros((4, 4))
    firsts[::2, ::2] = np.cos(1.0 + np.arange(4)).reshape(2, 2)
    np.testing.assert_allclose(gradient[0, :, :, 0], firsts, atol=1e-6)


def test_mean_over_unequal_windows_divides_by_their_real_size():
    x = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 4, 1)
    got = ops.average_pool(x, 3, 2, [(2, 1)])
    # windows: [. . 1], [1 2 3], [3 4 .]
    np.testing.assert_allclose(to_numpy(got).ravel(), [1.0, 2.0, 3.5], 1e-6)


def test_strides_default_to_the_window():
    x = np.arange(6, dtype="float32").reshape(1, 6, 1)
    assert to_numpy(ops.max_pool(x, 3)).ravel().tolist() == [2.0, 5.0]
    assert to_numpy(ops.average_pool(x, 3)).ravel().tolist() == [1.0, 4.0]
