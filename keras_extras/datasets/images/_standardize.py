"""What is done to every image alike, and the statistics that it needs.

    standardize: preprocessing_function, * rescale, per image (- mean, / std),
                 per data set (- mean, / std), whitening

What the arguments say is in `ImageAugmenter`, which draws and transforms too.
"""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument

OWNER = "ImageDataGenerator"  # whom all errors of this package speak for
_EPSILON = 1e-6  # added to standard deviations, as in Keras


class ImageStandardizer:
    """Standardizes images; see `ImageDataGenerator` for the arguments."""

    featurewise_center: bool
    samplewise_center: bool
    featurewise_std_normalization: bool
    samplewise_std_normalization: bool
    zca_whitening: bool
    zca_epsilon: float
    rescale: float | None
    preprocessing_function: Callable[[np.ndarray], ArrayLike] | None
    data_format: str
    dtype: np.dtype
    mean: ArrayLike | None
    std: ArrayLike | None
    zca_whitening_matrix: np.ndarray | None

    def _settle_statistics(self) -> None:
        """Turns on what another choice needs, and says so, as Keras does."""
        self.mean = self.std = self.zca_whitening_matrix = None
        for chosen, other, value in (
            ("zca_whitening", "featurewise_center", True),
            ("zca_whitening", "featurewise_std_normalization", False),
            ("featurewise_std_normalization", "featurewise_center", True),
            ("samplewise_std_normalization", "samplewise_center", True),
        ):
            if getattr(self, chosen) and getattr(self, other) != value:
                setattr(self, other, value)
                warnings.warn(
                    f"{OWNER}: {chosen}=True sets {other}={value}.",
                    stacklevel=3,
                )

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in a batch."""
        return 3 if self.data_format == "channels_last" else 1

    @property
    def row_axis(self) -> int:
        """The axis of the rows in a batch."""
        return 1 if self.data_format == "channels_last" else 2

    @property
    def col_axis(self) -> int:
        """The axis of the columns in a batch."""
        return self.row_axis + 1

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Applies everything that is not random to one image or a batch.

        Args:
            x: array of three or four axes. If it is of a float dtype it is
                changed in place where that can be, to save memory; give a
                copy to keep it.

        Returns:
            The standardized array; `samplewise_*` is done per image.
        """
        x = image_array(self, "x", x, 3, 4)
        if x.dtype.kind != "f":
            x = x.astype(work_dtype(self.dtype))
        if self.preprocessing_function is not None:
            x = self._preprocessed(x)
        if self.rescale:
            x *= self.rescale
        each = (-3, -2, -1)
        if self.samplewise_center:
            x -= np.mean(x, each, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, each, keepdims=True) + _EPSILON
        if self.featurewise_center and self._has("mean"):
            x -= np.asarray(self.mean, x.dtype)
        if self.featurewise_std_normalization and self._has("std"):
            x /= np.asarray(self.std, x.dtype) + _EPSILON
        if self.zca_whitening and self._has("zca_whitening_matrix"):
            matrix = np.asarray(self.zca_whitening_matrix, x.dtype)
            x = (x.reshape(-1, len(matrix)) @ matrix).reshape(x.shape)
        return x

    def _preprocessed(self, x: np.ndarray) -> np.ndarray:
        function = self.preprocessing_function
        assert function is not None
        if x.ndim == 3:
            return np.asarray(function(x), x.dtype)
        result = np.empty_like(x)
        for position, image in enumerate(x):
            image = np.asarray(function(image))
            if image.shape != x.shape[1:]:
                raise invalid_argument(
                    OWNER,
                    "preprocessing_function",
                    f"a function that returns the shape {x.shape[1:]}",
                    image.shape,
                )
            result[position] = image
        return result

    def _has(self, statistic: str) -> bool:
        if getattr(self, statistic) is not None:
            return True
        warnings.warn(
            f"{OWNER}: {statistic} is not known, so it is not "
            f"applied. Call fit(images) first, or set the attribute "
            f"{statistic}.",
            stacklevel=3,
        )
        return False

    def _measure(self, data: np.ndarray) -> None:
        """Computes what is asked for of the data; uses `data` up."""
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            mean = np.mean(data, axes, np.float64, keepdims=True)
            mean = np.asarray(mean)[0]
            self.mean = mean
            data -= mean.astype(data.dtype)
        if self.featurewise_std_normalization:
            std = np.std(data, axes, np.float64, keepdims=True)
            std = np.asarray(std)[0]
            self.std = std
            data /= std.astype(data.dtype) + _EPSILON
        if self.zca_whitening:
            flat = data.reshape(len(data), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            inverse = np.sqrt(len(data)) / (s + self.zca_epsilon)
            self.zca_whitening_matrix = (u * inverse) @ u.T


def work_dtype(target: np.dtype) -> type[np.floating]:
    """Returns the dtype to compute in, for results of another."""
    return np.float64 if target == np.float64 else np.float32


def image_array(
    generator: ImageStandardizer, argument: str, x: ArrayLike, *ranks: int
) -> np.ndarray:
    """Returns `x` as an array of numbers of one of the ranks, or raises."""
    x = checks.array(OWNER, argument, x, "buif")
    if x.ndim in ranks:
        return x
    axes = "height, width, channels"
    if generator.data_format == "channels_first":
        axes = "channels, height, width"
    shapes = {3: f"({axes})", 4: f"(count, {axes})"}
    fix = ""
    if x.ndim == max(ranks) - 1:
        fix = "Add the axis that is missing, such as x[..., None]."
    raise invalid_argument(
        OWNER,
        f"{argument}.shape",
        " or ".join(shapes[rank] for rank in ranks),
        x.shape,
        fix=fix,
    )
