"""Images read at the positions that affine maps lead to.

    y[r, c] = x at (r', c')        (r', c', 1) = M (r, c, 1)

Where a map leads outside, the fill mode says what stands there. Between four
pixels the value is bilinear (`order=1`), or that of the nearest pixel
(`order=0`).

All images of a batch go through the same few NumPy calls, a block of pixels
at a time, so that what is in work stays in the cache. Cost: O(pixels).
"""

import math
import threading
from typing import Any

import numpy as np

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
# Pixels in work at a time: few calls, and what is in work fits the caches.
_BLOCK = 26_000


def resample(
    images: np.ndarray,
    matrices: np.ndarray,
    work: type,
    order: int,
    fill_mode: str,
    cval: float,
    indices: np.ndarray | None = None,
) -> np.ndarray:
    """Reads each image at the positions that its map leads to.

    Args:
        images: array `(count, height, width, channels)`.
        matrices: float64 array `(count, 2, 3)`.
        work: `np.float32` or `np.float64`, of weights and result.
        order: as for `transform`.
        fill_mode: as for `transform`.
        cval: as for `transform`.
        indices: as for `transform`.

    Returns:
        Array `(len(matrices), height, width, channels)` of dtype `work`.
    """
    count = len(matrices)
    height, width, channels = images.shape[1:]
    result = np.empty((count, height, width, channels), work)
    if not result.size:
        return result
    # A position is the sum of what its row and what its column adds: whole
    # numbers of steps of 2**-bits of a pixel, exact enough and half as wide.
    bits, whole = _steps(matrices, images.shape, work)
    matrices = matrices.transpose(1, 0, 2) * 2.0**bits  # (2, count, 3)
    of_row = matrices[..., :1] * np.arange(height)
    of_row += matrices[..., 2:]
    of_row = np.rint(of_row).astype(whole)[..., None]
    of_column = matrices[..., 1:2] * np.arange(width)
    of_column = np.rint(of_column).astype(whole)[..., None, :]
    at_once, rows = _block(count, height, width)
    spare = _spare(images.shape, at_once * rows * width, work, bits, whole)
    last = np.array([[height - 1], [width - 1]], whole) << bits
    read = _bilinear if order == 1 else _nearest
    for first in range(0, count, at_once):
        chosen = slice(first, min(count, first + at_once))
        # The values in one row: pixel after pixel, their channels together.
        source = np.ascontiguousarray(
            images[chosen if indices is None else _of(indices[chosen])], work
        ).reshape(-1)
        for top in range(0, height, rows):
            band = slice(top, min(height, top + rows))
            part = result[chosen, band]
            points = spare.positions(
                of_row[:, chosen, band], of_column[:, chosen]
            )
            outside = None
            if fill_mode == "constant":
                outside = ((points < 0) | (points > last)).any(0)
            _fold(points, (height, width), fill_mode, bits)
            # Within half a pixel of the border, what is reflected is constant.
            np.clip(points, 0, last, out=points)
            read(source, points, spare, part)
            if outside is not None:
                part[outside.reshape(part.shape[:3])] = cval
    return result


def _block(count: int, height: int, width: int) -> tuple[int, int]:
    """Returns how many images and rows are in work at a time."""
    pixels = height * width
    if pixels > _BLOCK:
        return 1, max(1, _BLOCK // width)
    blocks = math.ceil(count * pixels / _BLOCK)
    return math.ceil(count / blocks), height


def _of(indices: np.ndarray) -> Any:
    """Returns the same choice; of one image as a slice, which copies none."""
    if len(indices) > 1:
        return indices
    return slice(indices[0], indices[0] + 1)


def _steps(
    matrices: np.ndarray, shape: tuple[int, ...], work: type
) -> tuple[int, type]:
    """Returns how fine positions may be without overflow, and their dtype."""
    _, height, width, channels = shape
    down, right, start = np.abs(matrices).reshape(-1, 3).max(0).tolist()
    farthest = start + down * height + right * width
    size = math.ceil(math.log2(max(farthest, 2 * height, 2 * width) + 1))
    narrow = work is np.float32 and height * width * channels < 2**31
    if narrow and 30 - size >= 18:
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


# 1 MB per thread. To get fresh memory costs a third of all that is done.
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
        # Values are read when the positions are no longer needed: one place.
        kept = np.empty((4, size), whole)
        self.points, self.floors = kept[:2], kept[2:]
        self.values = kept.view(work)[:, :size]
        self.ways = np.empty((2, size), work)
        self.indices = np.empty(size, np.intp)
        pixels = self.height * self.width
        at_once = max(1, size // pixels)
        self.starts = np.arange(at_once, dtype=whole)[:, None]
        self.starts *= pixels * self.channels

    def positions(self, of_row: np.ndarray, of_column: np.ndarray):
        """Returns the positions of a block, `(2, pixels)`."""
        _, images, rows, _ = of_row.shape
        shape = (2, images, rows, of_column.shape[-1])
        points = self.points[:, : math.prod(shape[1:])]
        np.add(of_row, of_column, out=points.reshape(shape))
        return points

    def indices_of(self, floors: np.ndarray, count: int) -> np.ndarray:
        """Returns where the pixels start in the source; uses `floors` up."""
        rows, columns = floors
        rows *= self.width
        rows += columns
        if self.channels > 1:
            rows *= self.channels
        if count > 1:
            of_images = rows.reshape(count, -1)
            of_images += self.starts[:count]
        indices = self.indices[: len(rows)]
        indices[:] = rows
        return indices


def _fold(
    points: np.ndarray, shape: tuple[int, int], fill_mode: str, bits: int
) -> None:
    """Leads positions back towards the image, in place."""
    for place, length in zip(points, shape, strict=True):
        last = (length - 1) << bits
        if fill_mode == "reflect":  # d c b a | a b c d | d c b a
            half, period = 1 << (bits - 1), length << (bits + 1)
            place += half
            place %= period
            np.minimum(place, period - place, out=place)
            place -= half
        elif fill_mode == "wrap" and last:
            # SciPy's "wrap": the last pixel and the first are one place, so
            # the period is one less than the length.
            low, high = place < 0, place > last
            place[low] = last - (-place[low]) % last
            place[high] %= last


def _bilinear(
    source: np.ndarray,
    points: np.ndarray,
    spare: _Spare,
    result: np.ndarray,
) -> None:
    pixels = points.shape[1]
    floors = np.right_shift(points, spare.bits, out=spare.floors[:, :pixels])
    points &= (1 << spare.bits) - 1
    # How far it is to the next pixel down and to the right, in [0, 1).
    ways = spare.ways[:, :pixels]
    ways[:] = points
    ways *= 0.5**spare.bits
    down, right = ways
    indices = spare.indices_of(floors, len(result))
    # The next pixel in this direction counts 0 where there is none.
    to_right = spare.channels if spare.width > 1 else 0
    to_down = spare.channels * spare.width if spare.height > 1 else 0
    steps = (0, to_down, to_right, to_down + to_right)
    values = spare.values[:, :pixels]
    here, beside = values[:2], values[2:]  # (this row and the next, pixels)
    upper, lower = here
    upper_part = upper.reshape(result.shape[:3])
    lower_part = lower.reshape(result.shape[:3])
    for channel in range(spare.channels):
        for step, value in zip(steps, values, strict=True):
            # "wrap" is the mode that costs least.
            source[channel + step :].take(indices, out=value, mode="wrap")
        beside -= here
        beside *= right
        here += beside
        lower -= upper
        lower *= down
        np.add(upper_part, lower_part, out=result[..., channel])


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
