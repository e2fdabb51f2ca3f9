"""Data sets by name: MNIST and the data sets that took its place.

    image i  <->  label i        for every i, in the order of the files

The data is the sample in this package, a folder, Keras's cache, or, only when
asked for, what is downloaded into one of these.
"""

import importlib.resources
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_extras import _checks as checks
from keras_extras.datasets.files import _families
from keras_extras.datasets.files._families import Family
from keras_extras.datasets.files._locate import (
    Request,
    checked_request,
    fetch_missing,
)
from keras_extras.datasets.files._pair import Pair, read_keras_mnist, read_pair
from keras_extras.datasets.idx._read_write import read_idx

# Images and labels, or a pair of these to train and one to test: `kind` says
# which, and a type checker cannot know. A union would forbid `images.shape`.
Loaded = tuple[Any, Any]


def load_mnist(
    path: str | os.PathLike[str] | None = None,
    kind: str = "both",
    *,
    download: bool = False,
    mirror: str | None = None,
    verbose: bool = True,
) -> Loaded:
    """Loads handwritten digits and their labels.

        images[i] shows the digit labels[i]

    Without a path you get the sample that comes with the package: 10,000
    genuine MNIST digits, of which digit i is held out for testing when
    `i % 20 >= 17` (8,500 to train, 1,500 to test, always the same ones). The
    sample is the original *test* set: it is for demonstrations and exercises,
    and a score on it cannot be compared with published MNIST scores, neither
    as training data nor as test data. For those, use `download=True`, or pass
    the folder with the four original files (60,000 to train, 10,000 to test).

    Args:
        path: folder with the IDX files (`~` is the home folder), or `None`
            for the sample, and with `download=True` for Keras's cache. The
            files are called
            `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
            `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, or the same
            with `test` for `t10k` or with a dot (`train-images.idx3-ubyte`),
            each as it is or packed (`.gz`, `.xz`, `.bz2`). Only the files of
            `kind` have to be there.
        kind: `"both"`, `"train"` or `"test"`. It may stand alone in the place
            of `path`: `load_mnist("train")`. (Write `"./train"` for a folder
            of that name.)
        download: whether files that are missing in the folder are downloaded
            into it, 12 MB in all. Published files that are there are checked
            by their SHA-256 then; in the cache a wrong one is replaced.
        mirror: http or https address of a folder to download from, in place
            of the published addresses. The SHA-256 is checked all the same.
        verbose: whether a progress bar is shown for a download.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, as from
        `keras.datasets.mnist.load_data()`: uint8 arrays
        `(count, height, width)`, with 0 for the background and 255 for full
        ink, and `(count,)`, with the classes. For `kind="train"` or `"test"`
        one pair `(images, labels)`.

    Raises:
        ConnectionError: if a file could not be downloaded, with what each
            address said, and what to put where by hand.
        FileNotFoundError: if a file is missing, with the names that were
            looked for and the files that are there.
        IdxFormatError: if a file is damaged, if it does not hold what its
            name says, or if the two files do not belong together.
        NotADirectoryError: if `path` is not a folder.
        ValueError: if `kind` is none of the three; with `download=True`, if
            the folder has another file of a published name.

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
    request = checked_request(
        "load_mnist", path, kind, download, mirror, verbose
    )
    if request.path is None and not request.download:
        images, labels = _sample()
        held_out = np.arange(len(labels)) % 20 >= 17
        pairs = {
            "train": (images[~held_out], labels[~held_out]),
            "test": (images[held_out], labels[held_out]),
        }
        return _of_kind(request, pairs)
    return _load(_families.MNIST, request)


def load_fashion_mnist(
    path: str | os.PathLike[str] | None = None,
    kind: str = "both",
    *,
    download: bool = False,
    mirror: str | None = None,
    verbose: bool = True,
) -> Loaded:
    """Loads pictures of clothes and their labels.

        images[i] shows a class_names("fashion_mnist")[labels[i]]

    70,000 pictures of 28 x 28 pixels, 60,000 of them to train, in ten classes
    of equal size: made to be read wherever MNIST is, and harder to tell apart.

    Args:
        path: folder with the IDX files, which have the names of MNIST's (see
            `load_mnist`). `None` is Keras's cache, the folder
            `datasets/fashion-mnist` below `KERAS_HOME` or `~/.keras`, where
            `keras.datasets.fashion_mnist` has its files too.
        kind: as for `load_mnist`.
        download: whether missing files are downloaded into that folder,
            31 MB in all; see `load_mnist`.
        mirror: as for `load_mnist`.
        verbose: as for `load_mnist`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, as from
        `keras.datasets.fashion_mnist.load_data()`: uint8 arrays
        `(count, 28, 28)` and `(count,)`. For `kind="train"` or `"test"` one
        pair.

    Raises:
        ValueError: if an argument or a file is wrong; other errors are those
            of `load_mnist`.

    Examples:
        >>> from keras_extras.datasets import class_names
        >>> class_names("fashion_mnist")[9]
        'Ankle boot'

    References:
        Xiao, Rasul & Vollgraf, "Fashion-MNIST: a Novel Image Dataset for
        Benchmarking Machine Learning Algorithms", arXiv:1708.07747. MIT
        licence.
    """
    request = checked_request(
        "load_fashion_mnist", path, kind, download, mirror, verbose
    )
    return _load(_families.FASHION_MNIST, request)


def load_kmnist(
    path: str | os.PathLike[str] | None = None,
    kind: str = "both",
    *,
    download: bool = False,
    mirror: str | None = None,
    verbose: bool = True,
) -> Loaded:
    """Loads cursive Japanese characters and their labels.

        images[i] shows the hiragana class_names("kmnist")[labels[i]]

    70,000 characters of old prints, 60,000 of them to train, in ten classes
    of equal size. One class is one modern character that was written in
    several quite different ways.

    Args:
        path: folder with the IDX files, which have the names of MNIST's (see
            `load_mnist`). `None` is the folder `datasets/kmnist` in Keras's
            cache, below `KERAS_HOME` or `~/.keras`.
        kind: as for `load_mnist`.
        download: whether missing files are downloaded into that folder,
            21 MB in all; see `load_mnist`.
        mirror: as for `load_mnist`.
        verbose: as for `load_mnist`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays `(count, 28, 28)`
        and `(count,)`. For `kind="train"` or `"test"` one pair.

    Raises:
        ValueError: if an argument or a file is wrong; other errors are those
            of `load_mnist`.

    Examples:
        >>> from keras_extras.datasets import class_names
        >>> class_names("kmnist")[:3]
        ('o', 'ki', 'su')

    References:
        Clanuwat et al., "Deep Learning for Classical Japanese Literature",
        arXiv:1812.01718. "KMNIST Dataset" (created by CODH), adapted from
        "Kuzushiji Dataset" (created by NIJL and others),
        doi:10.20676/00000341, CC BY-SA 4.0.
    """
    request = checked_request(
        "load_kmnist", path, kind, download, mirror, verbose
    )
    return _load(_families.KMNIST, request)


def load_emnist(
    split: str,
    path: str | os.PathLike[str] | None = None,
    kind: str = "both",
    *,
    download: bool = False,
    mirror: str | None = None,
    verbose: bool = True,
) -> Loaded:
    """Loads handwritten letters and digits, upright, and their labels.

        images[i] = (picture i of the file) transposed

    The files hold each picture mirrored along its diagonal; here it stands
    upright, as MNIST's do. Labels are as in the files: those of `"letters"`
    begin with 1, so take `labels - 1` for a model with 26 outputs.

    | `split` | classes | train | test |
    |---|---|---|---|
    | `"balanced"` | 47, as of `"bymerge"`, of equal size | 112,800 | 18,800 |
    | `"byclass"` | 62: digits, capitals, small letters | 697,932 | 116,323 |
    | `"bymerge"` | 47: c, C are one, as others alike | 697,932 | 116,323 |
    | `"digits"` | 10, of equal size | 240,000 | 40,000 |
    | `"letters"` | 26: capital and small are one | 124,800 | 20,800 |
    | `"mnist"` | 10, of equal size | 60,000 | 10,000 |

    Args:
        split: which of the six data sets.
        path: folder with the files `emnist-<split>-train-images-idx3-ubyte`,
            and so on, each with or without `.gz`, or with the archive
            `gzip.zip` that they are published in, which is read as it is.
            `None` is the folder `datasets/emnist` in Keras's cache, below
            `KERAS_HOME` or `~/.keras`.
        kind: as for `load_mnist`.
        download: whether the archive is downloaded into that folder if the
            files are missing: 562 MB, for all splits together. Checking its
            SHA-256 takes about a second each time; see `load_mnist`.
        mirror: as for `load_mnist`.
        verbose: as for `load_mnist`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays `(count, 28, 28)`
        and `(count,)`. For `kind="train"` or `"test"` one pair.

    Raises:
        ValueError: if an argument or a file is wrong; other errors are those
            of `load_mnist`.

    Examples:
        >>> from keras_extras.datasets import class_names
        >>> class_names("emnist/letters")[1], class_names("emnist/byclass")[-1]
        ('a', 'z')

    References:
        Cohen, Afshar, Tapson & van Schaik, "EMNIST: an extension of MNIST to
        handwritten letters", arXiv:1702.05373.
    """
    request = checked_request(
        "load_emnist", path, kind, download, mirror, verbose
    )
    split = checks.choice(
        "load_emnist", "split", split, tuple(_families.EMNIST_CLASSES)
    )
    return _load(_families.emnist(split), request, _upright)


def load_qmnist(
    path: str | os.PathLike[str] | None = None,
    kind: str = "both",
    *,
    extended: bool = False,
    download: bool = False,
    mirror: str | None = None,
    verbose: bool = True,
) -> Loaded:
    """Loads MNIST made again, with 60,000 test digits and their writers.

        labels[i] = the digit        labels[i, 2] = its writer, if extended

    The digits to train are MNIST's, in its order, as are the first 10,000 to
    test; the other 50,000 are those that MNIST never published. Some differ
    from MNIST's by a few grey levels, or by a shift of a pixel.

    Args:
        path: folder with the files `qmnist-train-images-idx3-ubyte`,
            `qmnist-train-labels-idx2-int`, `qmnist-test-images-idx3-ubyte`
            and `qmnist-test-labels-idx2-int`, each with or without `.gz`.
            `None` is the folder `datasets/qmnist` in Keras's cache, below
            `KERAS_HOME` or `~/.keras`.
        kind: as for `load_mnist`.
        extended: whether the labels are all eight columns of the files: the
            digit, the series and the number of its writer, the number of the
            digit among the writer's, NIST's code of the class and index of
            the digit, and two that are 0.
        download: whether missing files are downloaded into that folder,
            20 MB in all; see `load_mnist`.
        mirror: as for `load_mnist`.
        verbose: as for `load_mnist`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays `(count, 28, 28)`
        and `(count,)`; with `extended=True` the labels are int32 arrays
        `(count, 8)`. For `kind="train"` or `"test"` one pair.

    Raises:
        ValueError: if an argument or a file is wrong; other errors are those
            of `load_mnist`.

    Examples:
        >>> from keras_extras.datasets import load_qmnist
        >>> load_qmnist(kind="validation")
        Traceback (most recent call last):
        ValueError: load_qmnist: kind must be one of ('train', ...). ...

    References:
        Yadav & Bottou, "Cold Case: The Lost MNIST Digits", arXiv:1905.10498.
        BSD licence.
    """
    request = checked_request(
        "load_qmnist", path, kind, download, mirror, verbose
    )
    extended = checks.boolean("load_qmnist", "extended", extended)
    return _load(_families.QMNIST, request, None if extended else _digits_only)


def _upright(images: np.ndarray, labels: np.ndarray) -> Pair:
    return np.ascontiguousarray(images.transpose(0, 2, 1)), labels


def _digits_only(images: np.ndarray, labels: np.ndarray) -> Pair:
    return images, labels[:, 0].astype(np.uint8)


def _load(
    family: Family,
    request: Request,
    adapt: Callable[[np.ndarray, np.ndarray], Pair] | None = None,
) -> Loaded:
    if request.download:
        if family is _families.MNIST and request.path is None:
            pairs = read_keras_mnist(request)
            if pairs:
                return _of_kind(request, pairs)
        fetch_missing(family, request)
    pairs = {kind: read_pair(family, kind, request) for kind in request.kinds}
    if adapt:
        pairs = {kind: adapt(*pair) for kind, pair in pairs.items()}
    return _of_kind(request, pairs)


def _of_kind(request: Request, pairs: dict[str, Pair]) -> Loaded:
    if request.kind == "both":
        return pairs["train"], pairs["test"]
    return pairs[request.kind]


def _sample() -> Pair:
    folder = importlib.resources.files("keras_extras.datasets.files") / "sample"
    with (
        (folder / "t10k-images-idx3-ubyte.gz").open("rb") as images,
        (folder / "t10k-labels-idx1-ubyte.gz").open("rb") as labels,
    ):
        return read_idx(images), read_idx(labels)
