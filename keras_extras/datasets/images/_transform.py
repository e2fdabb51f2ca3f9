"""Many images moved, turned, sheared, zoomed and flipped in one resampling.

    y[r, c] = x at (r', c')        (r', c', 1) = M (r, c, 1)

M is one affine map per image, from positions of the result back to positions
of the source, around the middle of the image. The maps are composed here and
followed in `_resample`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from keras_extras.datasets.images import _color
from keras_extras.datasets.images._resample import resample

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
GEOMETRY = (*_AFFINE, "flip_horizontal", "flip_vertical")


def transform(
    images: np.ndarray,
    parameters: Mapping[str, np.ndarray | None],
    *,
    dtype: DTypeLike | None = None,
    order: int = 1,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    indices: np.ndarray | None = None,
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
        fill_mode: one of `_resample.FILL_MODES`, with SciPy's meanings.
        cval: what stands outside for `"constant"`.
        indices: which images are meant, `None` for all: as `images[indices]`,
            but without a copy of them.

    Returns:
        New array of as many images; integers are rounded and clipped to what
        the dtype holds.
    """
    dtype = np.dtype(images.dtype if dtype is None else dtype)
    # Numbers of classes and objects that float32 does not hold, too.
    wide = order == 0 and dtype.kind in "iu" and dtype.itemsize > 2
    work = np.float64 if wide or dtype == np.float64 else np.float32
    result = _moved(images, parameters, work, order, fill_mode, cval, indices)
    intensity = parameters.get("channel_shift_intensity")
    if intensity is not None:
        result = _color.channel_shift(result, intensity)
    brightness = parameters.get("brightness")
    if brightness is not None:
        result = _color.brighten(result, brightness)
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
    work: type[np.floating],
    order: int,
    fill_mode: str,
    cval: float,
    indices: np.ndarray | None,
) -> np.ndarray:
    given = {
        name: values
        for name, values in parameters.items()
        if values is not None
    }
    count, height, width, _ = images.shape
    if indices is not None:
        count = len(indices)
    if any(name in given for name in _AFFINE):
        matrices = affine_matrices(given, count, height, width)
        return resample(images, matrices, work, order, fill_mode, cval, indices)
    if indices is not None:
        images = images[indices]
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

    def values(name: str) -> Any:
        given = parameters.get(name)
        return NEUTRAL[name] if given is None else given

    def mirrored(zoom: str, flip: str) -> Any:
        given = parameters.get(flip)
        return values(zoom) if given is None else values(zoom) * (1 - 2 * given)

    # Turning and shearing add up: rotate(a) shear(b) has the columns
    # (cos a, sin a) and (-sin(a + b), cos(a + b)).
    theta = np.multiply(values("theta"), np.pi / 180)
    cos = cos_both = np.cos(theta)
    sin = sin_both = np.sin(theta)
    if parameters.get("shear") is not None:
        both = theta + np.multiply(values("shear"), np.pi / 180)
        cos_both, sin_both = np.cos(both), np.sin(both)
    tx, ty = values("tx"), values("ty")
    zx = mirrored("zx", "flip_horizontal")
    zy = mirrored("zy", "flip_vertical")
    matrices = np.empty((count, 2, 3))
    rows, columns = matrices[:, 0], matrices[:, 1]
    rows[:, 0] = cos_both * zy
    rows[:, 1] = sin * zx
    columns[:, 0] = -sin_both * zy
    columns[:, 1] = cos * zx
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    matrices[:, :, 2] = middle - matrices[:, :, :2] @ middle
    rows[:, 2] += sin * tx + cos * ty
    columns[:, 2] += cos * tx - sin * ty
    return matrices
