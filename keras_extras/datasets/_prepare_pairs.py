"""Pairs of images and labels, as they are read, into what `fit` takes.

    scale, split, add an axis of channels, one-hot        in one call

Made of the functions of `_prepare` and `_split`, which do one thing each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets import _prepare
from keras_extras.datasets._split import validation_rows

_Pair = tuple[ArrayLike, ArrayLike]

# Images, labels, and which images are meant, `None` for all.
_Part = tuple[np.ndarray, np.ndarray, np.ndarray | None]
_Images = list[tuple[np.ndarray, np.ndarray | None]]


def _scaled(parts: _Images, **scaling: float) -> list[np.ndarray]:
    return [
        _prepare.divided("prepare", images, rows=rows, **scaling)
        for images, rows in parts
    ]


def _standardized(parts: _Images) -> list[np.ndarray]:
    for images, _ in parts:
        checks.array("prepare", "images", images, "buif")
    return _prepare.standardized("prepare", parts)


_SCALINGS: dict[str, Callable[[_Images], list[np.ndarray]]] = {
    "unit": lambda parts: _scaled(parts, by=1.0),
    "signed": lambda parts: _scaled(parts, by=0.5, less=1.0),
    "standard": _standardized,
}


def prepare(
    train: _Pair,
    *others: _Pair,
    scaling: str = "unit",
    validation_size: float | None = None,
    seed: int | None = None,
    one_hot: bool = False,
    num_classes: int | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Turns images and labels into inputs and targets of a network.

        x = scaled images, (count, height, width, channels)
        y = labels as int32, or one row per label

    What a course does between loading and `fit`, for what the loaders of this
    package and of `keras.datasets` return. Everything that is learned from
    the data is learned from the training part alone.

    Args:
        train: `(images, labels)` to train with. Images are unsigned integers
            `(count, height, width)`, which get an axis for the one channel,
            or of another rank, which they keep; labels are integers
            `(count,)` or, as CIFAR's, `(count, 1)`.
        *others: further pairs, for testing, treated alike.
        scaling: `"unit"` for values in [0, 1] (see `scale_to_unit`),
            `"signed"` for [-1, 1] (see `scale_to_signed`) or `"standard"` for
            mean 0 per pixel and one standard deviation, with the statistics
            of the training part (see `standardize`).
        validation_size: share or number of the training examples to validate
            with, of each class alike (see `train_validation_split`). `None`
            splits nothing off.
        seed: int >= 0 for the same split each time, or `None`.
        one_hot: whether targets are rows with a single one, float32.
        num_classes: length of these rows; `None` for the largest label of all
            pairs plus one.

    Returns:
        Tuple of pairs `(x, y)`: of `train`, of its validation part if there
        is one, then of each of `others`.

    Raises:
        TypeError: if an array has the wrong dtype.
        ValueError: if a pair is none, if an argument is out of range, or if
            images and labels differ in number.

    Examples:
        >>> from keras_extras.datasets import load_mnist, prepare
        >>> train, validation, test = prepare(
        ...     *load_mnist(), validation_size=500, seed=0
        ... )
        >>> [x.shape for x, y in (train, validation, test)]
        [(8000, 28, 28, 1), (500, 28, 28, 1), (1500, 28, 28, 1)]
    """
    checks.choice("prepare", "scaling", scaling, tuple(_SCALINGS))
    one_hot = checks.boolean("prepare", "one_hot", one_hot)
    if seed is not None:
        checks.integer("prepare", "seed", seed, minimum=0)
    pairs = [_arrays("train", train)]
    others_pairs = [
        _arrays(f"others[{i}]", pair) for i, pair in enumerate(others)
    ]
    parts: list[_Part] = [(*pairs[0], None)]
    if validation_size is not None:
        images, labels = pairs[0]
        validates = validation_rows(
            "prepare", len(labels), validation_size, labels, seed
        )
        rows = (np.flatnonzero(~validates), np.flatnonzero(validates))
        parts = [(images, labels[chosen], chosen) for chosen in rows]
    parts += [(*pair, None) for pair in others_pairs]
    inputs = _SCALINGS[scaling]([(images, rows) for images, _, rows in parts])
    targets = [labels for _, labels, _ in parts]
    if one_hot:
        if num_classes is None:
            num_classes = 1 + max(int(y.max(initial=0)) for y in targets)
        targets = [_prepare.one_hot(y, num_classes) for y in targets]
    else:
        targets = [_int32(y) for y in targets]
    return tuple(
        (x[..., None] if x.ndim == 3 else x, y)
        for x, y in zip(inputs, targets, strict=True)
    )


def _int32(labels: np.ndarray) -> np.ndarray:
    result = labels.astype(np.int32)
    wrong = np.flatnonzero(result != labels)
    if wrong.size:
        raise invalid_argument(
            "prepare",
            "labels",
            "class numbers that int32 holds",
            int(labels[wrong[0]]),
            fix="Number the classes: labels = np.unique(labels, "
            "return_inverse=True)[1].",
        )
    return result


def _arrays(name: str, pair: Any) -> tuple[np.ndarray, np.ndarray]:
    is_pair = isinstance(pair, tuple | list) and len(pair) == 2
    if not is_pair or isinstance(pair[0], tuple):
        raise invalid_argument(
            "prepare",
            name,
            "a pair of arrays, (images, labels)",
            _structure(pair),
            fix="Hand over what a loader returned with a star: "
            "prepare(*load_fashion_mnist()).",
            error=TypeError,
        )
    images, labels = map(np.asarray, pair)
    labels = _prepare.without_column(labels)
    if labels.ndim != 1 or images.shape[:1] != labels.shape:
        raise invalid_argument(
            "prepare",
            name,
            "images and labels of the same number, labels (count,)",
            (images.shape, labels.shape),
            context="These are their shapes.",
        )
    checks.array("prepare", f"{name}[1]", labels, "iu")
    return images, labels


def _structure(value: Any) -> str:
    """Says what a value is made of, instead of thousands of numbers."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_structure, value))})"
    return type(value).__name__
