"""The colors of many images: shifted channels, brightness."""

import numpy as np


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
    """Multiplies the brightness, in whole grey levels from 0 to 255.

        y = floor(min(factor * floor(x), 255))

    Images with values outside 0 to 255 are stretched to that range first and
    back afterwards. The fourth channel of four is opacity and stays.

    Args:
        images: float array `(count, height, width, channels)`.
        factor: array `(count,)`, not negative.

    References:
        `PIL.ImageEnhance.Brightness` on 8-bit images, which the old
        generator used; in its arithmetic, float32.
    """
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


def _per_image(values: np.ndarray, dtype) -> np.ndarray:
    return np.asarray(values, dtype)[:, None, None, None]
