import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


def test_features_so_many_places_apart_compete():
    x = np.arange(12.0).reshape(2, 6)
    assert to_numpy(ops.maxout(x, 2)).tolist() == [[4, 5], [10, 11]]
    assert to_numpy(ops.maxout(x, 1, axis=0)).tolist() == [x[1].tolist()]


def test_wrong_number_is_named():
    with pytest.raises(ValueError, match="maxout: num_units must be a divisor"):
        ops.maxout(np.ones((2, 5)), 2)
