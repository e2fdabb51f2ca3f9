"""The colors of many images: shifted channels, brightness."""

import numpy as np
from numpy.typing import DTypeLike


def channel_shift(images: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """Adds a number to all values of an image, within its own range.

        y = clip(x + intensity, min(x), max(x))

    Args:
        images: array `(count, height, width, channels)`; is changed.
        intensity: array `(count,)`.
    """
    axes = (1, 2, 3)
    low = images.min(axes, keepdims=True)
    high = images.max(axes, keepdims=True)
    images += _per_image(intensity, images.dtype)
    return np.clip(images, low, high, out=images)


def brighten(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Multiplies the brightness, within the range that an image has.

        y = floor(min(factor * floor(x), 255))      of values from 0 to 255
        y = min(factor * x, 1)                      of values from 0 to 1

    Images with values outside 0 to 255 are stretched to that range first and
    back afterwards. A factor of 1 changes nothing. The fourth channel of four
    is opacity and stays.

    Args:
        images: float array `(count, height, width, channels)`.
        factor: array `(count,)`, not negative.

    References:
        `PIL.ImageEnhance.Brightness` on 8-bit images, which the old
        generator used; in its arithmetic, float32. It turned images from 0 to
        1 black.
    """
    result = images.copy()
    axes = (1, 2, 3)
    unit = (images.min(axes) >= 0) & (images.max(axes) <= 1)
    changed = np.asarray(factor) != 1
    colors = slice(3 if images.shape[-1] == 4 else None)
    some = np.flatnonzero(unit & changed)
    if some.size:
        scaled = images[some] * _per_image(factor[some], images.dtype)
        result[some, ..., colors] = np.minimum(scaled, 1)[..., colors]
    some = np.flatnonzero(~unit & changed)
    if some.size:
        result[some] = _brightened(images[some], factor[some])
    return result


def _brightened(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    axes = (1, 2, 3)
    low = images.min(axes, keepdims=True)
    high = images.max(axes, keepdims=True)
    wide = (low < 0) | (high > 255)
    low = np.where(wide, low, 0)
    span = np.where(wide, high - low, 255)
    # A flat image is black after stretching, as in `array_to_img`.
    stretched = (images - low) / np.where(span == 0, 1, span) * 255
    levels = np.trunc(np.where(wide, stretched, images)).astype(np.float32)
    bright = np.clip(levels * _per_image(factor, np.float32), 0, 255)
    bright = np.trunc(bright)
    if images.shape[-1] == 4:
        bright[..., 3] = levels[..., 3]
    back = np.where(wide, bright / 255 * span + low, bright)
    return back.astype(images.dtype, copy=False)


def _per_image(values: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    return np.asarray(values, dtype)[:, None, None, None]
