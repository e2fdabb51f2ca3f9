"""Data sets by name: where the files are, and what makes them one data set.

    image i  <->  label i        for every i, in the order of the files

Nothing is downloaded: the data is the sample in this package or a folder.
"""

import difflib
import importlib.resources
import os

import numpy as np

from keras_extras import _errors
from keras_extras.datasets._idx import read_idx
from keras_extras.datasets._idx_error import IdxFormatError

_PREFIXES = {"train": "train", "test": "t10k"}
_RANKS = {"images": 3, "labels": 1}


def load_mnist(
    path: str | os.PathLike[str] | None = None, kind: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """Loads handwritten digits and their labels.

        images[i] shows the digit labels[i]

    Without a path you get the sample that comes with the package: 10,000
    genuine MNIST digits, of which digit i is held out for testing when
    `i % 20 >= 17` (8,500 to train, 1,500 to test, always the same ones). The
    sample is the original *test* set: it is for demonstrations and exercises,
    and a score on it cannot be compared with published MNIST scores, neither
    as training data nor as test data. For those, pass the folder with the
    four original files (60,000 to train, 10,000 to test).

    Data sets that took over MNIST's file names (Fashion-MNIST, KMNIST) load
    in the same way, each from its own folder.

    Args:
        path: folder with the IDX files (`~` is the home folder), or `None`
            for the sample. The files are called
            `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
            `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, or the same
            with a dot (`train-images.idx3-ubyte`), each with or without
            `.gz`. Only the two files of `kind` have to be there.
        kind: `"train"` or `"test"`.

    Returns:
        `(images, labels)`: uint8 arrays `(count, height, width)`, with 0 for
        the background and 255 for full ink, and `(count,)`, with the classes.

    Raises:
        FileNotFoundError: if a file is missing, with the names that were
            looked for and the files that are there.
        IdxFormatError: if a file is damaged, if it does not hold what its
            name says, or if the two files do not belong together.
        NotADirectoryError: if `path` is not a folder.
        ValueError: if `kind` is neither `"train"` nor `"test"`.

    Examples:
        >>> from keras_extras.datasets import load_mnist
        >>> images, labels = load_mnist(kind="test")
        >>> images.shape, labels[:5].tolist()
        ((1500, 28, 28), [7, 3, 4, 1, 2])

    References:
        LeCun, Cortes & Burges, "The MNIST database of handwritten digits",
        http://yann.lecun.com/exdb/mnist/. The sample is CC BY-SA 3.0; see
        NOTICE.md beside it.
    """
    if kind not in _PREFIXES:
        raise _errors.wrong("load_mnist", "kind", '"train" or "test"', kind)
    if path is None:
        images, labels = _sample()
        held_out = np.arange(len(labels)) % 20 >= 17
        chosen = held_out if kind == "test" else ~held_out
        return images[chosen], labels[chosen]
    folder = os.path.expanduser(os.fsdecode(path))
    images_path = _find(folder, kind, "images")
    labels_path = _find(folder, kind, "labels")
    images, labels = read_idx(images_path), read_idx(labels_path)
    _check_pair(images_path, images, labels_path, labels)
    return images, labels


def _sample() -> tuple[np.ndarray, np.ndarray]:
    folder = importlib.resources.files("keras_extras.datasets") / "sample"
    with (
        (folder / "t10k-images-idx3-ubyte.gz").open("rb") as images,
        (folder / "t10k-labels-idx1-ubyte.gz").open("rb") as labels,
    ):
        return read_idx(images), read_idx(labels)


def _find(folder: str, kind: str, content: str) -> str:
    """Path of the file with the images or the labels of one kind."""
    names = [
        f"{_PREFIXES[kind]}-{content}{joint}idx{_RANKS[content]}-ubyte{end}"
        for joint in "-."
        for end in ("", ".gz")
    ]
    try:
        present = sorted(os.listdir(folder))
    except NotADirectoryError:
        raise _errors.wrong(
            "load_mnist",
            "path",
            "a folder with the MNIST files",
            folder,
            context="It is a file.",
            fix="Pass the folder it is in; read one file with read_idx.",
            error=NotADirectoryError,
        ) from None
    for name in names:
        if name in present:
            return os.path.join(folder, name)
    raise _errors.wrong(
        "load_mnist",
        "path",
        f"a folder with the {kind} {content}, in a file {' or '.join(names)}",
        folder,
        context=_inventory(present),
        fix=_did_you_mean(names[0], present),
        error=FileNotFoundError,
    )


def _inventory(present: list[str]) -> str:
    if not present:
        return "The folder is empty."
    more = f" and {len(present) - 10} more" if len(present) > 10 else ""
    return f"The folder has {', '.join(present[:10])}{more}."


def _did_you_mean(name: str, present: list[str]) -> str:
    # "train" and "t10k" files resemble each other: a close match of the
    # other kind would be a wrong hint.
    prefix = name.partition("-")[0]
    same_kind = [other for other in present if prefix in other]
    close = difflib.get_close_matches(name, same_kind, n=1)
    return f"Did you mean {close[0]}? Rename it to {name}." if close else ""


def _check_pair(
    images_path: str, images: np.ndarray, labels_path: str, labels: np.ndarray
) -> None:
    swapped = images.ndim == 1 and labels.ndim == 3
    for path, array, content in (
        (images_path, images, "images"),
        (labels_path, labels, "labels"),
    ):
        if array.ndim != _RANKS[content]:
            raise IdxFormatError(
                path,
                3,
                f"{_RANKS[content]} as the number of dimensions of {content}",
                f"{array.ndim}",
                f"The two files are swapped: rename {images_path} to "
                f"{labels_path} and the other way round."
                if swapped
                else f"The file does not hold {content}.",
            )
        if array.dtype != np.uint8:
            raise IdxFormatError(
                path,
                2,
                f"0x08 (uint8) as the type code of {content}",
                array.dtype.name,
                "MNIST files hold bytes; read other IDX files with read_idx.",
            )
    if len(images) != len(labels):
        raise IdxFormatError(
            labels_path,
            4,
            f"{len(images)} labels, one for each image of {images_path}",
            f"{len(labels)}",
            "The files belong to different data sets, or one is wrong.",
        )
