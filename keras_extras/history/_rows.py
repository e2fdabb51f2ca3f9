"""One number that was recorded is one row.

    (run, epoch, step, seconds, learning_rate, metric, split, value)

Rows are the whole truth: nothing in them depends on which metrics other epochs
logged, so a metric that appears late, or in every second epoch only, moves no
other number.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np


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


def metric_name(name: object) -> str:
    """Returns any name as a text that every file and table takes."""
    # Half of a surrogate pair cannot be written.
    return str(name).encode(errors="replace").decode()


def split_of(log_name: str) -> tuple[str, str]:
    """Returns metric and split of a name in Keras's logs."""
    if log_name.startswith("val_"):
        return log_name.removeprefix("val_"), "validation"
    return log_name, "train"


def numbers_in(log_name: object, value: Any) -> list[tuple[str, float]] | None:
    """Returns the (name, number) pairs of a log; `None` if not numeric."""
    name = metric_name(log_name)
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
        return [(name, array.item())]
    return [
        (f"{name}[{','.join(map(str, position))}]", float(number))
        for position, number in np.ndenumerate(array)
    ]


def single_numbers(logs: Mapping[Any, Any]) -> dict[str, float]:
    """Returns those of the logs that are one number each."""
    found = [numbers_in(name, value) or [] for name, value in logs.items()]
    return dict(numbers[0] for numbers in found if len(numbers) == 1)
