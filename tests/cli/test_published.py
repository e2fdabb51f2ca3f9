"""Data sets as others publish them, through `idx convert`."""

import bz2

import numpy as np
import pytest

from keras_extras import cli
from keras_extras.datasets import load_mnist, read_idx

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (5, 4, 4), "uint8")
COLOR = RANDOM.integers(0, 256, (5, 4, 4, 3), "uint8")


def convert(source, target):
    return cli.main(["idx", "convert", str(source), f"{target}/"])


@pytest.mark.parametrize("images", [GRAY, COLOR])
def test_medmnist_has_three_parts(tmp_path, images):
    labels = np.arange(5)[:, None] % 3
    arrays = {}
    for kind in ("train", "val", "test"):
        arrays[f"{kind}_images"], arrays[f"{kind}_labels"] = images, labels
    np.savez(tmp_path / "pathmnist.npz", **arrays)
    assert convert(tmp_path / "pathmnist.npz", tmp_path / "out") == 0
    rank = images.ndim
    for kind in ("train", "val", "test"):
        path = tmp_path / "out" / f"{kind}-images-idx{rank}-ubyte"
        np.testing.assert_array_equal(read_idx(path), images)
        path = tmp_path / "out" / f"{kind}-labels-idx1-ubyte"
        assert read_idx(path).tolist() == labels[:, 0].tolist()
    if rank == 3:
        (x, y), _ = load_mnist(tmp_path / "out")
        np.testing.assert_array_equal(x, images)
        assert y.tolist() == labels[:, 0].tolist()


def test_labels_of_several_columns_are_kept(tmp_path):
    labels = np.eye(5, dtype="int64")
    np.savez(tmp_path / "chest.npz", train_images=GRAY, train_labels=labels)
    assert convert(tmp_path / "chest.npz", tmp_path / "out") == 0
    read = read_idx(tmp_path / "out" / "train-labels-idx2-ubyte")
    assert read.tolist() == labels.tolist()


def test_the_file_of_keras_is_read_too(tmp_path):
    np.savez(
        tmp_path / "mnist.npz",
        x_train=GRAY,
        y_train=np.arange(5),
        x_test=GRAY[:2],
        y_test=np.arange(2),
    )
    assert convert(tmp_path / "mnist.npz", tmp_path / "out") == 0
    (x, _), (x_test, y_test) = load_mnist(tmp_path / "out")
    assert (len(x), len(x_test), y_test.tolist()) == (5, 2, [0, 1])


def test_ten_of_svhn_is_the_digit_zero(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    content = {
        "X": COLOR.transpose(1, 2, 3, 0),
        "y": [[1], [10], [9], [2], [3]],
    }
    scipy_io.savemat(tmp_path / "test_32x32.mat", content)
    assert convert(tmp_path / "test_32x32.mat", tmp_path / "out") == 0
    images = read_idx(tmp_path / "out" / "test-images-idx4-ubyte")
    np.testing.assert_array_equal(images, COLOR)
    labels = read_idx(tmp_path / "out" / "test-labels-idx1-ubyte")
    assert labels.tolist() == [1, 0, 9, 2, 3]


@pytest.mark.parametrize("name", ["usps", "usps.t", "usps.bz2", "usps.t.bz2"])
def test_usps_keeps_its_numbers(tmp_path, name):
    values = RANDOM.integers(-1000, 1001, (3, 256)) / 1000
    values[:, 10] = 0  # left out of the file
    lines = [
        f"{label} " + " ".join(f"{i + 1}:{v:g}" for i, v in enumerate(row) if v)
        for label, row in zip((1, 10, 7), values, strict=True)
    ]
    data = "\n".join(lines).encode()
    path = tmp_path / name
    path.write_bytes(bz2.compress(data) if name.endswith("bz2") else data)
    assert convert(path, tmp_path / "out") == 0
    kind = "test" if ".t" in name else "train"
    images = read_idx(tmp_path / "out" / f"{kind}-images-idx3-float")
    np.testing.assert_array_equal(
        images.reshape(3, 256), values.astype("float32")
    )
    labels = read_idx(tmp_path / "out" / f"{kind}-labels-idx1-ubyte")
    assert labels.tolist() == [0, 9, 6]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("usps", b"1 300:0.5", "line 1: not a digit of USPS"),
        ("usps", b"one 1:0.5", "line 1: not a digit of USPS"),
        ("train_32x32.mat", b"no", "not a .mat file"),
    ],
)
def test_another_content_is_one_line(tmp_path, capsys, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert convert(tmp_path / name, tmp_path / "out")
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_several_parts_need_a_new_folder(tmp_path, capsys):
    path = tmp_path / "a.npz"
    np.savez(path, train_images=GRAY, train_labels=np.arange(5))
    assert cli.main(["idx", "convert", str(path), str(tmp_path / "b.idx")])
    assert "need a folder" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert convert(path, tmp_path / "out")
    assert "not empty" in capsys.readouterr().err
