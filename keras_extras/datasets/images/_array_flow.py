"""Augmented batches of images that are in memory.

    x: (count, height, width, channels)  ->  batches of it, and of y

The arrays keep their dtype; only a batch at a time is converted, so that 8-bit
images take a quarter of what old Keras took.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import ImageFlow, subset_of
from keras_extras.datasets.images._standardize import OWNER, image_array


class ArrayFlow(ImageFlow):
    """Gives batches of images in memory; see `ImageDataGenerator.flow`."""

    def __init__(
        self,
        generator: ImageAugmenter,
        x: Any,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        ignore_class_split: bool = False,
        subset: str | None = None,
        **flow: Any,
    ) -> None:
        others: list[ArrayLike] = []
        if isinstance(x, tuple | list) and len(x) == 2 and np.ndim(x[0]) == 4:
            others = x[1] if isinstance(x[1], list) else [x[1]]
            x = x[0]
        images = image_array(generator, "x", x, 4)
        count = len(images)
        channels = images.shape[generator.channel_axis]
        if channels not in (1, 3, 4):
            warnings.warn(
                f"{OWNER}.flow: x has shape {images.shape}, so {channels} "
                f"channels on axis {generator.channel_axis}; 1, 3 or 4 are "
                f"usual for data_format={generator.data_format!r}.",
                stacklevel=3,
            )
        misc = [_rows(f"x[1][{k}]", a, count) for k, a in enumerate(others)]
        targets = None if y is None else _rows("y", y, count)
        weights = None
        if sample_weight is not None:
            weights = _rows("sample_weight", sample_weight, count, kinds="buif")
        part = subset_of(generator, subset, count)
        if not (
            checks.boolean(OWNER, "ignore_class_split", ignore_class_split)
            or subset is None
            or targets is None
        ):
            _check_same_classes(targets, generator)
        self.x = images[part]
        self.y = None if targets is None else targets[part]
        self.sample_weight = None if weights is None else weights[part]
        self.x_misc = [other[part] for other in misc]
        super().__init__(generator, len(self.x), **flow)

    def images_at(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images of these numbers, unchanged."""
        return self.x[indices]

    def _augmented(
        self, indices: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        return self.generator.augmented(self.x, random, indices)

    def targets_at(self, indices: np.ndarray, images: np.ndarray) -> Any:
        """Returns the targets of these numbers, or `None`."""
        return None if self.y is None else self.y[indices]

    def put_together(self, images: np.ndarray, indices: np.ndarray) -> Any:
        """Returns what `fit` takes; further inputs stand beside the images."""
        batch = super().put_together(images, indices)
        if not self.x_misc:
            return batch
        inputs = [images, *(other[indices] for other in self.x_misc)]
        if isinstance(batch, tuple):
            return (inputs, *batch[1:])
        return (inputs,)


def _rows(
    name: str, value: ArrayLike, count: int, kinds: str = ""
) -> np.ndarray:
    """Returns an array with one entry per image, or raises."""
    array = np.asarray(value)
    if array.ndim == 0 or (kinds and array.dtype.kind not in kinds):
        allowed = "an array of numbers" if kinds else "an array"
        raise invalid_argument(
            f"{OWNER}.flow", name, allowed, value, error=TypeError
        )
    if array.shape[0] != count:
        raise invalid_argument(
            f"{OWNER}.flow",
            f"{name}.shape",
            f"({count}, ...), one entry per image",
            array.shape,
        )
    return array


def _check_same_classes(targets: np.ndarray, generator: ImageAugmenter) -> None:
    first, rest = (
        targets[subset_of(generator, subset, len(targets))]
        for subset in ("validation", "training")
    )
    if not np.array_equal(np.unique(first), np.unique(rest)):
        raise ValueError(
            f"{OWNER}.flow: the training and the validation part hold "
            "different classes; the validation part is the first "
            f"{len(first)} of {len(targets)} samples. Shuffle x and y "
            "together, or give ignore_class_split=True."
        )
