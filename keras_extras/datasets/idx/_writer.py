"""Writing IDX files bit by bit, and adding to those that are there.

    file after write(a), write(b), close()  ==  write_idx(concatenate([a, b]))

The count stands at the start of the file and is known at the end only. It is
written last, so a file with a wrong count is never mistaken for a whole one.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence
from typing import IO, Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras._files import replaced
from keras_extras.datasets.idx import _stream as stream
from keras_extras.datasets.idx._header import idx_info, packed
from keras_extras.datasets.idx._read_write import pieces


class IdxWriter:
    """Writes an IDX file batch by batch, without having all of it in memory.

        shape of the file = (sum of the lengths of the batches, *item_shape)

    Use it in a `with` block. A new file is written beside its target and put
    in its place at the end; if the block is left by an error, what was there
    before stays. With `append=True` batches are added to a file that is
    there: after an error it is cut back to what it was. If the machine itself
    stops in the middle, a plain file has bytes too many; the error of its
    reader then names the length to cut it to.

    In a gzip file the head is a member of its own that is not compressed,
    so that the count can be set in the end; every reader of gzip understands
    that, and such files can be appended to.

    If a `write` fails in the middle, on a full disk or by Ctrl-C, the writer
    is closed and what was there before stays. Threads may share a writer: each
    batch is written as a whole.

    Args:
        path: path of the file (`~` is the home folder), or a seekable file
            object open for writing in binary mode, which is written from its
            position and stays open.
        item_shape: sizes of the axes of one item, such as `(28, 28)`, or
            `None` for those of the first batch or of the file appended to.
        dtype: one of uint8, int8, int16, int32, float32, float64, or `None`
            likewise.
        append: whether to add to the file at `path`, which must be there.
        compress: `True` for gzip, `False` for plain, `None` decides by the
            end of the path. With `append` the file decides.

    Attributes:
        count: number of items in the file, with those appended to.

    Raises:
        IdxFormatError: if the file to append to is not an IDX file.
        OSError: if the file cannot be written.
        TypeError: if `path` is not a path or a seekable binary file object.
        ValueError: if a batch does not fit to the dtype or item shape, if the
            count grows over 2**32 - 1, if neither a batch nor item shape and
            dtype were given, or if a gzip file to append to was not written
            by this class; by `write` and `close` after a `write` that failed.

    Examples:
        >>> import tempfile
        >>> from keras_extras.datasets import IdxWriter, read_idx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with IdxWriter(f"{folder}/x") as writer:
        ...         for row in range(3):
        ...             writer.write(np.full((1, 2), row, "uint8"))
        ...     with IdxWriter(f"{folder}/x", append=True) as writer:
        ...         writer.write(np.full((1, 2), 7, "uint8"))
        ...     read_idx(f"{folder}/x").tolist()
        [[0, 0], [1, 1], [2, 2], [7, 7]]

    References:
        The format: see `read_idx`. gzip members: RFC 1952, section 2.2.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | IO[bytes],
        item_shape: Sequence[int] | None = None,
        dtype: DTypeLike | None = None,
        *,
        append: bool = False,
        compress: bool | None = None,
    ) -> None:
        self.count: int = 0
        self._item_shape: tuple[int, ...] | None = None
        if item_shape is not None:
            self._item_shape = _item_shape(item_shape)
        self._dtype = None if dtype is None else _dtype(dtype)
        self._compress = compress
        if compress is not None:
            self._compress = checks.boolean("IdxWriter", "compress", compress)
        self._lock = threading.RLock()
        self._is_failed = False
        self._file: Any = None
        self._member: stream.Deflate | None = None
        self._whole: int | None = None  # length before an append
        self._stack = contextlib.ExitStack()
        if self._item_shape is not None and self._dtype is not None:
            self._head()  # wrong arguments are known before a file is touched
        if checks.boolean("IdxWriter", "append", append):
            self._open_to_append(path)
        else:
            self._open_new(path)

    def write(self, batch: ArrayLike) -> None:
        """Adds the items of a batch.

        Args:
            batch: array `(count, *item_shape)` of the dtype of the file, in
                any byte order and memory layout.
        """
        array = np.asarray(batch)
        with self._lock:
            if self._file is None:
                raise self._closed()
            self._check(array)
            try:
                if self._item_shape is None or self._dtype is None:
                    self._item_shape, self._dtype = array.shape[1:], array.dtype
                self._begin()
                data = pieces(array)
                member = self._member
                self._put(data if member is None else map(member.add, data))
            except BaseException:  # Ctrl-C too: the file must not stay torn
                self._is_failed = True
                self.discard()
                raise
            self.count += len(array)

    def close(self) -> None:
        """Sets the count and puts the file in its place."""
        with self._lock:
            if self._is_failed:
                raise self._closed()
            if self._file is not None:
                self._finish()

    def discard(self) -> None:
        """Leaves the file as it was before, or none where there was none."""
        with self._lock:
            if self._file is None:
                return
            file, self._file = self._file, None
            try:
                if self._whole is not None:
                    # The count stands at the start, and may be written.
                    file.truncate(self._whole)
                    file.seek(self._start)
                    stream.write_all(file, [self._before])
            finally:
                # The error makes `replaced` drop what was written beside.
                error = _Discarded()
                with contextlib.suppress(_Discarded):
                    if not self._stack.__exit__(_Discarded, error, None):
                        raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _finish(self) -> None:
        try:
            self._begin()
            if self._member is not None:
                self._put([self._member.end()])
            if self._whole is not None:
                os.fsync(self._file.fileno())  # the numbers, then the count
            if self._file.tell() != self._end:  # as by a forked child
                raise OSError("IdxWriter: something else wrote to the file.")
            self._file.seek(self._start)
            stream.write_all(self._file, [self._head()])
            self._file.seek(self._end)
            file, self._file = self._file, None
        except BaseException:  # Ctrl-C too: the file must not stay torn
            self.discard()
            raise
        with self._stack:
            file.flush()

    def _closed(self) -> Exception:
        reason = "a write has failed, so " if self._is_failed else ""
        return ValueError(f"IdxWriter: {reason}the file is closed.")

    def _open_new(self, path: Any) -> None:
        if isinstance(path, str | os.PathLike):
            if self._compress is None:
                self._compress = stream.asks_for_gzip(path, "IdxWriter")
            name = os.path.expanduser(os.fsdecode(path))
            self._file = self._stack.enter_context(replaced(name))
        elif hasattr(path, "write"):
            self._file = path
        else:
            raise stream.not_a_file("IdxWriter", path)
        try:
            seekable = self._file.seekable()
        except AttributeError:
            seekable = False
        if not seekable:
            self._file, name = None, path
            self._stack.close()
            raise invalid_argument(
                "IdxWriter",
                "path",
                "a file that can be sought in: its count is written last",
                name,
                fix="Write to a pipe with write_idx.",
                error=TypeError,
            )
        self._start = self._end = self._file.tell()
        self._begun = False

    def _open_to_append(self, path: Any) -> None:
        if not isinstance(path, str | os.PathLike):
            raise invalid_argument(
                "IdxWriter", "path", "a path, to append", path, error=TypeError
            )
        name = stream.spelled(path)
        info = idx_info(name)
        if not info.shape:
            raise invalid_argument(
                "IdxWriter",
                "path",
                "a file with at least one dimension, to append",
                name,
                context="It holds a single number.",
            )
        self.count: int = info.shape[0]
        item_shape = info.shape[1:]
        for argument, given, there in (
            ("item_shape", self._item_shape, tuple(item_shape)),
            ("dtype", self._dtype, info.dtype),
        ):
            if given is not None and given != there:
                raise invalid_argument(
                    "IdxWriter", argument, f"{there}, as in {name}", given
                )
        self._item_shape, self._dtype = tuple(item_shape), info.dtype
        self._compress = info.compressed
        # Without a buffer nothing is left to be written after an error.
        self._file = self._stack.enter_context(
            open(name, "r+b", buffering=0)  # noqa: SIM115 (the stack closes it)
        )
        self._before = head = self._head()
        if self._file.read(len(head)) != head:
            self._stack.close()
            self._file = None
            raise invalid_argument(
                "IdxWriter",
                "path",
                "a plain file, or a gzip file that IdxWriter wrote, to append",
                name,
                context="Its head is compressed and cannot be changed.",
                fix="Unpack it: keras-extras idx convert FILE.gz FILE.",
            )
        self._start = 0
        self._whole = self._end = self._file.seek(0, os.SEEK_END)
        self._begun = True
        try:
            self._begin_member()
        except BaseException:  # Ctrl-C too: the file must not stay torn
            self.discard()
            raise

    def _begin(self) -> None:
        if not self._begun:
            self._put([self._head()])
            self._begun = True
            self._begin_member()

    def _begin_member(self) -> None:
        if self._compress:
            self._member = stream.Deflate()
            self._put([self._member.head])

    def _put(self, data: Iterable[bytes]) -> None:
        self._end += stream.write_all(self._file, data)

    def _head(self) -> bytes:
        if self._dtype is None or self._item_shape is None:
            raise invalid_argument(
                "IdxWriter",
                "item_shape and dtype",
                "given, if nothing is written",
                (self._item_shape, self._dtype),
            )
        shape = (self.count, *self._item_shape)
        head = packed(self._dtype, shape, "IdxWriter")
        return stream.stored(head) if self._compress else head

    def _check(self, batch: np.ndarray) -> None:
        if batch.ndim == 0 or self._item_shape not in (None, batch.shape[1:]):
            items = self._item_shape or ("...",)
            raise invalid_argument(
                "IdxWriter",
                "batch.shape",
                f"(count, {', '.join(map(str, items))})",
                batch.shape,
            )
        dtype = batch.dtype.newbyteorder("=")
        if self._dtype is None:
            packed(dtype, batch.shape, "IdxWriter")  # raises what IDX lacks
        if self._dtype is not None and self._dtype != dtype:
            raise invalid_argument(
                "IdxWriter",
                "batch.dtype",
                str(self._dtype),
                str(batch.dtype),
                fix=f"Use batch.astype('{self._dtype}') if its values fit.",
            )
        if self.count + len(batch) >= 2**32:
            raise invalid_argument(
                "IdxWriter",
                "count",
                "below 2**32, which IDX stores in 4 bytes",
                self.count + len(batch),
            )


def _item_shape(value: Sequence[int]) -> tuple[int, ...]:
    if isinstance(value, tuple | list) and not value:
        return ()
    sizes = checks.items("IdxWriter", "item_shape", value, "sizes of axes")
    for size in sizes:
        if checks.integer("IdxWriter", "item_shape", size, minimum=0) >= 2**32:
            raise invalid_argument(
                "IdxWriter", "item_shape", "of sizes below 2**32", size
            )
    return tuple(map(int, sizes))


def _dtype(value: DTypeLike) -> np.dtype:
    allowed = "uint8, int8, int16, int32, float32 or float64"
    return checks.dtype("IdxWriter", value, "uif", allowed)


class _Discarded(Exception):
    """Not seen outside: what was written is to be thrown away."""
