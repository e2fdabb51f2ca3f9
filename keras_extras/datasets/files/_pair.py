"""Images and labels that belong together, read from two IDX files.

image i  <->  label i        else the file that is wrong is named
"""

import os
import zipfile
import zlib

import numpy as np

from keras_extras.datasets.files import _families
from keras_extras.datasets.files._download import is_genuine
from keras_extras.datasets.files._families import Family
from keras_extras.datasets.files._locate import (
    Place,
    Request,
    cache_folder,
    locate,
)
from keras_extras.datasets.idx._error import IdxFormatError
from keras_extras.datasets.idx._read_write import read_idx

_CODES = {"uint8": "0x08 (uint8)", "int32": "0x0C (int32)"}

Pair = tuple[np.ndarray, np.ndarray]


def read_pair(family: Family, kind: str, request: Request) -> Pair:
    """Reads the images and labels of one kind, as the files have them."""
    # Both are looked for before one is read, which may take a while.
    places = [
        locate(family, kind, content, request)
        for content in ("images", "labels")
    ]
    images, labels = (_read(place) for place in places)
    _check_pair(places[0], images, places[1], labels, family)
    return images, labels


def read_keras_mnist(request: Request) -> dict[str, Pair] | None:
    """Reads what `keras.datasets.mnist` has left in its cache, if it has."""
    path = os.path.join(cache_folder(), _families.KERAS_MNIST)
    if _has_files(_families.MNIST, request):
        return None
    if not is_genuine(path, None, _families.KERAS_MNIST_SHA256):
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return {
            kind: (arrays[f"x_{kind}"], arrays[f"y_{kind}"])
            for kind in ("train", "test")
        }


def _has_files(family: Family, request: Request) -> bool:
    """Returns whether all files of a request are there, genuine or not."""
    try:
        for kind in request.kinds:
            for content in ("images", "labels"):
                locate(family, kind, content, request)
    except FileNotFoundError:
        return False
    return True


def _read(place: Place) -> np.ndarray:
    if not place.member:
        return read_idx(place.path)
    try:
        with (
            zipfile.ZipFile(place.path) as archive,
            archive.open(place.member) as file,
        ):
            return read_idx(file)
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError),
        # no such member; encrypted; packed in a way that Python cannot undo
        *(KeyError, RuntimeError, NotImplementedError),
    ) as cause:
        raise IdxFormatError(
            place.path,
            0,
            f"a zip archive that holds {place.member}",
            f"another content ({cause})",
            "Get the archive again, or unpack the files from it.",
        ) from cause


def _check_pair(
    images_place: Place,
    images: np.ndarray,
    labels_place: Place,
    labels: np.ndarray,
    family: Family,
) -> None:
    ranks = {"images": 3, "labels": family.label_rank}
    dtypes = {"images": "uint8", "labels": family.label_dtype}
    swapped = images.ndim == ranks["labels"] and labels.ndim == 3
    for place, array, content in (
        (images_place, images, "images"),
        (labels_place, labels, "labels"),
    ):
        if array.ndim != ranks[content]:
            raise IdxFormatError(
                str(place),
                3,
                f"{ranks[content]} as the number of dimensions of {content}",
                f"{array.ndim}",
                f"The two files are swapped: rename {images_place} to "
                f"{labels_place} and the other way round."
                if swapped
                else f"The file does not hold {content}.",
            )
        if array.dtype != dtypes[content]:
            raise IdxFormatError(
                str(place),
                2,
                f"{_CODES[dtypes[content]]} as the type code of {content}",
                array.dtype.name,
                f"{family.title} files hold {dtypes[content]}; read other IDX "
                "files with read_idx.",
            )
    if len(images) != len(labels):
        raise IdxFormatError(
            str(labels_place),
            4,
            f"{len(images)} labels, one for each image of {images_place}",
            f"{len(labels)}",
            "The files belong to different data sets, or one is wrong.",
        )
    if labels.ndim == 2 and labels.shape[1] == 0:
        raise IdxFormatError(
            str(labels_place), 8, "columns, the first of classes", "none"
        )
