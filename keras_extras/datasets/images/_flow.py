"""Batches of augmented images, as a data set for `fit`.

    batch i of epoch e  =  augmented(images[order(seed, e)[i b : (i + 1) b]])

with random numbers that depend on the seed, e and i and on nothing else: any
number of workers, in any order, give the same batches. Subclasses say where
images and targets come from.
"""

import math
import os
import threading
import types
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from keras.utils import array_to_img
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras import _gray
from keras_extras._errors import import_optional
from keras_extras._files import replaced
from keras_extras.datasets._batches import Batches
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._standardize import OWNER

_SAVE_FORMATS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "bmp": "BMP",
    "webp": "WEBP",
}

# Whose turn it is to take the next batch: one lock for all flows, that nobody
# has while the process is forked, since a child would wait for it for ever.
_turns = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_turns.acquire,
        after_in_parent=_turns.release,
        after_in_child=_turns.release,
    )


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
        subset: which part of the data this is, as it was asked for.
        augment: whether images are transformed, or only standardized.
        **options: `balance`, `batch_transform`, `workers`, `max_queue_size`
            and `drop_remainder`, as for `ImageDataGenerator.flow`.

    Attributes:
        sample_weight: array with the weight of each image, or `None`.

    Hooks:
        `images_at(indices)`: an array of images; must be given.
        `targets_at(indices, images)`: the targets, or `None`.
        `masks_at(indices)`: masks, which move with the images, or `None`.
        `weights_at(indices)`: the sample weights, or `None`.

    Examples:
        >>> from keras_extras.datasets import ImageDataGenerator
        >>> images = np.arange(20.0).reshape(5, 2, 2, 1)
        >>> generator = ImageDataGenerator(horizontal_flip=True)
        >>> flow = generator.flow(images, batch_size=2, seed=0, workers=2)
        >>> len(flow), flow[0].shape, flow[2].shape
        (3, (2, 2, 2, 1), (1, 2, 2, 1))
    """

    sample_weight: np.ndarray | None = None
    class_indices: Mapping[str, int] = types.MappingProxyType({})
    _method: str = OWNER  # whom errors speak for

    def __init__(
        self,
        generator: ImageAugmenter,
        samples: int,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        *,
        subset: str | None = None,
        augment: bool = True,
        **options: Any,
    ) -> None:
        check_options(self._method, options)
        super().__init__(
            samples,
            batch_size,
            shuffle,
            seed,
            classes=self._class_of_each(),
            class_names=self.class_indices,
            owner=self._method,
            **options,
        )
        self.generator = generator
        self.subset = subset
        self.augment: bool = checks.boolean(self._method, "augment", augment)
        self.save_to_dir: str | None = (
            None
            if save_to_dir is None
            else checks.file_path(OWNER, "save_to_dir", save_to_dir)
        )
        self.save_prefix: str = checks.text(OWNER, "save_prefix", save_prefix)
        self.save_format: str = checks.choice(
            OWNER, "save_format", save_format, tuple(_SAVE_FORMATS)
        )
        self.batch_index = 0

    def images_at(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images of these numbers, unchanged."""
        raise NotImplementedError  # each kind of flow reads its own

    def targets_at(self, indices: np.ndarray, images: np.ndarray) -> Any:
        """Returns the targets of these numbers, or `None`."""
        return None

    def _class_of_each(self) -> ArrayLike | None:
        """Returns the class of each image, or `None` where there is none."""
        return None

    def masks_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the masks of these numbers, unchanged, or `None`."""
        return None

    def weights_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the sample weights of these numbers, or `None`."""
        weights = self.sample_weight
        return None if weights is None else weights[indices]

    @property
    def samples(self) -> int:
        """Number of images in an epoch, of this shard."""
        return self.num_items

    # What old code reads; see `keras.utils.PyDataset` for the rest.

    @property
    def n(self) -> int:
        """The same as `samples`."""
        return self.num_items

    @property
    def image_data_generator(self) -> ImageAugmenter:
        """The same as `generator`."""
        return self.generator

    @property
    def data_format(self) -> str:
        """The `data_format` of the generator."""
        return self.generator.data_format

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the batches."""
        return self.generator.dtype

    @property
    def index_array(self) -> np.ndarray:
        """The numbers of the images in the order of this epoch."""
        return self.order(self.epoch)

    @property
    def total_batches_seen(self) -> int:
        """The number of batches before the next one, of all epochs."""
        return self.epoch * len(self) + self.batch_index

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.samples} images, {len(self)} "
            f"batches of {self.batch_size}>"
        )

    def _make(self, epoch: int, index: int) -> Any:
        indices = self._items_of(epoch, index)
        random = self._random_of(epoch, index)
        source, rows = self._source(indices)
        drawn: dict[str, np.ndarray | None] = {}
        if self.augment:
            drawn = self.generator.draw_for(source, len(indices), random)
        images = self.generator.augmented(source, drawn, rows)
        masks = self.masks_at(indices)
        if masks is not None:
            masks = self.generator.moved(masks, drawn)
        if self.save_to_dir is not None:
            self._save(self.save_to_dir, images, indices, random)
        return self.put_together(images, indices, masks)

    def _source(
        self, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns an array, and which of its images are meant: `None`, all."""
        return self.images_at(indices), None

    def put_together(
        self,
        images: np.ndarray,
        indices: np.ndarray,
        masks: np.ndarray | None = None,
    ) -> Any:
        """Returns what `fit` takes: images, with targets and weights."""
        targets = self.targets_at(indices, images)
        if masks is not None:
            targets = masks if targets is None else (targets, masks)
        if targets is None:
            return images
        weights = self.weights_at(indices)
        if weights is None:
            return images, targets
        return images, targets, weights

    def order(self, epoch: int) -> np.ndarray:
        """Returns the numbers of the images in the order of an epoch."""
        return self._chosen(epoch, 0, self.num_items)

    # As in old Keras, `for` goes on for ever; Keras's own stops.
    def __iter__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> Self:
        return self

    def __next__(self) -> Any:
        if not len(self):
            raise StopIteration
        with _turns:
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
        self.batch_index: int = 0

    def _save(
        self,
        folder: str,
        images: np.ndarray,
        indices: np.ndarray,
        random: np.random.Generator,
    ) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        numbers = random.integers(10**7, size=len(indices))
        for image, index, number in zip(images, indices, numbers, strict=True):
            picture = array_to_img(
                image, self.generator.data_format, scale=True
            )
            if picture.mode == "RGBA" and self.save_format in ("jpg", "jpeg"):
                picture = picture.convert("RGB")
            name = f"{self.save_prefix}_{index}_{number}.{self.save_format}"
            # Workers may write the same picture at once: whole or not at all.
            with replaced(Path(folder, name)) as file:
                picture.save(file, format=_SAVE_FORMATS[self.save_format])

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
        pyplot = import_optional(
            "matplotlib.pyplot", extra="plot", owner="ImageFlow.plot"
        )
        columns = checks.integer("ImageFlow.plot", "columns", columns)
        batch = self[index]
        images = _images_of(batch)
        if self.generator.data_format == "channels_first":
            images = np.moveaxis(images, 1, -1)
        channels = images.shape[-1]
        images = _gray.unit(images[..., : 1 if channels == 2 else 4])
        columns = min(columns, len(images))
        rows = math.ceil(len(images) / columns)
        _, axes = pyplot.subplots(
            rows,
            columns,
            squeeze=False,
            figsize=(1.4 * columns, 1.6 * rows),
            layout="constrained",
        )
        for axis in axes.flat:
            axis.set_axis_off()
        used = axes.ravel()[: len(images)]
        titles = self._titles(batch)
        for axis, image, title in zip(used, images, titles, strict=True):
            axis.imshow(
                image[..., 0] if image.shape[-1] == 1 else image,
                cmap="gray",
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )
            axis.set_title(title, fontsize=9)
        return used

    def _titles(self, batch: Any) -> list[str]:
        """Returns the names of the classes, or their numbers, or nothing."""
        count = len(_images_of(batch))
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
        names = {number: name for name, number in self.class_indices.items()}
        return [str(names.get(value, f"{value:g}")) for value in targets]


_OPTIONS = (
    *("workers", "max_queue_size", "drop_remainder", "use_multiprocessing"),
    *(
        "balance",
        "batch_transform",
        "augment",
        "subset",
        "batch_size",
        "shuffle",
        "seed",
    ),
    *("save_to_dir", "save_prefix", "save_format", "groups", "masks"),
)


def check_options(
    owner: str, options: Mapping[str, Any], known: Sequence[str] = ()
) -> None:
    """Raises for an option that no flow has, and names the closest one."""
    names = (*_OPTIONS, *known)
    for name in set(options) - set(names):
        raise TypeError(
            f"{owner}: there is no argument {name!r}. "
            f"{checks.did_you_mean(name, names)}"
            f"Received: {name}={options[name]!r}."
        )


def _images_of(batch: Any) -> np.ndarray:
    """Returns the images of a batch, without targets and further inputs."""
    inputs = batch[0] if isinstance(batch, tuple) else batch
    return inputs[0] if isinstance(inputs, list) else inputs
