"""Batches for `fit` out of IDX files that may be larger than memory.

    batch b of epoch e  =  items order(e)[i]  for i in edge(b)..edge(b + 1) - 1

The order is computed from seed and epoch, not stored, and only the items of
one batch are read: memory does not grow with the files.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets._batches import Batches, with_rng
from keras_extras.datasets._prepare import without_column
from keras_extras.datasets.idx._error import IdxFormatError
from keras_extras.datasets.idx._mapped import IdxArray, open_idx


class IdxDataset(Batches):
    """Feeds `fit` with batches of IDX files, mapped and not loaded.

        dataset[b] == (transform(images[chosen]), labels[chosen])

    for `fit`, `evaluate` and `predict` on every backend. In each epoch every
    item comes once. With `shuffle` the order differs from epoch to epoch and
    is the same for the same `seed`, with any number of workers, and in each
    process: `shard` cuts one order into disjoint parts for data-parallel
    training.

    Args:
        images: path of a plain IDX file, a list of paths whose items follow
            each other, or anything with `shape` that gives an array for an
            array of indices: an `IdxArray`, a NumPy array. Axis 0 counts the
            items; at least two axes.
        labels: likewise, with as many items, or `None` for batches without
            labels, `(inputs,)`.
        batch_size: int > 0. Items per batch, and per shard; the last batch
            may be smaller.
        shuffle: whether the order is random, anew in each epoch. Leave it
            `False` for `predict`, so that row i is of image i.
        seed: int >= 0. Start of the random order; `None` takes one from
            NumPy's generator (`keras.utils.set_random_seed` sets it).
        transform: function of a batch of images, a new array, that returns
            what the model gets, such as `scale_to_unit`; `None` for the
            numbers as they are stored. A parameter called `rng`, if it has
            one, is given a `numpy.random.Generator` that depends on seed,
            epoch and batch only: random changes with it are the same
            whichever worker makes them.
        drop_remainder: whether the items that do not fill the last batch are
            left out of the epoch; others in each, if the order is random. For
            what compiles anew for each size, and devices that share a batch.
        workers: int > 0. With more than one, so many threads make the next
            batches while the model works. The batches are the same. Keras's
            own workers are not used: those of Keras 3.15 hand batches of one
            epoch over to the next after the first call of `fit`.
        max_queue_size: int > 0. How many batches may wait.
        label_transform: likewise a function of a batch of labels.
        batch_transform: function of images and labels, after the others, that
            returns both, such as a mixture of images and of their labels;
            `rng` as for `transform`.
        sample_weight: weight of each item, as `labels`, or `None`.
        balance: `True` for all classes equally often, or a dict from label to
            weight; with `shuffle=True`. An epoch keeps its length: items of
            rare classes come several times in it.

    Attributes:
        epoch: int. Which order comes next; `on_epoch_end` counts it up. To go
            on where a run stopped, set it to the number of epochs done.
        num_items: number of items in an epoch, of this shard.

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
        drop_remainder: bool = False,
        workers: int = 1,
        max_queue_size: int = 10,
        label_transform: Callable[..., Any] | None = None,
        batch_transform: Callable[..., Any] | None = None,
        sample_weight: Any = None,
        balance: bool | Mapping[Any, float] = False,
    ) -> None:
        self.images: Any = _opened(images, "images")
        self.labels: Any | None = (
            None if labels is None else _opened(labels, "labels")
        )
        _check_pair(self.images, self.labels)
        self.sample_weight: Any | None = None
        if sample_weight is not None:
            weights = _opened(sample_weight, "sample_weight")
            self.sample_weight = weights
            if tuple(weights.shape) != tuple(self.images.shape[:1]):
                raise invalid_argument(
                    "IdxDataset",
                    "sample_weight.shape",
                    f"{tuple(self.images.shape[:1])}, one for each image",
                    tuple(weights.shape),
                )
        self.transform: Any = checks.function(
            "IdxDataset",
            "transform",
            transform,
            "a function of a batch of images, or None",
        )
        self.label_transform: Any = checks.function(
            "IdxDataset",
            "label_transform",
            label_transform,
            "a function of a batch of labels, or None",
        )
        classes = self.labels
        if balance is not False and classes is not None:
            classes = without_column(np.asarray(classes[:]))
        super().__init__(
            self.images.shape[0],
            batch_size,
            shuffle,
            seed,
            drop_remainder=drop_remainder,
            workers=workers,
            max_queue_size=max_queue_size,
            batch_transform=batch_transform,
            balance=balance,
            classes=classes,
            owner="IdxDataset",
        )

    def _make(self, epoch: int, index: int) -> tuple[Any, ...]:
        chosen = self._items_of(epoch, index)
        inputs = _taken(self.images, chosen)
        if self.transform is not None:
            rng = self._random_of(epoch, index)
            inputs = with_rng(self.transform, rng, inputs)
        if self.labels is None:
            return (inputs,)
        labels: Any = _taken(self.labels, chosen)
        if self.label_transform is not None:
            rng = self._random_of(epoch, index, 2)
            labels = with_rng(self.label_transform, rng, labels)
        if self.sample_weight is None:
            return inputs, labels
        return inputs, labels, _taken(self.sample_weight, chosen)


class _Joined:
    """Several arrays, one after the other, as one array."""

    def __init__(self, parts: list[Any], argument: str) -> None:
        for part in parts[1:]:
            if part.shape[1:] != parts[0].shape[1:] or (
                part.dtype != parts[0].dtype
            ):
                raise invalid_argument(
                    "IdxDataset",
                    argument,
                    "files of items of one shape and dtype",
                    [(p.shape, str(p.dtype)) for p in parts],
                )
        self._parts = parts
        self._edges = np.cumsum([0, *(len(part) for part in parts)])
        self.dtype = parts[0].dtype
        self.shape: tuple[int, ...] = (
            int(self._edges[-1]),
            *parts[0].shape[1:],
        )

    def __getitem__(self, rows: Any) -> np.ndarray:
        rows = np.arange(self.shape[0])[rows]
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for part, start, stop in zip(
            self._parts, self._edges, self._edges[1:], strict=False
        ):
            here = np.flatnonzero((rows >= start) & (rows < stop))
            if here.size:
                result[here] = part[rows[here] - start]
        return result


def _opened(source: Any, argument: str) -> Any:
    if isinstance(source, str | os.PathLike):
        return open_idx(source)
    if isinstance(source, list) and all(
        isinstance(part, str | os.PathLike) for part in source
    ):
        parts = [open_idx(part) for part in source]
        if parts:
            return _Joined(parts, argument)
    if not hasattr(source, "shape") or not hasattr(source, "__getitem__"):
        raise invalid_argument(
            "IdxDataset",
            argument,
            "a path of a plain IDX file, a list of them, or an array",
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
    return invalid_argument(
        "IdxDataset", name, f"of {allowed}", source.shape, fix=advice
    )
