"""Epochs that go on over several fits, and callbacks that add rows to each.

    epoch = max(Keras's epoch, last epoch that was counted) + 1

Keras counts epochs from 0 and anew in each `fit`; here they go on.
"""

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from keras_extras import _checks
from keras_extras._errors import import_optional, invalid_argument
from keras_extras.callbacks._callback import Callback

if TYPE_CHECKING:
    import pandas as pd


class EpochCount:
    """Counts runs from 1, and epochs from 1 over all runs.

    Attributes:
        run: number of the fit, counted once it has completed an epoch.
        epoch: number of the last epoch that was completed.
    """

    def __init__(self, run: int = 0, epoch: int = 0) -> None:
        self.run = run
        self.epoch = epoch
        self._shift: int | None = None  # from Keras's epoch to ours

    def begin(self) -> None:
        """Says that a fit begins."""
        self._shift = None

    def complete(self, epoch: int) -> int:
        """Returns the number of the epoch that Keras numbers `epoch`."""
        if self._shift is None:
            self.run += 1
            self._shift = max(self.epoch - epoch, 0) + 1
        self.epoch = epoch + self._shift
        return self.epoch


class EpochRows(Callback):
    """Base of callbacks that append rows at the end of each epoch.

    Subclasses say what a row is, and which numbers of it are logged.
    """

    row: ClassVar[type]  # a NamedTuple

    def __init__(self, add_to_logs: bool) -> None:
        super().__init__()
        self.add_to_logs: bool = _checks.boolean(
            self, "add_to_logs", add_to_logs
        )
        self.rows: list[Any] = []
        self._count = EpochCount()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Prepares for the next run."""
        self._count.begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Appends the rows of the epoch, and logs their numbers if asked."""
        epoch = self._count.complete(epoch)
        rows = self._rows_of(self._count.run, epoch)
        self.rows.extend(rows)
        if self.add_to_logs:
            numbers = {}
            for row in rows:
                numbers.update(self._logged(row))
            add_to_logs(logs, self, numbers)

    def frame(self) -> "pd.DataFrame":
        """Returns the rows as a `pandas.DataFrame`, one column per field.

        For a table with a line per epoch: `frame().pivot(index="epoch",
        columns="layer", values="norm")`, or `columns="weight"`.

        Raises:
            ImportError: if pandas is not installed.
        """
        owner = type(self).__name__
        pd = import_optional("pandas", extra="pandas", owner=owner)
        fields: Any = self.row
        return pd.DataFrame(self.rows, columns=list(fields._fields))

    def _rows_of(self, run: int, epoch: int) -> list[Any]:
        raise NotImplementedError  # each measures something else

    def _logged(self, row: Any) -> dict[str, float]:
        raise NotImplementedError  # each has names of its own


def add_to_logs(
    logs: MutableMapping[str, Any] | None,
    owner: object,
    numbers: Mapping[str, float],
) -> None:
    """Puts numbers into the logs of an epoch, for the callbacks that follow."""
    logs = {} if logs is None else logs
    for name, number in numbers.items():
        if name in logs:
            raise invalid_argument(
                owner,
                "name of a metric",
                "one that is not logged yet",
                name,
                fix="Give one of the callbacks another prefix.",
            )
        logs[name] = number


def weight_names(model: Any, weights: Any) -> list[str]:
    """Returns the paths of weights of a model, a number after repeated ones."""
    names: dict[str, None] = {}
    for weight in weights:
        # Some models put their own name in front, others do not.
        path = weight.path.removeprefix(f"{model.name}/")
        name, number = path, 1
        while name in names:
            number += 1
            name = f"{path}_{number}"
        names[name] = None
    return list(names)
