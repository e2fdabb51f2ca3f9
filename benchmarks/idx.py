"""Measures the IDX reader against NumPy, gzip and other readers.

    python -m benchmarks.idx

60,000 images of 28 x 28, made of the digits in the package. Ours and the other
run in turn; printed are the medians in milliseconds and the ratio of the two:
above 1 we are faster. Readers that are not installed are named.
"""

import gzip
import importlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_extras import datasets

REPEATS = 11
HEAD = 16  # bytes before the numbers


def compare(
    name: str, ours: Callable[[], object], other: Callable[[], object]
) -> float:
    """Prints a line for two functions, timed in turn."""
    times = ([], [])
    for _ in range(REPEATS + 1):
        for function, own in zip((ours, other), times, strict=True):
            start = time.perf_counter()
            function()
            own.append(time.perf_counter() - start)
    # The first round warms up.
    one, two = (statistics.median(own[1:]) for own in times)
    ratio = two / one
    print(f"{name:52s} {one * 1e3:9.2f} {two * 1e3:9.2f} {ratio:9.2f}")
    return ratio


def write_files(folder: Path) -> tuple[Path, Path]:
    """Writes 60,000 images and labels as MNIST has them, plain and gzip."""
    parts = [datasets.load_mnist(kind=kind) for kind in ("train", "test")]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    for stem, array in (("images-idx3", images), ("labels-idx1", labels)):
        whole = np.concatenate([array] * 6)
        path = folder / f"train-{stem}-ubyte"
        datasets.write_idx(path, whole)
        data = gzip.compress(path.read_bytes(), 9)
        path.with_name(f"{path.name}.gz").write_bytes(data)
    return (
        folder / "train-images-idx3-ubyte",
        folder / "train-labels-idx1-ubyte",
    )


def others(
    images: Path, labels: Path
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yields (name, function that reads the plain images) of other readers."""

    def module(name: str) -> Any:
        try:
            return importlib.import_module(name)
        # torchvision built for another torch raises RuntimeError.
        except (ImportError, RuntimeError) as error:
            print(f"{name:52s} missing: {error}")
            return None

    idx2numpy = module("idx2numpy")
    if idx2numpy:
        yield "idx2numpy", lambda: idx2numpy.convert_from_file(str(images))
    mnist = module("mnist.loader")
    if mnist:
        loader = mnist.MNIST(str(images.parent), return_type="numpy")

        def load() -> Any:
            return loader.load(str(images), str(labels))

        yield "python-mnist (and labels)", load
    mlxtend = module("mlxtend.data")
    if mlxtend:

        def load_local() -> Any:
            return mlxtend.loadlocal_mnist(str(images), str(labels))

        yield "mlxtend (and labels)", load_local
    torchvision = module("torchvision.datasets.mnist")
    if torchvision:
        yield (
            "torchvision",
            lambda: torchvision.read_image_file(str(images)),
        )


def main() -> None:
    """Prints a line for each comparison."""
    with tempfile.TemporaryDirectory() as folder:
        images, labels = write_files(Path(folder))
        packed = images.with_name(f"{images.name}.gz")
        size = images.stat().st_size - HEAD
        print(f"{'what, against what':52s} {'ours':>9s} {'other':>9s} ratio")
        compare(
            "read_idx, numpy.fromfile",
            lambda: datasets.read_idx(images),
            lambda: np.fromfile(images, np.uint8, size, offset=HEAD),
        )

        def by_gzip() -> np.ndarray:
            with gzip.open(packed) as file:
                return np.frombuffer(file.read(), np.uint8, offset=HEAD)

        compare(
            "read_idx (.gz), numpy.frombuffer(gzip.open().read())",
            lambda: datasets.read_idx(packed),
            by_gzip,
        )
        array = datasets.read_idx(images)
        compare(
            "scale_to_unit, x.astype('float32') / 255",
            lambda: datasets.scale_to_unit(array),
            lambda: array.astype("float32") / 255,
        )
        compare(
            "open_idx, numpy.memmap",
            lambda: datasets.open_idx(images),
            lambda: np.memmap(images, np.uint8, "r", HEAD, (60000, 28, 28)),
        )
        for name, function in others(images, labels):
            compare(
                f"read_idx, {name}", lambda: datasets.read_idx(images), function
            )
        dataset = datasets.IdxDataset(images, labels, 128, shuffle=True, seed=0)
        chosen = np.random.default_rng(0).permutation(60000)

        def epoch_by_hand() -> None:
            for start in range(0, 60000, 128):
                array[chosen[start : start + 128]]

        compare(
            "epoch of a shuffled IdxDataset, of an array in memory",
            lambda: [None for _ in dataset],
            epoch_by_hand,
        )


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    main()
