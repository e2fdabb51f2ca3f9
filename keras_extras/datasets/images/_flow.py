"""Batches of augmented images, as a data set for `fit`.

    batch i of epoch e  =  augmented(images[order(seed, e)[i b : (i + 1) b]])

with random numbers that depend on the seed, e and i and on nothing else: any
number of workers, in any order, give the same batches. Subclasses say where
images and targets come from.
"""

import math
import os
import secrets
import threading
from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
from keras.utils import array_to_img

from keras_extras import _errors
from keras_extras.datasets._batches import Batches, whole
from keras_extras.datasets.images._augmenter import ImageAugmenter

_SAVE_FORMATS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "bmp": "BMP",
    "webp": "WEBP",
}


class ImageFlow(Batches):
    """Gives batches of augmented images; made by `ImageDataGenerator`.

    `flow[i]` is batch i of the current epoch, always the same. `len(flow)` is
    the number of batches. As in old Keras, `next(flow)` and `for` go on from
    epoch to epoch without end.

    Args:
        generator: the `ImageDataGenerator`.
        samples: number of images.
        batch_size: int > 0. The last batch of an epoch may be smaller.
        shuffle: whether each epoch has an order of its own.
        seed: int >= 0, the start of all random numbers; `None` draws one from
            NumPy's global generator.
        save_to_dir: folder for a picture of each image given out, or `None`.
        save_prefix: start of the names of these files.
        save_format: `"png"`, `"jpeg"`, `"bmp"` or `"webp"`.
        **options: `workers` (int > 0, threads that make the next batches
            while the model works, if `fit` is called with `shuffle=False`),
            `max_queue_size` (int > 0, how many batches may wait) and
            `drop_remainder` (whether the images that do not fill the last
            batch are left out of the epoch).

    Hooks:
        `images_at(indices)`: an array of images; must be given.
        `targets_at(indices, images)`: the targets, or `None`.
        `weights_at(indices)`: the sample weights, or `None`.

    Examples:
        >>> from keras_extras.datasets import ImageDataGenerator
        >>> images = np.arange(20.0).reshape(5, 2, 2, 1)
        >>> generator = ImageDataGenerator(horizontal_flip=True)
        >>> flow = generator.flow(images, batch_size=2, seed=0, workers=2)
        >>> len(flow), flow[0].shape, flow[2].shape
        (3, (2, 2, 2, 1), (1, 2, 2, 1))
    """

    def __init__(
        self,
        generator: ImageAugmenter,
        samples: int,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        **options: Any,
    ):
        super().__init__(
            samples,
            batch_size,
            shuffle,
            seed,
            owner="ImageDataGenerator",
            **options,
        )
        self.generator = generator
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        if save_format not in _SAVE_FORMATS:
            raise _errors.invalid_argument(
                "ImageDataGenerator",
                "save_format",
                " or ".join(map(repr, _SAVE_FORMATS)),
                save_format,
            )
        self.save_format = save_format
        self.batch_index = 0
        self._turns = threading.Lock()

    def images_at(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images of these numbers, unchanged."""
        raise NotImplementedError  # each kind of flow reads its own

    def targets_at(self, indices: np.ndarray, images: np.ndarray) -> Any:
        """Returns the targets of these numbers, or `None`."""
        return None

    def weights_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the sample weights of these numbers, or `None`."""
        return None

    @property
    def samples(self) -> int:
        """Number of images in an epoch, of this shard."""
        return self.num_items

    @property
    def n(self) -> int:
        """The same as `samples`."""
        return self.num_items

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.samples} images, {len(self)} "
            f"batches of {self.batch_size}>"
        )

    def _make(self, epoch: int, index: int) -> Any:
        indices = self._items_of(epoch, index)
        random = self._random_of(epoch, index)
        images = self._augmented(indices, random)
        if self.save_to_dir is not None:
            self._save(images, indices, random)
        return self.put_together(images, indices)

    def _augmented(
        self, indices: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        return self.generator.augmented(self.images_at(indices), random)

    def put_together(self, images: np.ndarray, indices: np.ndarray) -> Any:
        """Returns what `fit` takes: images, with targets and weights."""
        targets = self.targets_at(indices, images)
        if targets is None:
            return images
        weights = self.weights_at(indices)
        if weights is None:
            return images, targets
        return images, targets, weights

    def order(self, epoch: int) -> np.ndarray:
        """Returns the numbers of the images in the order of an epoch."""
        return self._chosen(epoch, 0, self.num_items)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not len(self):
            raise StopIteration
        with self._turns:
            epoch, index = self.epoch, self.batch_index
            self.batch_index = (index + 1) % len(self)
            if self.batch_index == 0:
                self.on_epoch_end()
        return self._given(epoch, index)

    def next(self) -> Any:
        """Returns the next batch, as `next(flow)`."""
        return self.__next__()

    def reset(self) -> None:
        """Lets `next` start with the first batch of the epoch again."""
        self.batch_index = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_turns": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._turns = threading.Lock()

    def _save(
        self,
        images: np.ndarray,
        indices: np.ndarray,
        random: np.random.Generator,
    ) -> None:
        folder = os.path.expanduser(os.fspath(self.save_to_dir or ""))
        os.makedirs(folder, exist_ok=True)
        numbers = random.integers(10**7, size=len(indices))
        for image, index, number in zip(images, indices, numbers, strict=True):
            picture = array_to_img(
                image, self.generator.data_format, scale=True
            )
            if picture.mode == "RGBA" and self.save_format in ("jpg", "jpeg"):
                picture = picture.convert("RGB")
            name = f"{self.save_prefix}_{index}_{number}.{self.save_format}"
            # Workers may write the same picture at once: whole or not at all.
            path = os.path.join(folder, name)
            beside = f"{path}.{secrets.token_hex(4)}.tmp"
            picture.save(beside, format=_SAVE_FORMATS[self.save_format])
            os.replace(beside, path)

    def plot(self, index: int = 0, *, columns: int = 8) -> np.ndarray:
        """Draws one batch, as it would be given to the model.

        Args:
            index: number of the batch, in the current epoch.
            columns: number of pictures in a row.

        Returns:
            Array of Matplotlib axes, one per image. Nothing is shown: in a
            notebook the figure appears by itself, in a script call
            `matplotlib.pyplot.show()`.
        """
        pyplot = _errors.import_optional(
            "matplotlib.pyplot", extra="plot", owner="ImageFlow.plot"
        )
        columns = whole("columns", columns, 1, "ImageFlow.plot")
        batch = self[index]
        images = batch[0] if isinstance(batch, tuple) else batch
        images = images[0] if isinstance(images, list) else images
        titles = self._titles(batch)
        if self.generator.data_format == "channels_first":
            images = np.moveaxis(images, 1, -1)
        images = _for_eyes(images)
        columns = min(columns, len(images))
        rows = math.ceil(len(images) / columns)
        _, axes = pyplot.subplots(
            rows,
            columns,
            squeeze=False,
            figsize=(1.4 * columns, 1.6 * rows),
            layout="constrained",
        )
        for one in axes.flat:
            one.set_axis_off()
        used = axes.ravel()[: len(images)]
        for one, image, title in zip(used, images, titles, strict=True):
            gray = image.shape[-1] == 1
            one.imshow(
                image[..., 0] if gray else image,
                cmap="gray",
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )
            one.set_title(title, fontsize=9)
        return used

    def _titles(self, batch: Any) -> list[str]:
        """Returns the names of the classes, or their numbers, or nothing."""
        images = batch[0] if isinstance(batch, tuple) else batch
        count = len(images[0] if isinstance(images, list) else images)
        targets = batch[1] if isinstance(batch, tuple) else None
        if not isinstance(targets, np.ndarray) or targets.ndim > 2:
            return [""] * count
        if targets.ndim == 2:
            if targets.shape[1] == 1:
                targets = targets[:, 0]
            elif np.all(np.sum(targets == 1, axis=1) == 1):
                targets = np.argmax(targets, axis=1)
            else:
                return [""] * count
        names = {
            number: name
            for name, number in getattr(self, "class_indices", {}).items()
        }
        return [str(names.get(value, f"{value:g}")) for value in targets]


def _for_eyes(images: np.ndarray) -> np.ndarray:
    """Scales to [0, 1], from there, from 0 to 255, or from min to max."""
    images = images.astype(np.float32)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 255.001:
        low, high = 0.0, 1.0 if high <= 1.001 else 255.0  # 255 * (1 / 255)
    images = np.clip((images - low) / ((high - low) or 1), 0, 1)
    return images[..., :1] if images.shape[-1] == 2 else images[..., :4]


def subset_of(
    generator: ImageAugmenter, subset: str | None, count: int
) -> slice:
    """Returns which of `count` samples, in order, belong to a subset."""
    if subset is None:
        return slice(0, count)
    if subset not in ("training", "validation"):
        raise _errors.invalid_argument(
            "ImageDataGenerator",
            "subset",
            "'training', 'validation' or None",
            subset,
        )
    if subset == "validation" and not generator.validation_split:
        raise _errors.invalid_argument(
            "ImageDataGenerator",
            "subset",
            "None without a validation_split",
            subset,
            fix="Give the generator one: "
            "ImageDataGenerator(validation_split=0.2).",
        )
    split = int(count * generator.validation_split)
    return slice(0, split) if subset == "validation" else slice(split, count)
