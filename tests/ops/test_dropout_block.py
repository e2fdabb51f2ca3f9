import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_blocks_start_where_a_sample_is_below_the_probability(rank, size):
    generator = np.random.default_rng(rank)
    sizes = (6, 5, 3)[:rank]  # the last is shorter than some blocks
    x = generator.uniform(1, 2, (2, *sizes, 2)).astype("float32")
    samples = generator.random(x.shape).astype("float32")
    probability, fits = 0.4, []
    for length in sizes:
        block = min(size, length)
        fits.append(length - block + 1)
        probability *= length / (block * (length - block + 1))
    kept = np.ones(x.shape)
    for n, *place, c in np.ndindex(2, *fits, 2):
        if samples[(n, *place, c)] < probability:
            block = tuple(slice(start, start + size) for start in place)
            kept[(n, *block, c)] = 0
    expected = x * kept * kept.size / max(kept.sum(), 1)
    y = ops.drop_block(x, samples, 0.4, size, "channels_last")
    np.testing.assert_allclose(to_numpy(y), expected, rtol=1e-5)
    first = ops.drop_block(
        np.moveaxis(x, -1, 1),
        np.moveaxis(samples, -1, 1),
        0.4,
        size,
        "channels_first",
    )
    first = np.moveaxis(to_numpy(first), 1, -1)
    np.testing.assert_allclose(first, expected, rtol=1e-5)


def test_where_all_is_dropped_zeros_are_left():
    x = np.ones((1, 4, 1), "float32")
    samples = np.zeros((1, 4, 1), "float32")
    y, gradient, _ = value_and_gradients(
        lambda x: ops.drop_block(x, samples, 0.5, 2), [], x
    )
    assert (y == 0).all()
    assert (gradient == 0).all()
