"""Small folders with the files of MNIST and its relatives."""

import importlib.resources
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_extras.datasets import write_idx

SAMPLE = importlib.resources.files("keras_extras.datasets.files") / "sample"
IMAGES = np.arange(3 * 4 * 5, dtype="uint8").reshape(3, 4, 5)
LABELS = np.array([1, 0, 9], "uint8")
EXTENDED = np.arange(24, dtype="int32").reshape(3, 8)


def sample_files() -> dict[str, bytes]:
    """Returns the genuine MNIST test files, name -> bytes."""
    names = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    return {name: (SAMPLE / name).read_bytes() for name in names}


def write_pair(
    folder: Path,
    images: np.ndarray = IMAGES,
    labels: np.ndarray = LABELS,
    prefix: str = "train",
) -> None:
    write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
    write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


def write_four(
    folder: Path, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_pair(folder, images, labels)
    write_pair(folder, images[:1], labels[:1], prefix="t10k")


def is_both(loaded: Any) -> bool:
    (x_train, y_train), (x_test, y_test) = loaded
    return [array.tolist() for array in (x_train, y_train, x_test, y_test)] == [
        IMAGES.tolist(),
        LABELS.tolist(),
        IMAGES[:1].tolist(),
        LABELS[:1].tolist(),
    ]


def write_qmnist(folder: Path, labels: np.ndarray = EXTENDED) -> None:
    for kind in ("train", "test"):
        write_idx(folder / f"qmnist-{kind}-images-idx3-ubyte.gz", IMAGES)
        write_idx(folder / f"qmnist-{kind}-labels-idx2-int", labels)


def pack(
    path: Path,
    prefix: str = "emnist-balanced",
    folder: str = "gzip/",
    **how: Any,
) -> None:
    """Writes an archive such as the published one."""
    with zipfile.ZipFile(path, "w", **how) as archive:
        for kind in ("train", "test"):
            for name, array in (
                ("images-idx3", IMAGES),
                ("labels-idx1", LABELS),
            ):
                file = path.parent / "one"
                write_idx(file, array, compress=True)
                archive.write(file, f"{folder}{prefix}-{kind}-{name}-ubyte.gz")
                file.unlink()
