"""Image files, found in a folder and read, without trusting any of them.

Found: by the ending of the name, in the order of the names, and never outside
the folder, wherever links lead. Read: with Pillow, only as one of the formats
of the list, whatever the name says, and only up to a number of pixels that is
compared before anything is unpacked.
"""

import os
import stat
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_extras import _errors

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}

# Filters of warnings belong to the process, not to the thread.
_filtering = threading.Lock()


class BrokenImageError(ValueError):
    """A file is not an image that may be read; the message says why."""


def class_folders(root: str) -> list[str]:
    """Returns the names of the folders in a folder, sorted, hidden ones not."""
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir() and not entry.name.startswith(".")
    )


def find_images(root: str, folder: str, follow_links: bool) -> list[str]:
    """Lists the image files below one folder of `root`.

    Args:
        root: the folder that nothing may lead out of.
        folder: name of a folder in it.
        follow_links: whether links to folders are entered.

    Returns:
        Paths relative to `root`, those of one folder after those of another,
        both in the order of their names.

    Raises:
        ValueError: if the folder or a link leads out of `root`.
    """
    top = os.path.join(root, folder)
    check_inside(root, top)
    found: list[tuple[str, list[str]]] = []
    entered = {os.path.realpath(top)}
    for current, folders, files in os.walk(top, followlinks=follow_links):
        folders[:] = [
            name for name in sorted(folders) if not name.startswith(".")
        ]
        if follow_links:
            for name in list(folders):
                path = os.path.join(current, name)
                check_inside(root, path)
                target = os.path.realpath(path)
                if target in entered:  # a circle
                    folders.remove(name)
                entered.add(target)
        found.append((current, [name for name in files if is_image(name)]))
    return [
        os.path.relpath(os.path.join(current, name), root)
        for current, files in sorted(found)
        for name in sorted(files)
    ]


def is_image(name: str) -> bool:
    """Tells whether a name is that of an image that is not hidden."""
    name = os.path.basename(name)
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def check_inside(root: str, path: str) -> None:
    """Raises `ValueError` if a path, or a link in it, leads out of a folder."""
    real_root, target = os.path.realpath(root), os.path.realpath(path)
    if target != real_root and Path(real_root) not in Path(target).parents:
        raise ValueError(
            f"ImageDataGenerator: {path!r} leads out of the folder {root!r}, "
            f"to {target!r}. Files outside are not read: copy them into the "
            "folder, or name a folder that holds both."
        )


def other_endings(root: str) -> str:
    """Says what is in a folder, for messages: `.gif (1), .txt (3)`."""
    counts: dict[str, int] = {}
    for position, path in enumerate(_files(root)):
        if position == 10_000:
            break
        ending = os.path.splitext(path)[1].lower() or "no ending"
        counts[ending] = counts.get(ending, 0) + 1
    return ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))


def _files(root: str) -> Iterator[str]:
    for _, _, files in os.walk(root):
        yield from files


def read_image(
    path: str,
    *,
    color_mode: str,
    target_size: tuple[int, int],
    interpolation: str,
    keep_aspect_ratio: bool,
    max_pixels: int | None,
) -> np.ndarray:
    """Reads one image file.

    Args:
        path: the file.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`. Gray images of 16 and
            32 bits keep their values, as in `keras.utils.load_img`.
        target_size: height and width of the result.
        interpolation: one of `INTERPOLATIONS`.
        keep_aspect_ratio: whether to crop in the middle, not to distort.
        max_pixels: as for `flow_from_directory`.

    Returns:
        Array `(height, width, channels)`.

    Raises:
        BrokenImageError: if the file is not an image of a known format, is
            damaged, or is too large.
        OSError: if it cannot be opened.
    """
    pillow = import_pillow()
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BrokenImageError("it is not a regular file")
            with _opened(pillow, file, max_pixels) as image:
                image = _in_color(image, color_mode)
                image = _resized(
                    pillow, image, target_size, interpolation, keep_aspect_ratio
                )
                array = np.asarray(image)
    except OSError as error:
        if error.errno is not None:  # the file system's, which names the path
            raise
        raise _broken(path, error) from error
    except Exception as error:  # Pillow's decoders raise of many kinds
        raise _broken(path, error) from error
    return array if array.ndim == 3 else array[..., None]


def import_pillow() -> Any:
    """Imports `PIL.Image`, or says how to get it."""
    return _errors.import_optional(
        "PIL.Image", extra="images", owner="ImageDataGenerator"
    )


def _opened(pillow: Any, file: Any, max_pixels: int | None) -> Any:
    with _filtering, warnings.catch_warnings():
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        image = pillow.open(file, formats=FORMATS)
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        raise BrokenImageError(
            f"it has {width} x {height} pixels, more than "
            f"max_pixels={max_pixels}"
        )
    return image


def _broken(path: str, error: Exception) -> BrokenImageError:
    if type(error).__name__ == "UnidentifiedImageError":
        reason = f"it is none of {', '.join(FORMATS)}: {_looks_like(path)}"
    else:
        reason = str(error) or type(error).__name__
    return BrokenImageError(
        f"ImageDataGenerator: cannot read the image {path!r}: {reason}. "
        'Repair or delete the file, or leave such files out: broken="warn".'
    )


def _looks_like(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        return "the file is empty"
    if start.lstrip().lower().startswith((b"<!", b"<htm", b"<?xml", b"<svg")):
        return "it is a web page or another text with tags"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of git-lfs, fetch the file with git lfs pull"
    return f"it begins with {start[:8]!r}"


def _in_color(image: Any, color_mode: str) -> Any:
    if color_mode == "grayscale" and image.mode in ("L", "I;16", "I"):
        return image
    mode = MODES[color_mode]
    return image if image.mode == mode else image.convert(mode)


def _resized(
    pillow: Any,
    image: Any,
    target_size: tuple[int, int],
    interpolation: str,
    keep_aspect_ratio: bool,
) -> Any:
    height, width = target_size
    if image.size == (width, height):
        return image
    box = None
    if keep_aspect_ratio:
        # The largest part from the middle with the target's proportions.
        full_width, full_height = image.size
        part_height = min(full_height, full_width * height // width)
        part_width = min(full_width, full_height * width // height)
        left = (full_width - part_width) // 2
        top = (full_height - part_height) // 2
        box = (left, top, left + part_width, top + part_height)
    method = getattr(pillow.Resampling, interpolation.upper())
    return image.resize((width, height), method, box=box)
