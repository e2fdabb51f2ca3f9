"""The arguments of augmentation: what they may be, and parameters from them.

    theta ~ U(-rotation_range, rotation_range)      and so on, one per image

The numbers of a whole batch are drawn at once. Drawn one by one with
`numpy.random.RandomState`, they are those of old Keras.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _errors

_WHO = "ImageDataGenerator"


def draw(
    ranges: Any, generator: Any, count: int, height: int, width: int
) -> dict[str, np.ndarray | None]:
    """Draws the parameters of `count` images.

    Args:
        ranges: the `ImageDataGenerator`, whose arguments are the ranges.
        generator: a `numpy.random.Generator` or `RandomState`.
        count: number of images.
        height: rows of an image, which shifts may be shares of.
        width: columns of an image.

    Returns:
        The parameters that `_augment.transform` takes, `None` where nothing
        varies.
    """

    def symmetric(limit):
        return generator.uniform(-limit, limit, count) if limit else None

    theta = symmetric(ranges.rotation_range)
    tx = _shift(ranges.width_shift_range, generator, count, width)
    ty = _shift(ranges.height_shift_range, generator, count, height)
    shear = symmetric(ranges.shear_range)
    zx = zy = None
    if tuple(ranges.zoom_range) != (1, 1):
        zx, zy = generator.uniform(*ranges.zoom_range, (count, 2)).T
    # Drawn in any case, since old Keras did.
    horizontal = generator.random(count) < 0.5
    vertical = generator.random(count) < 0.5
    brightness = None
    intensity = symmetric(ranges.channel_shift_range)
    if ranges.brightness_range is not None:
        brightness = generator.uniform(*ranges.brightness_range, count)
    return {
        "theta": theta,
        "tx": tx,
        "ty": ty,
        "shear": shear,
        "zx": zx,
        "zy": zy,
        "flip_horizontal": horizontal if ranges.horizontal_flip else None,
        "flip_vertical": vertical if ranges.vertical_flip else None,
        "channel_shift_intensity": intensity,
        "brightness": brightness,
    }


def _shift(
    limit: Any, generator: Any, count: int, size: int
) -> np.ndarray | None:
    if isinstance(limit, list):
        choices, largest = limit, max(limit)
    elif not limit:
        return None
    elif isinstance(limit, float):
        shift = generator.uniform(-limit, limit, count)
        return shift * size if limit < 1 else shift
    else:
        choices, largest = limit, limit  # an int: 0 to limit - 1
    shift = generator.choice(choices, count) * generator.choice([-1, 1], count)
    return shift * size if largest < 1 else shift


# --- what arguments may be ----------------------------------------------------


def wrong(
    argument: str,
    allowed: str,
    received: object,
    error: type[Exception] = ValueError,
) -> Exception:
    """Returns the exception for an argument of the generator."""
    return _errors.invalid_argument(
        _WHO, argument, allowed, received, error=error
    )


def flag(argument: str, value: Any) -> bool:
    """Returns a boolean, or raises."""
    if isinstance(value, bool | np.bool_) or (
        isinstance(value, int) and value in (0, 1)
    ):
        return bool(value)
    raise wrong(argument, "True or False", value, TypeError)


def number(argument: str, value: Any) -> Any:
    """Returns a finite real number as Python's, or raises."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(argument, "a number", value, TypeError)
    if not math.isfinite(value):
        raise wrong(argument, "a finite number", value)
    return value


def shifts(argument: str, value: Any) -> Any:
    """Returns a number, or a list of the numbers to choose from."""
    if np.ndim(value) == 0:
        value = number(argument, value)
        if value < 0:
            raise wrong(argument, "a number >= 0 or a list of numbers", value)
        return value
    if np.ndim(value) != 1 or not len(value):
        raise wrong(argument, "a number or a list of numbers", value)
    return [number(argument, one) for one in value]


def pair(
    argument: str, value: Any, allowed: str, minimum: float = -math.inf
) -> list:
    """Returns two numbers as a list, or raises."""
    if isinstance(value, str) or np.ndim(value) != 1 or len(value) != 2:
        raise wrong(argument, allowed, value)
    low, high = (number(argument, one) for one in value)
    if min(low, high) < minimum:
        raise wrong(argument, allowed, value)
    return [low, high]


def choice(argument: str, value: Any, allowed: Sequence[Any]) -> Any:
    """Returns one of the allowed values, or raises."""
    if isinstance(value, bool) or value not in allowed:
        words = " or ".join(repr(one) for one in allowed)
        raise wrong(argument, words, value)
    return value


def dtype(value: Any) -> np.dtype:
    """Returns a dtype of real numbers, or raises."""
    try:
        result = np.dtype(value)
    except TypeError:
        result = np.dtype(object)
    if result.kind not in "uif":
        raise wrong(
            "dtype",
            "a NumPy dtype of numbers, such as 'float32' or 'uint8'",
            value,
        )
    return result


def work_dtype(target: np.dtype) -> type:
    """Returns the dtype to compute in, for results of another."""
    return np.float64 if target == np.float64 else np.float32


def images(
    generator: Any, argument: str, x: ArrayLike, *ranks: int
) -> np.ndarray:
    """Returns `x` as an array of numbers of one of the ranks, or raises."""
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise wrong(
            f"{argument}.dtype",
            "an integer or floating-point dtype",
            str(x.dtype),
            TypeError,
        )
    if x.ndim in ranks:
        return x
    axes = "height, width, channels"
    if generator.data_format == "channels_first":
        axes = "channels, height, width"
    shapes = {3: f"({axes})", 4: f"(count, {axes})"}
    fix = ""
    if x.ndim == max(ranks) - 1:
        fix = "Add the axis that is missing, such as x[..., None]."
    raise _errors.invalid_argument(
        _WHO,
        f"{argument}.shape",
        " or ".join(shapes[rank] for rank in ranks),
        x.shape,
        fix=fix,
    )
