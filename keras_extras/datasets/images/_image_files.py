"""Image files, found in a folder and read, without trusting any of them.

Found: by the ending of the name, in the order of the names, and never outside
the folder, wherever links lead. Read: with Pillow, only as one of the formats
of the list, whatever the name says, and only up to a number of pixels that is
compared before anything is unpacked. A link that was put there between finding
and reading leads nowhere.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras_extras._errors import import_optional

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff"),
    *(".webp", ".gif", ".avif", ".jp2"),
)
FORMATS = (
    *("PNG", "JPEG", "BMP", "PPM", "TIFF"),
    *("WEBP", "GIF", "AVIF", "JPEG2000"),
)
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
MASK = "mask"  # read as numbers, not as colors
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}  # as Pillow says


class BrokenImageError(ValueError):
    """A file is not an image that may be read; the message says why."""


def class_folders(root: str) -> list[str]:
    """Returns the names of the folders in a folder, sorted, hidden ones not."""
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir() and not entry.name.startswith(".")
    )


def find_images(
    root: str, folder: str, follow_links: bool, inside: str | None
) -> list[str]:
    """Lists the image files below one folder of `root`.

    Args:
        root: the folder that paths are relative to.
        folder: name of a folder in it.
        follow_links: whether links to folders are entered.
        inside: the folder that nothing may lead out of, `None` for none.

    Returns:
        Paths relative to `root`, those of one folder after those of another,
        both in the order of their names.

    Raises:
        ValueError: if the folder or a link leads out of `inside`.
    """
    top = os.path.join(root, folder)
    check_inside(inside, top)
    found: list[tuple[str, list[str]]] = []
    entered = {os.path.realpath(top)}
    for current, folders, files in os.walk(top, followlinks=follow_links):
        folders[:] = [
            name for name in sorted(folders) if not name.startswith(".")
        ]
        if follow_links:
            for name in list(folders):
                path = os.path.join(current, name)
                check_inside(inside, path)
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
    """Returns whether a name is that of an image that is not hidden."""
    name = os.path.basename(name)
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def check_inside(root: str | None, path: str) -> None:
    """Raises `ValueError` if a path, or a link in it, leads out of a folder."""
    if root is None:
        return
    real_root, target = os.path.realpath(root), os.path.realpath(path)
    if target != real_root and Path(real_root) not in Path(target).parents:
        raise ValueError(
            f"ImageDataGenerator: {path!r} leads out of the folder {root!r}, "
            f"to {target!r}. Files outside are not read: copy them into the "
            "folder, name a folder that holds both, or allow it with "
            "links_outside=True."
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
    exif_orientation: bool = False,
    inside: str | None = None,
) -> np.ndarray:
    """Reads one image file; of several pictures in it, the first.

    Args:
        path: the file.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`. Gray images of 16 and
            32 bits and of floats keep their values in all of them. Or
            `"mask"`: the numbers as they are, of a palette the places in it.
        target_size: height and width of the result.
        interpolation: one of `INTERPOLATIONS`.
        keep_aspect_ratio: whether to crop in the middle, not to distort.
        max_pixels: as for `flow_from_directory`.
        exif_orientation: whether a picture is turned as its camera says.
        inside: folder that the file has to be in, wherever links lead;
            `None` for any place.

    Returns:
        Array `(height, width, channels)`.

    Raises:
        BrokenImageError: if the file is not an image of a known format, is
            damaged, or is too large.
        OSError: if it cannot be opened.
    """
    pillow = import_pillow()
    try:
        with _open_file(path, inside) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BrokenImageError("it is not a regular file")
            with _opened(pillow, file, max_pixels) as image:
                if exif_orientation:
                    image = _upright(image)
                image = _in_color(image, color_mode)
                image = _resized(
                    pillow, image, target_size, interpolation, keep_aspect_ratio
                )
                array = np.asarray(image)
    except MemoryError:  # of this machine, not of the file
        raise
    except OSError as error:
        if error.errno is not None:  # the file system's, which names the path
            raise
        raise _broken(path, error) from error
    except Exception as error:  # Pillow's decoders raise of many kinds
        raise _broken(path, error) from error
    return _with_channels(array, color_mode)


def _open_file(path: str, inside: str | None) -> IO[bytes]:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    if inside is not None:
        # Where it leads is asked again, and then no link is followed.
        check_inside(inside, path)
        path = os.path.realpath(path)
        flags |= getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _with_channels(array: np.ndarray, color_mode: str) -> np.ndarray:
    if array.ndim == 3:
        return array
    array = array[..., None]
    channels = 1 if color_mode == MASK else len(MODES[color_mode])
    if channels == 1:
        return array
    # Gray of more than 8 bits: Pillow would clip it to 255.
    array = np.repeat(array, channels, axis=-1)
    if channels == 4:
        array[..., 3] = 1 if array.dtype.kind == "f" else 65535
    return array


def import_pillow() -> Any:
    """Imports `PIL.Image`, or says how to get it."""
    return import_optional(
        "PIL.Image", extra="images", owner="ImageDataGenerator"
    )


def _opened(pillow: Any, file: Any, max_pixels: int | None) -> Any:
    pillow.init()
    formats = [name for name in FORMATS if name in pillow.OPEN]
    image = pillow.open(file, formats=formats)
    width, height = image.size
    # Pillow's own limit is a warning up to twice its value, and filters of
    # warnings belong to the process: what another thread sets would count.
    for name, most in (
        ("max_pixels", max_pixels),
        ("PIL.Image.MAX_IMAGE_PIXELS", pillow.MAX_IMAGE_PIXELS),
    ):
        if most is not None and width * height > most:
            raise BrokenImageError(
                f"it has {width} x {height} pixels, more than {name}={most}"
            )
    return image


def _upright(image: Any) -> Any:
    operations = import_optional(
        "PIL.ImageOps", extra="images", owner="ImageDataGenerator"
    )
    return operations.exif_transpose(image)


def _broken(path: str, error: Exception) -> BrokenImageError:
    if type(error).__name__ == "UnidentifiedImageError":
        reason = f"it is none of {', '.join(FORMATS)}: {_looks_like(path)}"
    else:
        reason = str(error) or type(error).__name__
    return BrokenImageError(
        f"ImageDataGenerator: cannot read the image {path!r}: {reason}. "
        'Leave such files out with broken="warn".'
    )


# How files that are no picture for us begin, and where.
_SIGNATURES = (
    (0, b"version https://git-lfs", "a pointer of git-lfs: run git lfs pull"),
    (0, b"%PDF", "a PDF document; convert its pages to PNG"),
    (0, b"8BPS", "a picture of Photoshop; convert it to PNG"),
    (4, b"ftyphe", "a HEIC picture; convert it to JPEG or PNG"),
    (4, b"ftypmif1", "a HEIC picture; convert it to JPEG or PNG"),
    (4, b"ftypavif", "an AVIF picture, which this Pillow cannot read"),
    (4, b"ftyp", "a video"),
    (128, b"DICM", "a DICOM file; read it with pydicom"),
    (0, b"SIMPLE  =", "a FITS file; read it with astropy"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture; convert it to TIFF"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array; read it with numpy.load"),
    (0, b"PK\x03\x04", "a zip archive; unpack it"),
    (0, b"\x1f\x8b", "a gzip archive; unpack it"),
    (0, b"Rar!", "a rar archive; unpack it"),
    (0, b"\x00\x00\x01\x00", "an icon; convert it to PNG"),
)


def _looks_like(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(256)
    if not start:
        return "the file is empty"
    text = start.lstrip().lower()
    if text.startswith(b"<svg") or b"<svg" in text:
        return "it is an SVG drawing; convert it to PNG"
    if text.startswith((b"<!", b"<htm", b"<?xml")):
        return "it is a web page or another text with tags"
    for place, signature, kind in _SIGNATURES:
        if start[place:].startswith(signature):
            return f"it is {kind}"
    return f"it begins with {start[:8]!r}"


def _in_color(image: Any, color_mode: str) -> Any:
    if image.mode.startswith("I;"):  # 16 bits, of either byte order
        image = image.convert("I")
    if image.mode in ("I", "F"):
        return image
    if color_mode == MASK:
        if image.mode == "1":
            image = image.convert("L").point(lambda value: value // 255)
        if image.mode in ("L", "P"):
            return image
        raise BrokenImageError(f"it is {image.mode}: a mask has one channel")
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
