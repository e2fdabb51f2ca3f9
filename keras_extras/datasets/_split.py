"""Which examples validate, and how much each class counts.

    validation examples of class c = size * (examples of class c), rounded
    weight of class c = n / (classes * n of class c)

Functions of the labels alone; the arrays are indexed once.
"""

import fractions
import math
import operator

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _errors

_Arrays = tuple[np.ndarray, ...]


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
        stratify: class of each example `(n,)`, often the labels: then each
            class has its share of the validation examples, to within one
            example. Rare classes may have none there.
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
    count = _validation_count(owner, validation_size, n)
    generator = _generator(owner, seed)
    if stratify is None:
        chosen = generator.permutation(n)[:count]
    else:
        chosen = _stratified(_classes(owner, stratify, n), count, generator)
    validates = np.zeros(n, bool)
    validates[chosen] = True
    return (
        tuple(array[~validates] for array in given),
        tuple(array[validates] for array in given),
    )


def class_weights(labels: ArrayLike) -> dict[int, float]:
    """Weighs classes so that rare ones count as much as frequent ones.

        weight[c] = n / (classes * n[c])       sum of all weights = n

    For `fit(class_weight=...)`. Classes that do not occur have no weight,
    and n, the number of examples, keeps the size of the loss.

    Args:
        labels: integer array `(n,)` with the class of each example.

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
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise _errors.invalid_argument(
            "class_weights",
            "labels.shape",
            "(n,), with n > 0",
            labels.shape,
            fix="Of rows with a single one, take labels.argmax(axis=-1)."
            if labels.ndim == 2
            else "",
        )
    if labels.dtype.kind not in "iu":
        raise _errors.invalid_argument(
            "class_weights",
            "labels.dtype",
            "an integer dtype",
            str(labels.dtype),
            fix="Use labels.astype('int64') if the labels are whole numbers.",
            error=TypeError,
        )
    classes, counts = np.unique(labels, return_counts=True)
    weights = labels.size / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def _check_lengths(owner: str, arrays: list[np.ndarray]) -> int:
    if not arrays:
        raise _errors.invalid_argument(
            owner, "arrays", "one array at least", ()
        )
    for array in arrays:
        if array.ndim == 0 or len(array) != len(arrays[0]):
            raise _errors.invalid_argument(
                owner,
                "arrays",
                "of one length",
                [array.shape for array in arrays],
                context="These are their shapes.",
            )
    return len(arrays[0])


def _validation_count(owner: str, size: float, n: int) -> int:
    if isinstance(size, bool | np.bool) or not isinstance(
        size, int | float | np.integer | np.floating
    ):
        raise _errors.invalid_argument(
            owner,
            "validation_size",
            "a float between 0 and 1 or a positive integer",
            size,
            error=TypeError,
        )
    is_share = isinstance(size, float | np.floating)
    if is_share and not 0 < size < 1:
        raise _errors.invalid_argument(
            owner,
            "validation_size",
            "a float between 0 and 1 or a positive integer",
            size,
        )
    # Of the digits that were written: as a float, 0.07 * 100 is above 7.
    written = fractions.Fraction(str(float(size)))
    count = math.ceil(written * n) if is_share else int(size)
    if not 0 < count < n:
        raise _errors.invalid_argument(
            owner,
            "validation_size",
            f"such that of {n} examples each part has one at least",
            size,
        )
    return count


def _generator(owner: str, seed: int | None) -> np.random.Generator:
    if seed is None:
        seed = int(np.random.randint(2**31))
    try:
        if operator.index(seed) >= 0:
            return np.random.default_rng(seed)
    except TypeError:
        raise _errors.invalid_argument(
            owner, "seed", "an integer >= 0 or None", seed, error=TypeError
        ) from None
    raise _errors.invalid_argument(
        owner, "seed", "an integer >= 0 or None", seed
    )


def _classes(owner: str, stratify: ArrayLike, n: int) -> np.ndarray:
    classes = np.asarray(stratify)
    if classes.shape != (n,):
        raise _errors.invalid_argument(
            owner,
            "stratify.shape",
            f"{(n,)}, with the class of each example",
            classes.shape,
        )
    return classes


def _stratified(
    classes: np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    _, number, sizes = np.unique(
        classes, return_inverse=True, return_counts=True
    )
    # Whole shares first; what is missing goes to the largest remainders.
    # In integers, so that no share is a rounding error away from the next.
    shares, remainders = np.divmod(sizes * count, len(classes))
    missing = count - shares.sum()
    # Equal remainders are told apart by chance, not by the class's number.
    order = np.lexsort((generator.random(len(sizes)), -remainders))
    shares[order[:missing]] += 1
    shuffled = generator.permutation(len(classes))
    grouped = shuffled[np.argsort(number[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(classes)) - np.repeat(starts, sizes)
    return grouped[rank < np.repeat(shares, sizes)]
