"""Data sets in the files that others publish, as folders of IDX files.

    MedMNIST .npz, Keras's .npz, SVHN .mat, USPS .bz2  ->  <kind>-images-idx...

Images and labels keep their numbers. What is read back is what the loaders
read: `load_mnist("folder")`, if the images are gray ones of 8 bits.
"""

import bz2
import importlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_extras._files import StrPath, refuse_pipe
from keras_extras.cli import _convert

if TYPE_CHECKING:
    import numpy as np

    Parts = dict[str, tuple[np.ndarray, np.ndarray]]

_PAIRS = (("{}_images", "{}_labels"), ("x_{}", "y_{}"))
_ENDS = {
    "uint8": "ubyte",
    "int8": "byte",
    "int16": "short",
    "int32": "int",
    "float32": "float",
    "float64": "double",
}


def read(path: StrPath) -> "Parts | None":
    """Reads a published file, `None` if it is none.

    Returns:
        For each kind (`"train"`, `"val"`, `"test"`, ...) images and labels.
    """
    name = os.path.basename(os.fspath(path)).lower()
    if not os.path.isfile(path):
        return None
    refuse_pipe(path)
    if name.endswith(".npz"):
        return _arrays(path)
    if name.endswith(".mat"):
        return {_kind_of(name): _svhn(path)}
    if name.startswith("usps"):
        return {"test" if ".t" in name else "train": _usps(path)}
    return None


def save(parts: "Parts", folder: str) -> None:
    """Writes the files of all kinds into a new or empty folder.

    Raises:
        ValueError: if the target is no folder, or IDX cannot hold the numbers.
    """
    from keras_extras.datasets import write_idx

    if _convert.form_of(folder) != "png":
        raise ValueError(
            f"{folder}: the source has the parts {', '.join(parts)}, which "
            f"need a folder: {folder}/"
        )
    target = Path(folder)
    if target.exists() and any(target.iterdir()):
        raise ValueError(f"{folder}: not empty. Name a new folder.")
    arrays: dict[str, Any] = {}
    for kind, pair in parts.items():
        for content, array in zip(("images", "labels"), pair, strict=True):
            array = _small(array) if content == "labels" else array
            if array.dtype.name not in _ENDS:
                raise ValueError(
                    f"{kind} {content}: IDX has no dtype {array.dtype}."
                )
            end = f"idx{array.ndim}-{_ENDS[array.dtype.name]}"
            arrays[f"{kind}-{content}-{end}"] = array
    with _convert.folder_draft(target) as draft:
        for name, array in arrays.items():
            write_idx(draft / name, array)
    for name, array in arrays.items():
        print(f"{target / name}: {array.dtype}, shape {array.shape}")


def _arrays(path: StrPath) -> "Parts | None":
    parts: Parts = {}
    with _convert.numpy_file(path, "an .npz archive") as archive:
        for images, labels in _PAIRS:
            pattern = re.compile(images.format("(.+)"))
            for name in archive.files:
                match = pattern.fullmatch(name)
                if match and labels.format(match[1]) in archive.files:
                    other = archive[labels.format(match[1])]
                    parts[match[1]] = archive[name], other
    # Two arrays x_... and y_... alone may be anybody's.
    named = any(name.endswith("_images") for name in archive.files)
    return parts if parts and (named or len(parts) > 1) else None


def _kind_of(name: str) -> str:
    match = re.match("train|test|extra", name)
    return match[0] if match else "data"


def _svhn(path: StrPath) -> "tuple[np.ndarray, np.ndarray]":
    try:
        scipy: Any = importlib.import_module("scipy.io")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading .mat needs SciPy: pip install scipy"
        ) from error
    try:
        content = scipy.loadmat(path)
    except OSError:
        raise
    except Exception as error:  # SciPy raises of many kinds
        raise ValueError(f"{path}: not a .mat file ({error}).") from error
    if not {"X", "y"} <= set(content) or content["X"].ndim != 4:
        raise ValueError(
            f"{path}: expected X (height, width, 3, count) and y, as SVHN "
            f"publishes them; found {sorted(set(content))}."
        )
    # The digit 0 has the label 10 there.
    return content["X"].transpose(3, 0, 1, 2), content["y"].ravel() % 10


def _usps(path: StrPath) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np

    data = Path(path).read_bytes()
    text = bz2.decompress(data) if data.startswith(b"BZh") else data
    lines = text.decode("ascii", "replace").split("\n")
    rows = [line.split() for line in lines if line.strip()]
    images = np.zeros((len(rows), 256), np.float32)
    labels = np.empty(len(rows), np.uint8)
    row = 0
    try:
        for image, (row, (label, *values)) in zip(
            images, enumerate(rows), strict=True
        ):
            labels[row] = int(label) - 1  # 1 to 10 for the digits 0 to 9
            for place, _, value in (item.partition(":") for item in values):
                image[int(place) - 1] = float(value)
    except (IndexError, OverflowError, ValueError) as error:
        raise ValueError(
            f"{path}, line {row + 1}: not a digit of USPS, 'label 1:value "
            f"2:value ...' with 256 values ({error})."
        ) from error
    return images.reshape(-1, 16, 16), labels


def _small(labels: "np.ndarray") -> "np.ndarray":
    """Returns labels without an axis of one, in bytes where they fit."""
    import numpy as np

    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    for dtype in (np.uint8, np.int32):
        if labels.dtype.kind in "buif":
            small = labels.astype(dtype)
            if np.array_equal(small, labels):
                return small
    return labels
