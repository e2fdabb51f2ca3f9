"""Inputs as pictures that a page can show, if they are pictures.

shown = 255 * (x - low) / (high - low)      low, high of all images
"""

from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument

_CHANNELS = (1, 3, 4)


def as_pictures(x: Any, must: bool) -> np.ndarray | None:
    """Returns uint8 pictures of inputs, or `None` if they are none.

    uint8 stays as it is. Other numbers are shown from the smallest to the
    largest of all images; those in [0, 1] from 0 to 1, so that a picture of
    one gray stays gray.

    Args:
        x: `(n, height, width)`, or with 1, 3 or 4 channels last or first.
        must: whether it is an error if they are no pictures.

    Returns:
        uint8 `(n, height, width)` or `(n, height, width, channels)`.
    """
    array = x if isinstance(x, np.ndarray) else None
    if must:
        array = np.asarray(x)
    if array is not None and array.ndim == 4:
        if array.shape[-1] not in _CHANNELS and array.shape[1] in _CHANNELS:
            array = np.moveaxis(array, 1, -1)
        array = array if array.shape[-1] in _CHANNELS else None
    if array is None or array.ndim not in (3, 4) or min(array.shape) == 0:
        if must:
            raise invalid_argument(
                "report",
                "images",
                "an array of shape (n, height, width) or (n, height, width, "
                "channels) with 1, 3 or 4 channels",
                np.shape(x),
            )
        return None
    if array.dtype == np.uint8:
        return array
    array = array.astype("float32")
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = 255 * (array - low) / ((high - low) or 1.0)
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def first_of_each(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns the position of the first example of each class that has one."""
    classes, first = np.unique(labels, return_index=True)
    return first[classes < num_classes]
