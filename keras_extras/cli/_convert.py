"""IDX files into other forms of the same array, and back.

    .npy  .npz  .csv  folder of PNG files  IDX (any other name; .gz packs it)

The form is told by the name. Nothing is pickled. A form that cannot hold the
array and the labels to the last bit refuses them before anything is written,
and what is written is there as a whole or not at all.
"""

import contextlib
import io
import math
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_extras._errors import import_optional
from keras_extras._files import StrPath, refuse_pipe, replaced

if TYPE_CHECKING:
    import numpy as np

    Loaded = tuple[np.ndarray, np.ndarray | None]

_MOST_PIXELS = 1 << 26
# Names that promise something else must not hold IDX.
_IDX_NAME = re.compile(r"(?i)[^.]+|.*(idx|ubyte)[^.]*|.*\.(bin|dat)")
_LABEL = re.compile(r"-?[0-9]+")
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def load(
    path: StrPath,
    *,
    shape: Sequence[int] | None = None,
    dtype: str | None = None,
    with_labels: bool = False,
) -> "Loaded":
    """Reads an array in any of the forms.

    Args:
        path: file, or folder of PNG files.
        shape: sizes of one item, for CSV; `None` for a row of numbers.
        dtype: name of the dtype of numbers in CSV; `None` for uint8.
        with_labels: whether to read labels too: the first column of CSV, the
            subfolders of a folder, the second array of .npz.

    Returns:
        `(array, labels)`; `labels` is `None` unless asked for.
    """
    from keras_extras.datasets import read_idx

    form = form_of(path)
    refuse_pipe(path)
    if form == "csv":
        return _load_csv(path, shape, dtype or "uint8", with_labels)
    if form == "png":
        return _load_folder(Path(path), with_labels)
    if form == "npz":
        return _load_npz(path, with_labels)
    if with_labels:
        raise _single(path, form)
    if form == "npy":
        with numpy_file(path, "a .npy file") as array:
            return array, None
    return read_idx(path), None


def saver(
    path: StrPath, array: "np.ndarray", labels: "np.ndarray | None" = None
) -> Callable[[], None]:
    """Checks that a form can hold an array, and labels if there are any.

    Returns:
        The function that writes them, in the form that the name of the path
        stands for, and says so.

    Raises:
        ValueError: if something of them would be lost.
    """
    form = form_of(path)
    refuse_pipe(path)
    if labels is not None and form in ("", "npy"):
        raise _single(path, form)
    if labels is not None and (
        labels.ndim != 1 or array.shape[:1] != labels.shape
    ):
        raise ValueError(
            f"labels of shape {labels.shape} do not fit to data of shape "
            f"{array.shape}: there must be one number for each item."
        )
    if form == "csv":
        write = _csv_writer(path, array, labels)
    elif form == "png":
        write = _folder_writer(Path(path), array, labels)
    elif form == "":
        array = _idx_form(path, array)
        write = _idx_writer(path, array)
    else:
        write = _numpy_writer(path, array, labels)

    def save() -> None:
        write()
        print(f"{path}: {array.dtype}, shape {array.shape}")

    return save


def form_of(path: StrPath) -> str:
    """Returns the form that a name stands for; `""` is IDX."""
    name = os.fspath(path)
    if name.endswith(("/", os.sep)) or os.path.isdir(name):
        return "png"
    ending = os.path.splitext(name)[1].lower()
    return ending[1:] if ending in (".npy", ".npz", ".csv") else ""


def _single(path: StrPath, form: str) -> Exception:
    return ValueError(
        f"{path}: {form or 'an IDX file'} holds one array. Leave out --labels; "
        "convert the file with the labels on its own."
    )


# --- IDX and NumPy -----------------------------------------------------------


def _idx_form(path: StrPath, array: "np.ndarray") -> "np.ndarray":
    """Returns the array in a dtype that IDX has, if one holds its numbers."""
    from keras_extras.datasets import write_idx

    name = re.sub(r"(?i)\.gz$", "", os.path.basename(os.fspath(path)))
    if not _IDX_NAME.fullmatch(name):
        raise ValueError(
            f"{path}: this name stands for none of the forms .npy, .npz, .csv, "
            "FOLDER/ and IDX, whose names end in .idx."
        )
    if array.dtype.kind in "iu" and array.dtype.itemsize > 1:
        small = array.astype("int32")
        if array.dtype.itemsize > 2 or array.dtype.kind == "u":
            array = small if (small == array).all() else array
    write_idx(io.BytesIO(), array.reshape(-1)[:0])  # refuses other dtypes
    return array


def _idx_writer(path: StrPath, array: "np.ndarray") -> Callable[[], None]:
    from keras_extras.datasets import write_idx

    return lambda: write_idx(path, array)


def _numpy_writer(
    path: StrPath, array: "np.ndarray", labels: "np.ndarray | None"
) -> Callable[[], None]:
    import numpy as np

    named: Any = {"x": array} if labels is None else {"x": array, "y": labels}

    def write() -> None:
        with replaced(path) as file:
            if form_of(path) == "npy":
                np.save(file, array, allow_pickle=False)
            else:
                np.savez_compressed(file, **named)

    return write


def _load_npz(path: StrPath, with_labels: bool) -> "Loaded":
    with numpy_file(path, "an .npz archive") as archive:
        names = archive.files
        arrays = [archive[name] for name in names[: 1 + with_labels]]
    if len(names) != 1 + with_labels:
        raise ValueError(
            f"{path}: expected {1 + with_labels} arrays, found "
            f"{', '.join(names) or 'none'}. Save those you mean in an .npz of "
            "their own, images first."
        )
    return arrays[0], arrays[1] if with_labels else None


@contextlib.contextmanager
def numpy_file(path: StrPath, form: str) -> Iterator[Any]:
    """Opens what NumPy wrote; whatever it says of another file is one error."""
    import numpy as np

    try:
        with open(path, "rb") as file:
            content = np.load(file, allow_pickle=False)
            if hasattr(content, "files") != form.endswith("archive"):
                raise ValueError("the other of .npy and .npz")
            yield content
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    # EOFError, BadZipFile, zlib.error, struct.error, SyntaxError, ...
    except Exception as error:
        raise ValueError(
            f"{path}: not {form}, or damaged ({error or type(error).__name__})."
        ) from error


# --- CSV ---------------------------------------------------------------------


def _load_csv(
    path: StrPath, shape: Sequence[int] | None, dtype: str, with_labels: bool
) -> "Loaded":
    import numpy as np

    with open(path, encoding="utf-8-sig") as file:
        first = file.readline()
        try:
            [float(word) for word in first.split(",")]
        except ValueError:
            skip = 1  # names of the columns
        else:
            skip = 0
        if skip and not any(line.strip() for line in file):
            raise ValueError(f"{path}: expected lines of numbers, found none.")
    table = np.loadtxt(
        path, delimiter=",", skiprows=skip, ndmin=2, encoding="utf-8-sig"
    )
    labels = None
    if with_labels:
        # They have a dtype of their own: whole numbers, if they all are.
        labels, table = table[:, 0], table[:, 1:]
        if (np.isfinite(labels) & (labels == np.trunc(labels))).all():
            labels = _as_labels([int(label) for label in labels])
    items = _in_dtype(path, table, np.dtype(dtype), skip, int(with_labels))
    if shape is None:
        return (items[:, 0] if items.shape[1] == 1 else items), labels
    if math.prod(shape) != items.shape[1]:
        raise ValueError(
            f"{path}: expected {math.prod(shape)} numbers per line for "
            f"--shape {','.join(map(str, shape))}, found {items.shape[1]}. "
            "If the first is a label, name a file for them: --labels FILE."
        )
    return items.reshape(-1, *shape), labels


def _in_dtype(
    path: StrPath,
    table: "np.ndarray",
    dtype: "np.dtype",
    skip: int,
    before: int,
) -> "np.ndarray":
    """Returns the numbers of a table in a dtype that holds them all."""
    import numpy as np

    if dtype.kind == "f":
        largest = np.finfo(dtype).max
        wrong = np.isfinite(table) & (abs(table) > largest)
        allowed = f"a number up to {largest:g}"
    else:
        limits = np.iinfo(dtype)
        whole = np.isfinite(table) & (table == np.trunc(table))
        wrong = ~whole | (table < limits.min) | (table > limits.max)
        allowed = f"a whole number from {limits.min} to {limits.max}"
    if wrong.any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        raise ValueError(
            f"{path}: line {row + 1 + skip}, column {column + 1 + before}: "
            f"expected {allowed} ({dtype}), found {table[row, column]:g}. "
            "Choose another --dtype."
        )
    return table.astype(dtype)


def _csv_writer(
    path: StrPath, array: "np.ndarray", labels: "np.ndarray | None"
) -> Callable[[], None]:
    import numpy as np

    if array.ndim == 0 or array.size == 0:
        found = "a single number" if array.ndim == 0 else f"shape {array.shape}"
        raise ValueError(f"{path}: {found} is no table.")
    table = array.reshape(len(array), -1)
    columns = [table] if labels is None else [labels[:, None], table]
    for column in columns:
        if column.dtype.kind not in "iuf" or column.dtype.itemsize > 8:
            raise ValueError(f"{path}: CSV cannot hold {column.dtype} exactly.")
    table = np.concatenate(columns, axis=1)
    parts = [table] if labels is None else [table[:, :1], table[:, 1:]]
    for part, column in zip(parts, columns, strict=True):
        if not np.array_equal(
            part.astype(column.dtype), column, equal_nan=True
        ):
            raise ValueError(
                f"{path}: no dtype of a table holds both {columns[0].dtype} "
                f"labels and {array.dtype} data exactly."
            )
    exact = "%d" if table.dtype.kind in "iu" else "%.17g"

    def write() -> None:
        with replaced(path, "w", encoding="utf-8") as file:
            np.savetxt(file, table, fmt=exact, delimiter=",")

    return write


# --- folders of PNG files ----------------------------------------------------


def _load_folder(folder: Path, with_labels: bool) -> "Loaded":
    import numpy as np

    pillow = _pillow()
    entries = _visible(folder)
    classes = [entry for entry in entries if entry.is_dir()]
    if with_labels != bool(classes):
        names = ", ".join(entry.name for entry in classes[:10])
        raise ValueError(
            f"{folder}: has the classes {names}; name a file for the labels: "
            "--labels FILE."
            if classes
            else f"{folder}: expected a subfolder for each class, found none. "
            "Leave out --labels."
        )
    numbers = _numbers_of(folder, [entry.name for entry in classes])
    found = [file for place in classes or [folder] for file in _visible(place)]
    files = [
        file
        for file in found
        if file.suffix.lower() == ".png" and file.is_file()
    ]
    if not files:
        raise ValueError(f"{folder}: expected PNG files, found none.")
    left = len(found) - len(files)
    left += len(entries) - len(classes) if classes else 0
    if left:
        print(f"{folder}: left out {left} that are no images", file=sys.stderr)
    # By number, then by class: the order that they were written from.
    files.sort(key=lambda file: (*_natural(file.stem), str(file)))
    images = [_load_png(pillow, file) for file in files]
    for file, image in zip(files, images, strict=True):
        if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise ValueError(
                f"{file}: expected {images[0].dtype}, shape {images[0].shape}, "
                f"as in {files[0].name}, found {image.dtype}, {image.shape}."
            )
    labels = None
    if classes:
        labels = _as_labels([numbers[file.parent.name] for file in files])
    return np.stack(images), labels


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")


def _natural(stem: str) -> tuple[float, str]:
    """Returns what sorts 2 before 10, and numbers before words."""
    return (int(stem) if stem.isascii() and stem.isdigit() else math.inf, stem)


def _numbers_of(folder: Path, classes: Sequence[str]) -> dict[str, int]:
    """Returns the label that each subfolder stands for.

    Those called 0, 1, 7 stand for these labels, even if 2 is not there; words
    are numbered in the order of the names.
    """
    numbers = {name: int(name) for name in classes if _LABEL.fullmatch(name)}
    if not numbers:
        if classes:
            listed = enumerate(classes)
            print("labels:", ", ".join(f"{i} {name}" for i, name in listed))
        return {name: index for index, name in enumerate(classes)}
    words = [name for name in classes if name not in numbers]
    if words:
        raise ValueError(
            f"{folder}: the classes are numbers, which are their labels, but "
            f"not {', '.join(words[:10])}. Rename it."
        )
    same = [name for name in classes if str(numbers[name]) != name]
    if len(set(numbers.values())) < len(numbers):
        raise ValueError(
            f"{folder}: several subfolders are the same label: "
            f"{', '.join(same[:10])}. Put their images together."
        )
    return numbers


def _as_labels(labels: Sequence[Any]) -> "np.ndarray":
    """Returns whole numbers in the smallest dtype of IDX that holds them."""
    import numpy as np

    low, high = min(labels), max(labels)
    for name in ("uint8", "int8", "int16", "int32"):
        limits = np.iinfo(name)
        if limits.min <= low and high <= limits.max:
            return np.array(labels).astype(name)
    raise ValueError(
        f"labels from {low} to {high}: IDX holds whole numbers from -2**31 to "
        "2**31 - 1."
    )


def _pillow() -> Any:
    return import_optional(
        "PIL.Image", extra="images", owner="keras-extras idx convert"
    )


def _load_png(pillow: Any, file: Path) -> "np.ndarray":
    """Reads a picture as it is: 16 bits stay 16 bits, alpha is a channel."""
    import numpy as np

    try:
        with file.open("rb") as opened:
            bits = opened.read(25)[24:]  # of the header, which comes first
        with pillow.open(file, formats=("PNG",)) as image:
            see_through = "transparency" in image.info
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(
                    f"expected at most {_MOST_PIXELS} pixels, found "
                    f"{image.width} x {image.height}"
                )
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError("it is animated, with several pictures")
            if bits == b"\x10":
                if image.mode not in ("I;16", "I") or see_through:
                    raise ValueError(
                        "of 16-bit colors Pillow reads 8 bits; only gray is "
                        "read whole"
                    )
                return np.asarray(image).astype("uint16")
            mode = {"1": "L", "P": "RGB"}.get(image.mode, image.mode)
            if see_through:
                mode = "LA" if mode == "L" else "RGBA"
            if mode not in _CHANNELS:
                raise ValueError(f"Pillow calls it {image.mode}")
            return np.asarray(
                image if mode == image.mode else image.convert(mode)
            )
    except (PermissionError, MemoryError):
        raise
    # Of a damaged file: OSError, SyntaxError, zlib.error, ...
    except Exception as error:
        raise ValueError(
            f"{file}: not read as a PNG image: {error}."
        ) from error


def _folder_writer(
    folder: Path, array: "np.ndarray", labels: "np.ndarray | None"
) -> Callable[[], None]:
    pillow = _pillow()
    array = _as_pictures(array)
    if labels is not None and labels.dtype.kind not in "iu":
        raise ValueError(
            f"{folder}: folders are called by whole numbers; these labels are "
            f"{labels.dtype}. Convert to .npz instead."
        )
    if folder.exists() and (folder.samefile(".") or any(folder.iterdir())):
        raise ValueError(
            f"{folder}: is not empty, or the folder you are in; its images "
            "would mix with the new ones. Name a new folder."
        )
    digits = len(str(max(len(array) - 1, 1)))

    def write() -> None:
        with folder_draft(folder) as draft:
            for index, pixels in enumerate(array):
                place = draft / ("" if labels is None else str(labels[index]))
                place.mkdir(exist_ok=True)
                picture = pillow.fromarray(pixels)
                picture.save(place / f"{index:0{digits}d}.png")

    return write


def _as_pictures(array: "np.ndarray") -> "np.ndarray":
    """Returns arrays that PNG files hold: 8 bits in 1 to 4 channels, or 16."""
    images = array[..., 0] if array.shape[3:] == (1,) else array
    colors = images.ndim == 4 and images.shape[3] in _CHANNELS.values()
    if array.size and (images.ndim == 3 or colors):
        if array.dtype == "uint8":
            return images
        gray = images.ndim == 3 and array.dtype.kind in "iu"
        if gray and array.min() >= 0 and array.max() < 2**16:
            return images.astype("uint16")
    raise ValueError(
        "PNG files hold uint8 images (count, height, width) or (count, height, "
        "width, 1 to 4 channels), and whole numbers below 65536 in one "
        f"channel; these are {array.dtype}, shape {array.shape}. Convert to "
        ".npy instead."
    )


@contextlib.contextmanager
def folder_draft(folder: Path) -> Iterator[Path]:
    """Gives a folder to fill, which takes its place when the block ends."""
    target = Path(os.path.realpath(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}")
    draft.mkdir()
    try:
        yield draft
        if hasattr(os, "sync"):  # all at once: one by one takes minutes
            os.sync()
        if target.exists():  # and is empty, or this fails
            target.rmdir()
        os.rename(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
