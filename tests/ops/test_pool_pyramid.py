import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_levels_stand_one_after_the_other():
    x = np.array([1.0, 2.0, 3.0, 6.0], "float32").reshape(1, 1, 4)
    y = ops.spatial_pyramid_pool(x, [2, 1, (4,)], "channels_first")
    assert to_numpy(y).tolist() == [[[1.5, 4.5, 3, 1, 2, 3, 6]]]


def test_any_adaptive_pooling_may_reduce():
    x = np.array([1.0, 2.0, 3.0, 6.0, 9.0], "float32").reshape(1, 5, 1)
    for crop, last in ((True, 6), (False, 9)):
        y = ops.spatial_pyramid_pool(
            x, [2], crop=crop, reduce=ops.adaptive_max_pool
        )
        assert to_numpy(y).ravel().tolist() == [2 + (not crop), last]
