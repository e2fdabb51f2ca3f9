"""IDX: the format of the MNIST files, one array of any rank in one file.

    0 0 | type code | rank | size of each axis, 4 bytes | the numbers

All numbers are big-endian, the last axis varies fastest. The file may be
compressed with gzip, xz or bzip2. Cost of reading: the file once, the array
once.
"""

import itertools
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from keras_extras import _checks as checks
from keras_extras._files import StrPath
from keras_extras.datasets.idx import _stream as stream
from keras_extras.datasets.idx._error import IdxFormatError
from keras_extras.datasets.idx._header import (
    Header,
    as_array,
    cut_short,
    more_bytes,
    packed,
    read_header,
)


def read_idx(path: StrPath | IO[bytes]) -> np.ndarray:
    """Reads an IDX file, plain or packed, into an array.

        array[i, j, ...] = number (i * size_1 + j) * size_2 + ... of the file

    Whether the file is gzip, xz, bzip2 or plain is decided by its content,
    never by its name; packed data of several members is one stream. The whole
    file must be the array: a missing byte, a byte too many or a wrong checksum
    is an error. Any content gives either an array or an `IdxFormatError`, and
    the memory taken is bounded by the content, not by what its header claims:
    the declared size is compared with the size of the file (with 1032 times
    that for gzip, the most that DEFLATE can unpack) before any data is read.
    xz and bzip2 have no such limit: there the array grows with what comes.

    Args:
        path: path of the file (`~` is the home folder), or a file object
            open for reading in binary mode. A file object is read from its
            position to its end and stays open. MNIST's files go by two names:
            if `train-images-idx3-ubyte` is not there,
            `train-images.idx3-ubyte` is read, and the same with or without
            `.gz` or `.xz`, and the other way round.

    Returns:
        New, writeable array of the shape and dtype that the file declares
        (uint8, int8, int16, int32, float32 or float64), in the byte order of
        this machine.

    Raises:
        IdxFormatError: if the content is not an IDX file, with path, byte
            offset, what was expected and what was found. IDX allows 255
            axes, NumPy holds at most 64 (32 before 2.0): a file with more is
            refused too.
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
        header = read_header(source)
        array = as_array(_read_data(source, header), header, source.path)
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True)
        array = array.view(header.dtype.newbyteorder("="))
    return array


def write_idx(
    path: StrPath | IO[bytes],
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
            for its shape; if the path ends like that of another packed file.
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
    header = packed(array.dtype, array.shape, "write_idx")
    content = itertools.chain([header], pieces(array))
    if compress is None:
        compress = stream.asks_for_gzip(path, "write_idx")
    compress = checks.boolean("write_idx", "compress", compress)
    stream.write(
        path, stream.deflated(content) if compress else content, "write_idx"
    )


def _read_data(source: stream.Source, header: Header) -> np.ndarray:
    size = header.data_bytes
    try:
        data = stream.load(source, size)
    except MemoryError:
        raise IdxFormatError(
            source.path,
            header.start,
            "data that fits into memory",
            str(header),
            "Map a plain file with open_idx, which takes no memory for it.",
        ) from None
    if len(data) < size:
        raise cut_short(source, header, len(data))
    if source.read(1):
        raise more_bytes(source, header, "")
    return data


def pieces(array: np.ndarray) -> Iterator[bytes]:
    """Yields pieces of at most 1 Mi numbers, without a copy of the array."""
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
