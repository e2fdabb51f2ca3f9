import gc
import gzip
import io
import os
import pickle
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxFormatError,
    open_idx,
    read_idx,
    write_idx,
)

TYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("map")


def keys():
    """Whatever stands between brackets for an array (5, 3, 2)."""
    one = st.one_of(
        st.integers(-2, 1),
        st.slices(2),
        st.just(...),
        st.none(),
        st.lists(st.integers(-2, 1), min_size=1, max_size=3),
    )
    return st.one_of(one, st.tuples(st.slices(5), one))


@given(dtype=st.sampled_from(TYPES), key=keys())
def test_slices_are_those_of_the_array(folder, dtype, key):
    array = np.arange(-5, 25).reshape(5, 3, 2).astype(dtype)
    write_idx(folder / "file", array)
    mapped = open_idx(folder / "file")

    part = mapped[key]
    np.testing.assert_array_equal(part, array[key])
    assert part.dtype == array.dtype
    assert part.dtype.isnative
    assert (mapped.shape, mapped.dtype) == (array.shape, array.dtype)
    assert (mapped.ndim, mapped.size) == (array.ndim, array.size)
    assert (mapped.nbytes, len(mapped)) == (array.nbytes, len(array))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,) * 32, (7,)])
def test_every_shape_is_mapped(dtype, shape, tmp_path):
    array = np.ones(shape, dtype)
    write_idx(tmp_path / "file", array)
    mapped = open_idx(tmp_path / "file")

    np.testing.assert_array_equal(np.asarray(mapped), array)
    np.testing.assert_array_equal(mapped[...], array)
    assert mapped.shape == shape
    if not shape:
        with pytest.raises(TypeError, match="no length"):
            len(mapped)


def test_functions_of_numpy_take_the_map(tmp_path):
    array = np.arange(6, dtype="int16").reshape(3, 2)
    write_idx(tmp_path / "file", array)
    mapped = open_idx(tmp_path / "file")

    assert np.mean(mapped) == 2.5
    assert [row.tolist() for row in mapped] == array.tolist()
    assert np.asarray(mapped, "float64").dtype == np.float64
    copied = np.array(mapped)
    copied[0] = 7  # a copy may be written to
    assert mapped[0, 0] == 0
    with pytest.raises(ValueError, match=r"without a copy\. Use np\.asarray"):
        mapped.__array__(copy=False)


def test_bytes_are_views_that_cannot_be_written_to(tmp_path):
    write_idx(tmp_path / "file", np.zeros((3, 2), "uint8"))
    mapped = open_idx(tmp_path / "file")

    part = mapped[1:]
    assert not part.flags.owndata
    assert np.shares_memory(part, np.asarray(mapped))
    with pytest.raises(ValueError, match="read-only"):
        part[0] = 1


def test_opening_takes_less_than_a_millisecond(tmp_path):
    # A gigabyte of holes: nothing is read, and nothing is on the disk.
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(struct.pack(">2x2B3I", 8, 3, 2**20, 32, 32))
        file.truncate(16 + 2**30)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        mapped = open_idx(path)
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3
    assert mapped.shape == (2**20, 32, 32)
    assert not mapped[-1].any()


def test_map_outlives_its_file_object_and_slices_outlive_the_map(tmp_path):
    write_idx(tmp_path / "file", np.arange(4, dtype="uint8"))
    with (tmp_path / "file").open("rb") as file:
        mapped = open_idx(file)
    with mapped:
        part = mapped[1:]
    gc.collect()

    assert part.tolist() == [1, 2, 3]
    assert "closed" in repr(mapped)
    mapped.close()  # again
    with pytest.raises(ValueError, match="closed: open it again"):
        mapped[0]
    with pytest.raises(ValueError, match="closed: open it again"):
        np.asarray(mapped)


def test_file_object_is_mapped_from_its_position(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int32"))
    path.write_bytes(b"before" + path.read_bytes())
    with path.open("rb") as file:
        file.seek(6)
        mapped = open_idx(file)

    assert mapped[:].tolist() == [0, 1, 2, 3]
    with pytest.raises(TypeError, match="another process"):
        pickle.dumps(mapped)


def test_map_is_sent_to_other_processes_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_idx("file", np.arange(4, dtype="int32"))
    data = pickle.dumps(open_idx("file"))
    monkeypatch.chdir("/")

    assert pickle.loads(data)[2] == 2
    assert len(data) < 1000


def test_gzip_is_named_with_the_way_to_unpack_it(tmp_path):
    write_idx(tmp_path / "file.gz", np.zeros(3, "uint8"))

    with pytest.raises(IdxFormatError, match=r"idx convert FILE\.gz FILE"):
        open_idx(tmp_path / "file.gz")


def test_file_must_be_the_array_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int16"))
    whole = path.read_bytes()
    for data in [*(whole[:end] for end in range(len(whole))), whole + b"\0"]:
        path.write_bytes(data)
        with pytest.raises(IdxFormatError):
            open_idx(path)
        with pytest.raises(IdxFormatError):
            read_idx(path)


def test_error_of_an_interrupted_append_tells_how_to_mend_it(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int16"))
    path.write_bytes(path.read_bytes() + b"\0\1\0")
    for reader in (open_idx, read_idx):
        with pytest.raises(
            IdxFormatError, match=r"found 3 bytes more.*os\.truncate\(path, 16"
        ):
            reader(path)
    os.truncate(path, 16)
    assert open_idx(path)[:].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("path", [3, None, b"name", io.BytesIO(b"\0\0\x08\0")])
def test_what_cannot_be_mapped_is_refused(path):
    with pytest.raises(TypeError, match=r"open_idx: path must be"):
        open_idx(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_device_is_refused():
    with pytest.raises(OSError, match="not a regular file"):
        open_idx("/dev/zero")
    with gzip.open(io.BytesIO(), "w") as file, pytest.raises(TypeError):
        open_idx(file)
    with pytest.raises(FileNotFoundError):
        open_idx("missing")
