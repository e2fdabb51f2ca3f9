"""A record as a whole: the tables and files it becomes, and how it is read.

The eight columns are the same in memory, in CSV, in Parquet, in pandas and in
polars.
"""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_extras import _checks
from keras_extras._errors import import_optional
from keras_extras._files import replaced
from keras_extras.history._journal import (
    HEADER,
    Journal,
    encoded,
    entries_of,
    history_path,
)
from keras_extras.history._rows import HistoryRow, columns_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class HistoryTables:
    """What a record can be turned into; base of the two that hold rows.

    Attributes:
        rows: the `HistoryRow`s, in the order in which they were logged.
        runs: one dict per run with what is known about it.
    """

    rows: Any  # a list while it grows, then a tuple
    runs: Any

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch that was recorded; 0 before there is one."""
        return self.rows[-1].epoch if self.rows else 0

    def to_frame(
        self, backend: str = "pandas"
    ) -> "pd.DataFrame | pl.DataFrame":
        """Returns the rows as a table of eight columns, the long form.

        Args:
            backend: `"pandas"` or `"polars"`.

        Raises:
            ValueError: if `backend` is something else.
            ImportError: if it is not installed.
        """
        owner = f"{type(self).__name__}.to_frame"
        _checks.choice(owner, "backend", backend, ("pandas", "polars"))
        frames = import_optional(backend, extra=backend, owner=owner)
        return frames.DataFrame(columns_of(self.rows))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the rows as CSV: a header, then a line per row.

        The columns are always the same eight, in the same order; a number
        that is `NaN` is an empty field.
        """
        path = _checks.file_path(self, "path", path)
        with replaced(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HistoryRow._fields)
            writer.writerows(
                ["" if field != field else field for field in row]
                for row in self.rows
            )

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Writes the rows as Parquet, with the same eight columns.

        Raises:
            ImportError: if pyarrow is not installed.
        """
        owner = f"{type(self).__name__}.to_parquet"
        pyarrow = import_optional("pyarrow", extra="parquet", owner=owner)
        parquet = import_optional(
            "pyarrow.parquet", extra="parquet", owner=owner
        )
        table = pyarrow.table(columns_of(self.rows))
        with replaced(_checks.file_path(self, "path", path)) as file:
            parquet.write_table(table, file)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the record so that `read_history` finds it again.

        Args:
            path: a file that ends in `.jsonl`, or the file of a model, such
                as `"digits.keras"`: then the record is written beside it, as
                `"digits.keras.history.jsonl"`.

        Returns:
            The path of the file that was written. What stood there is
            replaced in one step, so that it is never half a record.
        """
        target = history_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target) as file:
            file.write(HEADER + encoded(*self.runs, *entries_of(self.rows)))
        return target


class TrainingHistory(HistoryTables):
    """A training that was recorded, read back from its file.

    Everything that takes a `HistoryRecorder` to read from takes this.

    Args:
        rows: the `HistoryRow`s, in the order in which they were logged.
        runs: one dict per run with what is known about it.

    Examples:
        >>> row = HistoryRow(1, 1, 8, 0.5, 0.01, "loss", "train", 0.25)
        >>> TrainingHistory([row], runs=[{"run": 1}])
        TrainingHistory: 1 run, 1 epoch, metrics loss
    """

    def __init__(
        self,
        rows: Iterable[HistoryRow],
        runs: Iterable[dict[str, Any]] = (),
    ) -> None:
        self.rows: Any = tuple(rows)
        self.runs: Any = tuple(runs)

    def __repr__(self) -> str:
        runs = len({row.run for row in self.rows})
        epochs = len({row.epoch for row in self.rows})
        metrics = dict.fromkeys(
            row.metric for row in self.rows if row.split == "train"
        )
        return (
            f"{type(self).__name__}: {runs} run{'s' * (runs != 1)}, "
            f"{epochs} epoch{'s' * (epochs != 1)}, "
            f"metrics {', '.join(metrics) or 'none'}"
        )


def read_history(path: str | os.PathLike[str]) -> TrainingHistory:
    """Reads what a `HistoryRecorder` wrote, or `save`.

    The last line is left out if it is torn, as it is when the training was
    killed while it wrote; the epochs before it are complete.

    Args:
        path: a file that ends in `.jsonl`, or the file of a model, such as
            `"digits.keras"`, beside which the record stands.

    Returns:
        The rows and the runs of all trainings with this file, a
        `TrainingHistory`.

    Raises:
        FileNotFoundError: if there is no record.
        ValueError: if the file is something else.

    Examples:
        >>> import tempfile
        >>> row = HistoryRow(1, 1, 8, 0.5, 0.01, "loss", "train", 0.25)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saved = TrainingHistory([row]).save(f"{folder}/digits.keras")
        ...     read_history(f"{folder}/digits.keras")
        TrainingHistory: 1 run, 1 epoch, metrics loss
    """
    journal = Journal(history_path(path))
    if not journal.path.exists():
        raise FileNotFoundError(
            f"read_history: there is no training history {journal.path}. "
            "HistoryRecorder(path) writes one while it trains, "
            "recorder.save(path) afterwards."
        )
    runs, rows = journal.read()
    return TrainingHistory(rows, runs)
