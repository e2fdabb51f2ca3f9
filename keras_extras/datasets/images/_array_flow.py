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
from keras_extras.datasets._prepare import without_column
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import ImageFlow
from keras_extras.datasets.images._standardize import OWNER, image_array
from keras_extras.datasets.images._subset import subset_rows

_OWNER = f"{OWNER}.flow"


class ArrayFlow(ImageFlow):
    """Gives batches of images in memory; see `ImageDataGenerator.flow`."""

    _method = _OWNER

    def __init__(
        self,
        generator: ImageAugmenter,
        x: Any,
        y: ArrayLike | None = None,
        *,
        masks: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        ignore_class_split: bool = False,
        subset: str | None = None,
        groups: ArrayLike | None = None,
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
                f"{_OWNER}: x has shape {images.shape}, so {channels} "
                f"channels on axis {generator.channel_axis}; 1, 3 or 4 are "
                f"usual for data_format={generator.data_format!r}.",
                stacklevel=3,
            )
        misc = [_rows(f"x[1][{k}]", a, count) for k, a in enumerate(others)]
        targets = None if y is None else _rows("y", y, count)
        moving = None if masks is None else _masks(masks, images, generator)
        if moving is None and targets is not None:
            _warn_of_pictures(targets, images, generator)
        weights = None
        if sample_weight is not None:
            weights = _rows("sample_weight", sample_weight, count, kinds="buif")
        classes = None if targets is None else _classes(targets)
        rows = subset_rows(
            generator,
            subset,
            count,
            owner=_OWNER,
            classes=classes,
            groups=None
            if groups is None
            else _rows("groups", groups, count).tolist(),
        )
        if not (
            checks.boolean(OWNER, "ignore_class_split", ignore_class_split)
            or subset is None
            or targets is None
        ):
            _check_same_classes(targets, rows)
        # The first or the last ones, as a view of the array.
        part: Any = rows
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            part = slice(rows[0], rows[-1] + 1)
        self.x = images[part]
        self.y = None if targets is None else targets[part]
        self.masks = None if moving is None else moving[part]
        self.sample_weight = None if weights is None else weights[part]
        self.x_misc = [other[part] for other in misc]
        super().__init__(generator, len(self.x), subset=subset, **flow)

    def images_at(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images of these numbers, unchanged."""
        return self.x[indices]

    def _class_of_each(self) -> ArrayLike | None:
        return None if self.y is None else _classes(self.y)

    def _source(
        self, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return self.x, indices

    def masks_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the masks of these numbers, unchanged, or `None`."""
        return None if self.masks is None else self.masks[indices]

    def targets_at(self, indices: np.ndarray, images: np.ndarray) -> Any:
        """Returns the targets of these numbers, or `None`."""
        return None if self.y is None else self.y[indices]

    def put_together(
        self,
        images: np.ndarray,
        indices: np.ndarray,
        masks: np.ndarray | None = None,
    ) -> Any:
        """Returns what `fit` takes; further inputs stand beside the images."""
        batch = super().put_together(images, indices, masks)
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
        raise invalid_argument(_OWNER, name, allowed, value, error=TypeError)
    if array.shape[0] != count:
        raise invalid_argument(
            _OWNER,
            f"{name}.shape",
            f"({count}, ...), one entry per image",
            array.shape,
        )
    return array


def _masks(
    masks: ArrayLike, images: np.ndarray, generator: ImageAugmenter
) -> np.ndarray:
    """Returns masks as an array, each of the size of its image."""
    array = _rows("masks", masks, len(images), kinds="buif")
    if not _have_the_size_of(array, images, generator):
        raise invalid_argument(
            _OWNER,
            "masks.shape",
            "that of the images, with any number of channels or without an "
            f"axis for them; images have {images.shape}",
            array.shape,
        )
    return array


def _have_the_size_of(
    masks: np.ndarray, images: np.ndarray, generator: ImageAugmenter
) -> bool:
    axes = (generator.row_axis, generator.col_axis)
    size = tuple(images.shape[axis] for axis in axes)
    if masks.ndim == 3:
        return masks.shape[1:] == size
    return masks.ndim == 4 and size == tuple(masks.shape[a] for a in axes)


def _warn_of_pictures(
    targets: np.ndarray, images: np.ndarray, generator: ImageAugmenter
) -> None:
    if generator.moves and _have_the_size_of(targets, images, generator):
        warnings.warn(
            f"{_OWNER}: y has the size of the images, which are moved, but y "
            "is handed on as it is. If it has to move with them, give it as "
            "masks=.",
            stacklevel=4,
        )


def _classes(targets: np.ndarray) -> np.ndarray | None:
    """Returns the class of each target, of numbers or of one-hot rows."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        return targets.argmax(axis=1)
    targets = without_column(targets)
    return targets if targets.ndim == 1 else None


def _check_same_classes(targets: np.ndarray, rows: np.ndarray) -> None:
    here = np.zeros(len(targets), bool)
    here[rows] = True
    if not np.array_equal(np.unique(targets[here]), np.unique(targets[~here])):
        raise ValueError(
            f"{_OWNER}: the training and the validation part hold "
            "different classes. Without a random split the first of the "
            f"{len(targets)} samples validate. Use "
            "ImageDataGenerator(..., stratify=True), shuffle x and y "
            "together, or give ignore_class_split=True."
        )
