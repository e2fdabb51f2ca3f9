"""IDX files as arrays that stay on disk.

    array[i]  =  the bytes at  4 + 4 * rank + i * (bytes of one item)

The operating system reads the pages that are touched and forgets them when it
needs the room, so a file may be larger than memory. Cost of opening: one page.
"""

import mmap
import os
import stat
from collections.abc import Iterator
from typing import IO, Any, Self

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._files import StrPath
from keras_extras.datasets.idx import _stream as stream
from keras_extras.datasets.idx._error import IdxFormatError, not_idx
from keras_extras.datasets.idx._header import as_array, read_header


def open_idx(path: StrPath | IO[bytes]) -> "IdxArray":
    """Maps a plain IDX file into memory, read-only.

        open_idx(path)[i:j] == read_idx(path)[i:j]

    At once, whatever the size of the file: nothing is read before it is asked
    for. The whole file must be the array, as for `read_idx`. A gzip file
    cannot be mapped; unpack it once.

    Args:
        path: path of the file (`~` is the home folder; either spelling of
            MNIST's names finds the other), or a regular file, open for
            reading in binary mode, that is mapped from its position and may
            be closed afterwards.

    Returns:
        An `IdxArray`.

    Raises:
        IdxFormatError: if the file is not a whole, plain IDX file.
        OSError: if the file cannot be opened, or is a pipe or a device.
        TypeError: if `path` is neither a path nor a file on disk.

    Examples:
        >>> import tempfile
        >>> from keras_extras.datasets import open_idx, write_idx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_idx(f"{folder}/x", np.arange(6.0).reshape(3, 2))
        ...     with open_idx(f"{folder}/x") as array:
        ...         array.shape, array[1:, 0].tolist()
        ((3, 2), [2.0, 4.0])

    References:
        `numpy.load(path, mmap_mode="r")`, for .npy files.
    """
    if isinstance(path, str | os.PathLike):
        with open(stream.spelled(path), "rb") as file:
            return IdxArray(file)
    if not hasattr(path, "read"):
        raise stream.not_a_file("open_idx", path)
    return IdxArray(path)


class IdxArray:
    """An IDX file on disk that slices like an array.

        array[key] == read_idx(path)[key]        for every key that NumPy knows

    What comes out is a NumPy array in the byte order of this machine. Numbers
    of one byte (all image files) come as read-only views of the file without
    a copy; wider ones are stored big-endian and are converted as they are
    sliced. Functions of NumPy take the object itself, `np.mean(array)`, but
    then wide numbers are converted all at once. Made by `open_idx`.

    It can be sent to another process, which maps the same file again. While
    a file is mapped, nobody may shorten it: on most systems touching a page
    that is gone ends the process. `write_idx` replaces files and is safe.

    Args:
        file: regular file, open for reading in binary mode.

    Attributes:
        path: name of the file.
        shape: sizes of the axes, first axis first.
        dtype: dtype of the numbers, in the byte order of this machine.
        ndim: number of axes.
        size: number of numbers.
        nbytes: size of the numbers in bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.path: str = stream.name_of(file)
        descriptor, start = _place(file)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(
                f"open_idx: {self.path} is not a regular file and cannot be "
                "mapped. Read it with read_idx."
            )
        if status.st_size <= start:  # an empty map cannot be made
            raise not_idx(self.path, b"")
        content = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        header = read_header(_Mapped(content, self.path, start))
        # The map lives as long as an array that shows a part of it.
        data = np.frombuffer(
            content, np.uint8, header.data_bytes, start + header.start
        )
        self._stored: np.ndarray | None = as_array(data, header, self.path)
        self._start = start
        self.shape: tuple[int, ...] = header.shape
        self.dtype: np.dtype[Any] = header.dtype.newbyteorder("=")
        self.ndim: int = len(self.shape)
        self.size: int = data.size // self.dtype.itemsize
        self.nbytes: int = data.size

    def __getitem__(self, key: Any) -> Any:
        part = self._open()[key]
        return part if part.dtype.isnative else part.astype(self.dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an IDX file without dimensions has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> np.ndarray:
        stored = self._open()
        dtype = np.dtype(self.dtype if dtype is None else dtype)
        if copy is False and dtype != stored.dtype:
            raise ValueError(
                f"{self.path}: numbers stored as {stored.dtype} cannot be "
                f"{dtype} without a copy. Use np.asarray(array)."
            )
        return stored.astype(dtype, copy=bool(copy))

    def __repr__(self) -> str:
        state = "" if self._stored is not None else ", closed"
        return (
            f"<IdxArray {self.path!r}, {self.dtype}, shape {self.shape}{state}>"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._start or not os.path.exists(self.path):
            raise TypeError(
                f"{self!r} cannot be sent to another process: it was opened "
                "from a file object that has no path. Open it by its path."
            )
        return open_idx, (os.path.abspath(self.path),)

    def close(self) -> None:
        """Lets go of the file. Slices that were taken before stay valid."""
        self._stored = None

    def _open(self) -> np.ndarray:
        if self._stored is None:
            raise ValueError(f"{self!r} is closed: open it again.")
        return self._stored


def _place(file: IO[bytes]) -> tuple[int, int]:
    """Descriptor and position of a file on disk."""
    try:
        return file.fileno(), file.tell()
    except (AttributeError, OSError) as cause:
        raise invalid_argument(
            "open_idx",
            "path",
            "a path or a file on disk, open in binary mode",
            file,
            fix="Read other file objects with read_idx.",
            error=TypeError,
        ) from cause


class _Mapped:
    """The bytes of a map from a position on."""

    packed = False

    def __init__(self, content: mmap.mmap, path: str, start: int) -> None:
        self.path = path
        self.limit: int | None = len(content) - start
        self.file_bytes: int | None = None if start else len(content)
        self._content = content
        self._place = start
        if content[start : start + 2] == stream.GZIP_MAGIC:
            raise IdxFormatError(
                path,
                0,
                "a plain IDX file, which can be mapped into memory",
                "gzip data",
                "Unpack it once (keras-extras idx convert FILE.gz FILE) or "
                "read it with read_idx.",
            )

    def read(self, size: int) -> bytes:
        piece = self._content[self._place : self._place + size]
        self._place += len(piece)
        return piece

    def readinto(self, room: memoryview) -> int:
        raise NotImplementedError  # the numbers are mapped, not read
