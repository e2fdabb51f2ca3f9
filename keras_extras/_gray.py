"""How numbers become gray, or the brightness of a color.

    shown = (x - black) / (white - black), clipped to [0, 1]

    black, white = 0, 1      bool, and numbers that all lie in [0, 1]
                   0, 255    uint8, and numbers in [0, 255], some above 127
                   min, max  all others

NaN and infinity take no part in finding black and white: one broken pixel must
not darken a whole page. NaN and -inf are drawn black, inf white.
"""

import numpy as np
from numpy.typing import ArrayLike

# Interpolation and 255 * (1 / 255) leave a range by a little.
_SLACK = 1e-3


def finite(values: ArrayLike) -> np.ndarray:
    """Returns the finite numbers of an array as float64, `(n,)`."""
    array = np.asarray(values, dtype="float64")
    return array[np.isfinite(array)]


def limits(images: ArrayLike) -> tuple[float, float]:
    """Returns the numbers that are drawn black and white.

    Args:
        images: real numbers of any shape and dtype, with one scale for all.

    Returns:
        black and white, two finite floats; white is the larger.

    Examples:
        >>> limits([0.0, 0.5]), limits([0.0, float("nan"), 16.0])
        ((0.0, 1.0), (0.0, 16.0))
    """
    array = np.asarray(images)
    if array.dtype == np.uint8:
        return 0.0, 255.0
    numbers = finite(array)
    if not numbers.size:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    if low >= -_SLACK and high <= 1 + _SLACK:
        return 0.0, 1.0
    if low >= -255 * _SLACK and 127 < high <= 255 * (1 + _SLACK):
        return 0.0, 255.0
    if high == low:  # no difference to show
        high = low + max(1.0, abs(low) * _SLACK)
    return low, high


def unit(images: ArrayLike, *, each: bool = False) -> np.ndarray:
    """Returns images as float32 from 0 (black) to 1 (white).

    Args:
        images: real numbers of any shape and dtype.
        each: whether each image, `images[i]`, has a scale of its own; else all
            have the same.

    Returns:
        array of the same shape, without NaN.
    """
    array = np.asarray(images)
    if each and len(array):
        return np.stack([unit(image) for image in array])
    black, white = limits(array)
    # Halves, because the difference of the largest floats overflows.
    shown = array.astype("float64") / 2 - black / 2
    shown = np.clip(shown / (white / 2 - black / 2), 0, 1)
    return np.nan_to_num(shown).astype("float32")


def pixels(images: ArrayLike, *, each: bool = False) -> np.ndarray:
    """Returns images as uint8, from 0 (black) to 255 (white).

    uint8 images are returned as they are. For the arguments see `unit`.

    Examples:
        >>> pixels([[-2.0, 0.0, 2.0, float("nan")]]).tolist()
        [[0, 128, 255, 0]]
    """
    array = np.asarray(images)
    if array.dtype == np.uint8:
        return array
    return np.rint(255 * unit(array, each=each)).astype("uint8")
