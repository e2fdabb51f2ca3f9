"""The head of an IDX file: what it declares, and whether that can be.

    0 0 | type code | rank | size of each axis, 4 bytes | the numbers

All numbers are big-endian, the last axis varies fastest. What a head declares
is compared with what the file can hold before anything else is done with it.
"""

import math
import struct
from typing import IO, NamedTuple

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._files import StrPath
from keras_extras.datasets.idx import _stream as stream
from keras_extras.datasets.idx._error import IdxFormatError, not_idx

# The third byte of the magic number, from "The IDX file format" at the foot
# of LeCun, Cortes & Burges, "The MNIST database of handwritten digits",
# http://yann.lecun.com/exdb/mnist/.
_DTYPES = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}

_DAMAGED = "The file is cut short or damaged: get it again."
_HEAD = 256  # bytes that tell what a file is that is not IDX


class IdxInfo(NamedTuple):
    """What an IDX file says of itself.

    Attributes:
        path: name of the file, as far as it is known.
        dtype: dtype of the numbers, in the byte order of this machine.
        shape: sizes of the axes, first axis first.
        compressed: whether the file is gzip, xz or bzip2, by its content.
        data_bytes: size of the numbers, uncompressed.
        file_bytes: size of the file; `None` for a file object.

    Examples:
        >>> import io
        >>> from keras_extras.datasets import idx_info
        >>> info = idx_info(io.BytesIO(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])))
        >>> info.dtype.name, info.shape, info.compressed
        ('uint8', (1,), False)
    """

    path: str
    dtype: np.dtype
    shape: tuple[int, ...]
    compressed: bool
    data_bytes: int
    file_bytes: int | None


def idx_info(path: StrPath | IO[bytes]) -> IdxInfo:
    """Tells what an IDX file declares, without reading its numbers.

        dtype, shape, ... = the first 4 + 4 * rank bytes

    At once for a file of any size. A plain file must have exactly the length
    that it declares; whether packed data is whole is known only by reading it,
    with `read_idx` or `keras-extras idx verify`.

    Args:
        path: path of the file (`~` is the home folder), or a file object
            open for reading in binary mode, of which the head is read.

    Returns:
        An `IdxInfo`.

    Raises:
        IdxFormatError: if the head is not that of an IDX file, or declares
            what the file cannot hold.
        OSError: if the file cannot be opened or read.
        TypeError: if `path` is neither a path nor a binary file object.

    Examples:
        >>> from keras_extras.datasets import idx_info, write_idx
        >>> import io
        >>> file = io.BytesIO()
        >>> write_idx(file, np.zeros((3, 2), "int16"), compress=True)
        >>> _ = file.seek(0)
        >>> info = idx_info(file)
        >>> info.shape, info.compressed, info.data_bytes
        ((3, 2), True, 12)
    """
    with stream.opened(path, "idx_info") as source:
        header = read_header(source)
        return IdxInfo(
            source.path,
            header.dtype.newbyteorder("="),
            header.shape,
            bool(source.packed),
            header.data_bytes,
            source.file_bytes,
        )


class Header(NamedTuple):
    """A head that was read: big-endian dtype and sizes."""

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def start(self) -> int:
        """Where the numbers begin, in bytes."""
        return 4 + 4 * len(self.shape)

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        shape = (
            str(self.shape)
            if len(self.shape) <= 8
            else f"of {len(self.shape)} dimensions"
        )
        size = in_bytes(self.data_bytes)
        return f"{size} of data ({self.dtype.name}, shape {shape})"


def read_header(source: stream.Source) -> Header:
    """Reads the head; refuses one that the file cannot keep."""
    magic = stream.take(source, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        head = magic + stream.take(source, _HEAD - len(magic))
        raise not_idx(source.path, bytes(head))
    code, rank = magic[2:]
    if code not in _DTYPES:
        codes = ", ".join(
            f"0x{code:02X} ({dtype.name})" for code, dtype in _DTYPES.items()
        )
        raise IdxFormatError(
            source.path,
            2,
            f"a type code: {codes}",
            f"0x{code:02X}",
            "This is not an IDX file, or it is damaged.",
        )
    sizes = stream.take(source, 4 * rank)
    if len(sizes) < 4 * rank:
        raise IdxFormatError(
            source.path,
            4 + len(sizes),
            f"the sizes of {rank} dimensions, 4 bytes each",
            f"the end of the file after {len(sizes)} of {4 * rank} bytes",
            _DAMAGED,
        )
    header = Header(_DTYPES[code], struct.unpack(f">{rank}I", sizes))
    _check_room(source, header, bytes(sizes))
    return header


def _check_room(source: stream.Source, header: Header, sizes: bytes) -> None:
    if source.limit is None:
        return
    room = source.limit - header.start
    swapped = struct.unpack(f"<{len(header.shape)}I", sizes)
    if header.data_bytes > room:
        size = math.prod(swapped) * header.dtype.itemsize
        fits = size <= room if source.packed else size == room
        raise IdxFormatError(
            source.path,
            4,
            f"sizes for at most {in_bytes(max(room, 0))} of data, all that a "
            "file of this length can hold",
            str(header),
            "The sizes are little-endian, IDX is big-endian: the program "
            "that wrote the file did not swap them; write it with write_idx."
            if fits and swapped != header.shape
            else _DAMAGED,
        )
    if header.data_bytes < room and not source.packed:
        raise more_bytes(source, header, in_bytes(room - header.data_bytes))


def cut_short(source: stream.Source, header: Header, size: int) -> Exception:
    """Returns the error for a file that ends after `size` bytes of data."""
    return IdxFormatError(
        source.path,
        header.start + size,
        str(header),
        f"the end of the file after {in_bytes(size)}",
        _DAMAGED,
    )


def more_bytes(source: stream.Source, header: Header, found: str) -> Exception:
    """Returns the error for a file that goes on after its data."""
    end = header.start + header.data_bytes
    advice = "Something was appended to the file, or its header is wrong."
    if source.file_bytes is not None and not source.packed:
        advice += (
            " If it was an append that was interrupted, os.truncate(path, "
            f"{end}) leaves the whole array that was there before."
        )
    return IdxFormatError(
        source.path,
        end,
        f"the end of the file after {header}",
        f"{found} more" if found else "more bytes",
        advice,
    )


def as_array(data: np.ndarray, header: Header, path: str) -> np.ndarray:
    """Gives bytes the dtype and shape of the head, without a copy."""
    try:
        return data.view(header.dtype).reshape(header.shape)
    except ValueError as cause:
        raise IdxFormatError(
            path,
            3,
            "a shape that NumPy can hold",
            f"{len(header.shape)} dimensions",
            f"NumPy says: {cause}. IDX allows 255 dimensions, NumPy 64 (32 "
            "before 2.0); idx_info reads the sizes of any file.",
        ) from cause


def packed(dtype: np.dtype, shape: tuple[int, ...], owner: str) -> bytes:
    """Returns the head of a file, or raises what does not fit into one."""
    code = _CODES.get(dtype.newbyteorder(">"))
    if code is None:
        raise invalid_argument(
            owner,
            "array.dtype",
            "uint8, int8, int16, int32, float32 or float64",
            str(dtype),
            fix=_advice(dtype),
        )
    if any(size >= 2**32 for size in shape):
        raise invalid_argument(
            owner,
            "array.shape",
            "of sizes below 2**32, which IDX stores in 4 bytes each",
            shape,
        )
    return struct.pack(f">2x2B{len(shape)}I", code, len(shape), *shape)


def in_bytes(size: int) -> str:
    # Python refuses to print integers of very many digits.
    return f"{size} bytes" if size < 2**64 else "more than 2**64 bytes"


def _advice(dtype: np.dtype) -> str:
    """A dtype to convert to, by kind of number."""
    nearest = {"b": "uint8", "u": "int32", "i": "int32", "f": "float32"}
    if dtype.kind not in nearest:
        return "IDX holds integers and floating-point numbers only."
    if dtype.itemsize > 8:
        return "Use array.astype('float64')."
    check = " if its values fit" if dtype.kind in "ui" else ""
    return f"Use array.astype('{nearest[dtype.kind]}'){check}."
