"""What was recorded, as rows; and the tables that are made of them.

    (run, epoch, step, seconds, learning_rate, metric, split, value)

One row is one number. Rows are the whole truth: nothing in them depends on
which metrics other epochs logged, so a metric that appears late, or in every
second epoch only, moves no other number. The eight columns are the same in
memory, in CSV, in Parquet, in pandas and in polars.
"""

import csv
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_extras._errors import import_optional, invalid_argument
from keras_extras.history._journal import Journal, history_path

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

# What `split` may be, and what it says about the number.
SPLITS = ("train", "validation", "batch", "running", "system")


class HistoryRow(NamedTuple):
    """One number that was recorded.

    Args:
        run: which call of `fit`, from 1.
        epoch: which epoch, from 1, counted over all runs.
        step: how many batches had been trained with by then, over all epochs.
        seconds: time since its run began.
        learning_rate: the optimizer's, in the first step of the epoch; of a
            single batch, in its step. `NaN` if there is none.
        metric: name of the number, without `val_`: `"loss"`.
        split: what the number is about. `"train"`: what Keras logs for the
            epoch; `"validation"`: the same for the validation data, which
            Keras logs as `val_...`; `"batch"`: one batch alone; `"running"`:
            Keras's mean from the first batch of the epoch to this one;
            `"system"`: the training itself, such as its time.
        value: the number.

    Examples:
        >>> row = HistoryRow(1, 3, 24, 0.5, 0.01, "loss", "validation", 0.25)
        >>> row.epoch, row.metric, row.split, row.log_name
        (3, 'loss', 'validation', 'val_loss')
    """

    run: int
    epoch: int
    step: int
    seconds: float
    learning_rate: float
    metric: str
    split: str
    value: float

    @property
    def log_name(self) -> str:
        """The name under which Keras logs the number: `"val_loss"`."""
        return (
            f"val_{self.metric}" if self.split == "validation" else self.metric
        )


class HistoryTables:
    """What a record can be turned into; base of the two that hold rows.

    Attributes:
        rows: the `HistoryRow`s, in the order in which they were logged.
        runs: one dict per run with what is known about it.
    """

    rows: Sequence[HistoryRow]
    runs: Sequence[dict[str, Any]]

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
        if backend not in ("pandas", "polars"):
            raise invalid_argument(
                owner, "backend", '"pandas" or "polars"', backend
            )
        frames = import_optional(backend, extra=backend, owner=owner)
        return frames.DataFrame(columns_of(self.rows))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the rows as CSV: a header, then a line per row.

        The columns are always the same eight, in the same order; a number
        that is `NaN` is an empty field.
        """
        with (
            Path(path)
            .expanduser()
            .open("w", newline="", encoding="utf-8") as file
        ):
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
        parquet.write_table(table, Path(path).expanduser())

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
        draft = target.with_name(f"{target.name}.{os.getpid()}.part")
        journal = Journal(draft)
        runs: list[dict[str, Any]] = list(self.runs)
        try:
            journal.append([*runs, *epochs_of(self.rows)])
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
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
    ):
        self.rows = tuple(rows)
        self.runs = tuple(runs)

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
    runs, rows = split_entries(journal.read())
    return TrainingHistory(rows, runs)


def split_entries(
    entries: Iterable[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[HistoryRow]]:
    """Returns the runs and the rows of the entries of a journal."""
    runs: list[dict[str, Any]] = []
    rows: list[HistoryRow] = []
    for entry in entries:
        if "rows" not in entry:
            runs.append(entry)
            continue
        try:
            rows.extend(list(_rows_of_entry(entry)))
        except (KeyError, TypeError, ValueError) as error:
            warnings.warn(
                f"run {entry['run']}, epoch {entry.get('epoch')} of a "
                "training history is not as HistoryRecorder writes it "
                f"({type(error).__name__}: {error}); it is left out.",
                stacklevel=3,
            )
    return runs, rows


def _rows_of_entry(entry: dict[str, Any]) -> Iterator[HistoryRow]:
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


def columns_of(rows: Sequence[HistoryRow]) -> dict[str, np.ndarray]:
    """Returns the eight columns, each an array of one type, empty or not."""
    number, word = "float64", "str"
    dtypes = (*["int64"] * 3, number, number, word, word, number)
    columns = zip(*rows, strict=True) if rows else ((),) * len(dtypes)
    return {
        name: np.array(column, dtype=dtype)
        for name, column, dtype in zip(
            HistoryRow._fields, columns, dtypes, strict=True
        )
    }


def epochs_of(rows: Iterable[HistoryRow]) -> Iterator[dict[str, Any]]:
    """Yields one entry of a journal per epoch."""
    entry: dict[str, Any] = {}
    for row in rows:
        if (row.run, row.epoch) != (entry.get("run"), entry.get("epoch")):
            if entry:
                yield entry
            entry = {"run": row.run, "epoch": row.epoch, "rows": []}
        entry["rows"].append(row[2:])
    if entry:
        yield entry


def split_of(log_name: str) -> tuple[str, str]:
    """Returns metric and split of a name in Keras's logs."""
    if log_name.startswith("val_"):
        return log_name.removeprefix("val_"), "validation"
    return log_name, "train"


def numbers_in(log_name: str, value: Any) -> list[tuple[str, float]] | None:
    """Returns the (name, number) pairs of a log; `None` if not numeric."""
    if isinstance(value, keras.Variable):
        value = value.value  # NumPy 2 warns of Keras's own way
    if keras.ops.is_tensor(value):
        if "bfloat16" in str(value.dtype):  # NumPy has no such dtype
            value = keras.ops.cast(value, "float32")
        value = keras.ops.convert_to_numpy(value)
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufV":  # V: bfloat16 in NumPy's clothes
            return None
        array = array.astype("float64")
    except (TypeError, ValueError):
        return None
    if array.size == 1:
        return [(log_name, array.item())]
    return [
        (f"{log_name}[{','.join(map(str, position))}]", float(number))
        for position, number in np.ndenumerate(array)
    ]
