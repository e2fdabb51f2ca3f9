import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import _order

# Sizes around powers of two and of four, where the network changes.
SIZES = [1, 2, 3, 4, 5, 15, 16, 17, 255, 256, 257, 1000, 65_537]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", [_order.shuffled, _order._walk])
def test_each_thing_comes_once(size, way):
    for seed in range(3):
        order = way(np.arange(size), size, (seed, 5))
        assert np.array_equal(np.sort(order), np.arange(size))


@given(size=st.integers(1, 3000), seeds=st.tuples(st.integers(0, 2**64)))
def test_walk_is_an_order_of_any_size(size, seeds):
    order = _order._walk(np.arange(size), size, seeds)

    assert np.array_equal(np.sort(order), np.arange(size))


def test_part_of_the_order_is_that_part_of_the_whole():
    size = _order._TABLE + 12345
    whole = _order.shuffled(np.arange(size), size, (3, 1))
    places = np.array([7, 0, size - 1, 40_000])

    assert np.array_equal(_order.shuffled(places, size, (3, 1)), whole[places])
    assert np.array_equal(np.sort(whole), np.arange(size))


def test_huge_order_takes_no_memory():
    size = 2**32 - 1
    order = _order.shuffled(np.arange(1000) * 4_000_000, size, (0, 0))

    assert len(np.unique(order)) == 1000
    assert order.min() >= 0
    assert order.max() < size
    # Uniform to about four standard errors of the mean of 1000.
    assert abs(order.mean() / size - 0.5) < 4 * 12**-0.5 / 1000**0.5


@pytest.mark.parametrize("way", [_order.shuffled, _order._walk])
def test_seeds_choose_orders_that_look_random(way):
    size, trials = 50, 400
    orders = np.array(
        [way(np.arange(size), size, (seed, 9)) for seed in range(trials)]
    )
    assert len({tuple(order) for order in orders}) == trials
    # How often each thing comes first, second and last: chi-squared with 49
    # degrees of freedom, mean 49 and standard deviation 9.9.
    for place in (0, 1, size - 1):
        counts = np.bincount(orders[:, place], minlength=size)
        chi = ((counts - trials / size) ** 2 / (trials / size)).sum()
        assert chi < 49 + 5 * 9.9
    # Neighbors do not stay neighbors: 2 of 50 by chance.
    close = (np.abs(np.diff(orders, axis=1)) == 1).mean()
    assert 0.02 < close < 0.06
