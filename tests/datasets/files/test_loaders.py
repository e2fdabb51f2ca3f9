import bz2
import gzip
import hashlib
import lzma

import numpy as np
import pytest

from keras_extras.datasets import (
    load_emnist,
    load_fashion_mnist,
    load_kmnist,
    load_mnist,
    load_qmnist,
    write_idx,
)
from keras_extras.datasets.files import _families
from tests.datasets.folders import (
    EXTENDED,
    IMAGES,
    LABELS,
    SAMPLE,
    is_both,
    pack,
    write_four,
    write_pair,
    write_qmnist,
)
from tests.datasets.mirror import serving


def sample_bytes(name):
    return gzip.decompress((SAMPLE / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        (
            "t10k-images-idx3-ubyte.gz",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ],
)
def test_sample_is_the_genuine_test_set(name, sha256):
    notice = (SAMPLE / "NOTICE.md").read_text()
    data = (SAMPLE / name).read_bytes()

    assert hashlib.sha256(data).hexdigest() == sha256
    assert name in notice
    assert sha256 in notice
    assert f"| {len(data)} |" in notice


def test_sample_is_split_into_the_documented_digits():
    # The format read by hand: headers of 16 and 8 bytes.
    images = sample_bytes("t10k-images-idx3-ubyte.gz")[16:]
    labels = sample_bytes("t10k-labels-idx1-ubyte.gz")[8:]
    indices = {
        "train": [i for i in range(10000) if i % 20 < 17],
        "test": [i for i in range(10000) if i % 20 in (17, 18, 19)],
    }
    assert list(labels[:5]) == [7, 2, 1, 0, 4]
    for kind, count in (("train", 8500), ("test", 1500)):
        loaded_images, loaded_labels = load_mnist(kind=kind)
        assert loaded_images.shape == (count, 28, 28)
        assert loaded_labels.shape == (count,)
        assert loaded_labels.tolist() == [labels[i] for i in indices[kind]]
        assert loaded_images.tobytes() == b"".join(
            images[784 * i : 784 * (i + 1)] for i in indices[kind]
        )


def test_sample_has_the_known_sum_and_classes():
    train, test = load_mnist()

    assert int(train[0].sum()) + int(test[0].sum()) == 264923200
    assert (np.bincount(train[1]) + np.bincount(test[1])).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]


def test_arrays_belong_to_the_caller():
    images, labels = load_mnist(kind="test")
    images[:] = 0
    labels[:] = 0

    again, digits = load_mnist(kind="test")
    assert again.any()
    assert digits.any()
    for array in (images, labels, again, digits):
        assert array.dtype == np.uint8
        assert array.flags.writeable


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize(
    ("kind", "prefix"), [("train", "train"), ("test", "t10k")]
)
def test_folder_is_read_in_every_naming_style(
    kind, prefix, joint, end, tmp_path, monkeypatch
):
    write_idx(tmp_path / f"{prefix}-images{joint}idx3-ubyte{end}", IMAGES)
    write_idx(tmp_path / f"{prefix}-labels{joint}idx1-ubyte{end}", LABELS)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    monkeypatch.setenv("USERPROFILE", str(tmp_path.parent))

    for path in (tmp_path, str(tmp_path), f"~/{tmp_path.name}"):
        images, labels = load_mnist(path, kind)
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)


def test_train_and_test_files_are_not_mixed_up(tmp_path):
    write_pair(tmp_path)
    write_pair(tmp_path, IMAGES[:1], LABELS[:1], prefix="t10k")

    assert len(load_mnist(tmp_path, kind="train")[0]) == 3
    assert len(load_mnist(tmp_path, kind="test")[0]) == 1


@pytest.mark.parametrize("path", [None, "somewhere"])
@pytest.mark.parametrize("kind", ["t10k", "Train", ""])
def test_unknown_kind_is_refused_with_the_choices(path, kind):
    words = "one of .'train', 'test', 'both'"
    with pytest.raises(ValueError, match=words) as caught:
        load_mnist(path, kind)
    assert f"kind={kind!r}" in str(caught.value)


# --- the family --------------------------------------------------------------

LOADERS = [load_mnist, load_fashion_mnist, load_kmnist]


@pytest.mark.parametrize("load", LOADERS)
def test_both_kinds_come_in_the_shape_of_keras(load, tmp_path):
    write_four(tmp_path)
    assert is_both(load(tmp_path, "both"))
    for kind, count in (("train", 3), ("test", 1)):
        images, labels = load(tmp_path, kind)
        assert len(images) == len(labels) == count


def test_new_loaders_load_both_kinds_as_keras_does(tmp_path):
    write_four(tmp_path)
    assert is_both(load_fashion_mnist(tmp_path))
    assert is_both(load_kmnist(tmp_path))


def test_the_sample_comes_in_both_kinds():
    (x_train, y_train), (x_test, y_test) = load_mnist()
    assert x_train.tobytes() == load_mnist("train")[0].tobytes()
    assert y_test.tobytes() == load_mnist(kind="test")[1].tobytes()
    assert (len(y_train), len(x_test)) == (8500, 1500)


@pytest.mark.parametrize(
    ("load", "folder"),
    [(load_fashion_mnist, "fashion-mnist"), (load_kmnist, "kmnist")],
)
def test_the_cache_is_read_without_a_path(load, folder, cache):
    write_four(cache / folder)
    assert is_both(load())


def test_the_sample_does_not_depend_on_the_cache(cache):
    write_four(cache / "mnist")
    assert len(load_mnist("train")[0]) == 8500


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".bz2"])
def test_the_test_files_are_found_under_the_name_test_too(tmp_path, ending):
    write_pair(tmp_path, prefix="test")
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
    for file in tmp_path.iterdir() if ending else ():
        data = file.read_bytes()
        file.unlink()
        (tmp_path / (file.name + ending)).write_bytes(pack[ending](data))
    assert load_mnist(tmp_path, "test")[1].tolist() == LABELS.tolist()


def test_a_kind_may_stand_in_the_place_of_the_path(tmp_path, monkeypatch):
    write_four(tmp_path / "train")
    monkeypatch.chdir(tmp_path)
    assert len(load_mnist("train")[0]) == 8500
    assert len(load_mnist("./train", "train")[0]) == 3
    assert len(load_mnist("train", "train")[0]) == 3  # a folder and a kind


def test_emnist_is_turned_upright(tmp_path):
    for kind in ("train", "test"):
        write_pair(tmp_path, prefix=f"emnist-letters-{kind}")
    (images, labels), test = load_emnist("letters", tmp_path)

    assert images.shape == (3, 5, 4)
    assert images.flags.c_contiguous
    for i, row, column in np.ndindex(IMAGES.shape):
        assert images[i, column, row] == IMAGES[i, row, column]
    assert labels.tolist() == LABELS.tolist()
    assert test[0].tolist() == images.tolist()


@pytest.mark.parametrize("split", ["Letters", "", "train"])
def test_unknown_split_is_refused(split):
    with pytest.raises(ValueError, match="'letters', 'mnist'") as caught:
        load_emnist(split)
    assert f"split={split!r}" in str(caught.value)


def test_qmnist_has_digits_or_all_columns(tmp_path):
    write_qmnist(tmp_path)
    (images, labels), _ = load_qmnist(tmp_path)
    assert images.tolist() == IMAGES.tolist()
    assert labels.dtype == np.uint8
    assert labels.tolist() == [0, 8, 16]

    labels = load_qmnist(tmp_path, "test", extended=True)[1]
    assert labels.dtype == np.int32
    assert labels.tolist() == EXTENDED.tolist()


# --- downloads ---------------------------------------------------------------


def test_the_genuine_digits_are_downloaded_and_kept(cache):
    names = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    files = {name: (SAMPLE / name).read_bytes() for name in names}
    with serving(files) as mirror:
        ask = {"download": True, "mirror": mirror.url, "verbose": False}
        images, labels = load_mnist(kind="test", **ask)
        assert len(mirror.asked) == 2
        load_mnist(kind="test", **ask)
        load_mnist(kind="test", download=True)
        assert len(mirror.asked) == 2

        (cache / "mnist" / names[0]).write_bytes(b"broken")
        again, _ = load_mnist(kind="test", **ask)
        assert len(mirror.asked) == 3

    assert sorted(path.name for path in (cache / "mnist").iterdir()) == names
    assert images.tobytes() == sample_bytes(names[0])[16:] == again.tobytes()
    assert labels.tobytes() == sample_bytes(names[1])[8:]


def test_emnist_is_downloaded_once_for_all(cache, tmp_path, monkeypatch):
    pack(tmp_path / "gzip.zip")
    data = (tmp_path / "gzip.zip").read_bytes()
    monkeypatch.setattr(
        _families,
        "EMNIST_ARCHIVE",
        _families.Published(
            "gzip.zip", len(data), hashlib.sha256(data).hexdigest()
        ),
    )
    with serving({"gzip.zip": data}) as mirror:
        ask = {"download": True, "mirror": mirror.url, "verbose": False}
        for kind in ("both", "train", "test"):
            load_emnist("balanced", kind=kind, **ask)
        assert [name for name, _ in mirror.asked] == ["gzip.zip"]
