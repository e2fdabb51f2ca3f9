import gzip
import io
import pickle

import numpy as np
import pytest

from keras_extras.datasets import IdxFormatError, read_idx


def npz():
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


STRANGERS = {
    "html": (b"<!DOCTYPE html>\n<html>", "a web page", "download it again"),
    "html, indented": (b"\xef\xbb\xbf \n<HTML>", "a web page", "browser"),
    "xml": (b"<?xml version='1.0'?><Error>", "a web page", "browser"),
    "zip": (npz(), "a zip archive", "numpy.load"),
    "npy": (npy(), "a NumPy .npy file", "numpy.load"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image", "load_img"),
    "pickle": (pickle.dumps([1, 2]), "a Python pickle", "any code"),
    "git-lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
        "a git-LFS pointer",
        "git lfs pull",
    ),
    "git-annex": (
        b"/annex/objects/SHA256E-s1648877--8d422c7b.gz\n",
        "a git-annex pointer",
        "git annex get",
    ),
    "git-annex, old": (
        b"../.git/annex/objects/x4/wF/SHA256E-s16--8d/SHA256E-s16--8d",
        "a git-annex pointer",
        "git annex get",
    ),
    "little-endian": (
        bytes([3, 8, 0, 0, 1, 0, 0, 0]),
        "bytes in reverse order",
        "big-endian",
    ),
    "little-endian scalar": (
        bytes([0, 13, 0, 0, 1, 2, 3, 4]),
        "bytes in reverse order",
        "big-endian",
    ),
    "empty": (b"", "an empty file", "Get the file again"),
    "text": (b"5,0,0,12\n", "the bytes 35 2c 30 2c", "not an IDX file"),
    "short": (b"\0\0\x08", "the bytes 00 00 08", "not an IDX file"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", STRANGERS)
def test_other_files_are_recognized(kind, packed, tmp_path):
    data, found, advice = STRANGERS[kind]
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(data) if packed else data)

    with pytest.raises(IdxFormatError) as caught:
        read_idx(path)
    assert caught.value.offset == 0
    assert caught.value.path == str(path)
    assert found in caught.value.found
    assert advice in caught.value.advice
    assert "IDX magic number" in str(caught.value)


def test_file_compressed_twice_is_recognized():
    twice = gzip.compress(gzip.compress(b"\0\0\x08\0\x01"))

    with pytest.raises(IdxFormatError, match=r"compressed twice.*gunzip"):
        read_idx(io.BytesIO(twice))


def test_unknown_type_code_error_lists_the_six_codes():
    with pytest.raises(IdxFormatError, match=r"byte 2 .* found 0x0A") as caught:
        read_idx(io.BytesIO(b"\0\0\x0a\1\0\0\0\1a"))
    for code in ("0x08", "0x09", "0x0B", "0x0C", "0x0D", "0x0E"):
        assert code in caught.value.expected


def test_error_is_a_value_error_with_its_facts_as_attributes():
    error = IdxFormatError("a.gz", 8, "two", "three", "Count.", stream="gzip")

    assert isinstance(error, ValueError)
    assert str(error) == (
        "a.gz: byte 8 of the gzip data: expected two, found three. Count."
    )
    assert (error.path, error.offset) == ("a.gz", 8)
    assert (error.expected, error.found) == ("two", "three")
    assert (error.advice, error.stream) == ("Count.", "gzip")
    assert str(IdxFormatError("a", 0, "b", "c")).endswith("found c.")


def test_error_survives_the_way_between_processes():
    error = IdxFormatError("a.gz", 8, "two", "three", "Count.", stream="gzip")
    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_file_object_is_called_by_its_name_if_it_has_one(tmp_path):
    (tmp_path / "bad").write_bytes(b"abcd")

    with (
        (tmp_path / "bad").open("rb") as file,
        pytest.raises(IdxFormatError) as caught,
    ):
        read_idx(file)
    assert caught.value.path == str(tmp_path / "bad")
