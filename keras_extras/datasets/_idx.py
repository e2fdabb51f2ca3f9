"""IDX: the format of the MNIST files, one array of any rank in one file.

    0 0 | type code | rank | size of each axis, 4 bytes | the numbers

All numbers are big-endian, the last axis varies fastest. The file may be
compressed with gzip. Cost of reading: the file once, the array once.
"""

import math
import os
import struct
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from keras_extras import _errors
from keras_extras.datasets import _idx_stream as stream
from keras_extras.datasets._idx_error import IdxFormatError, not_idx

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


def read_idx(path: str | os.PathLike[str] | IO[bytes]) -> np.ndarray:
    """Reads an IDX file, plain or gzip, into an array.

        array[i, j, ...] = number (i * size_1 + j) * size_2 + ... of the file

    Whether the file is compressed is decided by its content, never by its
    name; gzip data of several members is one stream. The whole file must be
    the array: a missing byte, a byte too many or a wrong checksum is an
    error. Any content gives either an array or an `IdxFormatError`, and the
    memory taken is bounded by the content, not by what its header claims: the
    declared size is compared with the size of the file (with 1032 times that
    for gzip, the most that DEFLATE can unpack) before any data is read.

    Args:
        path: path of the file (`~` is the home folder), or a file object
            open for reading in binary mode. A file object is read from its
            position to its end and stays open.

    Returns:
        New, writeable array of the shape and dtype that the file declares
        (uint8, int8, int16, int32, float32 or float64), in the byte order of
        this machine.

    Raises:
        IdxFormatError: if the content is not an IDX file, with path, byte
            offset, what was expected and what was found. NumPy holds at most
            64 axes (32 before 2.0); a file with more is refused too.
        OSError: if the file cannot be opened or read (`FileNotFoundError`,
            `PermissionError`, ...).
        TypeError: if `path` is neither a path nor a binary file object.

    Examples:
        >>> import io
        >>> from keras_extras.datasets import read_idx
        >>> file = io.BytesIO(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        >>> read_idx(file).tolist()
        [7, 2, 1]

    References:
        The format: LeCun, Cortes & Burges, "The MNIST database of
        handwritten digits", section "The IDX file format",
        http://yann.lecun.com/exdb/mnist/. It does not say whether sizes are
        signed; they are read as unsigned.
    """
    with stream.opened(path, "read_idx") as source:
        dtype, shape, start = _read_header(source)
        data = _read_data(source, dtype, shape, start)
    try:
        array = np.ndarray(shape, dtype, buffer=data)
    except ValueError as cause:
        raise IdxFormatError(
            source.path,
            3,
            "a shape that NumPy can hold",
            f"{len(shape)} dimensions",
            f"NumPy says: {cause}",
        ) from cause
    if not dtype.isnative:
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array


def write_idx(
    path: str | os.PathLike[str] | IO[bytes],
    array: np.ndarray,
    *,
    compress: bool | None = None,
) -> None:
    """Writes an array to an IDX file, plain or gzip.

        read_idx(path) == array      after write_idx(path, array)

    for every dtype of the format and every shape. A path is written beside
    its target and then put in its place in one step, so a failure leaves the
    file that was there. Compressed files hold neither name nor time: the same
    array gives the same bytes.

    Args:
        path: path of the file (`~` is the home folder), or a file object
            open for writing in binary mode, which stays open.
        array: array of dtype uint8, int8, int16, int32, float32 or float64,
            in any byte order and memory layout. No size may exceed 2**32 - 1.
        compress: `True` for gzip, `False` for plain. `None` decides by the
            end of the path: gzip if it is `.gz`. To a file object `None`
            writes plain.

    Raises:
        ValueError: if IDX has no type for the dtype of `array`, or no room
            for its shape.
        OSError: if the file cannot be written.
        TypeError: if `path` is neither a path nor a binary file object.

    Examples:
        >>> import io
        >>> from keras_extras.datasets import write_idx
        >>> file = io.BytesIO()
        >>> write_idx(file, np.array([[1, 2]], dtype="int16"))
        >>> file.getvalue().hex(" ", -4)
        '00000b02 00000001 00000002 00010002'

    References:
        See `read_idx`.
    """
    array = np.asarray(array)
    pieces = _pieces(array, _header(array))
    if compress is None and isinstance(path, str | os.PathLike):
        compress = os.fsdecode(path).lower().endswith(".gz")
    stream.write(
        path, stream.deflated(pieces) if compress else pieces, "write_idx"
    )


def _read_header(source: stream.Source) -> tuple[np.dtype, tuple, int]:
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
    start = 4 + len(sizes)
    if len(sizes) < 4 * rank:
        raise IdxFormatError(
            source.path,
            start,
            f"the sizes of {rank} dimensions, 4 bytes each",
            f"the end of the file after {len(sizes)} of {4 * rank} bytes",
            _DAMAGED,
        )
    return _DTYPES[code], struct.unpack(f">{rank}I", sizes), start


def _read_data(
    source: stream.Source, dtype: np.dtype, shape: tuple, start: int
) -> bytearray:
    size = math.prod(shape) * dtype.itemsize
    declared = f"{_bytes(size)} of data ({dtype.name}, shape {_short(shape)})"
    if source.limit is not None and start + size > source.limit:
        room = max(source.limit - start, 0)
        raise IdxFormatError(
            source.path,
            4,
            f"sizes for at most {_bytes(room)} of data, all that a file of "
            "this length can hold",
            declared,
            _DAMAGED,
        )
    try:
        data = stream.take(source, size)
    except MemoryError:
        raise IdxFormatError(
            source.path, start, "data that fits into memory", declared
        ) from None
    if len(data) < size:
        raise IdxFormatError(
            source.path,
            start + len(data),
            declared,
            f"the end of the file after {_bytes(len(data))}",
            _DAMAGED,
        )
    if source.read(1):
        raise IdxFormatError(
            source.path,
            start + size,
            f"the end of the file after {declared}",
            "more bytes",
            "Something was appended to the file, or its header is wrong.",
        )
    return data


def _bytes(size: int) -> str:
    # Python refuses to print integers of very many digits.
    return f"{size} bytes" if size < 2**64 else "more than 2**64 bytes"


def _short(shape: tuple) -> str:
    return str(shape) if len(shape) <= 8 else f"of {len(shape)} dimensions"


def _header(array: np.ndarray) -> bytes:
    code = _CODES.get(array.dtype.newbyteorder(">"))
    if code is None:
        raise _errors.wrong(
            "write_idx",
            "array.dtype",
            "uint8, int8, int16, int32, float32 or float64",
            str(array.dtype),
            fix=_advice(array.dtype),
        )
    if any(size >= 2**32 for size in array.shape):
        raise _errors.wrong(
            "write_idx",
            "array.shape",
            "of sizes below 2**32, which IDX stores in 4 bytes each",
            array.shape,
        )
    return struct.pack(f">2x2B{array.ndim}I", code, array.ndim, *array.shape)


def _advice(dtype: np.dtype) -> str:
    """A dtype to convert to, by kind of number."""
    nearest = {"b": "uint8", "u": "int32", "i": "int32", "f": "float32"}
    if dtype.kind not in nearest:
        return "IDX holds integers and floating-point numbers only."
    if dtype.itemsize > 8:
        return "Use array.astype('float64')."
    check = " if its values fit" if dtype.kind in "ui" else ""
    return f"Use array.astype('{nearest[dtype.kind]}'){check}."


def _pieces(array: np.ndarray, header: bytes) -> Iterator[bytes]:
    """The file in pieces of at most 1 MiB numbers: no copy of the array."""
    yield header
    steps: Any = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_dtypes=[array.dtype.newbyteorder(">")],
        order="C",
        casting="equiv",
        buffersize=1 << 20,
    )
    for step in steps:
        yield step.tobytes()
