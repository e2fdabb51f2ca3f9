import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients

X = np.array([[1.0, 4.0], [3.0, 2.0]], "float32").reshape(1, 2, 2, 1)


@pytest.mark.parametrize("keepdims", [False, True])
def test_all_positions_become_one_number(keepdims):
    shape = (1, 1, 1, 1) if keepdims else (1, 1)
    for function, expected in (
        (ops.global_max_pool, 4.0),
        (ops.global_average_pool, 2.5),
    ):
        y = to_numpy(function(X, "channels_last", keepdims))
        assert y.shape == shape
        assert y.item() == expected


def test_mask_of_any_rank_chooses_what_counts():
    mask = np.array([[[True, False], [True, False]]])
    for data_format in ("channels_last", "channels_first"):
        x = X if data_format == "channels_last" else np.moveaxis(X, -1, 1)
        y = ops.global_average_pool(x, data_format, mask=mask)
        assert to_numpy(y).tolist() == [[2.0]]


def test_what_is_masked_has_no_gradient():
    mask = np.array([[True, False, True]])
    x = np.array([1.0, np.nan, 2.0], "float32").reshape(1, 3, 1)
    _, gradient, _ = value_and_gradients(
        lambda x: ops.global_average_pool(x, "channels_last", mask=mask), [], x
    )
    half = np.cos(1.0) / 2
    np.testing.assert_allclose(gradient.ravel(), [half, 0, half], rtol=1e-6)


def test_integers_of_an_empty_batch_keep_their_kind():
    y = ops.global_max_pool(np.zeros((0, 3, 2), "uint8"), "channels_last")
    assert tuple(y.shape) == (0, 2)
    assert "uint8" in str(y.dtype)
