"""Several trainings in one table.

    (name, run, epoch, step, seconds, learning_rate, metric, split, value)

One more column in front of the eight says which training a number is from.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_extras._errors import import_optional, invalid_argument
from keras_extras.history._directions import sign_of
from keras_extras.history._frame import row_of_log, rows_of
from keras_extras.history._rows import HistoryRow, columns_of

if TYPE_CHECKING:
    import pandas as pd


def compare(runs: Mapping[str, Any] | Sequence[Any]) -> "pd.DataFrame":
    """Puts the records of several trainings under each other: the long form.

    Args:
        runs: a dict of name -> history, or a list of histories. Each is what
            `history_frame` takes, or a frame that it made. In a list, paths
            are called by their file and the others by their position:
            `"run 1"`, `"run 2"`, ...

    Returns:
        A `pandas.DataFrame` with the columns `name`, `run`, `epoch`, `step`,
        `seconds`, `learning_rate`, `metric`, `split` and `value`; a line per
        number. What a history does not know is `NaN`, or 0 for `step`.

    Raises:
        TypeError: if `runs` or one of them is something else.
        ValueError: if two have the same name.
        ImportError: if pandas is not installed.

    Examples:
        >>> frame = compare({"small": {"loss": [3, 2]}, "large": {"loss": [1]}})
        >>> frame[["name", "epoch", "metric", "value"]]
            name  epoch metric  value
        0  small      1   loss    3.0
        1  small      2   loss    2.0
        2  large      1   loss    1.0
    """
    pd = import_optional("pandas", extra="pandas", owner="compare")
    names: list[str] = []
    rows: list[HistoryRow] = []
    for name, history in _named("compare", runs):
        own = list(_rows(history))
        names.extend([name] * len(own))
        rows.extend(own)
    return pd.DataFrame({"name": np.array(names, "str"), **columns_of(rows)})


def best_epochs(
    runs: Mapping[str, Any] | Sequence[Any],
    metric: str = "val_loss",
    *,
    mode: str = "auto",
) -> "pd.DataFrame":
    """Looks up in each training the epoch in which a metric was best.

    Args:
        runs: as `compare` takes them.
        metric: name of the metric, as Keras logs it.
        mode: `"min"` or `"max"`: what is best. `"auto"`: by the name, as
            `metric_direction` does.

    Returns:
        A `pandas.DataFrame` with a line per training, indexed by `name`: the
        `epoch` (the first of several that are equally good), and the values
        of all metrics in it. A training without the metric, or with nothing
        but `NaN`, has no line.

    Raises:
        TypeError: if `runs` or one of them is something else.
        ValueError: if `mode` is none of them, or `"auto"` and the name says
            nothing.
        ImportError: if pandas is not installed.

    Examples:
        >>> runs = {"small": {"loss": [3, 2]}, "large": {"loss": [1, 5]}}
        >>> best_epochs(runs, "loss")
               epoch  loss
        name
        small      2   2.0
        large      1   1.0
    """
    pd = import_optional("pandas", extra="pandas", owner="best_epochs")
    sign = sign_of("best_epochs", metric, mode)
    lines: dict[str, dict[str, float]] = {}
    for name, history in _named("best_epochs", runs):
        epochs: dict[int, dict[str, float]] = {}
        for row in _rows(history):
            if row.split in ("train", "validation"):
                epochs.setdefault(row.epoch, {})[row.log_name] = row.value
        known = [
            (-sign * values[metric], epoch)
            for epoch, values in epochs.items()
            if values.get(metric, float("nan")) == values.get(metric)
        ]
        if known:
            _, best = min(known)
            lines[name] = {"epoch": best, **epochs[best]}
    columns = {name: None for line in lines.values() for name in line}
    return pd.DataFrame(
        list(lines.values()),
        index=pd.Index(list(lines), name="name", dtype="object"),
        columns=list(columns) or ["epoch"],
    )


def _named(owner: str, runs: Any) -> Iterator[tuple[str, Any]]:
    """Yields name and history of each run."""
    if isinstance(runs, Mapping):
        yield from ((str(name), history) for name, history in runs.items())
        return
    if isinstance(runs, str | os.PathLike) or not isinstance(runs, Iterable):
        raise invalid_argument(
            owner,
            "runs",
            "a dict of name -> history or a list of histories",
            runs,
            fix="For one history use history_frame.",
            error=TypeError,
        )
    seen = set()
    for number, history in enumerate(runs, start=1):
        is_path = isinstance(history, str | os.PathLike)
        name = Path(history).name if is_path else f"run {number}"
        if name in seen:
            raise invalid_argument(
                owner,
                "runs",
                "a list of histories with different names",
                name,
                fix="Pass a dict of name -> history.",
            )
        seen.add(name)
        yield name, history


def _rows(history: Any) -> Iterable[HistoryRow]:
    if hasattr(history, "columns") and hasattr(history, "index"):  # a frame
        return [
            row_of_log(int(epoch), name, float(value))
            for epoch, line in zip(
                history.index, history.to_numpy(), strict=True
            )
            for name, value in zip(history.columns, line, strict=True)
            if value == value
        ]
    return rows_of(history, owner="compare")
