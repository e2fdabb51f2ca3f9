"""The parameters of augmentation, drawn for each image.

    theta ~ U(-rotation_range, rotation_range)      and so on, one per image

The numbers of a whole batch are drawn at once. Drawn one by one with
`numpy.random.RandomState`, they are those of old Keras.
"""

from typing import Any, Protocol

import numpy as np


class Ranges(Protocol):
    """What may vary, and how far; see `ImageDataGenerator`."""

    rotation_range: float
    width_shift_range: float | list[float]
    height_shift_range: float | list[float]
    brightness_range: list[float] | None
    shear_range: float
    zoom_range: list[float]
    channel_shift_range: float
    horizontal_flip: bool
    vertical_flip: bool


def draw(
    ranges: Ranges, generator: Any, count: int, height: int, width: int
) -> dict[str, np.ndarray | None]:
    """Draws the parameters of `count` images.

    Args:
        ranges: the `ImageDataGenerator`, whose arguments are the ranges.
        generator: a `numpy.random.Generator` or `RandomState`, or
            `numpy.random` itself.
        count: number of images.
        height: rows of an image, which shifts may be shares of.
        width: columns of an image.

    Returns:
        The parameters that `_transform.transform` takes, `None` where nothing
        varies.
    """

    def symmetric(limit: float) -> np.ndarray | None:
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
    limit: float | list[float], generator: Any, count: int, size: int
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
