"""The file of a training: one JSON object per line, only ever added to.

    {"format": "keras-extras training history", "version": 1}
    {"run": 1, "started": "2026-11-21T10:00:00+00:00", "backend": "jax", ...}
    {"run": 1, "epoch": 1, "rows": [[8, 0.4, 0.01, "loss", "train", 0.25]]}

A line is written, flushed and synchronized with the disk when its epoch ends,
so that whoever kills the process, or pulls the plug, destroys at most the line
that is being written. Such a line has no end of line: readers leave it out,
and the next writer cuts it off. JSON has no NaN and no infinity: they stand
as the texts "nan", "inf" and "-inf".
"""

import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras._files import sync_folder
from keras_extras.history._rows import HistoryRow

FORMAT = "keras-extras training history"
VERSION = 1
_HEADER = json.dumps({"format": FORMAT, "version": VERSION}).encode() + b"\n"


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
        self._whole = 0  # bytes up to the end of the last complete line
        self._torn = False  # whether there may be more than that

    def read(self) -> tuple[list[dict[str, Any]], list[HistoryRow]]:
        """Returns the runs and the rows; none if there is no such file.

        Raises:
            ValueError: if the file is something else.
            OSError: if it cannot be read.
        """
        # A device such as /dev/full has no end.
        data = self.path.read_bytes() if self.path.is_file() else b""
        self._whole = data.rfind(b"\n") + 1
        self._torn = self._whole < len(data)
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
                    runs.append(entry)
            except (KeyError, TypeError, ValueError) as error:
                warnings.warn(
                    f"{self.path}, line {number}: not an entry of a training "
                    f"history ({type(error).__name__}: {error}); it is left "
                    "out.",
                    stacklevel=3,
                )
        return runs, rows

    def _check_head(self, head: bytes) -> None:
        # Killed while it wrote the first line of all, or before.
        if _HEADER.startswith(head):
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

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Adds entries; they are on the disk when this returns.

        Raises:
            OSError: if they could not all be written. What was written of
                them is cut off by the next call.
        """
        data = b"".join(map(_encode, entries))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        # Unbuffered: nothing is left for a later flush to fail on.
        with self.path.open("ab", buffering=0) as file:
            if self._torn and file.tell() > self._whole:
                file.truncate(self._whole)
            self._torn = True  # stays so if an error or Ctrl-C gets between
            size = file.seek(0, os.SEEK_END)
            rest = memoryview(data if size else _HEADER + data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
            self._whole, self._torn = file.tell(), False
        if is_new:
            sync_folder(self.path.parent)


def encode_record(entries: Iterable[dict[str, Any]]) -> bytes:
    """Returns the content of a file that holds these entries."""
    return _HEADER + b"".join(map(_encode, entries))


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


def plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Returns the entry as it will be read back."""
    return json.loads(_encode(entry))


def _encode(entry: dict[str, Any]) -> bytes:
    """Returns the line of an entry, with its end."""
    text = json.dumps(
        _finite(entry), allow_nan=False, default=str, separators=(",", ":")
    )
    return text.encode() + b"\n"


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
    if not isinstance(entry, dict) or not isinstance(entry.get("run"), int):
        raise ValueError("it names no run")
    return entry


def _rows_of(entry: dict[str, Any]) -> Iterator[HistoryRow]:
    run, epoch = entry["run"], int(entry["epoch"])
    for step, seconds, rate, metric, split, value in entry["rows"]:
        yield HistoryRow(
            run,
            epoch,
            int(step),
            float(seconds),
            float(rate),
            str(metric),
            str(split),
            float(value),
        )
