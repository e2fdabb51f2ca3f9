"""An order in which each class comes as often as every other.

    places of class c in an epoch = share of c * all places, rounded

An epoch keeps its length. Of a rare class each item comes several times, as
often as the others of its class to within one; a frequent class goes on in
the next epoch where it stopped in this one, so that in the end all come.
"""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets._order import shuffled


class Balance:
    """Orders items so that classes come in given shares.

    Args:
        owner: whom errors speak for.
        classes: class of each item.
        weights: `True` for equal shares, or a dict from class to weight.
        names: classes by the names that `weights` may have for them.
    """

    def __init__(
        self,
        owner: str,
        classes: ArrayLike,
        weights: bool | Mapping[Any, float],
        names: Mapping[Any, Any] | None = None,
    ) -> None:
        known, numbers = np.unique(np.asarray(classes), return_inverse=True)
        shares = np.ones(len(known))
        if isinstance(weights, Mapping):
            shares = _weights(owner, known, weights, names or {})
        self._total = len(numbers)
        self._items = np.split(
            np.argsort(numbers, kind="stable"),
            np.cumsum(np.bincount(numbers))[:-1],
        )
        exact = shares / shares.sum() * self._total
        self._counts = exact.astype(int)
        missing = self._total - self._counts.sum()
        self._counts[np.argsort(self._counts - exact)[:missing]] += 1
        self._order = functools.lru_cache(maxsize=2)(self._table)

    def order(self, start: int, epoch: int) -> np.ndarray:
        """Returns the items of an epoch, in their order.

        Args:
            start: int, where the random numbers start from.
            epoch: int >= 0.
        """
        return self._order(start, epoch)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Without the cache, which cannot be copied.
        state = {k: v for k, v in vars(self).items() if k != "_order"}
        return _restored, (state,)

    def _table(self, start: int, epoch: int) -> np.ndarray:
        chosen = [
            items[self._places(len(items), count, (start, epoch, number))]
            for number, (items, count) in enumerate(
                zip(self._items, self._counts.tolist(), strict=True)
            )
        ]
        generator = np.random.default_rng((start, epoch))
        return generator.permutation(np.concatenate(chosen))

    @staticmethod
    def _places(
        size: int, count: int, seeds: tuple[int, int, int]
    ) -> np.ndarray:
        """Returns which of `size` items of a class come in an epoch."""
        start, epoch, number = seeds
        if count >= size:
            rest = shuffled(np.arange(count % size), size, (*seeds, 1))
            return np.concatenate(
                [np.tile(np.arange(size), count // size), rest]
            )
        turns, places = np.divmod(epoch * count + np.arange(count), size)
        return np.concatenate(
            [
                shuffled(places[turns == turn], size, (start, turn, number, 2))
                for turn in np.unique(turns).tolist()
            ]
        )


def _restored(state: dict[str, Any]) -> Balance:
    balance = Balance.__new__(Balance)
    vars(balance).update(state)
    balance._order = functools.lru_cache(maxsize=2)(balance._table)
    return balance


def _weights(
    owner: str,
    known: np.ndarray,
    weights: Mapping[Any, float],
    names: Mapping[Any, Any],
) -> np.ndarray:
    """Returns the weight of each class that occurs."""
    given = {names.get(name, name): value for name, value in weights.items()}
    missing = [name for name in known.tolist() if name not in given]
    if missing:
        raise invalid_argument(
            owner,
            "balance",
            "True, or a dict with a weight for each class",
            dict(weights),
            context=f"Class {missing[0]!r} has none.",
        )
    # A class that has a name may be without an item in this part.
    there = {*known.tolist(), *names.values()}
    unknown = [name for name in given if name not in there]
    if unknown:
        raise invalid_argument(
            owner,
            "balance",
            f"True, or a dict with the classes {known.tolist()[:10]}",
            dict(weights),
            context=f"There is no class {unknown[0]!r}.",
        )
    return np.array(
        [
            checks.positive(owner, f"balance[{name!r}]", given[name])
            for name in known.tolist()
        ]
    )
