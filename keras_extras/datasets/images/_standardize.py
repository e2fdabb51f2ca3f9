"""What is done to every image alike, and the statistics that it needs.

    standardize: preprocessing_function, * rescale, per image (- mean, / std),
                 per data set (- mean, / std), whitening

What the arguments say is in `ImageAugmenter`, which draws and transforms too.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _errors
from keras_extras.datasets.images import _parameters as arguments

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
    mean: Any
    std: Any
    zca_whitening_matrix: np.ndarray | None

    def _settle_statistics(self) -> None:
        """Turns on what another choice needs, and says so, as Keras does."""
        for chosen, other, value in (
            ("zca_whitening", "featurewise_center", True),
            ("zca_whitening", "featurewise_std_normalization", False),
            ("featurewise_std_normalization", "featurewise_center", True),
            ("samplewise_std_normalization", "samplewise_center", True),
        ):
            if getattr(self, chosen) and getattr(self, other) != value:
                setattr(self, other, value)
                warnings.warn(
                    f"ImageDataGenerator: {chosen}=True sets {other}={value}.",
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
        x = arguments.images(self, "x", x, 3, 4)
        if x.dtype.kind != "f":
            x = x.astype(arguments.work_dtype(self.dtype))
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
                raise _errors.invalid_argument(
                    self,
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
            f"{type(self).__name__}: {statistic} is not known, so it is not "
            f"applied. Call fit(images) first, or set the attribute "
            f"{statistic}.",
            stacklevel=3,
        )
        return False

    def _measure(self, data: np.ndarray) -> None:
        """Computes what is asked for of the data; uses `data` up."""
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.asarray(
                np.mean(data, axes, np.float64, keepdims=True)
            )[0]
            data -= self.mean.astype(data.dtype)
        if self.featurewise_std_normalization:
            self.std = np.asarray(
                np.std(data, axes, np.float64, keepdims=True)
            )[0]
            data /= self.std.astype(data.dtype) + _EPSILON
        if self.zca_whitening:
            flat = data.reshape(len(data), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            inverse = np.sqrt(len(data)) / (s + self.zca_epsilon)
            self.zca_whitening_matrix = (u * inverse) @ u.T
