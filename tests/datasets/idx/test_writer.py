import contextlib
import gzip
import io
import os
import struct
from concurrent.futures import ThreadPoolExecutor

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxFormatError,
    IdxWriter,
    open_idx,
    read_idx,
    write_idx,
)

TYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
ROWS = np.arange(12, dtype="int16").reshape(6, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("write")


@st.composite
def batches(draw):
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    item = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    parts = [draw(hnp.arrays(dtype, (length, *item))) for length in lengths]
    if draw(st.booleans()):
        parts[-1] = parts[-1].astype(dtype.newbyteorder("S"))
    return parts


@given(parts=batches(), packed=st.booleans(), cut=st.integers(0, 4))
def test_batches_make_the_file_of_all_of_them(folder, parts, packed, cut):
    path = folder / "batches"
    cut = min(cut, len(parts) - 1)
    whole = np.concatenate(parts)
    with IdxWriter(
        path,
        parts[0].shape[1:],
        parts[0].dtype.newbyteorder("="),
        compress=packed,
    ) as writer:
        for part in parts[:cut]:
            writer.write(part)
    with IdxWriter(path, append=True) as writer:
        for part in parts[cut:]:
            writer.write(part)
    assert writer.count == len(whole)

    expected = io.BytesIO()
    write_idx(expected, whole)
    data = path.read_bytes()
    assert (gzip.decompress(data) if packed else data) == expected.getvalue()
    assert (
        read_idx(path).tobytes()
        == whole.astype(whole.dtype.newbyteorder("=")).tobytes()
    )


def test_name_or_argument_says_what_is_packed(tmp_path):
    for name, compress, packed in [
        ("a.gz", None, True),
        ("b", None, False),
        ("c.gz", False, False),
        ("d", True, True),
    ]:
        with IdxWriter(tmp_path / name, compress=compress) as writer:
            writer.write(ROWS)
        start = (tmp_path / name).read_bytes()[:2]
        assert start == (b"\x1f\x8b" if packed else b"\0\0")


def test_file_object_is_written_from_its_position():
    file = io.BytesIO(b"before")
    file.seek(6)
    with IdxWriter(file) as writer:
        writer.write(ROWS)
    expected = io.BytesIO()
    write_idx(expected, ROWS)

    assert file.getvalue() == b"before" + expected.getvalue()
    assert file.tell() == len(file.getvalue())


def test_no_items_need_shape_and_dtype(tmp_path):
    with IdxWriter(tmp_path / "none", (28, 28), "uint8"):
        pass
    assert read_idx(tmp_path / "none").shape == (0, 28, 28)
    writer = IdxWriter(tmp_path / "unknown")
    with pytest.raises(ValueError, match=r"IdxWriter: item_shape and dtype"):
        writer.close()
    assert os.listdir(tmp_path) == ["none"]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("append", [False, True], ids=["new", "append"])
def test_error_in_the_block_leaves_the_file_as_it_was(packed, append, tmp_path):
    path = tmp_path / "file"
    with IdxWriter(path, compress=packed) as writer:
        writer.write(ROWS)
    before = path.read_bytes()

    def fail():
        with IdxWriter(path, append=append, compress=packed) as writer:
            writer.write(ROWS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


def test_unfinished_append_keeps_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_idx(path, ROWS)
    writer = IdxWriter(path, append=True)
    writer.write(ROWS)
    writer._file.flush()  # the machine stops here
    with pytest.raises(IdxFormatError, match=r"os\.truncate\(path, 36\)"):
        read_idx(path)
    os.truncate(path, 36)
    np.testing.assert_array_equal(read_idx(path), ROWS)
    writer.discard()


def test_memory_map_can_be_written_on(tmp_path):
    write_idx(tmp_path / "a", ROWS)
    with IdxWriter(tmp_path / "b") as writer:
        writer.write(np.asarray(open_idx(tmp_path / "a")))
        writer.write(open_idx(tmp_path / "a")[::-1])
    np.testing.assert_array_equal(
        read_idx(tmp_path / "b"), np.concatenate([ROWS, ROWS[::-1]])
    )


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (np.int16(1), r"batch\.shape must be \(count, 2\)"),
        (np.zeros((1, 3), "int16"), r"batch\.shape must be \(count, 2\)"),
        (np.zeros((1, 2), "int32"), r"batch\.dtype must be int16.*astype"),
    ],
)
def test_batch_that_does_not_fit_is_refused_and_changes_nothing(
    batch, words, tmp_path
):
    with IdxWriter(tmp_path / "file") as writer:
        writer.write(ROWS)
        with pytest.raises(ValueError, match=words):
            writer.write(batch)
        writer.write(ROWS)
    np.testing.assert_array_equal(
        read_idx(tmp_path / "file"), np.concatenate([ROWS, ROWS])
    )
    with pytest.raises(ValueError, match="the file is closed"):
        writer.write(ROWS)


def test_more_items_than_four_bytes_count_are_refused():
    writer = IdxWriter(io.BytesIO(), (0,), "uint8")
    writer.write(np.zeros((2**32 - 1, 0), "uint8"))
    with pytest.raises(ValueError, match=r"count must be below 2\*\*32"):
        writer.write(np.zeros((1, 0), "uint8"))


def test_dtype_without_a_code_is_refused_before_the_file_is_touched(tmp_path):
    with pytest.raises(ValueError, match=r"IdxWriter: .*dtype.*int64"):
        IdxWriter(tmp_path / "file", (), "int64")
    with (
        pytest.raises(ValueError, match=r"IdxWriter: .*dtype.*int64"),
        IdxWriter(tmp_path / "file") as writer,
    ):
        writer.write(np.array([1], "int64"))
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_appended_to_is_refused(tmp_path):
    write_idx(tmp_path / "foreign.gz", ROWS)
    write_idx(tmp_path / "number", np.array(3, "uint8"))
    write_idx(tmp_path / "plain", ROWS)
    for name, words in [
        ("foreign.gz", r"a gzip file that IdxWriter wrote.*idx convert"),
        ("number", "at least one dimension"),
    ]:
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=words):
            IdxWriter(tmp_path / name, append=True)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(ValueError, match=r"item_shape must be \(2,\), as in"):
        IdxWriter(tmp_path / "plain", (3,), append=True)
    with pytest.raises(ValueError, match="dtype must be int16, as in"):
        IdxWriter(tmp_path / "plain", dtype="uint8", append=True)
    with pytest.raises(FileNotFoundError):
        IdxWriter(tmp_path / "missing", append=True)
    (tmp_path / "cut").write_bytes(struct.pack(">2x2BI", 8, 1, 9))
    with pytest.raises(IdxFormatError):
        IdxWriter(tmp_path / "cut", append=True)


def test_file_that_cannot_be_sought_in_is_refused():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(TypeError, match="Write to a pipe with write_idx"):
        IdxWriter(Pipe())
    for path in (3, None):
        with pytest.raises(TypeError, match="path must be"):
            IdxWriter(path)
    with pytest.raises(TypeError, match="a path, to append"):
        IdxWriter(io.BytesIO(), append=True)


# --- writes that fail --------------------------------------------------------


class Failing:
    """Takes the place of the file of a writer, and fails after some bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        taken = self.file.write(data[: self.room])
        self.room -= taken
        if not taken:
            self.room = 1000  # to write over what is there
            raise OSError(28, "No space left on device")
        return taken


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("room", [0, 1, 9, 20, 100])
def test_a_failed_write_leaves_the_file_as_it_was(
    append, compress, room, tmp_path
):
    path = tmp_path / "file"
    with IdxWriter(path, compress=compress) as writer:
        writer.write(ROWS)
    before = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 99, (999, 2), "int16")
    writer = IdxWriter(path, append=append, compress=compress)
    writer._file = Failing(writer._file, room)

    def write():
        writer.write(noise)
        writer.close()  # where the compressor kept all of it

    with pytest.raises(OSError, match="No space left"):
        write()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(ValueError, match="the file is closed"):
        writer.write(ROWS)


def test_a_failed_write_that_was_caught_is_not_forgotten(tmp_path):
    def train():
        with IdxWriter(tmp_path / "file") as writer:
            writer.write(ROWS)
            writer._file = Failing(writer._file, 3)
            with pytest.raises(OSError, match="No space left"):
                writer.write(ROWS)

    write_idx(tmp_path / "file", ROWS[:1])
    with pytest.raises(ValueError, match="a write has failed"):
        train()
    assert len(read_idx(tmp_path / "file")) == 1


def test_a_batch_of_a_wrong_kind_does_not_end_the_writer(tmp_path):
    with IdxWriter(tmp_path / "file") as writer:
        for wrong in (np.zeros(2, "int64"), np.zeros(2, "complex64"), 3):
            with pytest.raises(ValueError, match="IdxWriter"):
                writer.write(wrong)
        writer.write(ROWS)
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), ROWS)


@pytest.mark.parametrize("compress", [False, True])
def test_batches_of_threads_are_whole(compress, tmp_path):
    batches = [np.full((50, 300), number, "uint8") for number in range(16)]
    with (
        IdxWriter(tmp_path / "file", compress=compress) as writer,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(writer.write, batches))
    read = read_idx(tmp_path / "file").reshape(16, 50, 300)
    assert sorted(read[:, 0, 0]) == list(range(16))
    assert (read == read[:, :1, :1]).all()


def test_bytes_of_another_writer_are_noticed(tmp_path):
    write_idx(tmp_path / "file", ROWS)
    writer = IdxWriter(tmp_path / "file")
    writer.write(ROWS)
    writer._file.write(b"as a forked child may")
    with pytest.raises(OSError, match="something else wrote"):
        writer.close()
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), ROWS)


@pytest.mark.skipif(not hasattr(os, "set_blocking"), reason="needs pipes")
@pytest.mark.parametrize("buffering", [0, -1])
def test_a_pipe_that_does_not_wait_is_an_error(buffering):
    hear, said = os.pipe()
    os.set_blocking(said, False)
    with os.fdopen(hear, "rb"):
        file = os.fdopen(said, "wb", buffering=buffering)
        with pytest.raises(BlockingIOError):
            write_idx(file, np.zeros(1_000_000, "uint8"))
        with contextlib.suppress(BlockingIOError):
            file.close()


def test_a_file_that_counts_nothing_takes_all():
    class Silent(io.BytesIO):
        def write(self, data):
            super().write(data)

    class Stuck(io.BytesIO):
        def write(self, data):
            return 0

    file = Silent()
    write_idx(file, ROWS)
    assert len(file.getvalue()) == 12 + ROWS.nbytes
    with pytest.raises(BlockingIOError, match="took 0 bytes"):
        write_idx(Stuck(), ROWS)
