"""Batches of an order of items, the order cut into shards.

    item i of the order belongs to shard i % count
    batch b of a shard  =  its items edge(b) .. edge(b + 1) - 1

Each epoch has an order of its own, computed from seed and epoch. Nothing else
has a say: any number of workers, processes and machines, asking for batches in
any order, get the same ones.
"""

import copy
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from keras.utils import PyDataset
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets._balance import Balance
from keras_extras.datasets._order import shuffled
from keras_extras.datasets._prefetch import Prefetcher


class Batches(PyDataset):
    """Counts, orders and shares out items; subclasses read them.

    Args:
        total: number of items.
        batch_size: int > 0.
        shuffle: whether each epoch has an order of its own.
        seed: int >= 0; `None` draws the start from NumPy's global generator.
        workers: int > 0, threads that make batches.
        max_queue_size: int > 0, how many batches may wait.
        drop_remainder: whether the items that fill no batch are left out.
        batch_transform: function of the inputs and targets of a batch that
            returns both; a parameter called `rng` gets random numbers.
        balance: whether all classes come equally often, or a dict from class
            to weight.
        classes: class of each item, for `balance`; `None` if there are none.
        class_names: names of classes that `balance` may have -> classes.
        owner: what errors call it.

    Hooks:
        `_make(epoch, index)`: the batch; is called in any thread.
    """

    def __init__(
        self,
        total: int,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        *,
        workers: int = 1,
        max_queue_size: int = 10,
        drop_remainder: bool = False,
        use_multiprocessing: bool = False,
        batch_transform: Callable[..., Any] | None = None,
        balance: bool | Mapping[Any, float] = False,
        classes: ArrayLike | None = None,
        class_names: Mapping[Any, Any] | None = None,
        owner: str,
    ) -> None:
        super().__init__()  # without Keras's workers, see `_prefetch`
        if checks.boolean(owner, "use_multiprocessing", use_multiprocessing):
            raise invalid_argument(
                owner,
                "use_multiprocessing",
                "False",
                use_multiprocessing,
                context="Keras's processes hand batches of one epoch over to "
                "the next.",
                fix="Use threads: workers=4. NumPy and Pillow run in parallel "
                "in them.",
            )
        self.batch_size: int = checks.integer(owner, "batch_size", batch_size)
        self.shuffle: bool = checks.boolean(owner, "shuffle", shuffle)
        start: Any = start_of_order(owner, seed)
        self.seed: int | None = start[0]
        self._start = start[1]
        self.drop_remainder: bool = checks.boolean(
            owner, "drop_remainder", drop_remainder
        )
        self.batch_transform: Any = checks.function(
            owner,
            "batch_transform",
            batch_transform,
            "a function of inputs and targets, or None",
        )
        self._balance = self._balanced(owner, balance, classes, class_names)
        self.epoch: int = 0
        self._owner, self._total = owner, total
        self._index, self._count = 0, 1
        self._threads = checks.integer(owner, "workers", workers)
        self._most = checks.integer(owner, "max_queue_size", max_queue_size)
        self._prefetcher: Prefetcher | None = None
        if self.drop_remainder and total and not len(self):
            raise invalid_argument(
                owner,
                "batch_size",
                f"at most the number of items, {total}, with "
                "drop_remainder=True",
                batch_size,
            )

    def shard(self, index: int, count: int) -> Self:
        """Returns one of `count` data sets that share out the items.

            item i of the order belongs to shard i % count

        Every item belongs to one shard. All shards have the same number of
        batches, so that workers that wait for each other after each step
        never wait forever; where the items do not divide evenly, the last
        batches of two shards differ by one item. With `drop_remainder` all
        batches of all shards have `batch_size` items, and what is left of an
        epoch, fewer than `count * batch_size` items, is not in it.

        Args:
            index: number of the shard, from 0, such as the rank of a process.
            count: number of shards.

        Returns:
            New data set over the same items, in the same epoch.

        Raises:
            ValueError: if there is no such shard; if the order is random and
                `seed` is `None`, since other processes would draw another
                one; if there are too few items for equally many batches.
        """
        owner = f"{self._owner}.shard"
        count = checks.integer(owner, "count", count)
        index = checks.integer(owner, "index", index, minimum=0)
        if index >= count:
            raise invalid_argument(
                owner, "index", f"from 0 to {count - 1}", index
            )
        if self._count > 1:
            raise ValueError(
                f"{owner}: this is a shard already; cut the whole data set "
                "instead."
            )
        if self.shuffle and self.seed is None:
            raise invalid_argument(
                owner,
                "seed",
                "an integer, the same in all processes, to cut a random order",
                self.seed,
            )
        part = copy.copy(self)
        part._index, part._count = index, count
        least = self._total // count
        if least < len(part) or not len(part):
            raise invalid_argument(
                owner,
                "count",
                f"one that gives each shard {max(1, len(part))} batches",
                count,
                context=f"Of {self._total} items a shard gets {least}.",
                fix="Use fewer shards, or a smaller batch_size."
                if self.drop_remainder
                else "Use batch_size=2 or more, or fewer shards.",
            )
        return part

    @property
    def num_items(self) -> int:
        """Number of items in an epoch, of this shard."""
        if self.drop_remainder:
            return len(self) * self.batch_size
        return (self._total - self._index + self._count - 1) // self._count

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch, the same for all shards."""
        if self.drop_remainder:
            return self._total // (self._count * self.batch_size)
        most = -(-self._total // self._count)
        return -(-most // self.batch_size)

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Any:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"{self._owner}: there are {len(self)} batches. "
                f"Received: index={index}."
            )
        return self._given(self.epoch, index % len(self))

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_prefetcher": None}  # threads cannot be copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def on_epoch_end(self) -> None:
        """Goes on to the next order; `fit` calls it at its start, too."""
        self.epoch += 1

    def _balanced(
        self,
        owner: str,
        balance: bool | Mapping[Any, float],
        classes: ArrayLike | None,
        names: Mapping[Any, Any] | None,
    ) -> Balance | None:
        if not isinstance(balance, Mapping) and not checks.boolean(
            owner, "balance", balance
        ):
            return None
        if not self.shuffle or classes is None:
            raise invalid_argument(
                owner,
                "balance",
                "False without "
                + (
                    "shuffle=True"
                    if classes is not None
                    else "a class of each item"
                ),
                balance,
            )
        return Balance(owner, classes, balance, names)

    def _given(self, epoch: int, index: int) -> Any:
        """Returns a batch of any epoch, which threads may have made."""
        if self._threads == 1:
            return self._made(epoch, index)
        if self._prefetcher is None or not self._prefetcher.has_threads:
            self._prefetcher = Prefetcher(
                self._made, self._threads, self._most, self._owner
            )
        return self._prefetcher.get(epoch, index, len(self))

    def _made(self, epoch: int, index: int) -> Any:
        """Makes a batch and transforms it whole."""
        batch = self._make(epoch, index)
        if self.batch_transform is None:
            return batch
        if not isinstance(batch, tuple) or len(batch) < 2:
            raise invalid_argument(
                self._owner,
                "batch_transform",
                "None without targets",
                self.batch_transform,
            )
        inputs, targets, *weights = batch
        result = with_rng(
            self.batch_transform,
            self._random_of(epoch, index, 1),
            inputs,
            targets,
        )
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise invalid_argument(
                self._owner,
                "batch_transform",
                "a function that returns two things, inputs and targets",
                type(result).__name__,
                error=TypeError,
            )
        return (*result, *weights)

    def _make(self, epoch: int, index: int) -> Any:
        """Makes a batch."""
        raise NotImplementedError  # each kind of data set reads its own

    def _items_of(self, epoch: int, index: int) -> np.ndarray:
        """Returns the numbers of the items of a batch."""
        return self._chosen(epoch, self._edge(index), self._edge(index + 1))

    def _random_of(
        self, epoch: int, index: int, use: int = 0
    ) -> np.random.Generator:
        """Returns the random numbers that belong to a batch, for one use."""
        # NumPy fills seeds up with zeros, and (start, epoch) is the order's.
        seeds = [self._start, epoch, 1 + self._index, index, use]
        return np.random.default_rng(seeds if use else seeds[:-1])

    def _edge(self, batch: int) -> int:
        """Where a batch begins; those that follow have an item each at least.

        Without the second term a shard with one item less than another could
        come out at one batch less.
        """
        left = len(self) - batch
        return min(batch * self.batch_size, self.num_items - left)

    def _chosen(self, epoch: int, start: int, stop: int) -> np.ndarray:
        places = np.arange(start, stop) * self._count + self._index
        if not self.shuffle:
            return places
        if self._balance is not None:
            return self._balance.order(self._start, epoch)[places]
        return shuffled(places, self._total, (self._start, epoch))


def with_rng(
    function: Callable[..., Any], rng: np.random.Generator, *arguments: Any
) -> Any:
    """Calls a function, with random numbers if it has a parameter `rng`."""
    try:
        parameters: Any = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in functions have none
        parameters = ()
    if "rng" in parameters:
        return function(*arguments, rng=rng)
    return function(*arguments)


def start_of_order(owner: str, seed: object) -> tuple[int | None, int]:
    """Returns a seed, and the number that random orders start from.

    Both are the same unless the seed is `None`: then NumPy's global generator
    gives the start, which `keras.utils.set_random_seed` sets.
    """
    if seed is None:
        return None, int(np.random.randint(2**31))
    start = checks.integer(owner, "seed", seed, minimum=0)
    return start, start
