"""A random order of n things that is computed, not stored.

    order(0), order(1), ..., order(n - 1)  =  0, 1, ..., n - 1 in some order

A Feistel network is a bijection of 2**(2 * h) numbers whatever its round
function does. Numbers that fall outside 0..n-1 go through it again until they
do not (cycle walking), which is a bijection of 0..n-1. Cost: about 2.5 times
`_ROUNDS` small operations per number, and no memory, for any n.
"""

import functools

import numpy as np

_ROUNDS = 8
_TABLE = 1 << 17  # up to here a table of all numbers is cheap, and faster


def shuffled(
    positions: np.ndarray, size: int, seeds: tuple[int, ...]
) -> np.ndarray:
    """Returns which of `size` things stand at `positions` of an order.

    Args:
        positions: integers from 0 to `size - 1`.
        size: number of things.
        seeds: integers >= 0 that choose the order.

    Examples:
        >>> shuffled(np.arange(5), 5, seeds=(2, 0)).tolist()
        [2, 4, 3, 0, 1]
    """
    if size <= _TABLE:
        return _table(size, seeds)[positions]
    return _walk(np.asarray(positions), size, seeds)


@functools.lru_cache(maxsize=4)
def _table(size: int, seeds: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seeds).permutation(size)


def _walk(
    positions: np.ndarray, size: int, seeds: tuple[int, ...]
) -> np.ndarray:
    keys = np.random.SeedSequence(seeds).generate_state(_ROUNDS, np.uint64)
    half = np.uint64(((size - 1).bit_length() + 1) // 2)
    numbers = _feistel(positions.astype(np.uint64), half, keys)
    outside = np.flatnonzero(numbers >= size)
    while outside.size:
        numbers[outside] = _feistel(numbers[outside], half, keys)
        outside = outside[numbers[outside] >= size]
    return numbers.astype(np.int64)


def _feistel(
    numbers: np.ndarray, half: np.uint64, keys: np.ndarray
) -> np.ndarray:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = numbers >> half, numbers & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & mask)
    return left << half | right


def _mixed(numbers: np.ndarray) -> np.ndarray:
    # The finalizer of SplitMix64: Steele, Lea & Flood, "Fast splittable
    # pseudorandom number generators", OOPSLA 2014.
    numbers = (numbers ^ numbers >> np.uint64(30)) * np.uint64(
        0xBF58476D1CE4E5B9
    )
    numbers = (numbers ^ numbers >> np.uint64(27)) * np.uint64(
        0x94D049BB133111EB
    )
    return numbers ^ numbers >> np.uint64(31)
