import hashlib
import zipfile

import numpy as np
import pytest

from keras_extras.datasets import (
    IdxFormatError,
    load_emnist,
    load_mnist,
    load_qmnist,
)
from keras_extras.datasets.files import _families
from tests.datasets.folders import (
    EXTENDED,
    IMAGES,
    LABELS,
    is_both,
    pack,
    write_pair,
    write_qmnist,
)
from tests.datasets.mirror import DEAD, serving


def test_swapped_files_are_named(tmp_path):
    write_pair(tmp_path, images=LABELS, labels=IMAGES)

    with pytest.raises(IdxFormatError, match="two files are swapped") as caught:
        load_mnist(tmp_path)
    for content in ("images-idx3", "labels-idx1"):
        assert str(tmp_path / f"train-{content}-ubyte") in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "culprit", "offset", "words"),
    [
        (LABELS, LABELS, "images-idx3", 3, "expected 3 as the number"),
        (IMAGES[..., None], LABELS, "images-idx3", 3, "found 4"),
        (IMAGES, IMAGES, "labels-idx1", 3, "expected 1 as the number"),
        (IMAGES.astype("int8"), LABELS, "images-idx3", 2, "found int8"),
        (IMAGES, LABELS.astype("int32"), "labels-idx1", 2, "found int32"),
        (IMAGES, LABELS[:2], "labels-idx1", 4, "expected 3 labels"),
        (IMAGES[:1], LABELS, "labels-idx1", 4, "found 3"),
    ],
)
def test_files_that_are_no_pair_are_refused(
    images, labels, culprit, offset, words, tmp_path
):
    write_pair(tmp_path, images, labels)

    with pytest.raises(IdxFormatError) as caught:
        load_mnist(tmp_path)
    assert caught.value.path == str(tmp_path / f"train-{culprit}-ubyte")
    assert caught.value.offset == offset
    assert words in str(caught.value)
    assert "swapped" not in str(caught.value)


def test_damaged_file_is_refused(tmp_path):
    write_pair(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(IdxFormatError, match="cut short"):
        load_mnist(tmp_path)


def test_emnist_is_read_from_its_archive(tmp_path):
    pack(tmp_path / "gzip.zip")
    images, labels = load_emnist("balanced", tmp_path, "test")
    assert images.tolist() == IMAGES.transpose(0, 2, 1).tolist()
    assert labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"not a zip", "not a zip file"),
        (lambda data: data[:200], "not a zip file"),
        (lambda data: data.replace(b"balanced", b"balancer"), "no item named"),
        (lambda data: data[:70] + b"#" + data[71:], "a zip archive"),
    ],
)
def test_a_bad_archive_is_refused(tmp_path, damage, words):
    path = tmp_path / "gzip.zip"
    pack(path, compression=zipfile.ZIP_DEFLATED)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IdxFormatError, match=words):
        load_emnist("balanced", tmp_path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = tmp_path / "gzip.zip"
    pack(path)
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            data[at + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(IdxFormatError, match="encrypted"):
        load_emnist("balanced", tmp_path)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (EXTENDED[:, 0], "expected 2 as the number of dimensions"),
        (EXTENDED.astype("uint8"), "expected 0x0C"),
        (EXTENDED[:2], "expected 3 labels"),
        (EXTENDED[:, :0], "columns"),
    ],
)
def test_qmnist_labels_of_another_form_are_refused(tmp_path, labels, words):
    write_qmnist(tmp_path, labels)
    with pytest.raises(IdxFormatError, match=words):
        load_qmnist(tmp_path)


def write_keras_mnist(cache, monkeypatch, sha256=None):
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "mnist.npz"
    np.savez(
        path,
        x_train=IMAGES,
        y_train=LABELS,
        x_test=IMAGES[:1],
        y_test=LABELS[:1],
    )
    monkeypatch.setattr(
        _families,
        "KERAS_MNIST_SHA256",
        sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def test_what_keras_downloaded_is_used(cache, monkeypatch):
    write_keras_mnist(cache, monkeypatch)
    assert is_both(load_mnist(kind="both", download=True, mirror=DEAD))
    assert len(load_mnist(kind="test", download=True, mirror=DEAD)[0]) == 1


def test_a_failed_download_does_not_hide_what_keras_downloaded(
    cache, monkeypatch
):
    with pytest.raises(ConnectionError):
        load_mnist(download=True, mirror=DEAD, verbose=False)
    assert not list(cache.glob("**/*.part"))
    write_keras_mnist(cache, monkeypatch)
    assert is_both(load_mnist(download=True, mirror=DEAD))


def test_another_file_of_that_name_is_not_opened(cache, monkeypatch):
    write_keras_mnist(cache, monkeypatch, sha256="0" * 64)
    with serving({}) as empty, pytest.raises(ConnectionError):
        load_mnist(download=True, mirror=empty.url)
