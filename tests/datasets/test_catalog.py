import gzip
import hashlib
import importlib.resources

import numpy as np
import pytest

from keras_extras.datasets import IdxFormatError, load_mnist, write_idx

SAMPLE = importlib.resources.files("keras_extras.datasets") / "sample"
IMAGES = np.arange(3 * 4 * 5, dtype="uint8").reshape(3, 4, 5)
LABELS = np.array([1, 0, 9], "uint8")


def sample_bytes(name):
    return gzip.decompress((SAMPLE / name).read_bytes())


def write_pair(folder, images=IMAGES, labels=LABELS, prefix="train"):
    write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
    write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


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
    train, test = load_mnist(), load_mnist(kind="test")

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

    assert len(load_mnist(tmp_path)[0]) == 3
    assert len(load_mnist(tmp_path, kind="test")[0]) == 1


def test_missing_file_error_lists_what_was_sought_and_what_is_there(tmp_path):
    write_pair(tmp_path, prefix="train")

    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(tmp_path, kind="test")
    for words in (
        "load_mnist: path must be a folder with the test images",
        "t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz",
        "t10k-images.idx3-ubyte or t10k-images.idx3-ubyte.gz",
        f"Received: path={str(tmp_path)!r}.",
        "has train-images-idx3-ubyte, train-labels-idx1-ubyte.",
    ):
        assert words in str(caught.value)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "train_images_idx3_ubyte",
        "train-images-idx3-ubyte (1).gz",
        "emnist-train-images-idx3-ubyte",
        "train-images.idx",
    ],
)
def test_missing_file_error_suggests_a_similar_name(name, tmp_path):
    write_idx(tmp_path / name, IMAGES)
    write_pair(tmp_path, prefix="t10k")

    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(tmp_path)
    assert f"Did you mean {name}?" in str(caught.value)


def test_missing_file_error_shortens_a_long_inventory(tmp_path):
    for number in range(13):
        (tmp_path / f"file{number:02}").touch()

    with pytest.raises(FileNotFoundError, match="file09 and 3 more"):
        load_mnist(tmp_path)


def test_missing_file_error_says_that_the_folder_is_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match="The folder is empty"):
        load_mnist(tmp_path)


def test_missing_folder_is_the_error_of_the_file_system(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(tmp_path / "missing")
    assert caught.value.filename == str(tmp_path / "missing")


def test_file_in_place_of_a_folder_is_refused(tmp_path):
    write_pair(tmp_path)

    with pytest.raises(NotADirectoryError, match="Pass the folder it is in"):
        load_mnist(tmp_path / "train-images-idx3-ubyte")


@pytest.mark.parametrize("path", [None, "somewhere"])
@pytest.mark.parametrize("kind", ["t10k", "Train", "", None, 0])
def test_unknown_kind_is_refused_with_the_choices(path, kind):
    with pytest.raises(ValueError, match='"train" or "test"') as caught:
        load_mnist(path, kind)
    assert f"kind={kind!r}" in str(caught.value)


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
