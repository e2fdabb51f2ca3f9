"""Augmented batches of images that are in memory.

    x: (count, height, width, channels)  ->  batches of it, and of y

The arrays keep their dtype; only a batch at a time is converted, so that 8-bit
images take a quarter of what old Keras took.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _errors
from keras_extras.datasets.images import _parameters as arguments
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import ImageFlow, subset_of


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
    ):
        others: list[np.ndarray] = []
        if isinstance(x, tuple | list) and len(x) == 2 and np.ndim(x[0]) == 4:
            given = x[1] if isinstance(x[1], list) else [x[1]]
            others = [np.asarray(other) for other in given]
            x = x[0]
        images = arguments.images(generator, "x", x, 4)
        arrays: dict[str, np.ndarray | None] = {
            **{f"x[1][{k}]": other for k, other in enumerate(others)},
            "y": None if y is None else np.asarray(y),
            "sample_weight": None
            if sample_weight is None
            else np.asarray(sample_weight),
        }
        for name, array in arrays.items():
            if array is not None and np.shape(array)[:1] != (len(images),):
                raise _errors.invalid_argument(
                    "ImageDataGenerator.flow",
                    f"{name}.shape",
                    f"({len(images)}, ...), one entry per image",
                    np.shape(array),
                )
        if images.shape[generator.channel_axis] not in (1, 3, 4):
            warnings.warn(
                f"ImageDataGenerator.flow: x has shape {images.shape}, so "
                f"{images.shape[generator.channel_axis]} channels on axis "
                f"{generator.channel_axis}; 1, 3 or 4 are usual for "
                f"data_format={generator.data_format!r}.",
                stacklevel=3,
            )
        part = subset_of(generator, subset, len(images))
        if subset is not None and y is not None and not ignore_class_split:
            _check_same_classes(np.asarray(y), generator, len(images))
        self.x = images[part]
        self.y = None if arrays["y"] is None else arrays["y"][part]
        weights = arrays["sample_weight"]
        self.sample_weight = None if weights is None else weights[part]
        self.x_misc = [other[part] for other in others]
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

    def weights_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the sample weights of these numbers, or `None`."""
        return (
            None if self.sample_weight is None else self.sample_weight[indices]
        )

    def put_together(self, images: np.ndarray, indices: np.ndarray) -> Any:
        """Returns what `fit` takes; further inputs stand beside the images."""
        batch = super().put_together(images, indices)
        if not self.x_misc:
            return batch
        inputs = [images, *(other[indices] for other in self.x_misc)]
        if isinstance(batch, tuple):
            return (inputs, *batch[1:])
        return (inputs,)


def _check_same_classes(
    y: np.ndarray, generator: ImageAugmenter, count: int
) -> None:
    first = y[subset_of(generator, "validation", count)]
    rest = y[subset_of(generator, "training", count)]
    if not np.array_equal(np.unique(first), np.unique(rest)):
        raise ValueError(
            "ImageDataGenerator.flow: the training and the validation part "
            "hold different classes; the validation part is the first "
            f"{len(first)} of {count} samples. Shuffle x and y together, or "
            "give ignore_class_split=True."
        )
