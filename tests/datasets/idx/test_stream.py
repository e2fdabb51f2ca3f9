import bz2
import gzip
import io
import itertools
import lzma
import os
import stat
import struct
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxFormatError,
    IdxWriter,
    idx_info,
    open_idx,
    read_idx,
    write_idx,
)

MIB = 2**20
DIGITS = np.arange(200, dtype="uint8").reshape(2, 10, 10)


def header(*sizes):
    return struct.pack(f">2x2B{len(sizes)}I", 0x08, len(sizes), *sizes)


def written(array, **kwargs):
    file = io.BytesIO()
    write_idx(file, array, **kwargs)
    return file.getvalue()


def peak_of(function):
    """Bytes allocated at the worst moment, and the error if there is one."""
    tracemalloc.start()
    try:
        function()
        error = None
    except IdxFormatError as caught:
        error = caught
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, error


class Slow(io.BytesIO):
    """Gives fewer bytes than asked, as pipes and sockets do."""

    def __init__(self, data, step):
        super().__init__(data)
        self.step = step

    def read(self, size=-1):
        return super().read(min(size, self.step))


class Failing(io.BytesIO):
    """Fails once the reader comes to byte `place`."""

    def __init__(self, data, place):
        super().__init__(data)
        self.place = place

    def read(self, size=-1):
        if self.tell() >= self.place:
            raise OSError("disk on fire")
        return super().read(min(size, self.place - self.tell()))


@given(
    cuts=st.lists(st.integers(0, 212), max_size=4),
    step=st.integers(1, 50),
    level=st.integers(0, 9),
)
def test_gzip_members_are_one_stream_at_any_pace(cuts, step, level):
    data = written(DIGITS)
    edges = [0, *sorted(cuts), len(data)]
    members = [
        gzip.compress(data[start:stop], level)
        for start, stop in itertools.pairwise(edges)
    ]

    result = read_idx(Slow(b"".join(members), step))

    np.testing.assert_array_equal(result, DIGITS)


@given(step=st.integers(1, 300), packed=st.booleans())
def test_short_reads_give_the_whole_array(step, packed):
    file = Slow(written(DIGITS, compress=packed), step)

    np.testing.assert_array_equal(read_idx(file), DIGITS)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_failure_of_the_file_is_passed_on(packed):
    data = written(DIGITS, compress=packed)
    for place in range(len(data)):
        with pytest.raises(OSError, match="disk on fire"):
            read_idx(Failing(data, place))


def test_every_truncation_of_gzip_is_refused(tmp_path):
    data = written(DIGITS, compress=True)
    for end in range(2, len(data)):
        (tmp_path / "cut").write_bytes(data[:end])
        with pytest.raises(IdxFormatError):
            read_idx(tmp_path / "cut")
        with pytest.raises(IdxFormatError, match=f"byte {end} of the gzip"):
            read_idx(io.BytesIO(data[:end]))


def test_no_flipped_bit_of_gzip_changes_the_array_unnoticed():
    data = written(DIGITS, compress=True)
    harmless = set()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            np.testing.assert_array_equal(read_idx(io.BytesIO(flipped)), DIGITS)
            harmless.add(bit // 8)
        except IdxFormatError:
            pass
    # Flags, time, speed and system in the header say nothing of the content,
    # and a stored block starts with bits that nobody reads.
    assert harmless <= {3, 4, 5, 6, 7, 8, 9, 10}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], "data check"),
        (lambda data: data[:-4] + b"\0\0\0\0", "length check"),
        (lambda data: data + b"\0", "the end of the file"),
        (lambda data: data + bytes(512), "header check"),
        (lambda data: data + b"appended", "header check"),
        (lambda data: data[:2] + b"\x07" + data[3:], "compression method"),
    ],
    ids=["crc", "size", "zero", "zeros", "text", "method"],
)
def test_damage_of_gzip_is_named(damage, found):
    data = damage(written(DIGITS, compress=True))

    with pytest.raises(IdxFormatError, match=found) as caught:
        read_idx(io.BytesIO(data))
    assert caught.value.stream == "gzip"
    assert f"byte {caught.value.offset} of the gzip data" in str(caught.value)


def test_offset_of_appended_bytes_is_where_they_start():
    data = written(DIGITS, compress=True)

    with pytest.raises(IdxFormatError) as caught:
        read_idx(io.BytesIO(data + b"appended"))
    assert caught.value.offset == len(data)


@pytest.mark.parametrize("suffix", [b"", bytes(100_000)])
def test_plain_bomb_takes_no_memory(suffix, tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(header(2**31 - 1, 28, 28) + suffix)

    peak, error = peak_of(lambda: read_idx(path))
    assert error is not None
    assert error.offset == 4
    assert peak < MIB
    with path.open("rb") as file:
        peak, error = peak_of(lambda: read_idx(file))
    assert error is not None
    assert error.offset == 16 + len(suffix)
    assert peak < MIB


def test_gzip_that_unpacks_to_more_than_declared_stops_early():
    bomb = io.BytesIO(gzip.compress(header(10) + bytes(128 * MIB), 9))

    peak, error = peak_of(lambda: read_idx(bomb))
    assert error is not None
    assert "byte 18 of the IDX data" in str(error)
    assert peak < MIB


def test_gzip_that_cannot_hold_what_it_declares_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb"
    data = gzip.compress(header(2**31 - 1) + bytes(64 * MIB), 9)
    path.write_bytes(data)

    peak, error = peak_of(lambda: read_idx(path))
    assert error is not None
    assert error.offset == 4
    assert f"at most {1032 * len(data) - 8} bytes" in error.expected
    assert peak < MIB


def test_gzip_that_declares_what_it_might_hold_takes_what_it_holds(tmp_path):
    path = tmp_path / "bomb"
    noise = np.random.default_rng(0).bytes(100_000)
    path.write_bytes(gzip.compress(header(100_000_000) + noise))

    peak, error = peak_of(lambda: read_idx(path))
    assert error is not None
    assert error.offset == 8 + len(noise)
    assert peak < MIB


def test_most_compressible_file_is_still_read(tmp_path):
    path = tmp_path / "zeros.gz"
    size = 16 * MIB
    best = zlib.compressobj(9, zlib.DEFLATED, 31, 9)
    path.write_bytes(best.compress(header(size) + bytes(size)) + best.flush())

    assert size / path.stat().st_size > 1000
    assert not read_idx(path).any()


def test_memory_of_an_honest_file_is_about_its_size(tmp_path):
    path = tmp_path / "honest"
    write_idx(path, np.ones((16, MIB), "uint8"))

    peak, error = peak_of(lambda: read_idx(path))
    assert error is None
    assert peak < 16 * MIB * 1.5


def test_memory_of_writing_does_not_grow_with_the_array():
    class Sink(io.BytesIO):
        def write(self, data):
            return len(data)

    array = np.ones((4 * MIB, 4), "float32")[:, ::2]

    peak, _ = peak_of(lambda: write_idx(Sink(), array, compress=False))
    assert peak < 16 * MIB < array.size * 4


def test_reading_starts_where_the_file_object_stands():
    file = io.BytesIO(b"before" + written(DIGITS))
    file.seek(6)

    np.testing.assert_array_equal(read_idx(file), DIGITS)


def test_gzip_file_object_is_read():
    with gzip.open(io.BytesIO(written(DIGITS, compress=True))) as file:
        np.testing.assert_array_equal(read_idx(file), DIGITS)


def test_text_file_object_is_refused():
    with pytest.raises(TypeError, match=r"binary mode.*'rb'"):
        read_idx(io.StringIO("abcd"))


def test_file_object_that_does_not_wait_is_refused():
    class Impatient(io.BytesIO):
        def read(self, size=-1):
            return None

    with pytest.raises(BlockingIOError, match="blocking file"):
        read_idx(Impatient())


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_partial_writes_are_completed(packed):
    class Narrow(io.BytesIO):
        def write(self, data):
            return super().write(memoryview(data)[:7])

    class Silent(io.BytesIO):
        def write(self, data):
            super().write(data)

    for file in (Narrow(), Silent()):
        write_idx(file, DIGITS, compress=packed)
        assert file.getvalue() == written(DIGITS, compress=packed)


def test_compressed_bytes_hold_no_name_and_no_time(tmp_path):
    write_idx(tmp_path / "one.gz", DIGITS)
    write_idx(tmp_path / "two.gz", DIGITS)
    first = (tmp_path / "one.gz").read_bytes()

    assert first == (tmp_path / "two.gz").read_bytes()
    assert first[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert gzip.decompress(first) == written(DIGITS)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_failure_leaves_the_file_that_was_there(error, tmp_path, monkeypatch):
    path = tmp_path / "digits.gz"
    write_idx(path, DIGITS)
    before = path.read_bytes()

    def fail(descriptor):
        raise error("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(error, match="no space left"):
        write_idx(path, np.zeros(5, "uint8"))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["digits.gz"]


def test_file_is_replaced_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "digits"
    write_idx(path, DIGITS)
    seen = []
    replace = os.replace

    def watched(source, target):
        seen.append((read_idx(path).shape, read_idx(source).shape))
        assert os.path.dirname(source) == os.path.dirname(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write_idx(path, np.zeros(5, "uint8"))
    assert seen == [((2, 10, 10), (5,))]
    assert read_idx(path).shape == (5,)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_the_user_or_of_the_old_file(tmp_path):
    old = os.umask(0o027)
    try:
        write_idx(tmp_path / "new", DIGITS)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write_idx(tmp_path / "new", DIGITS)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    for array in (DIGITS, np.zeros(5, "uint8")):
        write_idx(tmp_path / "link", array)
        assert (tmp_path / "link").is_symlink()
        np.testing.assert_array_equal(read_idx(tmp_path / "link"), array)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    "use",
    [
        read_idx,
        idx_info,
        open_idx,
        IdxWriter,
        lambda path: write_idx(path, DIGITS),
        lambda path: IdxWriter(path, append=True),
    ],
)
def test_named_pipe_does_not_wait_for_the_other_end(use, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="is a named pipe"):
            use(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_read_and_written_as_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write():
        with pipe.open("wb") as file:
            write_idx(file, DIGITS)

    writer = threading.Thread(target=write)
    writer.start()
    with pipe.open("rb") as file:
        result = read_idx(file)
    writer.join()

    np.testing.assert_array_equal(result, DIGITS)


def test_missing_folder_error_names_the_path_that_was_given(tmp_path):
    path = tmp_path / "missing" / "file"

    with pytest.raises(FileNotFoundError) as caught:
        write_idx(path, DIGITS)
    assert caught.value.filename == str(path)


# --- xz and bzip2 ------------------------------------------------------------

PACKERS = {"xz": lzma.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("kind", PACKERS)
@given(cuts=st.lists(st.integers(0, 212), max_size=3), step=st.integers(1, 99))
def test_other_members_are_one_stream_at_any_pace(kind, cuts, step):
    data = written(DIGITS)
    edges = [0, *sorted(cuts), len(data)]
    members = [
        PACKERS[kind](data[start:stop])
        for start, stop in itertools.pairwise(edges)
    ]
    joint = bytes(4) if kind == "xz" else b""  # zeros may stand between
    result = read_idx(Slow(joint.join(members) + joint, step))

    np.testing.assert_array_equal(result, DIGITS)


@pytest.mark.parametrize("kind", PACKERS)
def test_other_packed_files_are_whole_or_refused(kind, tmp_path):
    many = np.random.default_rng(0).integers(0, 9, (300, 20, 20), "uint8")
    path = tmp_path / "file"
    data = PACKERS[kind](written(many))
    path.write_bytes(data)
    np.testing.assert_array_equal(read_idx(path), many)
    assert idx_info(path).compressed is True
    assert idx_info(path).shape == many.shape
    with pytest.raises(IdxFormatError, match=f"found {kind} data. Unpack it"):
        open_idx(path)
    with pytest.raises(ValueError, match="a gzip file that IdxWriter wrote"):
        IdxWriter(path, append=True)
    for length in [*range(12), *range(12, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(IdxFormatError) as caught:
            read_idx(path)
        assert caught.value.offset <= length
    for place in range(0, len(data), 61):
        path.write_bytes(
            data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        )
        with pytest.raises(IdxFormatError) as caught:
            read_idx(path)
        if caught.value.stream == kind:
            assert caught.value.offset <= place + 1
    for extra in (b"\0\0\x08", data, b"noise"):
        path.write_bytes(data + extra)
        with pytest.raises(IdxFormatError):
            read_idx(path)
    small = PACKERS[kind](written(many[:1]))
    for place in range(len(small)):
        with pytest.raises(OSError, match="disk on fire"):
            read_idx(Failing(small, place))


@pytest.mark.parametrize("kind", PACKERS)
def test_bombs_of_other_packers_take_little_memory(kind):
    claimed = header(2**31 - 1, 28, 28)
    bomb = PACKERS[kind](claimed + bytes(4 * MIB))
    peak, error = peak_of(lambda: read_idx(io.BytesIO(bomb)))
    assert "the end of the file after" in str(error)
    assert peak < 40 * MIB
    small = PACKERS[kind](header(3) + bytes(64 * MIB))
    peak, error = peak_of(lambda: read_idx(io.BytesIO(small)))
    assert "more bytes" in str(error)
    assert peak < 16 * MIB


def test_xz_that_wants_very_much_memory_is_refused():
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**29}]
    data = lzma.compress(written(DIGITS), filters=filters)
    with pytest.raises(IdxFormatError, match="Memory usage limit"):
        read_idx(io.BytesIO(data))


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"BZ is no packed file", "the bytes 42 5a 20 69"),
        (b"\xfd7 neither", "the bytes fd 37 20 6e"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    ],
)
def test_what_is_not_unpacked_is_named(start, found):
    with pytest.raises(IdxFormatError, match=found):
        read_idx(io.BytesIO(start))
    twice = lzma.compress(bz2.compress(written(DIGITS)))
    with pytest.raises(IdxFormatError, match="compressed twice"):
        read_idx(io.BytesIO(twice))


@pytest.mark.parametrize("end", [".xz", ".BZ2", ".zst"])
def test_a_name_of_another_packer_is_not_written(end, tmp_path):
    path = tmp_path / f"file{end}"
    with pytest.raises(ValueError, match=r"path must be one that ends in \.gz"):
        write_idx(path, DIGITS)
    with pytest.raises(ValueError, match=r"path must be one that ends in \.gz"):
        IdxWriter(path)
    assert not path.exists()
    write_idx(path, DIGITS, compress=False)
    np.testing.assert_array_equal(read_idx(path), DIGITS)


def test_the_other_spelling_may_be_packed_by_xz(tmp_path):
    (tmp_path / "train-images.idx3-ubyte.xz").write_bytes(
        lzma.compress(written(DIGITS))
    )
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), DIGITS)
