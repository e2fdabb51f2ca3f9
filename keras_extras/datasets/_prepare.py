"""From stored numbers to what a network learns from well.

    x / 255        2 * x / 255 - 1        (x - mean) / std        one-hot

Pure functions from NumPy arrays to new float32 arrays; the statistics of
`standardize` come from the training data only, so nothing that is known of
the test data leaks into the model. Cost: one pass over the data each, two
more for the statistics. All go through the data in blocks, so that no copy of
it in float64 is ever made.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument

_BLOCK = 1 << 20  # numbers worked on at a time


def scale_to_unit(images: ArrayLike) -> np.ndarray:
    """Scales stored pixels to the unit interval.

        y = x / max           max = 255 for uint8, 65535 for uint16, ...

    0 becomes 0.0 and the largest number of the dtype becomes 1.0, whatever
    the picture holds, so pictures stay comparable with each other.

    Args:
        images: array of an unsigned integer dtype, of any shape. Other
            dtypes do not say which number is white, so they are refused.

    Returns:
        New float32 array of the same shape, with values in [0, 1].

    Raises:
        TypeError: if the dtype is not an unsigned integer.

    Examples:
        >>> from keras_extras.datasets import scale_to_unit
        >>> scale_to_unit(np.array([0, 51, 255], dtype="uint8")).tolist()
        [0.0, 0.20000000298023224, 1.0]

    References:
        `keras.layers.Rescaling(1 / 255)`, for uint8, up to rounding.
    """
    return divided("scale_to_unit", images, by=1.0)


def scale_to_signed(images: ArrayLike) -> np.ndarray:
    """Scales stored pixels to the signed unit interval.

        y = 2 * x / max - 1   max = 255 for uint8, 65535 for uint16, ...

    0 becomes -1.0 and the largest number of the dtype becomes 1.0: inputs
    around zero, as tanh outputs and many published networks have them.

    Args:
        images: array of an unsigned integer dtype, of any shape. Other
            dtypes do not say which number is white, so they are refused.

    Returns:
        New float32 array of the same shape, with values in [-1, 1].

    Raises:
        TypeError: if the dtype is not an unsigned integer.

    Examples:
        >>> from keras_extras.datasets import scale_to_signed
        >>> scale_to_signed(np.array([0, 255], dtype="uint8")).tolist()
        [-1.0, 1.0]

    References:
        `keras.layers.Rescaling(1 / 127.5, offset=-1)`, for uint8, up to
        rounding.
    """
    return divided("scale_to_signed", images, by=0.5, less=1)


def divided(
    owner: str,
    images: ArrayLike,
    *,
    by: float,
    less: float = 0,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Divides by a part of the largest number of the dtype, and subtracts.

    Args:
        owner: whom errors speak for.
        images: array of an unsigned integer dtype.
        by: the part of the largest number.
        less: what is subtracted then.
        rows: which images are meant, `None` for all.
    """
    images = np.asarray(images)
    if images.dtype.kind != "u":
        fixes = {
            "i": "If its values are 0 to 255, use images.astype('uint8').",
            "f": "If its values are 0 to 255, use images.astype('uint8'); if "
            "they are 0 to 1 already, nothing has to be scaled.",
            "b": "Use images.astype('float32'): the values are 0 and 1.",
        }
        raise invalid_argument(
            owner,
            "images.dtype",
            "an unsigned integer dtype, such as uint8",
            str(images.dtype),
            fix=fixes.get(images.dtype.kind, ""),
            error=TypeError,
        )
    divisor = by * float(np.iinfo(images.dtype).max)
    flat = images if images.ndim else images[None]
    result = _mapped(
        flat, rows, lambda x: np.divide(x, divisor, dtype=np.float32) - less
    )
    return result if images.ndim else result.reshape(())


def _blocks(
    array: np.ndarray, rows: np.ndarray | None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields blocks of some rows of an array, and where each belongs."""
    count = len(array) if rows is None else len(rows)
    step = max(1, _BLOCK // max(1, math.prod(array.shape[1:])))
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        yield part, array[part if rows is None else rows[part]]


def _mapped(
    array: np.ndarray,
    rows: np.ndarray | None,
    function: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Returns a float32 array of what a function makes of each block."""
    count = len(array) if rows is None else len(rows)
    result = np.empty((count, *array.shape[1:]), np.float32)
    for part, block in _blocks(array, rows):
        result[part] = function(block)
    return result


def mean_and_std(
    train: ArrayLike,
    *,
    mean_axis: int | tuple[int, ...] | None = 0,
    std_axis: int | tuple[int, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the statistics that `standardize` uses.

        mean = mean of train over mean_axis
        std  = sqrt(mean of (train - its mean over std_axis)**2 over std_axis)

    Keep them with the model: data that comes later is prepared by
    `(x - mean) / std`. Where all training values are equal, std is 1 and not
    0, so that the division leaves 0 there.

    Args:
        train: array of real numbers `(count, ...)`, the training data.
        mean_axis: axis or axes to average over, `None` for all. The default
            0 gives one mean per feature (per pixel).
        std_axis: likewise for the standard deviation. The default `None`
            gives one number for all features: dividing each pixel by its own
            would blow up the noise of those that hardly ever change.

    Returns:
        `(mean, std)`: float64 arrays with the number of axes of `train`, of
        size 1 along the axes averaged over, so they broadcast.

    Raises:
        TypeError: if `train` does not hold real numbers.
        ValueError: if `train` is empty, or holds NaN, infinity or numbers
            too large to square; if the axes do not include axis 0, since
            statistics of single examples fit no other data.

    Examples:
        >>> from keras_extras.datasets import mean_and_std
        >>> mean, std = mean_and_std([[0, 6], [4, 10]], std_axis=0)
        >>> mean.tolist(), std.tolist()
        ([[2.0, 8.0]], [[2.0, 2.0]])

    References:
        `numpy.std` with `ddof=0`.
    """
    array = checks.array("mean_and_std", "train", train, "buif")
    return _statistics("mean_and_std", array, None, mean_axis, std_axis)


def standardize(
    train: ArrayLike,
    *others: ArrayLike,
    mean_axis: int | tuple[int, ...] | None = 0,
    std_axis: int | tuple[int, ...] | None = None,
) -> tuple[np.ndarray, ...]:
    """Standardizes data with the statistics of the training data.

        y = (x - mean) / std          mean, std of train, for every x

    The training data gets mean 0 per feature and standard deviation about 1;
    validation and test data get the *same* shift and scale, as a model in use
    would see them. The statistics themselves: `mean_and_std` with the same
    arguments.

    Args:
        train: array of real numbers `(count, ...)`, the training data.
        *others: arrays `(any count, ...)` with the features of `train`.
        mean_axis: axis or axes that the mean is taken over, `None` for all.
            The default 0 gives one mean per feature (per pixel).
        std_axis: likewise for the standard deviation. The default `None`
            gives one number for all features. One per channel of images
            `(count, height, width, channels)`: `(0, 1, 2)`, for both.

    Returns:
        Tuple of new float32 arrays, one for `train` and one for each of
        `others`, in the order given.

    Raises:
        TypeError: if an array does not hold real numbers.
        ValueError: as for `mean_and_std`; or if the features of another
            array have another shape than those of `train`.

    Examples:
        >>> from keras_extras.datasets import standardize
        >>> train, test = standardize([[1.0], [3.0]], [[5.0]])
        >>> train.tolist(), test.tolist()
        ([[-1.0], [1.0]], [[3.0]])

    References:
        Mean per feature and one standard deviation: Raschka & Mirjalili,
        "Python Machine Learning", 2nd edition, chapter 15.
    """
    arrays = [checks.array("standardize", "train", train, "buif")]
    for position, other in enumerate(others):
        name = f"others[{position}]"
        arrays.append(checks.array("standardize", name, other, "buif"))
    return tuple(
        standardized(
            "standardize",
            [(array, None) for array in arrays],
            mean_axis,
            std_axis,
        )
    )


def standardized(
    owner: str,
    parts: list[tuple[np.ndarray, np.ndarray | None]],
    mean_axis: int | tuple[int, ...] | None = 0,
    std_axis: int | tuple[int, ...] | None = None,
) -> list[np.ndarray]:
    """Standardizes parts of arrays with the statistics of the first part.

    Args:
        owner: whom errors speak for.
        parts: arrays, and which rows of each are meant, `None` for all.
        mean_axis: as for `standardize`.
        std_axis: as for `standardize`.
    """
    mean, std = _statistics(owner, *parts[0], mean_axis, std_axis)
    features = parts[0][0].shape[1:]
    for position, (array, _) in enumerate(parts[1:]):
        if array.ndim == 0 or array.shape[1:] != features:
            raise invalid_argument(
                owner,
                f"others[{position}].shape",
                f"(count, *{features}), with the features of train",
                array.shape,
            )
    # In float64, since float32 loses numbers that are large compared with
    # their spread.
    return [
        _mapped(array, rows, lambda x: (x - mean) / std)
        for array, rows in parts
    ]


def _statistics(
    owner: str,
    train: np.ndarray,
    rows: np.ndarray | None,
    mean_axis: int | tuple[int, ...] | None,
    std_axis: int | tuple[int, ...] | None,
) -> tuple[np.ndarray, np.ndarray]:
    if train.ndim == 0 or train.size == 0:
        raise invalid_argument(
            owner, "train.shape", "(count, ...), with count > 0", train.shape
        )
    for name, axis in (("mean_axis", mean_axis), ("std_axis", std_axis)):
        np.sum(train[:1], axis)  # raises if there is no such axis
        if axis is not None and not np.any(np.mod(axis, train.ndim) == 0):
            raise invalid_argument(
                owner, name, "None or axes that include axis 0", axis
            )
    with np.errstate(invalid="ignore", over="ignore"):
        mean = _mean(train, rows, mean_axis)
        middle = mean if mean_axis == std_axis else _mean(train, rows, std_axis)
        variance = _mean(train, rows, std_axis, lambda x: (x - middle) ** 2)
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise invalid_argument(
            owner,
            "train",
            "numbers with a finite mean and standard deviation",
            f"{train.dtype} array of shape {train.shape}",
            context=f"{np.count_nonzero(~np.isfinite(train))} of its numbers "
            "are NaN or infinite.",
        )
    # Asked of the values: the std of equal numbers is often not quite 0.
    extremes = [
        (np.min(x, std_axis, keepdims=True), np.max(x, std_axis, keepdims=True))
        for _, x in _blocks(train, rows)
    ]
    low = np.minimum.reduce([low for low, _ in extremes])
    high = np.maximum.reduce([high for _, high in extremes])
    return mean, np.where(low == high, 1.0, np.sqrt(variance))


def _mean(
    array: np.ndarray,
    rows: np.ndarray | None,
    axis: int | tuple[int, ...] | None,
    function: Callable[[np.ndarray], np.ndarray] = lambda x: x,
) -> np.ndarray:
    """Returns the mean of a function of the values, in float64."""
    total: np.ndarray | float = 0.0
    count = 0
    for _, block in _blocks(array, rows):
        values = function(block)
        part = np.sum(values, axis, dtype=np.float64, keepdims=True)
        count += values.size // part.size
        total = total + part
    return np.asarray(total / count)


def one_hot(labels: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """Turns class numbers into rows with a single one.

        y[..., c] = 1 if labels[...] == c else 0

    For losses and metrics that want a probability per class; with
    `SparseCategoricalCrossentropy` the numbers can stay as they are.

    Args:
        labels: integer array of any shape, with values from 0 to
            `num_classes - 1`. A last axis of size 1, as CIFAR's labels have
            it, is dropped.
        num_classes: int > 0, or `None` for the largest label plus one. Give
            it whenever a class may be missing from `labels`.

    Returns:
        New float32 array of shape `(*labels.shape, num_classes)`.

    Raises:
        TypeError: if `labels` or `num_classes` are not integers.
        ValueError: if a label is out of range, or if `num_classes` is `None`
            and there is no label to tell it from.

    Examples:
        >>> from keras_extras.datasets import one_hot
        >>> one_hot([1, 0], num_classes=3).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]

    References:
        Equals `keras.utils.to_categorical`, which takes -1 for the last
        class and fails on larger labels; here both are the same error.
    """
    labels = checks.array(
        "one_hot",
        "labels",
        labels,
        "iu",
        fix="Use labels.astype('int64') if the labels are whole numbers.",
    )
    labels = without_column(labels)
    count = _num_classes(labels, num_classes)
    outside = np.flatnonzero((labels < 0) | (labels >= count))
    if outside.size:
        raise invalid_argument(
            "one_hot",
            "labels",
            f"from 0 to {count - 1}",
            int(labels.flat[outside[0]]),
            context=f"It is at flat index {outside[0]}; {outside.size} of "
            f"{labels.size} labels are out of range.",
        )
    rows = np.zeros((labels.size, count), np.float32)
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, count)


def without_column(labels: np.ndarray) -> np.ndarray:
    """Returns labels `(n, 1)`, as those of CIFAR are, as `(n,)`."""
    return (
        labels[..., 0] if labels.ndim > 1 and labels.shape[-1] == 1 else labels
    )


def _num_classes(labels: np.ndarray, num_classes: int | None) -> int:
    if num_classes is None:
        if labels.size == 0:
            raise invalid_argument(
                "one_hot",
                "num_classes",
                "a positive integer when there are no labels",
                num_classes,
            )
        return max(int(labels.max()), 0) + 1
    return checks.integer("one_hot", "num_classes", num_classes)
