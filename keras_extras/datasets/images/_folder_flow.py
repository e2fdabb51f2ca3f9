"""Augmented batches of image files in a folder.

    folder/<class>/<image>  ->  batches of images, and of their classes

A batch is read when it is asked for. What is read, how, and what is not, is
in `_image_files`; here files get their targets.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras._files import replaced
from keras_extras.datasets.images import _image_files
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import ImageFlow, check_options
from keras_extras.datasets.images._standardize import OWNER
from keras_extras.datasets.images._subset import (
    subset_rows,
    warn_of_missing_classes,
)

_OWNER = f"{OWNER}.flow_from_directory"
# What the two methods that read files have besides.
DIRECTORY_OPTIONS = (
    *("target_size", "color_mode", "classes", "class_mode", "interpolation"),
    *("keep_aspect_ratio", "broken", "max_pixels", "exif_orientation"),
    *("links_outside", "follow_links", "masks", "cache"),
)
MASKS = "masks"
NAMED_MODES = ("categorical", "binary", "sparse")


class FileFlow(ImageFlow):
    """Gives batches of image files; the bases know the files and targets.

    A subclass calls `self._read_as(...)`, sets `filenames` and `filepaths`,
    leaves out what is not `self._readable(...)`, and then calls
    `super().__init__`.
    """

    directory: str | None
    filenames: list[str]
    filepaths: list[str]
    class_mode: str | None
    classes: Any = None
    # Of class_mode="masks": the folder of the masks, and their paths.
    mask_directory: str | None = None
    mask_paths: list[str]

    def _class_of_each(self) -> ArrayLike | None:
        several = self.class_mode == "categorical" and any(
            isinstance(numbers, list) for numbers in self.classes
        )
        if self.class_mode not in NAMED_MODES or several:
            return None
        return self.classes

    def masks_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Reads the masks of these numbers."""
        if self.class_mode != MASKS:
            return None
        inside = None if self.links_outside else self.mask_directory
        reading = {
            **self._reading,
            "color_mode": _image_files.MASK,
            "interpolation": "nearest",
        }
        return self._stacked(
            [
                _image_files.read_image(
                    self.mask_paths[index], inside=inside, **reading
                )
                for index in indices
            ]
        )

    def _read_as(
        self,
        generator: ImageAugmenter,
        target_size: Sequence[int],
        color_mode: str,
        interpolation: str,
        keep_aspect_ratio: bool,
        broken: str,
        max_pixels: int | None,
        exif_orientation: bool,
        links_outside: bool,
        cache: bool | str | PathLike[str],
    ) -> None:
        self._cached: dict[str, np.ndarray] | None = None
        self._cache_folder: str | None = None
        if isinstance(cache, str | PathLike):
            self._cache_folder = checks.file_path(OWNER, "cache", cache)
        elif checks.boolean(OWNER, "cache", cache):
            self._cached = {}
        self.links_outside: bool = checks.boolean(
            OWNER, "links_outside", links_outside
        )
        self.interpolation = checks.choice(
            OWNER, "interpolation", interpolation, _image_files.INTERPOLATIONS
        )
        most = _image_files.import_pillow().MAX_IMAGE_PIXELS
        self.color_mode = checks.choice(
            OWNER, "color_mode", color_mode, tuple(_image_files.MODES)
        )
        size = checks.items(
            OWNER, "target_size", target_size, "two positive integers", count=2
        )
        height, width = (
            checks.integer(OWNER, "target_size", length) for length in size
        )
        self.target_size = (height, width)
        self.broken = checks.choice(
            OWNER, "broken", broken, ("raise", "warn", "skip")
        )
        if max_pixels is not None:
            max_pixels = checks.integer(OWNER, "max_pixels", max_pixels)
            if most and max_pixels > most:
                raise invalid_argument(
                    OWNER,
                    "max_pixels",
                    f"at most PIL.Image.MAX_IMAGE_PIXELS = {most}, or None",
                    max_pixels,
                )
        self._reading: dict[str, Any] = {
            "color_mode": self.color_mode,
            "target_size": self.target_size,
            "interpolation": self.interpolation,
            "keep_aspect_ratio": checks.boolean(
                OWNER, "keep_aspect_ratio", keep_aspect_ratio
            ),
            "max_pixels": max_pixels,
            "exif_orientation": checks.boolean(
                OWNER, "exif_orientation", exif_orientation
            ),
        }
        # Pillow names a mode after its channels: L, RGB, RGBA.
        channels = len(_image_files.MODES[self.color_mode])
        self.image_shape = (height, width, channels)
        if generator.data_format == "channels_first":
            self.image_shape = (channels, height, width)
        self.broken_files: list[tuple[str, str]] = []

    def _readable(self, paths: Sequence[str]) -> np.ndarray:
        """Returns which files can be read; names the others as was chosen."""
        good = np.ones(len(paths), bool)
        if self.broken == "raise":
            return good
        found: list[tuple[str, str]] = []
        for position, path in enumerate(paths):
            try:
                self._read(path)
            except (_image_files.BrokenImageError, OSError) as error:
                good[position] = False
                found.append((path, str(error)))
        self.broken_files += found
        if self.broken == "warn" and found:
            shown = "; ".join(path for path, _ in found[:5])
            more = len(found) - 5
            warnings.warn(
                f"{OWNER}: {len(found)} of {len(paths)} files cannot be read "
                f"and are left out: {shown}"
                + (f" and {more} more" if more > 0 else "")
                + ". The reasons are in the attribute broken_files.",
                stacklevel=5,
            )
        return good

    def _read(self, path: str) -> np.ndarray:
        if self._cached is not None and path in self._cached:
            return self._cached[path]
        if self._cache_folder is not None:
            return self._read_through(path, self._cache_folder)
        image = self._decoded(path)
        if self._cached is not None:
            self._cached[path] = image
        return image

    def _decoded(self, path: str) -> np.ndarray:
        inside = None if self.links_outside else self.directory
        return _image_files.read_image(path, inside=inside, **self._reading)

    def _read_through(self, path: str, folder: str) -> np.ndarray:
        """Reads what an earlier call has left in a folder, or leaves it."""
        status = os.stat(path)
        facts = (os.path.abspath(path), status.st_mtime_ns, status.st_size)
        key = repr((facts, sorted(self._reading.items())))
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        cached = os.path.join(folder, f"{name}.npy")
        try:
            return np.load(cached, allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            pass  # not there yet, or not whole
        image = self._decoded(path)
        os.makedirs(folder, exist_ok=True)
        with replaced(cached) as file:
            np.save(file, image)
        return image

    def images_at(self, indices: np.ndarray) -> np.ndarray:
        """Reads the images of these numbers."""
        return self._stacked([self._read(self.filepaths[i]) for i in indices])

    def _stacked(self, arrays: list[np.ndarray]) -> np.ndarray:
        images = np.stack(arrays)
        if self.generator.data_format == "channels_first":
            images = np.moveaxis(images, -1, 1)
        return images

    @property
    def labels(self) -> Any:
        """The targets of all files: class numbers, or what the table holds."""
        return self.classes

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_indices)

    def targets_at(self, indices: np.ndarray, images: np.ndarray) -> Any:
        """Returns the targets of these numbers, by `class_mode`."""
        if self.class_mode in (None, MASKS):
            return None
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode == "multi_output":
            return [column[indices] for column in self.labels]
        if self.class_mode == "raw":
            return self.labels[indices]
        dtype = self.generator.dtype
        if self.class_mode != "categorical":
            return np.array([self.classes[i] for i in indices], dtype)
        rows = np.zeros((len(indices), self.num_classes), dtype)
        for row, index in zip(rows, indices, strict=True):
            row[self.classes[index]] = 1
        return rows


class FolderFlow(FileFlow):
    """Gives batches of files of a folder; see `flow_from_directory`."""

    _method = _OWNER

    def __init__(
        self,
        generator: ImageAugmenter,
        directory: str | PathLike[str],
        *,
        classes: Sequence[str] | None,
        class_mode: str | None,
        follow_links: bool,
        subset: str | None,
        groups: Callable[[str], Hashable] | None,
        masks: str | PathLike[str] | None,
        reading: Mapping[str, Any],
        **flow: Any,
    ) -> None:
        check_options(_OWNER, flow, DIRECTORY_OPTIONS)
        self._read_as(generator, **reading)
        groups = checks.function(
            _OWNER, "groups", groups, "a function of a file name, or None"
        )
        self.class_mode = checks.choice(
            OWNER,
            "class_mode",
            class_mode,
            (*NAMED_MODES, "input", MASKS, None),
        )
        check_masks(_OWNER, self.class_mode, masks, needed=True)
        follow_links = checks.boolean(OWNER, "follow_links", follow_links)
        root = checks.file_path(OWNER, "directory", directory)
        if not os.path.isdir(root):
            raise NotADirectoryError(f"{_OWNER}: {root!r} is not a folder.")
        self.directory = root
        # Images with masks need no folders of classes.
        bare = self.class_mode == MASKS and class_list(classes) is None
        names = [""] if bare else _class_names(root, classes)
        self.class_indices = {name: k for k, name in enumerate(names)}
        check_binary(self.class_mode, names)
        files: list[str] = []
        numbers: Any = []
        inside = None if self.links_outside else root
        for name, number in self.class_indices.items():
            found = _image_files.find_images(root, name, follow_links, inside)
            found = [file for file in found if self._is_inside(root, file)]
            files += found
            numbers += [number] * len(found)
        good = self._readable([os.path.join(root, file) for file in files])
        files = [files[row] for row in np.flatnonzero(good)]
        numbers = np.array(numbers, np.int32)[good]
        rows = subset_rows(
            generator,
            subset,
            len(files),
            owner=_OWNER,
            classes=numbers,
            groups=None if groups is None else [groups(file) for file in files],
            each_class=True,
        )
        if not len(rows):
            raise _nothing_found(root, names, subset, self.broken_files)
        warn_of_missing_classes(np.array(names)[numbers], rows, subset, _OWNER)
        self.classes = numbers[rows]
        self.filenames = [files[row] for row in rows]
        self.filepaths = [os.path.join(root, file) for file in self.filenames]
        if masks is not None:
            self.mask_directory = checks.file_path(_OWNER, "masks", masks)
            self.mask_paths = _masks_of(
                self.filenames, self.mask_directory, follow_links, inside
            )
        super().__init__(generator, len(rows), subset=subset, **flow)

    def _is_inside(self, root: str, file: str) -> bool:
        if self.links_outside:
            return True
        path = os.path.join(root, file)
        try:
            _image_files.check_inside(root, path)
        except ValueError as error:
            if self.broken == "raise":
                raise
            self.broken_files.append((path, str(error)))
            return False
        return True


def _class_names(root: str, classes: Sequence[str] | None) -> list[str]:
    there = _image_files.class_folders(root)
    names = class_list(classes)
    if names is None:
        return there
    for name in names:
        _image_files.check_inside(root, os.path.join(root, name))
        if not os.path.isdir(os.path.join(root, name)):
            raise invalid_argument(
                OWNER,
                "classes",
                f"names of folders in {root!r}",
                name,
                context=f"There are: {', '.join(there) or 'none'}.",
            )
    if len(set(names)) != len(names):
        raise invalid_argument(OWNER, "classes", "different names", names)
    return names


def check_masks(
    owner: str, class_mode: str | None, masks: object, *, needed: bool
) -> None:
    """Raises if there is a folder of masks without use, or none for a use."""
    if class_mode != MASKS and masks is not None:
        raise invalid_argument(
            owner, "masks", 'None without class_mode="masks"', masks
        )
    if class_mode == MASKS and masks is None and needed:
        raise invalid_argument(
            owner, "masks", 'a folder for class_mode="masks"', masks
        )


def _masks_of(
    files: list[str], folder: str, follow_links: bool, inside: str | None
) -> list[str]:
    """Returns the paths of the masks that have the names of images."""
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{_OWNER}: {folder!r} is not a folder.")
    found = _image_files.find_images(
        folder, "", follow_links, None if inside is None else folder
    )
    by_name = {os.path.splitext(mask)[0]: mask for mask in found}
    by_name |= {mask: mask for mask in found}  # with its ending: first
    masks = [
        by_name.get(file) or by_name.get(os.path.splitext(file)[0])
        for file in files
    ]
    missing = [f for f, mask in zip(files, masks, strict=True) if mask is None]
    if missing:
        raise invalid_argument(
            _OWNER,
            "masks",
            "a folder with a mask for each image, of the same name with any "
            "ending",
            folder,
            context=f"{len(missing)} of {len(files)} images have none; the "
            f"first: {missing[0]!r}.",
            error=FileNotFoundError,
        )
    return [os.path.join(folder, mask) for mask in masks if mask is not None]


def check_binary(class_mode: str | None, names: Sequence[str]) -> None:
    """Raises if one number from 0 to 1 cannot tell the classes apart."""
    if class_mode == "binary" and len(names) > 2:
        raise invalid_argument(
            OWNER,
            "class_mode",
            "'binary' for two classes only",
            class_mode,
            context=f"There are {len(names)} classes: {list(names[:10])}.",
            fix="Use 'sparse' or 'categorical'.",
        )


def class_list(classes: Sequence[str] | None) -> list[str] | None:
    """Returns names of classes as a list; `None` if none are given."""
    if classes is None or (isinstance(classes, list | tuple) and not classes):
        return None
    names = checks.items(OWNER, "classes", classes, "a list of names")
    return [checks.text(OWNER, "classes", name) for name in names]


def _nothing_found(
    root: str,
    names: list[str],
    subset: str | None,
    broken: list[tuple[str, str]],
) -> ValueError:
    if broken:
        why = f"{len(broken)} files were left out; the first: {broken[0][1]}"
    elif not names:
        why = (
            "It must hold one folder per class, but holds none. For images "
            "without classes, name the folder above it and give "
            "classes=[<its name>], class_mode=None."
        )
    elif subset is not None:
        why = f"subset={subset!r} of so few images is empty."
    else:
        why = (
            f"Looked for {', '.join(_image_files.ENDINGS)} in "
            f"{', '.join(names)}; found: "
            f"{_image_files.other_endings(root) or 'no file at all'}."
        )
    return ValueError(f"{_OWNER}: no image in {root!r}. {why}")
