"""The table that courses make by hand: a line per epoch, a column per metric.

    frame.loc[epoch, metric] = the number logged there, or NaN

Whatever holds a history is turned into rows first, and rows into the table, so
that a number can only stand in the line of its own epoch.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_extras import _checks
from keras_extras._errors import import_optional, invalid_argument
from keras_extras.history._history import HistoryTables, read_history
from keras_extras.history._rows import (
    HistoryRow,
    metric_name,
    numbers_in,
    split_of,
)

if TYPE_CHECKING:
    import pandas as pd

History = (
    HistoryTables
    | keras.callbacks.History
    | Mapping[str, Any]
    | str
    | os.PathLike[str]
)
_KINDS = (
    "a HistoryRecorder, a TrainingHistory, a keras.callbacks.History, "
    "a dict or a path"
)


def history_frame(
    history: History, *, by: str = "epoch", details: bool = False
) -> "pd.DataFrame":
    """Turns a training history into a table: a line per epoch.

    Columns are the metrics in the order in which they were first logged, under
    Keras's names. A number that was not logged in an epoch is `NaN`: values
    are never shifted to another epoch.

    Args:
        history: a `HistoryRecorder`; a `TrainingHistory` or the path of one;
            the `History` that `fit` returns, or its `.history` dict of metric
            name -> list of one value per epoch. Epochs are those recorded; for
            a `History` Keras's epochs (from `initial_epoch`) plus one; for a
            dict 1, 2, 3, ...
        by: `"epoch"`, or `"step"` for a line per batch, with the values of
            the batches themselves, as `HistoryRecorder(per_batch=True)`
            records them.
        details: whether to put in front: `run`, `epoch` or `step`, `seconds`
            (since the run began) and `learning_rate`; and behind, by epoch,
            the times and sizes that a `HistoryRecorder` measures, such as
            `epoch_seconds`.

    Returns:
        A `pandas.DataFrame` of floats, indexed by `epoch` or `step` from 1.

    Raises:
        TypeError: if `history` is something else.
        ValueError: if the lists of a `History` or dict differ in length, so
            that their epochs cannot be known (a `HistoryRecorder` knows them);
            or if `by` is neither of the two.
        ImportError: if pandas is not installed.

    Examples:
        >>> history_frame({"loss": [0.9, 0.4], "accuracy": [0.6, 0.8]})
               loss  accuracy
        epoch
        1       0.9       0.6
        2       0.4       0.8
    """
    pd = import_optional("pandas", extra="pandas", owner="history_frame")
    _checks.choice("history_frame", "by", by, ("epoch", "step"))
    rows = list(rows_of(history, owner="history_frame"))

    splits = ("batch",) if by == "step" else ("train", "validation")
    table: dict[int, dict[str, float]] = {}
    columns: dict[str, None] = {}  # an ordered set
    if details:
        splits = (*splits, "system")
        columns.update(dict.fromkeys(_around(by)))
    system: dict[str, None] = {}
    for row in rows:
        if row.split not in splits or (by == "step" and row.split == "system"):
            continue
        line = table.setdefault(getattr(row, by), {})
        line[row.log_name] = row.value
        if row.split == "system":
            system[row.log_name] = None
        else:
            columns[row.log_name] = None
        if details:
            for name in _around(by):
                value = getattr(row, name)
                if not math.isnan(value):  # else as it was logged
                    line[name] = value
    columns.update(system)
    return pd.DataFrame(
        {c: [line.get(c, np.nan) for line in table.values()] for c in columns},
        index=pd.Index(list(table), dtype="int64", name=by),
        dtype="float64",
    )


def _around(by: str) -> tuple[str, ...]:
    other = "step" if by == "epoch" else "epoch"
    return ("run", other, "seconds", "learning_rate")


def rows_of(history: Any, *, owner: str) -> Iterable[HistoryRow]:
    """Returns the rows of anything that holds a history.

    Args:
        history: as `history_frame` takes it.
        owner: the function that was called, for the error.
    """
    if isinstance(history, str | os.PathLike):
        history = read_history(history)
    if isinstance(history, HistoryTables):
        return history.rows
    if isinstance(history, keras.callbacks.History):
        # Keras gives it its epochs when it is first fitted.
        epochs = getattr(history, "epoch", None)
        return _rows_of_lists(owner, history.history, epochs=epochs)
    if isinstance(history, Mapping):
        return _rows_of_lists(owner, history, epochs=None)
    raise invalid_argument(
        owner,
        "history",
        _KINDS,
        history,
        fix="Pass what model.fit(...) returned.",
        error=TypeError,
    )


def row_of_log(epoch: int, log_name: object, value: float) -> HistoryRow:
    """Returns the row of a number of which only the epoch is known."""
    nan, (metric, split) = float("nan"), split_of(metric_name(log_name))
    return HistoryRow(1, epoch, 0, nan, nan, metric, split, value)


def _rows_of_lists(
    owner: str, lists: Mapping[str, Any], *, epochs: list[int] | None
) -> Iterator[HistoryRow]:
    """Yields the rows of one list of values per metric, epoch by epoch."""
    lengths = {}
    for metric, values in lists.items():
        if not isinstance(values, list | tuple | np.ndarray):
            raise invalid_argument(
                owner,
                f"history[{metric!r}]",
                "a list of one value per epoch",
                values,
                error=TypeError,
            )
        lengths[metric] = len(values)

    if len(set(lengths.values())) > 1:
        raise _ragged(owner, "lists of one length", lengths)
    length = max(lengths.values(), default=0)
    if epochs is None or length > len(epochs):
        # A dict; or a History that was itself given to several fits: Keras
        # goes on with its lists but starts its epochs again.
        epochs = list(range(length))
    elif 0 < length < len(epochs):
        allowed = f"lists of {len(epochs)} values, one per epoch"
        raise _ragged(owner, allowed, lengths)

    for position, epoch in enumerate(epochs[:length]):
        for metric, values in lists.items():
            numbers = numbers_in(metric, values[position])
            if numbers is None:
                raise invalid_argument(
                    owner,
                    f"history[{metric!r}]",
                    "a list of numbers",
                    values,
                    error=TypeError,
                )
            for name, number in numbers:
                yield row_of_log(epoch + 1, name, number)


def _ragged(owner: str, allowed: str, lengths: dict[str, int]) -> Exception:
    return invalid_argument(
        owner,
        "history",
        allowed,
        lengths,
        context="A shorter list does not say in which epochs its values were "
        "logged, so they cannot be put on a line.",
        fix="Record the training with "
        "fit(..., callbacks=[HistoryRecorder()]) and pass the recorder.",
    )
