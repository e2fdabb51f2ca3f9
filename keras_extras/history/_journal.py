"""The file of a training: one JSON object per line, only ever added to.

    {"format": "keras-extras training history", "version": 1}
    {"run": 1, "started": "2026-11-21T10:00:00+00:00", "backend": "jax", ...}
    {"run": 1, "epoch": 1, "rows": [[8, 0.4, 0.01, "loss", "train", 0.25]]}

A line is written, flushed and synchronized with the disk when its epoch ends,
so that whoever kills the process, or pulls the plug, destroys at most the line
that is being written. Such a line has no end of line: readers leave it out,
and the next writer cuts it off. JSON has no NaN and no infinity: they stand
as the texts "nan", "inf" and "-inf".

One recorder writes at a time: it holds the lock of the file while it trains,
and writes only behind what it knows to be there.
"""

import json
import math
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras._files import FileLock, refuse_pipe, sync_folder
from keras_extras.history._rows import HistoryRow, metric_name

FORMAT = "keras-extras training history"
VERSION = 1
HEADER = json.dumps({"format": FORMAT, "version": VERSION}).encode() + b"\n"

# Who writes in this process, by the path of the lock.
_writers: WeakValueDictionary[str, "Journal"] = WeakValueDictionary()


def history_path(path: str | os.PathLike[str]) -> Path:
    """Returns where the record of a training is kept.

    Args:
        path: a file that ends in `.jsonl`: it is the record; or the file of a
            model: its record stands beside it.

    Returns:
        The path of the record.

    Raises:
        TypeError: if `path` is no path.

    Examples:
        >>> history_path("runs/first.jsonl").name
        'first.jsonl'
        >>> history_path("models/digits.keras").name
        'digits.keras.history.jsonl'
    """
    given = Path(_checks.file_path("history_path", "path", path))
    if given.suffix == ".jsonl":
        return given
    return given.with_name(f"{given.name}.history.jsonl")


class Journal:
    """A file of entries, one JSON object each; open only while it is used.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        # A training may change its working folder; its file stays.
        self.path = path.absolute()
        self._lock = FileLock(self.path)
        self._thread: int | None = None  # which trains with it
        self._is_replaced = False  # by another writer in its thread
        self._whole = 0  # bytes up to the end of the last complete line
        self._tail = b""  # what else may be there: a line that was torn

    def read(self) -> tuple[list[dict[str, Any]], list[HistoryRow]]:
        """Returns the runs and the rows; none if there is no such file.

        Raises:
            ValueError: if the file is something else.
            OSError: if it cannot be read.
        """
        refuse_pipe(self.path)
        # A device such as /dev/full has no end.
        data = self.path.read_bytes() if self.path.is_file() else b""
        self._whole = data.rfind(b"\n") + 1
        self._tail = data[self._whole :]
        head, *lines = data[: self._whole].split(b"\n")[:-1] or [b""]
        self._check_head(head if head else data)
        runs: list[dict[str, Any]] = []
        rows: list[HistoryRow] = []
        for number, line in enumerate(lines, start=2):
            try:
                entry = _decode(line)
                if "rows" in entry:
                    rows.extend(list(_rows_of(entry)))
                else:
                    # What cannot be written again is no entry either.
                    runs.append(json.loads(encoded(entry)))
            # Deep brackets, 1e999 and long numbers have errors of their own.
            except (
                KeyError,
                OverflowError,
                RecursionError,
                TypeError,
                ValueError,
            ) as error:
                warnings.warn(
                    f"{self.path}, line {number}: not an entry of a training "
                    f"history ({type(error).__name__}: {error}); it is left "
                    "out.",
                    stacklevel=3,
                )
        return runs, rows

    def _check_head(self, head: bytes) -> None:
        # Killed while it wrote the first line of all, or before.
        if HEADER.startswith(head):
            return
        try:
            entry = json.loads(head)
        except ValueError:  # of JSON or of UTF-8
            entry = None
        entry = entry if isinstance(entry, dict) else {}
        if entry.get("format") != FORMAT:
            raise invalid_argument(
                "read_history",
                "path",
                "a training history, or a model with one beside it",
                str(self.path),
                context=f"The file begins with {head[:40]!r}.",
                fix="HistoryRecorder(path) writes one.",
            )
        if entry.get("version") != VERSION:
            raise invalid_argument(
                "read_history",
                "path",
                f"a training history of version {VERSION}",
                str(self.path),
                context=f"Its version is {entry.get('version')}.",
                fix="Install a newer keras-extras.",
            )

    def begin(self) -> bool:
        """Becomes the writer of the file.

        Returns:
            Whether somebody has written to it since it was read.

        Raises:
            RuntimeError: if there is another writer.
            OSError: if the folder cannot be made, or the file not be read.
        """
        refuse_pipe(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not self.path.is_file():
            return False  # a device, which keeps nothing
        self._is_replaced = False
        here = threading.get_ident()
        try:
            holder = self._lock.acquire()
            other = _writers.get(self._lock.path)
            if holder == os.getpid() and other and other._thread == here:
                # Its training is over, by an error or Ctrl-C: a thread trains
                # once at a time. If not, it will say so.
                other.end()
                other._is_replaced = True
                holder = self._lock.acquire()
        except OSError:  # there can be no locks, as on some network drives
            holder = None
        if holder is not None:
            own = " (this one)" if holder == os.getpid() else ""
            raise _other_writer(self.path, f"process {holder or '?'}{own}")
        self._thread, _writers[self._lock.path] = here, self
        return self._size() not in (0, self._whole + len(self._tail))

    def check(self) -> None:
        """Raises a `RuntimeError` if another one has become the writer."""
        if self._is_replaced:
            raise _other_writer(self.path, f"process {os.getpid()} (this one)")

    def end(self) -> None:
        """Lets others write."""
        self._lock.release()

    def append(self, data: bytes) -> None:
        """Adds lines; they are on the disk when this returns.

        Raises:
            OSError: if they could not all be written. What was written of
                them is cut off by the next call.
            RuntimeError: if another one has become the writer.
        """
        self.check()
        is_new = not self.path.exists()
        # Unbuffered: nothing is left for a later flush to fail on.
        with self.path.open("ab", buffering=0) as file:
            size = self._size()
            if size:
                self._cut(file, size)
            else:  # it is new, or somebody has removed it
                self._whole = 0
            if not self._whole:
                data = HEADER + data
            self._tail = data  # as far as an error or Ctrl-C lets it get
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
            self._whole, self._tail = self._whole + len(data), b""
        if is_new:
            sync_folder(self.path.parent)

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _cut(self, file: IO[bytes], size: int) -> None:
        """Cuts off what was torn; nothing that this object does not know."""
        torn = size - self._whole
        if torn and 0 < torn <= len(self._tail):
            with self.path.open("rb") as there:
                there.seek(self._whole)
                if self._tail.startswith(there.read()):
                    file.truncate(self._whole)
                    torn = 0
        if torn:
            raise OSError(
                "another program has changed it; recorder.save(path) writes "
                "the rows to another file"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_thread": None}


def _other_writer(path: Path, writer: str) -> Exception:
    return RuntimeError(
        f"HistoryRecorder: {path} is being written by a recorder of {writer}. "
        "Give each training a path of its own, or train one after the other."
    )


def entries_of(rows: Iterable[HistoryRow]) -> Iterator[dict[str, Any]]:
    """Yields one entry per epoch."""
    entry: dict[str, Any] = {}
    for row in rows:
        if (row.run, row.epoch) != (entry.get("run"), entry.get("epoch")):
            if entry:
                yield entry
            entry = {"run": row.run, "epoch": row.epoch, "rows": []}
        entry["rows"].append(row[2:])
    if entry:
        yield entry


def encoded(*entries: dict[str, Any]) -> bytes:
    """Returns the lines of entries, with their ends."""
    return b"".join(
        json.dumps(
            _finite(entry), allow_nan=False, default=str, separators=(",", ":")
        ).encode()
        + b"\n"
        for entry in entries
    )


def _finite(value: Any) -> Any:
    """Returns the value with texts for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _decode(line: bytes) -> dict[str, Any]:
    """Returns the entry of a line; raises a `ValueError` if it is none."""
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    _count(entry["run"])
    return entry


def _rows_of(entry: dict[str, Any]) -> Iterator[HistoryRow]:
    run, epoch = _count(entry["run"]), _count(entry["epoch"])
    for step, seconds, rate, metric, split, value in entry["rows"]:
        if not isinstance(metric, str) or not isinstance(split, str):
            raise ValueError("a name is no text")
        yield HistoryRow(
            run,
            epoch,
            _count(step),
            float(seconds),
            float(rate),
            metric_name(metric),
            metric_name(split),
            float(value),
        )


def _count(value: Any) -> int:
    """Returns what counts runs, epochs or steps, if it is such a number."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("a count is no whole number")
    return value
