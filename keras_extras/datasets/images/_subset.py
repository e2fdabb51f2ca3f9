"""Which images are those to train with, and which to validate with.

    training + validation = all images       whatever the order of the calls

The two parts are two data sets of one generator, which is why all that decides
is an argument of the generator: parts that were made with different seeds
would overlap.
"""

import warnings
from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets._split import validation_rows
from keras_extras.datasets.images._standardize import OWNER


class Split(Protocol):
    """What decides on the parts; see `ImageDataGenerator`."""

    validation_split: float
    shuffle_split: bool
    stratify: bool
    split_seed: int


def subset_rows(
    split: Split,
    subset: str | None,
    count: int,
    *,
    owner: str,
    classes: ArrayLike | None = None,
    groups: Sequence[Hashable] | np.ndarray | None = None,
    each_class: bool = False,
) -> np.ndarray:
    """Returns which of `count` images belong to a part, in their order.

    Args:
        split: the generator.
        subset: `"training"`, `"validation"`, or `None` for all.
        count: number of images.
        owner: whom errors and warnings speak for.
        classes: class of each image, or `None` where there are none.
        groups: group of each image, or `None`: groups are not torn apart.
        each_class: whether without a random split the first images of each
            class validate, instead of the first of all.
    """
    checks.choice(owner, "subset", subset, ("training", "validation", None))
    if subset is None:
        return np.arange(count)
    share = split.validation_split
    if subset == "validation" and not share:
        raise invalid_argument(
            owner,
            "subset",
            "None without a validation_split",
            subset,
            fix="Give the generator one: "
            "ImageDataGenerator(validation_split=0.2).",
        )
    if not share or not count:
        validates = np.zeros(count, bool)
    elif groups is not None:
        validates = _whole_groups(split, groups, count, owner)
    elif split.stratify or split.shuffle_split:
        stratify = classes if split.stratify else None
        if split.stratify and classes is None:
            raise invalid_argument(
                OWNER,
                "stratify",
                "False where images have no classes",
                split.stratify,
                context=f"{owner} has none.",
            )
        validates = validation_rows(
            owner, count, share, stratify, split.split_seed
        )
    else:
        validates = np.zeros(count, bool)
        parts: list[np.ndarray] = [np.arange(count)]
        if each_class and classes is not None:
            known = np.asarray(classes)
            parts = [np.flatnonzero(known == c) for c in np.unique(known)]
        for rows in parts:
            validates[rows[: int(len(rows) * share)]] = True
    return np.flatnonzero(validates == (subset == "validation"))


def warn_of_missing_classes(
    classes: np.ndarray, rows: np.ndarray, subset: str | None, owner: str
) -> None:
    """Warns if a class is in one of the two parts only."""
    if subset is None:
        return
    here = np.zeros(len(classes), bool)
    here[rows] = True
    other = "validation" if subset == "training" else "training"
    lacking: list[str] = []
    for part, mask in ((subset, here), (other, ~here)):
        missing = sorted(set(classes.tolist()) - set(classes[mask].tolist()))
        if missing and mask.any():
            more = f" and {len(missing) - 3} more" * (len(missing) > 3)
            shown = ", ".join(map(repr, missing[:3]))
            lacking.append(f"the {part} part has no image of {shown}{more}")
    if lacking:
        warnings.warn(
            f"{owner}: {'; '.join(lacking)}. For parts with all classes use "
            "ImageDataGenerator(..., stratify=True).",
            stacklevel=5,
        )


def _whole_groups(
    split: Split,
    groups: Sequence[Hashable] | np.ndarray,
    count: int,
    owner: str,
) -> np.ndarray:
    if len(groups) != count:
        raise invalid_argument(
            owner, "groups", f"one for each of {count} images", len(groups)
        )
    if split.stratify:
        raise invalid_argument(
            OWNER,
            "stratify",
            "False with groups, which decide which images stay together",
            split.stratify,
        )
    numbers: dict[Hashable, int] = {}
    of_image = np.array([numbers.setdefault(g, len(numbers)) for g in groups])
    if len(numbers) < 2:
        raise invalid_argument(
            owner, "groups", "two different ones at least", list(numbers)
        )
    order = np.random.default_rng(split.split_seed).permutation(len(numbers))
    sizes = np.cumsum(np.bincount(of_image)[order])
    # As many groups as come closest to the share of images.
    best = int(np.argmin(np.abs(sizes[:-1] - split.validation_split * count)))
    return np.isin(of_image, order[: best + 1])
