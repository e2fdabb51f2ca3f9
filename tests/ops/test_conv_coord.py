import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_rows_before_columns_then_the_radius():
    x = np.zeros((1, 3, 2, 1), "float32")
    y = to_numpy(ops.add_coordinates(x, True, "channels_last"))
    assert y[0, :, 0, 1].tolist() == [-1, 0, 1]
    assert y[0, 0, :, 2].tolist() == [-1, 1]
    np.testing.assert_allclose(y[0, 0, 0, 3], np.sqrt(2), rtol=1e-6)


def test_one_position_is_the_center_and_nan_stays_where_it_is():
    x = np.full((2, 1, 1), np.nan, "float32")
    y = to_numpy(ops.add_coordinates(x, with_r=True))
    assert np.isnan(y[..., 0]).all()
    assert (y[..., 1:] == 0).all()


def test_channels_first():
    x = np.zeros((1, 2, 3), "float32")
    y = to_numpy(ops.add_coordinates(x, data_format="channels_first"))
    assert y[0].tolist() == [[0, 0, 0], [0, 0, 0], [-1, 0, 1]]
