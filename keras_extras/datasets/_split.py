"""Which examples validate, and how much each class counts.

    validation examples of class c = size * (examples of class c), rounded
    weight of class c = n / (classes * n of class c)

Functions of the labels alone; the arrays are indexed once.
"""

import fractions
import math
import warnings

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets._batches import start_of_order
from keras_extras.datasets._prepare import without_column

_Arrays = tuple[np.ndarray, ...]
_BLOCK = 1 << 18  # labels looked at at a time


def train_validation_split(
    *arrays: ArrayLike,
    validation_size: float = 0.2,
    stratify: ArrayLike | None = None,
    seed: int | None = None,
) -> tuple[_Arrays, _Arrays]:
    """Splits examples at random into those to train and those to validate.

        ceil(validation_size * n) of n examples validate

    Keras's `validation_split` takes the last rows as they stand: data that is
    sorted by class then validates on classes that it was not trained on. The
    arrays of one example stay together, and both parts keep the order of the
    data.

    Args:
        *arrays: arrays `(n, ...)`, of one example in each row: images,
            labels, sample weights.
        validation_size: share of the examples, a float between 0 and 1, or
            their number, an int from 1 to n - 1.
        stratify: class of each example, `(n,)` or `(n, 1)`, often the
            labels: then each class has its share of the validation examples,
            to within one example. Rare classes may have none there; a class
            keeps one example to train with, or a warning names it.
        seed: int >= 0; the same seed gives the same split. `None` takes it
            from NumPy's global generator, which `keras.utils.set_random_seed`
            sets.

    Returns:
        `(train, validation)`, each a tuple of as many new arrays as given:
        `validation` can be handed to `fit` as `validation_data`.

    Raises:
        TypeError: if an argument is not of the type above.
        ValueError: if there is no array, if they differ in length, or if a
            part would be empty.

    Examples:
        >>> from keras_extras.datasets import train_validation_split
        >>> x, y = np.arange(10), np.array([0] * 8 + [1] * 2)
        >>> train, validation = train_validation_split(
        ...     x, y, validation_size=0.5, stratify=y, seed=0
        ... )
        >>> validation[1].tolist()
        [0, 0, 0, 0, 1]

    References:
        `sklearn.model_selection.train_test_split` has the same rounding, and
        returns the parts array by array and shuffled.
    """
    owner = "train_validation_split"
    given = [np.asarray(array) for array in arrays]
    n = _check_lengths(owner, given)
    validates = validation_rows(owner, n, validation_size, stratify, seed)
    return (
        tuple(array[~validates] for array in given),
        tuple(array[validates] for array in given),
    )


def validation_rows(
    owner: str,
    n: int,
    validation_size: float,
    stratify: ArrayLike | None,
    seed: int | None,
) -> np.ndarray:
    """Returns a mask of those of n examples that validate."""
    count = _validation_count(owner, validation_size, n)
    generator = np.random.default_rng(start_of_order(owner, seed)[1])
    validates = np.zeros(n, bool)
    if stratify is None:
        validates[_permutation(generator, n)[:count]] = True
    else:
        numbers, names = _classes(owner, stratify, n)
        validates[_stratified(owner, numbers, names, count, generator)] = True
    return validates


def class_weights(labels: ArrayLike) -> dict[int, float]:
    """Weighs classes so that rare ones count as much as frequent ones.

        weight[c] = n / (classes * n[c])       sum of all weights = n

    For `fit(class_weight=...)`. Classes that do not occur have no weight,
    and n, the number of examples, keeps the size of the loss.

    Args:
        labels: integer array `(n,)` or `(n, 1)` with the class of each
            example.

    Returns:
        Dictionary from class to weight, in order of the classes.

    Raises:
        TypeError: if the labels are not integers.
        ValueError: if there are none, or if they are not one per example.

    Examples:
        >>> from keras_extras.datasets import class_weights
        >>> class_weights([0, 0, 0, 1])
        {0: 0.6666666666666666, 1: 2.0}

    References:
        `"balanced"` of scikit-learn, after King & Zeng, "Logistic Regression
        in Rare Events Data", 2001.
    """
    labels = without_column(np.asarray(labels))
    if labels.ndim != 1 or labels.size == 0:
        raise invalid_argument(
            "class_weights",
            "labels.shape",
            "(n,), with n > 0",
            labels.shape,
            fix="Of rows with a single one, take labels.argmax(axis=-1)."
            if labels.ndim == 2
            else "",
        )
    checks.array(
        "class_weights",
        "labels",
        labels,
        "iu",
        fix="Use labels.astype('int64') if the labels are whole numbers.",
    )
    classes, counts = np.unique(labels, return_counts=True)
    weights = labels.size / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def _check_lengths(owner: str, arrays: list[np.ndarray]) -> int:
    if not arrays:
        raise invalid_argument(owner, "arrays", "one array at least", ())
    for array in arrays:
        if array.ndim == 0 or len(array) != len(arrays[0]):
            raise invalid_argument(
                owner,
                "arrays",
                "of one length",
                [array.shape for array in arrays],
                context="These are their shapes.",
            )
    return len(arrays[0])


def _validation_count(owner: str, size: float, n: int) -> int:
    size = checks.number(owner, "validation_size", size)
    is_share = isinstance(size, float)
    if is_share and not 0 < size < 1:
        raise invalid_argument(
            owner,
            "validation_size",
            "a float between 0 and 1 or a positive integer",
            size,
        )
    # Of the digits that were written: as a float, 0.07 * 100 is above 7.
    written = fractions.Fraction(str(float(size)))
    count = math.ceil(written * n) if is_share else int(size)
    if not 0 < count < n:
        raise invalid_argument(
            owner,
            "validation_size",
            f"such that of {n} examples each part has one at least",
            size,
        )
    return count


def _classes(
    owner: str, stratify: ArrayLike, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of each example's class, and the classes, sorted."""
    classes = without_column(np.asarray(stratify))
    if classes.shape != (n,):
        raise invalid_argument(
            owner,
            "stratify.shape",
            f"{(n,)}, with the class of each example",
            classes.shape,
        )
    # In blocks: NumPy's `unique` needs many times the memory of the labels.
    parts = [classes[start : start + _BLOCK] for start in range(0, n, _BLOCK)]
    names = np.unique(np.concatenate([np.unique(part) for part in parts]))
    numbers = np.empty(n, np.uint32)
    for start, part in zip(range(0, n, _BLOCK), parts, strict=True):
        numbers[start : start + _BLOCK] = np.searchsorted(names, part)
    return numbers, names


def _permutation(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.permutation(np.arange(n, dtype=np.min_scalar_type(n)))


def _stratified(
    owner: str,
    numbers: np.ndarray,
    names: np.ndarray,
    count: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Returns which examples validate, of each class its share."""
    sizes = np.bincount(numbers, minlength=len(names))
    # Whole shares first; what is missing goes to the largest remainders.
    # In integers, so that no share is a rounding error away from the next.
    shares, remainders = np.divmod(sizes * count, len(numbers))
    missing = count - shares.sum()
    # Equal remainders are told apart by chance, not by the class's number.
    # Classes that would have nothing left to train with come last.
    order = np.lexsort(
        (generator.random(len(sizes)), -remainders, shares + 1 >= sizes)
    )
    shares[order[:missing]] += 1
    lost = names[shares == sizes].tolist()
    if lost:
        warnings.warn(
            f"{owner}: {len(lost)} of {len(names)} classes have all their "
            f"examples in the validation part and none to train with: "
            f"{', '.join(map(repr, lost[:5]))}{', ...' * (len(lost) > 5)}. "
            "They have too few examples for so large a part.",
            stacklevel=4,
        )
    shuffled = _permutation(generator, len(numbers))
    grouped = shuffled[np.argsort(numbers[shuffled], kind="stable")]
    # Of each class the first ones, as many as its share.
    runs = np.stack([shares, sizes - shares], axis=1).ravel()
    return grouped[np.repeat(np.tile([True, False], len(sizes)), runs)]
