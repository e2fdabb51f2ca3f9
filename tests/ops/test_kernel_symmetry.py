import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy

SHAPES = [(3, 3), (5, 2), (2, 5), (1, 1), (4, 1)]


def weights(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("shape", SHAPES)
def test_reflections_one_after_the_other(shape):
    rows = weights(*shape).T.astype("float64")  # one per output
    tall = rows if rows.shape[0] >= rows.shape[1] else rows.T
    product = np.eye(len(tall))
    for j, column in enumerate(tall.T):
        v = np.where(np.arange(len(tall)) > j, column, 0)
        v[j] = 1
        product = product @ (np.eye(len(tall)) - 2 * np.outer(v, v) / (v @ v))
    expected = product[:, : tall.shape[1]]
    expected = expected if tall is rows else expected.T
    got = to_numpy(ops.householder_kernel(weights(*shape)))
    np.testing.assert_allclose(got.T, expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_cayley_is_the_formula(shape):
    rows = weights(*shape).T.astype("float64")
    tall = rows if rows.shape[0] >= rows.shape[1] else rows.T
    square = np.zeros((len(tall), len(tall)))
    square[:, : tall.shape[1]] = np.tril(tall)
    half = (square - square.T) / 2
    one = np.eye(len(tall))
    expected = (np.linalg.inv(one - half) @ (one + half))[:, : tall.shape[1]]
    expected = expected if tall is rows else expected.T
    got = to_numpy(ops.cayley_kernel(weights(*shape)))
    np.testing.assert_allclose(got.T, expected, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_window_is_turned_round_at_once(rank):
    kernel = weights(*(2, 3, 4)[:rank], 2, 5)
    expected = np.flip(kernel, tuple(range(rank)))
    np.testing.assert_allclose(to_numpy(ops.reflect_kernel(kernel)), expected)
    expected = np.flip(kernel, 0)
    got = to_numpy(ops.reflect_kernel(kernel, [0]))
    np.testing.assert_allclose(got, expected)
