import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy


@pytest.mark.parametrize("u", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("outputs", [1, 4, 7, 9])
def test_windows_start_where_the_formula_says(u, outputs):
    x = np.arange(10, dtype="float32").reshape(1, 10, 1)
    samples = np.full((1, 1, 1), u, "float32")
    y = ops.fractional_max_pool(x, samples, 2, [outputs], "channels_last")
    step = 8 / max(outputs - 1, 1)
    starts = [int((i + u) * step) - int(u * step) for i in range(outputs - 1)]
    assert to_numpy(y).ravel().tolist() == [start + 1 for start in [*starts, 8]]
