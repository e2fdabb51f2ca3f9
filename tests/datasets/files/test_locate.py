import pytest

from keras_extras.datasets import (
    load_emnist,
    load_fashion_mnist,
    load_kmnist,
    load_mnist,
    load_qmnist,
    write_idx,
)
from tests.datasets.folders import (
    IMAGES,
    LABELS,
    SAMPLE,
    is_both,
    write_four,
    write_pair,
)
from tests.datasets.mirror import DEAD, serving


def test_missing_file_error_lists_what_was_sought_and_what_is_there(tmp_path):
    write_pair(tmp_path, prefix="train")

    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(tmp_path, kind="test")
    for words in (
        "load_mnist: path must be a folder with the test images",
        "t10k-images-idx3-ubyte or t10k-images.idx3-ubyte or test-images-idx3",
        "may end in .gz, .xz, .bz2 too",
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


def test_a_file_packed_otherwise_is_named(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.zst").touch()
    with pytest.raises(FileNotFoundError, match=r"Unpack train-images.*zst"):
        load_mnist(tmp_path)


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


@pytest.mark.parametrize(
    ("load", "folder", "names"),
    [
        (load_fashion_mnist, "fashion-mnist", ["train-images-idx3-ubyte.gz"]),
        (load_kmnist, "kmnist", ["t10k-labels-idx1-ubyte.gz", "5120 bytes"]),
        (load_qmnist, "qmnist", ["qmnist-test-labels-idx2-int.gz"]),
        (
            lambda: load_emnist("digits"),
            "emnist",
            ["gzip.zip (561753746 bytes)"],
        ),
    ],
)
def test_without_files_the_error_says_what_to_put_where(
    cache, load, folder, names
):
    with pytest.raises(FileNotFoundError) as caught:
        load()
    for words in [*names, str(cache / folder), "download=True", "https://"]:
        assert words in str(caught.value)
    assert not cache.exists()  # looking is not making


def test_a_missing_emnist_file_names_the_archive_too(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"or gzip\.zip"):
        load_emnist("digits", tmp_path)


@pytest.mark.parametrize(
    "mirror", ["", "somewhere", "file:///data", "ftp://a.org/", "http://"]
)
def test_a_mirror_that_is_no_web_address_is_refused(tmp_path, mirror):
    with pytest.raises(ValueError, match="an http:// or https:// address"):
        load_kmnist(tmp_path, download=True, mirror=mirror)


def test_keras_itself_agrees_on_where_the_cache_is(cache, monkeypatch):
    import keras

    cache.parent.mkdir()  # else Keras goes to /tmp
    names = ["t10k-labels-idx1-ubyte.gz"]
    with serving({n: (SAMPLE / n).read_bytes() for n in names}) as mirror:
        path = keras.utils.get_file(
            names[0],
            mirror.url + names[0],
            cache_dir=str(cache.parent),
            cache_subdir="datasets/mnist",
        )
        labels = cache / "mnist" / names[0]
        assert path == str(labels)
        with pytest.raises(ConnectionError, match="images"):
            load_mnist(
                kind="test", download=True, mirror=mirror.url, verbose=False
            )


def test_a_file_of_somebody_is_never_replaced(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", IMAGES)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", LABELS)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(ValueError, match="leave out download=True"):
        load_mnist(tmp_path, "test", download=True, mirror=DEAD)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(load_mnist(tmp_path, "test")[0]) == 3


def test_a_folder_with_unpacked_files_needs_no_download(tmp_path):
    write_four(tmp_path)
    assert is_both(load_mnist(tmp_path, "both", download=True, mirror=DEAD))


def test_a_folder_is_filled_by_a_download(tmp_path):
    names = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    with serving({n: (SAMPLE / n).read_bytes() for n in names}) as mirror:
        loaded = load_mnist(
            tmp_path / "new",
            "test",
            download=True,
            mirror=mirror.url.rstrip("/"),
            verbose=False,
        )
    assert len(loaded[0]) == 10000
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names


def test_a_file_in_place_of_a_folder_is_not_downloaded_into(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    with pytest.raises(NotADirectoryError, match="Pass the folder it is in"):
        load_mnist(path, download=True, mirror=DEAD)
    assert path.read_bytes() == b"mine"
