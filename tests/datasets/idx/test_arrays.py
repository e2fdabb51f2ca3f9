import gzip
import hashlib
import io
import math
import struct
import sys
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.datasets import IdxFormatError, read_idx, write_idx

DATA = Path(__file__).parent / "data"
# Written out here once more, so that the table of the package has a witness.
FORMATS = {
    "uint8": (0x08, "B"),
    "int8": (0x09, "b"),
    "int16": (0x0B, "h"),
    "int32": (0x0C, "i"),
    "float32": (0x0D, "f"),
    "float64": (0x0E, "d"),
}


def by_hand(array):
    code, letter = FORMATS[array.dtype.name]
    return b"".join(
        [
            bytes([0, 0, code, array.ndim]),
            *(struct.pack(">I", size) for size in array.shape),
            *(struct.pack(f">{letter}", number) for number in array.flat),
        ]
    )


def written(array, **kwargs):
    file = io.BytesIO()
    write_idx(file, array, **kwargs)
    return file.getvalue()


def header(code, *sizes):
    return struct.pack(f">2x2B{len(sizes)}I", code, len(sizes), *sizes)


def inflated(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(sorted(FORMATS))))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=0))
    data = draw(hnp.arrays(dtype, shape))
    if draw(st.booleans()):
        data = data.astype(dtype.newbyteorder("S"))
    layout = draw(st.sampled_from(["C", "transposed", "reversed", "sparse"]))
    if layout == "transposed":
        data = data.T
    elif layout == "reversed" and data.ndim:
        data = data[::-1]
    elif layout == "sparse" and data.ndim:
        data = np.repeat(data, 3, axis=-1)[..., ::3]
    return data


@st.composite
def damaged_files(draw):
    data = written(draw(arrays()))
    packed = draw(st.booleans())
    if packed and draw(st.booleans()):  # damage below the compression
        data = gzip.compress(damaged(draw, data))
    elif packed:
        data = damaged(draw, gzip.compress(data))
    else:
        data = damaged(draw, data)
    return data


def damaged(draw, data):
    place = draw(st.integers(0, len(data)))
    other = draw(st.integers(0, len(data)))
    noise = draw(st.binary(min_size=1, max_size=9))
    sizes = draw(st.lists(st.integers(0, 2**32 - 1), max_size=6))
    code = draw(st.integers(0, 255))
    return draw(
        st.sampled_from(
            [
                data[:place],
                data[:place] + noise + data[place:],
                data[:place] + noise + data[place + len(noise) :],
                data[:place] + data[place : place + other] * 2 + data[place:],
                data + noise,
                data + data,
                header(code, *sizes) + data[4:],
                data[:3] + bytes([code]) + data[4:],
                data[:2] + bytes([code]) + data[3:],
            ]
        )
    )


def check_total(data, folder):
    """Any bytes: the array that they are, or the error that says where."""
    path = folder / "any file"
    path.write_bytes(data)
    by_path = outcome(path)
    by_file = outcome(io.BytesIO(data))

    assert type(by_path) is type(by_file)
    if isinstance(by_path, IdxFormatError):
        check_error(by_path, data, str(path))
        check_error(by_file, data, "<BytesIO>")
    else:
        for array in (by_path, by_file):
            assert array.dtype.isnative
            assert array.flags.writeable
            assert written(array) == inflated(data)


def outcome(file):
    try:
        return read_idx(file)
    except IdxFormatError as error:
        return error


def check_error(error, data, name):
    place = f"{name}: byte {error.offset} of the {error.stream} data: "
    assert str(error).startswith(place)
    assert error.path == name
    assert error.expected in str(error)
    assert error.found in str(error)
    packed = data[:2] == b"\x1f\x8b" and error.stream == "IDX"
    assert 0 <= error.offset <= len(data) * (1032 if packed else 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(arrays())
def test_writing_gives_the_bytes_of_the_format(array):
    assert written(array) == by_hand(array)


@given(arrays())
def test_reading_gives_the_array_of_the_bytes(array):
    result = read_idx(io.BytesIO(by_hand(array)))

    assert result.dtype == array.dtype.newbyteorder("=")
    assert result.dtype.isnative
    np.testing.assert_array_equal(result, array, strict=False)
    assert result.shape == array.shape


@given(array=arrays(), packed=st.booleans(), by_path=st.booleans())
def test_reading_what_was_written_gives_the_array(
    array, packed, by_path, folder
):
    file = folder / "round trip" if by_path else io.BytesIO()
    write_idx(file, array, compress=packed)
    if isinstance(file, io.BytesIO):
        file.seek(0)
    result = read_idx(file)

    native = array.astype(array.dtype.newbyteorder("="))
    assert result.dtype == native.dtype
    assert result.shape == native.shape
    assert result.tobytes() == native.tobytes()  # NaN and -0.0 too
    assert type(result) is np.ndarray
    assert result.flags.writeable
    assert result.flags.c_contiguous


@pytest.mark.parametrize("dtype", FORMATS)
def test_extreme_numbers_survive(dtype):
    kind = np.iinfo if np.dtype(dtype).kind in "ui" else np.finfo
    array = np.array([kind(dtype).min, 0, 1, kind(dtype).max], dtype)

    assert read_idx(io.BytesIO(written(array))).tolist() == array.tolist()


def test_large_arrays_are_written_in_pieces_without_loss():
    array = np.arange(3 * 2**20, dtype="int32").reshape(3, -1).T[::-1]

    np.testing.assert_array_equal(read_idx(io.BytesIO(written(array))), array)


def test_every_rank_is_read_or_refused(folder):
    for rank in range(256):
        data = header(0x08, *[1] * rank) + b"\x07"
        check_total(data, folder)
        if rank <= 32:
            assert read_idx(io.BytesIO(data)).shape == (1,) * rank
    with pytest.raises(IdxFormatError, match=r"byte 3 .* found 255 dimensions"):
        read_idx(io.BytesIO(header(0x08, *[1] * 255) + b"\x07"))


@given(st.binary())
@example(b"")
@example(b"\0\0\x08\0")
@example(b"\0\0\x08\0\x07")
@example(b"\x1f\x8b")
def test_any_bytes_are_read_or_refused(folder, data):
    check_total(data, folder)


@given(damaged_files())
def test_any_damage_is_refused_unless_it_makes_another_idx_file(folder, data):
    check_total(data, folder)


@pytest.mark.parametrize(
    "sizes",
    [
        (2**31 - 1, 28, 28),
        (2**32 - 1,) * 2,
        (2**32, 2**32 - 1)[1:] * 255,
        (2**16,) * 4,  # product 2**64: 0 in 64 bits
        (2**31, 2**32 - 1, 2),  # product -2**32 in 64 bits
        (2**32 - 1,) * 3 + (0,),  # empty, but too large for NumPy
        (1,) * 255,
    ],
    ids=lambda sizes: f"{len(sizes)} sizes of {sizes[0]}",
)
@pytest.mark.parametrize("code", [0x08, 0x0E])
@pytest.mark.parametrize("payload", [b"", b"\0" * 100], ids=["", "zeros"])
def test_header_that_promises_too_much_is_refused(sizes, code, payload, folder):
    data = header(code, *sizes) + payload

    check_total(data, folder)
    check_total(gzip.compress(data), folder)
    with pytest.raises(IdxFormatError):
        read_idx(io.BytesIO(data))


def test_error_does_not_print_numbers_that_python_refuses_to():
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        with pytest.raises(IdxFormatError, match=r"more than 2\*\*64 bytes"):
            read_idx(io.BytesIO(header(0x08, *[2**32 - 1] * 255)))
    finally:
        sys.set_int_max_str_digits(digits)


def test_every_truncation_and_extension_is_refused():
    whole = by_hand(np.arange(6, dtype="int16").reshape(2, 3))
    for end in range(len(whole)):
        with pytest.raises(IdxFormatError):
            read_idx(io.BytesIO(whole[:end]))
    with pytest.raises(IdxFormatError, match=r"byte 24 .* found more bytes"):
        read_idx(io.BytesIO(whole + b"\0"))


def test_truncated_file_error_names_the_four_facts(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(header(0x0D, 5, 2) + b"\0" * 39)

    with pytest.raises(IdxFormatError) as caught:
        read_idx(path)
    assert str(caught.value) == (
        f"{path}: byte 4 of the IDX data: expected sizes for at most 39 bytes "
        "of data, all that a file of this length can hold, found 40 bytes of "
        "data (float32, shape (5, 2)). The file is cut short or damaged: get "
        "it again."
    )


def test_data_that_does_not_fit_into_memory_is_refused():
    class Endless(io.BytesIO):
        def read(self, size=-1):
            if self.tell() == 8:
                raise MemoryError
            return super().read(size)

    with pytest.raises(IdxFormatError, match=r"byte 8 .* fits into memory"):
        read_idx(Endless(header(0x08, 2**32 - 1)))


def test_genuine_mnist_training_labels_are_read():
    path = DATA / "train-labels-idx1-ubyte.gz"
    labels = read_idx(path)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    )
    assert labels.dtype == np.uint8
    assert labels.shape == (60000,)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(labels).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert written(labels) == gzip.decompress(path.read_bytes())


def test_home_folder_and_path_kinds_are_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_idx("~/numbers", np.array([1, 2], "uint8"))

    for path in ("~/numbers", tmp_path / "numbers", Path("~/numbers")):
        assert read_idx(path).tolist() == [1, 2]
    with (tmp_path / "numbers").open("rb") as file:
        assert read_idx(file).tolist() == [1, 2]
        assert not file.closed


def test_content_and_not_the_name_says_what_is_compressed(tmp_path):
    array = np.array([3, 1], "int8")
    for name, packed in (("plain.gz", False), ("packed.idx", True)):
        write_idx(tmp_path / name, array, compress=packed)
        start = (tmp_path / name).read_bytes()[:2]
        assert start == (b"\x1f\x8b" if packed else b"\0\0")
        assert read_idx(tmp_path / name).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("name", "packed"), [("a.gz", True), ("a.GZ", True), ("a.idx", False)]
)
def test_name_says_what_to_compress_when_writing(name, packed, tmp_path):
    write_idx(tmp_path / name, np.zeros(3, "uint8"))

    start = (tmp_path / name).read_bytes()[:2]
    assert start == (b"\x1f\x8b" if packed else b"\0\0")


def test_file_object_is_written_plain_unless_asked():
    array = np.zeros(3, "uint8")

    assert written(array) == by_hand(array)
    assert gzip.decompress(written(array, compress=True)) == by_hand(array)


@pytest.mark.parametrize(
    ("array", "advice"),
    [
        (np.array([True]), "Use array.astype('uint8')."),
        (np.array([1], "int64"), "Use array.astype('int32') if its values fit"),
        (np.array([1], "uint16"), "Use array.astype('int32') if its values"),
        (np.array([1], "float16"), "Use array.astype('float32')."),
        (np.array([1j]), "IDX holds integers and floating-point numbers only"),
        (np.array(["a"]), "IDX holds integers and floating-point numbers only"),
        (np.array(["2001"], "M8[D]"), "IDX holds integers and"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_dtype_without_a_code_is_refused_with_advice(array, advice, tmp_path):
    with pytest.raises(ValueError, match=r"^write_idx: array\.dtype") as caught:
        write_idx(tmp_path / "new", array)
    for name in FORMATS:
        assert name in str(caught.value)
    assert repr(str(array.dtype)) in str(caught.value)
    assert advice in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_size_beyond_four_bytes_is_refused():
    array = np.broadcast_to(np.uint8(0), (2**32, 1))

    with pytest.raises(ValueError, match=r"array\.shape .* below 2\*\*32"):
        write_idx(io.BytesIO(), array)
    assert math.prod(array.shape) == 2**32


@pytest.mark.parametrize("path", [3, None, b"name", ["a"]])
def test_path_of_another_type_is_refused(path):
    for call in (read_idx, lambda path: write_idx(path, np.zeros(1))):
        with pytest.raises(TypeError, match=r"path must be a path .*Received"):
            call(path)


def test_missing_file_is_the_error_of_the_file_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)
