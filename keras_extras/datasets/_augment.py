"""Many images moved, turned, sheared, zoomed and flipped in one resampling.

    y[r, c] = x at (r', c')        (r', c', 1) = M (r, c, 1)

M is one affine map per image, from positions of the result back to positions
of the source, around the middle of the image. Where it leads outside, the
fill mode says what stands there. Between four pixels the value is bilinear
(`order=1`), or that of the nearest pixel (`order=0`).

All images of a batch go through the same few NumPy calls, a block of pixels
at a time, so that what is in work stays in the cache. Cost: O(pixels).
"""

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_extras.datasets import _image_color

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
# Pixels in work at a time: few calls, and what is in work fits the caches.
_BLOCK = 25_000

# What a transformation consists of, and which value changes nothing.
NEUTRAL = {
    "theta": 0,
    "tx": 0,
    "ty": 0,
    "shear": 0,
    "zx": 1,
    "zy": 1,
    "flip_horizontal": False,
    "flip_vertical": False,
    "channel_shift_intensity": None,
    "brightness": None,
}
_AFFINE = ("theta", "tx", "ty", "shear", "zx", "zy")


def transform(
    images: np.ndarray,
    parameters: Mapping[str, np.ndarray | None],
    *,
    dtype: Any = None,
    order: int = 1,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """Transforms each image by its own parameters.

    In this order: the affine map with the flips, the channel shift, the
    brightness.

    Args:
        images: array `(count, height, width, channels)`.
        parameters: for names of `NEUTRAL`, one value per image; what is
            missing or `None` is not done. Angles are in degrees, shifts in
            pixels, to the left and up where they are positive.
        dtype: dtype of the result, `None` for that of `images`.
        order: 1 for bilinear, 0 for the nearest pixel.
        fill_mode: one of `FILL_MODES`, with SciPy's meanings.
        cval: what stands outside for `"constant"`.

    Returns:
        New array of the same shape; integers are rounded and clipped to what
        the dtype holds.
    """
    dtype = np.dtype(images.dtype if dtype is None else dtype)
    work = np.float64 if dtype == np.float64 else np.float32
    result = _moved(images, parameters, work, order, fill_mode, cval)
    intensity = parameters.get("channel_shift_intensity")
    if intensity is not None:
        result = _image_color.channel_shift(result, intensity)
    brightness = parameters.get("brightness")
    if brightness is not None:
        result = _image_color.brighten(result, brightness)
    return as_dtype(result, dtype)


def as_dtype(images: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Casts; to integers by rounding half up and clipping to the range."""
    if images.dtype == dtype:
        return images
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        images = np.clip(np.floor(images + 0.5), limits.min, limits.max)
    return images.astype(dtype)


def _moved(
    images: np.ndarray,
    parameters: Mapping[str, np.ndarray | None],
    work: type,
    order: int,
    fill_mode: str,
    cval: float,
) -> np.ndarray:
    given = {
        name: values
        for name, values in parameters.items()
        if values is not None
    }
    count, height, width, _ = images.shape
    if any(name in given for name in _AFFINE):
        matrices = affine_matrices(given, count, height, width)
        return resample(images, matrices, work, order, fill_mode, cval)
    result = images.astype(work)
    for name, axis in (("flip_horizontal", 2), ("flip_vertical", 1)):
        if name in given:
            chosen = given[name].astype(bool)
            result[chosen] = np.flip(result[chosen], axis)
    return result


def affine_matrices(
    parameters: Mapping[str, np.ndarray | None],
    count: int,
    height: int,
    width: int,
) -> np.ndarray:
    """Composes one map per image, of positions (row, column).

    In coordinates x (columns) and y (rows) from the middle of the image:

        (x', y') = rotate(theta) (shear(shear) zoom(zx, zy) (x, y) + (tx, ty))

    with rotate(a) = [[cos a, -sin a], [sin a, cos a]] and
    shear(a) = [[1, -sin a], [0, cos a]]; x and y are mirrored first where the
    image is flipped.

    Args:
        parameters: as for `transform`.
        count: number of images.
        height: rows of an image.
        width: columns of an image.

    Returns:
        float64 array `(count, 2, 3)`.
    """

    def values(name):
        given = parameters.get(name)
        return NEUTRAL[name] if given is None else given

    # Turning and shearing add up: rotate(a) shear(b) has the columns
    # (cos a, sin a) and (-sin(a + b), cos(a + b)).
    angles = np.zeros((2, count))
    angles[:] = values("theta")
    angles[1] += values("shear")
    angles *= np.pi / 180
    cos, sin = np.cos(angles), np.sin(angles)
    x_of_1 = cos[0] * values("tx") - sin[0] * values("ty")
    y_of_1 = sin[0] * values("tx") + cos[0] * values("ty")
    zx = np.multiply(
        values("zx"), 1 - 2 * np.asarray(values("flip_horizontal"))
    )
    zy = np.multiply(values("zy"), 1 - 2 * np.asarray(values("flip_vertical")))
    matrices = np.empty((count, 2, 3))
    rows, columns = matrices[:, 0], matrices[:, 1]
    rows[:, 0] = cos[1] * zy
    rows[:, 1] = sin[0] * zx
    columns[:, 0] = -sin[1] * zy
    columns[:, 1] = cos[0] * zx
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    matrices[:, :, 2] = middle - matrices[:, :, :2] @ middle
    rows[:, 2] += y_of_1
    columns[:, 2] += x_of_1
    return matrices


def resample(
    images: np.ndarray,
    matrices: np.ndarray,
    work: type,
    order: int,
    fill_mode: str,
    cval: float,
) -> np.ndarray:
    """Reads each image at the positions that its map leads to.

    Args:
        images: array `(count, height, width, channels)`.
        matrices: float64 array `(count, 2, 3)`.
        work: `np.float32` or `np.float64`, of weights and result.
        order: as for `transform`.
        fill_mode: as for `transform`.
        cval: as for `transform`.

    Returns:
        Array of the same shape, of dtype `work`.
    """
    count, height, width, _ = images.shape
    result = np.empty(images.shape, work)
    if not result.size:
        return result
    # A position is the sum of what its row and what its column adds: whole
    # numbers of steps of 2**-bits of a pixel, exact enough and half as wide.
    of_row = matrices[:, :, 2:] + matrices[:, :, :1] * np.arange(height)
    of_column = matrices[:, :, 1:2] * np.arange(width)
    bits, whole = _steps(of_row, of_column, height, width, work)
    of_row = np.rint(of_row * 2.0**bits).astype(whole)
    of_column = np.rint(of_column * 2.0**bits).astype(whole)
    at_once = max(1, min(count, _BLOCK // (height * width)))
    rows = height if at_once > 1 else max(1, min(height, _BLOCK // width))
    spare = _spare(images.shape, at_once * rows * width, work, bits, whole)
    for first in range(0, count, at_once):
        chosen = slice(first, min(count, first + at_once))
        # The values in one row: pixel after pixel, their channels together.
        source = np.ascontiguousarray(images[chosen], work).reshape(-1)
        for top in range(0, height, rows):
            band = slice(top, min(height, top + rows))
            part = result[chosen, band]
            points = spare.positions(
                of_row[chosen, :, band, None], of_column[chosen, :, None]
            )
            outside = None
            if fill_mode == "constant":
                outside = _is_outside(points, height, width, bits)
            for axis, length in enumerate((height, width)):
                _fold(points[axis], length, fill_mode, bits)
            read = _bilinear if order == 1 else _nearest
            read(source, points, spare, part)
            if outside is not None:
                part[outside.reshape(part.shape[:3])] = cval
    return result


def _steps(
    of_row: np.ndarray,
    of_column: np.ndarray,
    height: int,
    width: int,
    work: type,
) -> tuple[int, type]:
    """Returns how fine positions may be without overflow, and their dtype."""
    farthest = np.abs(of_row).max() + np.abs(of_column).max()
    size = math.ceil(math.log2(max(farthest, 2 * height, 2 * width) + 1))
    if work is np.float32 and 30 - size >= 18:
        return min(30 - size, 24), np.int32
    return max(1, min(61 - size, 48)), np.int64


def _spare(
    shape: tuple[int, ...], size: int, work: type, bits: int, whole: type
) -> "_Spare":
    """Returns the arrays of this thread; a batch is like the one before."""
    key = (shape[1:], size, work, bits, whole)
    if getattr(_kept, "key", None) != key:
        _kept.key, _kept.spare = key, _Spare(shape, size, work, bits, whole)
    return _kept.spare


# 1.5 MB per thread. To get fresh memory costs a third of all that is done.
_kept = threading.local()


class _Spare:
    """Arrays of one block, used again for each."""

    def __init__(
        self,
        shape: tuple[int, ...],
        size: int,
        work: type,
        bits: int,
        whole: type,
    ):
        _, self.height, self.width, self.channels = shape
        self.bits = bits
        self.points = np.empty((2, size), whole)
        self.floors = np.empty((2, size), whole)
        self.weights = np.empty((4, size), work)
        self.values = np.empty((4, size), work)
        self.mixed = np.empty(size, work)
        self.indices = np.empty(size, np.intp)
        pixels = self.height * self.width
        at_once = max(1, size // pixels)
        self.starts = np.arange(at_once)[:, None] * pixels

    def positions(self, of_row: np.ndarray, of_column: np.ndarray):
        """Returns the positions of a block, `(2, pixels)`."""
        images, _, rows, _ = of_row.shape
        shape = (images, rows, of_column.shape[-1])
        points = self.points[:, : images * rows * shape[-1]]
        for axis in (0, 1):
            np.add(
                of_row[:, axis],
                of_column[:, axis],
                out=points[axis].reshape(shape),
            )
        return points

    def indices_of(self, floors: np.ndarray, count: int) -> np.ndarray:
        """Returns where the pixels start in the source; uses `floors` up."""
        rows, columns = floors
        rows *= self.width
        rows += columns
        indices = self.indices[: len(rows)]
        indices[:] = rows
        if count > 1:
            indices.reshape(count, -1)[:] += self.starts[:count]
        if self.channels > 1:
            indices *= self.channels
        return indices


def _is_outside(
    points: np.ndarray, height: int, width: int, bits: int
) -> np.ndarray:
    rows, columns = points
    outside = rows < 0
    outside |= rows > (height - 1) << bits
    outside |= columns < 0
    outside |= columns > (width - 1) << bits
    return outside


def _fold(points: np.ndarray, length: int, fill_mode: str, bits: int) -> None:
    """Leads positions along one axis back into the image, in place."""
    last = (length - 1) << bits
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        half, period = 1 << (bits - 1), length << (bits + 1)
        points += half
        points %= period
        np.minimum(points, period - points, out=points)
        points -= half
    elif fill_mode == "wrap" and last:
        # SciPy's "wrap": the last pixel and the first are one place, so the
        # period is one less than the length.
        low, high = points < 0, points > last
        points[low] = last - (-points[low]) % last
        points[high] %= last
    # Within half a pixel of the border, what is reflected is constant.
    np.clip(points, 0, last, out=points)


def _bilinear(
    source: np.ndarray,
    points: np.ndarray,
    spare: _Spare,
    result: np.ndarray,
) -> None:
    pixels = points.shape[1]
    floors = np.right_shift(points, spare.bits, out=spare.floors[:, :pixels])
    points &= (1 << spare.bits) - 1
    # With y, x in [0, 1) of the way to the next pixel down and to the right.
    weights = spare.weights[:, :pixels]
    here, right, down, right_down = weights
    weights[1] = points[1]
    weights[2] = points[0]
    weights[1:3] *= 2.0**-spare.bits
    np.multiply(down, right, out=right_down)  # y x
    np.subtract(1, down, out=here)
    right -= right_down  # (1 - y) x
    here -= right  # (1 - y) (1 - x)
    down -= right_down  # y (1 - x)
    indices = spare.indices_of(floors, len(result))
    values = spare.values[:, :pixels]
    # The next pixel in this direction has weight 0 where there is none.
    to_right = spare.channels if spare.width > 1 else 0
    to_down = spare.channels * spare.width if spare.height > 1 else 0
    steps = (0, to_right, to_down, to_down + to_right)
    for channel in range(spare.channels):
        for step, value in zip(steps, values, strict=True):
            # "wrap" is the mode that costs least.
            source[channel + step :].take(indices, out=value, mode="wrap")
        mixed = np.einsum("kn,kn->n", values, weights, out=spare.mixed[:pixels])
        result[..., channel] = mixed.reshape(result.shape[:3])


def _nearest(
    source: np.ndarray,
    points: np.ndarray,
    spare: _Spare,
    result: np.ndarray,
) -> None:
    points += 1 << (spare.bits - 1)
    points >>= spare.bits
    indices = spare.indices_of(points, len(result))
    for channel in range(spare.channels):
        pixels = source[channel:].take(indices)
        result[..., channel] = pixels.reshape(result.shape[:3])
