"""Batches for `fit` out of IDX files that may be larger than memory.

    batch b of epoch e  =  items order(e)[i]  for i in edge(b)..edge(b + 1) - 1

The order is computed from seed and epoch, not stored, and only the items of
one batch are read: memory does not grow with the files.
"""

import copy
import inspect
import operator
import os
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from keras.utils import PyDataset

from keras_extras import _errors
from keras_extras.datasets._idx_error import IdxFormatError
from keras_extras.datasets._idx_map import IdxArray, open_idx
from keras_extras.datasets._order import shuffled


class IdxDataset(PyDataset):
    """Feeds `fit` with batches of IDX files, mapped and not loaded.

        dataset[b] == (transform(images[chosen]), labels[chosen])

    for `fit`, `evaluate` and `predict` on every backend. In each epoch every
    item comes once. With `shuffle` the order differs from epoch to epoch and
    is the same for the same `seed`, with any number of workers, and in each
    process: `shard` cuts one order into disjoint parts for data-parallel
    training.

    Args:
        images: path of a plain IDX file, or anything with `shape` that gives
            an array for an array of indices: an `IdxArray`, a NumPy array.
            Axis 0 counts the items; at least two axes.
        labels: likewise, with as many items, or `None` for batches without
            labels, `(inputs,)`.
        batch_size: int > 0. Items per batch, and per shard; the last batch
            may be smaller.
        shuffle: whether the order is random, anew in each epoch. Leave it
            `False` for `predict`, so that row i is of image i.
        seed: int >= 0. Start of the random order; `None` takes one from
            Python's generator (`keras.utils.set_random_seed` sets it).
        transform: function of a batch of images, a new array, that returns
            what the model gets, such as `scale_to_unit`; `None` for the
            numbers as they are stored. A parameter called `rng`, if it has
            one, is given a `numpy.random.Generator` that depends on seed,
            epoch and batch only: random changes with it are the same
            whichever worker makes them.
        workers: int > 0. With more than one, so many threads make the next
            batches while the model works. The batches are the same. Keras's
            own workers are not used: those of Keras 3.15 hand batches of one
            epoch over to the next after the first call of `fit`.
        max_queue_size: int > 0. How many batches may wait.

    Attributes:
        epoch: int. Which order comes next; `on_epoch_end` counts it up. To go
            on where a run stopped, set it to the number of epochs done.
        num_items: number of items, of this shard.

    Raises:
        IdxFormatError: if a file is damaged or compressed, if images and
            labels differ in number, or if the images file holds labels.
        TypeError: if an argument has the wrong type.
        ValueError: if an argument has a wrong value, or arrays do not fit to
            each other.

    `fit` shuffles too: unless it is called with `shuffle=False`, it takes the
    batches of any `PyDataset` in an order of its own, by Python's generator,
    and the threads cannot work ahead.

    Examples:
        >>> import tempfile
        >>> from keras_extras.datasets import IdxDataset, write_idx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_idx(f"{folder}/x", np.zeros((5, 28, 28), "uint8"))
        ...     write_idx(f"{folder}/y", np.arange(5, dtype="uint8"))
        ...     dataset = IdxDataset(f"{folder}/x", f"{folder}/y", batch_size=3)
        ...     [(x.shape, y.tolist()) for x, y in dataset]
        [((3, 28, 28), [0, 1, 2]), ((2, 28, 28), [3, 4])]

    References:
        Equals `keras.utils.PyDataset` in what `fit` does with it.
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        transform: Callable[..., Any] | None = None,
        *,
        workers: int = 1,
        max_queue_size: int = 10,
    ) -> None:
        super().__init__()
        self.images = _opened(images, "images")
        self.labels = None if labels is None else _opened(labels, "labels")
        _check_pair(self.images, self.labels)
        self.batch_size = _integer("batch_size", batch_size, 1)
        self.shuffle = bool(shuffle)
        self.seed = None if seed is None else _integer("seed", seed, 0)
        if transform is not None and not callable(transform):
            raise _errors.wrong(
                "IdxDataset",
                "transform",
                "a function of a batch of images, or None",
                transform,
                error=TypeError,
            )
        self.transform = transform
        self.epoch = 0
        self.num_items = self.images.shape[0]
        start = random.getrandbits(64) if self.seed is None else self.seed
        self._start: int = start
        self._index, self._count = 0, 1
        self._threads = _integer("workers", workers, 1)
        self._most = _integer("max_queue_size", max_queue_size, 1)
        self._forget()

    def shard(self, index: int, count: int) -> "IdxDataset":
        """Returns one of `count` data sets that share out the items.

            item i of the order belongs to shard i % count

        Every item belongs to one shard. All shards have the same number of
        batches, so that workers that wait for each other after each step
        never wait forever; where the items do not divide evenly, the last
        batches of two shards differ by one item.

        Args:
            index: number of the shard, from 0, such as the rank of a process.
            count: number of shards.

        Returns:
            New `IdxDataset` over the same files, in the same epoch.

        Raises:
            ValueError: if there is no such shard; if the order is random and
                `seed` is `None`, since other processes would draw another
                one; if there are too few items for equally many batches.
        """
        count = _integer("count", count, 1, "IdxDataset.shard")
        index = _integer("index", index, 0, "IdxDataset.shard")
        if index >= count:
            raise _errors.wrong(
                "IdxDataset.shard", "index", f"from 0 to {count - 1}", index
            )
        if self._count > 1:
            raise ValueError(
                "IdxDataset.shard: this is a shard already; cut the whole "
                "data set instead."
            )
        if self.shuffle and self.seed is None:
            raise _errors.wrong(
                "IdxDataset.shard",
                "seed",
                "an integer, the same in all processes, to cut a random order",
                self.seed,
            )
        part = copy.copy(self)
        part._forget()
        part._index, part._count = index, count
        total = self.num_items
        part.num_items = (total - index + count - 1) // count
        if total // count < len(part):
            raise _errors.wrong(
                "IdxDataset.shard",
                "count",
                f"one that gives each shard {len(part)} batches",
                count,
                context=f"Of {total} items a shard gets {total // count}.",
                fix="Use batch_size=2 or more, or fewer shards.",
            )
        return part

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch, the same for all shards."""
        most = -(-self.images.shape[0] // self._count)
        return -(-most // self.batch_size)

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> tuple:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(
                f"IdxDataset: batch {index} of {len(self)}: count from 0."
            )
        if self._threads == 1:
            return self._batch(self.epoch, index)
        return self._from_threads(self.epoch, index)

    def __getstate__(self) -> dict:
        threads = ("_pool", "_ahead", "_last")
        return {k: v for k, v in vars(self).items() if k not in threads}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self._forget()

    def on_epoch_end(self) -> None:
        """Goes on to the next order; `fit` calls it at its start, too."""
        self.epoch += 1

    def _batch(self, epoch: int, index: int) -> tuple:
        edges = self._edge(index), self._edge(index + 1)
        chosen = self._chosen(epoch, *edges)
        inputs = _taken(self.images, chosen)
        if self.transform is None:
            pass
        elif _takes_rng(self.transform):
            seeds = (self._start, epoch, self._index, index)
            inputs = self.transform(inputs, rng=np.random.default_rng(seeds))
        else:
            inputs = self.transform(inputs)
        if self.labels is None:
            return (inputs,)
        return inputs, _taken(self.labels, chosen)

    def _forget(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[tuple[int, int], Future] = {}
        self._last = (-1, -1)

    def _from_threads(self, epoch: int, index: int) -> tuple:
        """Gives a batch, and has those after it made if they are next."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        ready = self._ahead.pop((epoch, index), None)
        in_turn = index == 0 or self._last == (epoch, index - 1)
        self._last = (epoch, index)
        stop = min(index + 1 + self._most, len(self)) if in_turn else 0
        coming = [(epoch, following) for following in range(index + 1, stop)]
        for key in [key for key in self._ahead if key not in coming]:
            self._ahead.pop(key).cancel()
        for key in coming:
            if key not in self._ahead:
                self._ahead[key] = self._pool.submit(self._batch, *key)
        return ready.result() if ready else self._batch(epoch, index)

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
        seeds = (self._start, epoch)
        return shuffled(places, self.images.shape[0], seeds)


def _opened(source: Any, argument: str) -> Any:
    if isinstance(source, str | os.PathLike):
        return open_idx(source)
    if not hasattr(source, "shape") or not hasattr(source, "__getitem__"):
        raise _errors.wrong(
            "IdxDataset",
            argument,
            "a path of a plain IDX file or an array",
            source,
            fix="Pass an array: np.asarray(...).",
            error=TypeError,
        )
    return source


def _taken(source: Any, chosen: np.ndarray) -> np.ndarray:
    """Copies items; in the order of the file, which disks prefer."""
    if len(chosen) and (np.diff(chosen) == 1).all():
        return np.array(source[chosen[0] : chosen[-1] + 1])
    ascending = np.argsort(chosen)
    items = np.asarray(source[chosen[ascending]])
    result = np.empty_like(items)
    result[ascending] = items
    return result


def _check_pair(images: Any, labels: Any) -> None:
    if len(images.shape) < 2:
        swapped = labels is not None and len(labels.shape) > 1
        raise _unfit(
            images,
            3,
            "two dimensions or more, for images",
            f"{len(images.shape)}",
            "images.shape",
            "Images and labels are swapped: pass them the other way round."
            if swapped
            else "It looks like the labels: pass the file with the images.",
        )
    if labels is not None and (
        not labels.shape or labels.shape[0] != images.shape[0]
    ):
        raise _unfit(
            labels,
            4,
            f"{images.shape[0]} labels, one for each image of "
            f"{_called(images)}",
            f"{labels.shape[0] if labels.shape else 'a single number'}",
            "labels.shape",
            "The files belong to different data sets, or one is cut short.",
        )


def _called(source: Any) -> str:
    return source.path if isinstance(source, IdxArray) else "the array"


def _unfit(
    source: Any, offset: int, allowed: str, found: str, name: str, advice: str
) -> Exception:
    if isinstance(source, IdxArray):
        return IdxFormatError(source.path, offset, allowed, found, advice)
    return _errors.wrong(
        "IdxDataset", name, f"of {allowed}", source.shape, fix=advice
    )


def _integer(
    argument: str, value: Any, minimum: int, who: str = "IdxDataset"
) -> int:
    kind = "a positive integer" if minimum else "an integer of 0 or more"
    try:
        number = operator.index(value)
    except TypeError:
        raise _errors.wrong(
            who, argument, kind, value, error=TypeError
        ) from None
    if isinstance(value, bool) or number < minimum:
        raise _errors.wrong(who, argument, kind, value)
    return number


def _takes_rng(function: Callable[..., Any]) -> bool:
    try:
        return "rng" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in functions have none
        return False
