"""IDX files as arrays that stay on disk.

    array[i]  =  the bytes at  4 + 4 * rank + i * (bytes of one item)

The operating system reads the pages that are touched and forgets them when it
needs the room, so a file may be larger than memory. Cost of opening: one page.
"""

import copy
import functools
import math
import mmap
import os
import stat
from collections.abc import Iterator
from typing import IO, Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike

from keras_extras._errors import invalid_argument
from keras_extras._files import StrPath, refuse_pipe
from keras_extras.datasets.idx import _stream as stream
from keras_extras.datasets.idx._error import IdxFormatError, not_idx
from keras_extras.datasets.idx._header import as_array, read_header

# What arrays have as methods, and NumPy as functions with the same arguments.
_NAMES = """
    all any argmax argmin argsort clip cumprod cumsum diagonal dot max mean min
    nonzero prod ptp ravel repeat round searchsorted squeeze std sum swapaxes
    take trace var
"""
_METHODS = frozenset(_NAMES.split())
# They show the same numbers in another order or shape.
_VIEWS = {
    np.expand_dims,
    np.moveaxis,
    np.ravel,
    np.reshape,
    np.squeeze,
    np.swapaxes,
    np.transpose,
}
_BLOCK = 1 << 18  # numbers that are float64 at a time: 2 MiB


def open_idx(path: StrPath | IO[bytes]) -> "IdxArray":
    """Maps a plain IDX file into memory, read-only.

        open_idx(path)[i:j] == read_idx(path)[i:j]

    At once, whatever the size of the file: nothing is read before it is asked
    for. The whole file must be the array, as for `read_idx`. A packed file
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
        name = stream.spelled(path)
        refuse_pipe(name)
        with open(name, "rb") as file:
            return IdxArray(file)
    if not hasattr(path, "read"):
        raise stream.not_a_file("open_idx", path)
    return IdxArray(path)


class IdxArray(NDArrayOperatorsMixin):
    """An IDX file on disk that behaves like an array that cannot be written.

        array[key] == read_idx(path)[key]        for every key that NumPy knows
        f(array)   == f(read_idx(path))          for every function of NumPy

    What comes out is a NumPy array in the byte order of this machine. Slices
    of one-byte numbers (all image files) are read-only views of the file
    without a copy; wider numbers are stored big-endian and are converted as
    they are sliced. Operators work on each number, as those of
    `numpy.memmap` do: `labels == 3` is an array of booleans, `images / 255`
    one of float64, as large as its numbers need. `sum`, `mean`, `min`, `max`,
    `any`, `all`, `std` and `var` convert a part at a time, so that they take
    no more memory than their result; sums and means of float32 are added up
    in float64. `T`, `reshape`, `transpose`, `squeeze` and `swapaxes` read
    nothing and give another `IdxArray`. Made by `open_idx`.

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
        itemsize: size of a number in bytes.
        nbytes: size of the numbers in bytes.

    Examples:
        >>> import tempfile
        >>> from keras_extras.datasets import open_idx, write_idx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_idx(f"{folder}/y", np.array([3, 1, 3], "int32"))
        ...     labels = open_idx(f"{folder}/y")
        ...     (labels == 3).tolist(), int(labels.sum())
        ([True, False, True], 7)
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
        self._start = start
        self._status = status
        # The folder of the process may change; the file stays where it is.
        self._absolute = os.path.abspath(self.path)
        # How a view was made: function, base, arguments, options.
        self._made: tuple[Any, Any, Any, Any] | None = None
        self._show(as_array(data, header, self.path))

    def _show(self, stored: np.ndarray) -> None:
        self._stored: np.ndarray | None = stored
        self.shape: tuple[int, ...] = stored.shape
        self.dtype: np.dtype[Any] = stored.dtype.newbyteorder("=")
        self.ndim: int = stored.ndim
        self.size: int = stored.size
        self.itemsize: int = stored.itemsize
        self.nbytes: int = stored.nbytes

    # --- items ---------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return _native(self._open()[_stored(key)])

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an IDX file without dimensions has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __contains__(self, value: object) -> bool:
        return bool(np.any(self == value))

    def __bool__(self) -> bool:
        return bool(self._open())

    def __int__(self) -> int:
        return int(self._open())

    def __float__(self) -> float:
        return float(self._open())

    def __index__(self) -> int:
        return self._open().__index__()

    # --- NumPy's protocols ---------------------------------------------------

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

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any
    ) -> Any:
        # NumPy converts big-endian numbers in small parts by itself.
        result = getattr(ufunc, method)(*_stored(inputs), **_stored(kwargs))
        return result if "out" in kwargs else _native(result)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        if args and args[0] is self:
            if function in _VIEWS:
                return self._view(function, args[1:], kwargs)
            options = {"axis": args[1], **kwargs} if args[1:] else kwargs
            if not args[2:] and options.keys() <= {"axis", "ddof", "keepdims"}:
                if function in (np.var, np.std) and self.ndim:
                    result = _variance(self._open(), **options)
                    result = np.sqrt(result) if function is np.std else result
                    return self._as_float(result)
                if function in (np.sum, np.mean) and self.dtype == "float32":
                    return self._as_float(
                        function(self._open(), dtype="float64", **options)
                    )
        result = function(*_stored(args), **_stored(kwargs))
        return result if "out" in kwargs else _native(result)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return functools.partial(getattr(np, name), self)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_METHODS})

    # --- methods that NumPy has in another form as functions -----------------

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return np.transpose(self)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Gives the numbers another shape, as `numpy.reshape` does."""
        return np.reshape(self, _one_or_all(shape), **options)

    def transpose(self, *axes: Any) -> Any:
        """Changes the order of the axes, as `numpy.transpose` does."""
        return np.transpose(self, _one_or_all(axes) if axes else None)

    def astype(self, dtype: DTypeLike, **options: Any) -> np.ndarray:
        """Returns the numbers in another dtype, in memory."""
        return self._open().astype(dtype, **options)

    def copy(self) -> np.ndarray:
        """Returns all numbers in memory, an array that can be written to."""
        return np.array(self)

    def flatten(self) -> np.ndarray:
        """Returns all numbers in memory, in one axis."""
        return self.copy().reshape(-1)

    def tobytes(self) -> bytes:
        """Returns the bytes of all numbers, in this machine's order."""
        return np.asarray(self).tobytes()

    def tolist(self) -> Any:
        """Returns all numbers as nested lists."""
        return self._open().tolist()

    def item(self, *place: Any) -> Any:
        """Returns one number as a Python number."""
        return self._open().item(*place)

    # --- the file ------------------------------------------------------------

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
        if self._made is not None:
            function, base, args, options = self._made
            return functools.partial(function, **options), (base, *args)
        if self._start or not self._is_there():
            raise TypeError(
                f"{self!r} cannot be sent to another process: no file of a "
                "path is what is mapped. It was opened from a file object, or "
                "the file has been replaced: open it again, by its path."
            )
        return open_idx, (self._absolute,)

    def close(self) -> None:
        """Lets go of the file. Slices that were taken before stay valid."""
        self._stored = None

    def _open(self) -> np.ndarray:
        if self._stored is None:
            raise ValueError(f"{self!r} is closed: open it again.")
        return self._stored

    def _is_there(self) -> bool:
        try:
            now = os.stat(self._absolute)
        except OSError:
            return False
        return (
            os.path.samestat(now, self._status)
            and now.st_size == self._status.st_size
        )

    def _view(self, function: Any, args: Any, options: Any) -> Any:
        stored = self._open()
        result = function(stored, *args, **options)
        if not np.may_share_memory(result, stored):  # its numbers had to move
            return _native(result)
        view = copy.copy(self)
        view._made = (function, self, args, options)
        view._show(result)
        return view

    def _as_float(self, result: Any) -> Any:
        return result.astype("float32") if self.dtype == "float32" else result


def _stored(value: Any) -> Any:
    """Returns arguments with the bytes of the file in place of its array."""
    if isinstance(value, IdxArray):
        return value._open()
    if type(value) in (list, tuple):
        return type(value)(map(_stored, value))
    if type(value) is dict:
        return {key: _stored(each) for key, each in value.items()}
    return value


def _native(result: Any) -> Any:
    """Returns results in the byte order of this machine."""
    if isinstance(result, np.ndarray | np.generic):
        dtype = result.dtype
        return (
            result if dtype.isnative else result.astype(dtype.newbyteorder("="))
        )
    if type(result) in (list, tuple):
        return type(result)(map(_native, result))
    if isinstance(result, tuple):  # a namedtuple
        return type(result)(*map(_native, result))
    return result


def _variance(
    array: np.ndarray,
    axis: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
) -> np.ndarray:
    """Computes variances by two passes over blocks of items, in float64.

    NumPy's own take a float64 of each number at once.
    """
    mean = np.mean(array, axis, "float64", keepdims=True)
    given = range(array.ndim) if axis is None else np.atleast_1d(axis)
    axes = tuple(int(each) % array.ndim for each in given)
    squares = np.zeros_like(mean)
    items = max(1, _BLOCK // max(1, array[:1].size))
    for start in range(0, len(array), items):
        rows = slice(start, start + items)
        place = slice(None) if 0 in axes else rows
        block = array[rows] - mean[place]
        np.square(block, out=block)
        squares[place] += block.sum(axes, keepdims=True)
    count = math.prod(array.shape[axis] for axis in axes)
    result = squares / np.maximum(count - ddof, 0)
    return result if keepdims else result.squeeze(axes)[()]


def _one_or_all(values: tuple[Any, ...]) -> Any:
    """Returns what is meant by `f((2, 3))` and `f(2, 3)` alike."""
    return values[0] if len(values) == 1 else values


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

    packed = ""

    def __init__(self, content: mmap.mmap, path: str, start: int) -> None:
        self.path = path
        self.limit: int | None = len(content) - start
        self.file_bytes: int | None = None if start else len(content)
        self._content = content
        self._place = start
        kind = stream.packing_of(content[start : start + 8])
        if kind:
            raise IdxFormatError(
                path,
                0,
                "a plain IDX file, which can be mapped into memory",
                f"{kind} data",
                "Unpack it once (keras-extras idx convert FILE.gz FILE) or "
                "read it with read_idx.",
            )

    def read(self, size: int) -> bytes:
        piece = self._content[self._place : self._place + size]
        self._place += len(piece)
        return piece

    def readinto(self, room: memoryview) -> int:
        raise NotImplementedError  # the numbers are mapped, not read
