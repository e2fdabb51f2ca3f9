"""Training histories: collected as rows, read as a table.

    (run, epoch, metric, value)      one row for each number that was logged

Rows are the whole truth: nothing in them depends on which metrics other
epochs logged. The table (one line per epoch, one column per metric) is made
from them by `history_frame`, and a number that was not logged is `NaN` there.
Collecting costs one list append per metric and epoch; no hook runs per batch.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_extras._errors import import_optional, wrong

if TYPE_CHECKING:
    import pandas as pd


class HistoryRow(NamedTuple):
    """One number that was logged at the end of one epoch.

    Args:
        run: which call of `fit`, from 1.
        epoch: which epoch, from 1, counted over all runs.
        metric: name under which Keras logged it, such as `"val_loss"`.
        value: the number.

    Examples:
        >>> HistoryRow(run=1, epoch=3, metric="loss", value=0.25)
        HistoryRow(run=1, epoch=3, metric='loss', value=0.25)
    """

    run: int
    epoch: int
    metric: str
    value: float


class HistoryRecorder(keras.callbacks.Callback):
    """Records every number that `fit` logs, with its epoch, over several fits.

    A fit starts at `max(initial_epoch, last recorded epoch)`: a second `fit`
    goes on where the first one stopped, `initial_epoch` is honored where it
    leaves a gap, and no epoch is ever recorded twice. Numbers of an epoch are
    kept as soon as it ends, so an interrupted training keeps its completed
    epochs; the epoch that was cut short is not counted.

    Every value becomes a Python float. An array of several numbers gives one
    row each, named `metric[0]`, `metric[1]`, ... (`metric[0,1]` for two
    axes). What is not numeric is left out, with one warning per name, because
    a recorder must not end a training.

    Use it instead of the `History` that `fit` returns whenever a metric is not
    logged in every epoch (`validation_freq`), or there is more than one fit.
    Values are those that Keras logs: training metrics are means over the epoch
    while the model was changing, validation metrics are taken at its end.

    Attributes:
        rows: list of `HistoryRow`, in logged order. `pandas.DataFrame(rows)`
            is the long form, `history_frame(recorder)` the wide one.

    Examples:
        >>> recorder = HistoryRecorder()
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> for _ in range(2):
        ...     _ = model.fit(x, y, verbose=0, callbacks=[recorder])
        >>> [(row.run, row.epoch, row.metric) for row in recorder.rows]
        [(1, 1, 'loss'), (2, 2, 'loss')]
    """

    def __init__(self):
        super().__init__()
        self.rows: list[HistoryRow] = []
        self._run = 0
        self._last_epoch = 0
        self._shift: int | None = None  # from Keras's epoch to ours
        self._left_out: set[str] = set()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Prepares for the next run; it counts once an epoch is complete."""
        self._shift = None

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Appends one row for each number in `logs`."""
        if self._shift is None:
            self._run += 1
            self._shift = max(self._last_epoch - epoch, 0) + 1
        self._last_epoch = epoch + self._shift
        for metric, value in (logs or {}).items():
            numbers = _numbers(metric, value)
            if numbers is None:
                self._warn_left_out(metric, value)
                continue
            self.rows.extend(
                HistoryRow(self._run, self._last_epoch, name, number)
                for name, number in numbers
            )

    def _warn_left_out(self, metric: str, value: Any) -> None:
        if metric not in self._left_out:
            self._left_out.add(metric)
            warnings.warn(
                f"HistoryRecorder: logs[{metric!r}] is not a number and is "
                f"left out. Received: {value!r}.",
                stacklevel=3,
            )


def history_frame(
    history: HistoryRecorder | keras.callbacks.History | Mapping[str, Any],
) -> "pd.DataFrame":
    """Turns a training history into a table: a line per epoch.

    Columns are the metrics in the order in which they were first logged. A
    number that was not logged in an epoch is `NaN`: values are never shifted
    to another epoch.

    Args:
        history: a `HistoryRecorder`, the `History` that `fit` returns, or its
            `.history` dict of metric name -> list of one value per epoch.
            Epochs are those recorded; for a `History` Keras's epochs (from
            `initial_epoch`) plus one; for a dict 1, 2, 3, ...

    Returns:
        A `pandas.DataFrame` of floats, indexed by `epoch` from 1.

    Raises:
        TypeError: if `history` is something else.
        ValueError: if the lists of a `History` or dict differ in length, so
            that their epochs cannot be known. A `HistoryRecorder` knows them.
        ImportError: if pandas is not installed.

    Examples:
        >>> history_frame({"loss": [0.9, 0.4], "accuracy": [0.6, 0.8]})
               loss  accuracy
        epoch
        1       0.9       0.6
        2       0.4       0.8
    """
    pd = import_optional("pandas", extra="pandas", who="history_frame")
    if isinstance(history, HistoryRecorder):
        rows: Iterable[HistoryRow] = history.rows
    elif isinstance(history, keras.callbacks.History):
        rows = _rows_of_lists(history.history, epochs=history.epoch)
    elif isinstance(history, Mapping):
        rows = _rows_of_lists(history, epochs=None)
    else:
        raise wrong(
            "history_frame",
            "history",
            "a HistoryRecorder, a keras.callbacks.History or a dict",
            history,
            fix="Pass what model.fit(...) returned.",
            error=TypeError,
        )

    table: dict[int, dict[str, float]] = {}
    metrics: dict[str, None] = {}  # an ordered set
    for row in rows:
        table.setdefault(row.epoch, {})[row.metric] = row.value
        metrics[row.metric] = None
    return pd.DataFrame(
        {m: [line.get(m, np.nan) for line in table.values()] for m in metrics},
        index=pd.Index(list(table), dtype="int64", name="epoch"),
        dtype="float64",
    )


def _rows_of_lists(
    lists: Mapping[str, Any], *, epochs: list[int] | None
) -> Iterator[HistoryRow]:
    """Yields the rows of one list of values per metric, epoch by epoch."""
    lengths = {}
    for metric, values in lists.items():
        if not isinstance(values, list | tuple | np.ndarray):
            raise wrong(
                "history_frame",
                f"history[{metric!r}]",
                "a list of one value per epoch",
                values,
                error=TypeError,
            )
        lengths[metric] = len(values)

    if len(set(lengths.values())) > 1:
        raise _ragged("lists of one length", lengths)
    length = max(lengths.values(), default=0)
    if epochs is None or length > len(epochs):
        # A dict; or a History that was itself given to several fits: Keras
        # goes on with its lists but starts its epochs again.
        epochs = list(range(length))
    elif 0 < length < len(epochs):
        raise _ragged(f"lists of {len(epochs)} values, one per epoch", lengths)

    for position, epoch in enumerate(epochs[:length]):
        for metric, values in lists.items():
            numbers = _numbers(metric, values[position])
            if numbers is None:
                raise wrong(
                    "history_frame",
                    f"history[{metric!r}]",
                    "a list of numbers",
                    values,
                    error=TypeError,
                )
            for name, number in numbers:
                yield HistoryRow(1, epoch + 1, name, number)


def _ragged(allowed: str, lengths: dict[str, int]) -> Exception:
    return wrong(
        "history_frame",
        "history",
        allowed,
        lengths,
        context="A shorter list does not say in which epochs its values were "
        "logged, so they cannot be put on a line.",
        fix="Record the training with "
        "fit(..., callbacks=[HistoryRecorder()]) and pass the recorder.",
    )


def _numbers(metric: str, value: Any) -> list[tuple[str, float]] | None:
    """Returns the (name, number) pairs of a log; `None` if not numeric."""
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
        return [(metric, array.item())]
    return [
        (f"{metric}[{','.join(map(str, position))}]", float(number))
        for position, number in np.ndenumerate(array)
    ]
