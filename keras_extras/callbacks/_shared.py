"""What the callbacks share: checked arguments, epochs over fits, messages.

    epoch = max(Keras's epoch, last epoch that was counted) + 1

Keras counts epochs from 0 and anew in each `fit`; here they go on.
"""

import difflib
import logging
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from keras_extras._errors import import_optional, invalid_argument

if TYPE_CHECKING:
    import pandas as pd

# Names, or parts of names, of metrics that get better by growing.
_UP = (
    "acc",
    "auc",
    "cosine_similarity",
    "f1",
    "f_",
    "fbeta",
    "iou",
    "precision",
    "r2",
    "recall",
    "sensitivity",
    "specificity",
    "top_k",
)
_DOWN = ("crossentropy", "divergence", "error", "hinge", "loss", "mae", "mse")


def model_of(callback: keras.callbacks.Callback) -> Any:
    """Returns the model of a callback that is in use.

    On JAX it first gets the weights that its step has at the moment; so this is
    for hooks, not for other moments, and for hooks of batches if need be only.
    """
    return callback.model


class EpochCount:
    """Counts runs from 1, and epochs from 1 over all runs.

    Attributes:
        run: number of the fit, counted once it has completed an epoch.
        epoch: number of the last epoch that was completed.
    """

    def __init__(self, run: int = 0, epoch: int = 0):
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


class EpochRows(keras.callbacks.Callback):
    """Base of callbacks that append rows at the end of each epoch.

    Subclasses say what a row is, and which numbers of it are logged.
    """

    row: ClassVar[type]  # a NamedTuple

    def __init__(self, add_to_logs: bool):
        super().__init__()
        self.add_to_logs = boolean(self, "add_to_logs", add_to_logs)
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
            add_to({} if logs is None else logs, self, numbers)

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


class Values:
    """Copies of the values of variables, to be put back bit for bit."""

    def __init__(self, variables: Any):
        # Copied: on the CPU, JAX and torch hand out views, and JAX frees what
        # it was given when the next step of training begins.
        self._kept = [
            (one, np.array(keras.ops.convert_to_numpy(one.value)))
            for one in variables
        ]

    def restore(self) -> None:
        """Gives each variable the value that it had."""
        for variable, value in self._kept:
            variable.assign(value)


def monitored(
    owner: object, monitor: str, logs: Mapping[str, Any]
) -> float | None:
    """Returns the number in `logs`, or `None` if it may come in another epoch.

    Raises:
        ValueError: if there is no such metric, or if it is not one number.
    """
    if monitor in logs:
        try:
            return float(logs[monitor])
        # torch raises a RuntimeError for a tensor of several numbers.
        except (TypeError, ValueError, RuntimeError) as error:
            raise invalid_argument(
                owner, "monitor", "a metric that is one number", monitor
            ) from error
    # Validation need not run in every epoch.
    if monitor.startswith("val_") and monitor.removeprefix("val_") in logs:
        return None
    known = list(logs)
    known += [f"val_{name}" for name in logs if not name.startswith("val_")]
    close = difflib.get_close_matches(monitor, known, n=1, cutoff=0.5)
    raise invalid_argument(
        owner,
        "monitor",
        f"a metric that is logged: one of {list(logs)}",
        monitor,
        fix=f"Did you mean {close[0]!r}?" if close else "",
    )


def direction(owner: object, monitor: str, mode: str) -> int:
    """Returns 1 if a larger number is better, -1 if a smaller one is."""
    choice(owner, "mode", mode, ("auto", "min", "max"))
    if mode != "auto":
        return 1 if mode == "max" else -1
    name = monitor.removeprefix("val_")
    if any(part in name for part in _DOWN):
        return -1
    if any(part in name for part in _UP):
        return 1
    raise invalid_argument(
        owner,
        "mode",
        "'min' or 'max' for this metric",
        mode,
        context=f"Its name does not tell what is better: monitor={monitor!r}.",
    )


def choice(owner: object, name: str, value: Any, options: tuple) -> Any:
    """Returns `value` if it is one of `options`."""
    if value not in options:
        close = difflib.get_close_matches(str(value), options, n=1)
        raise invalid_argument(
            owner,
            name,
            f"one of {options}",
            value,
            fix=f"Did you mean {close[0]!r}?" if close else "",
        )
    return value


def count(owner: object, name: str, value: Any) -> int:
    """Returns `value`, a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise invalid_argument(
            owner, name, "a positive integer", value, error=TypeError
        )
    if value < 1:
        raise invalid_argument(owner, name, "a positive integer", value)
    return int(value)


def positive(owner: object, name: str, value: Any) -> float:
    """Returns `value`, a finite number above 0."""
    allowed = "a number above 0"
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    if not 0 < float(value) < math.inf:
        raise invalid_argument(owner, name, allowed, value)
    return float(value)


def boolean(owner: object, name: str, value: Any) -> bool:
    """Returns `value`, which is True or False."""
    if not isinstance(value, bool):
        raise invalid_argument(
            owner, name, "True or False", value, error=TypeError
        )
    return value


def file_path(owner: object, name: str, value: Any) -> str:
    """Returns `value`, a path of a file, as text; `~` is the home folder."""
    if not isinstance(value, str | os.PathLike):
        raise invalid_argument(owner, name, "a path", value, error=TypeError)
    return os.path.expanduser(os.fspath(value))


def add_to(logs: Any, owner: object, numbers: Mapping[str, float]) -> None:
    """Puts numbers into the logs of an epoch, for the callbacks that follow."""
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


def say(text: str) -> None:
    """Prints a line; logs it where Keras's interactive logging is off."""
    if keras.config.is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        logging.getLogger("keras_extras").info(text)


def ipython_display() -> Any:
    """Returns IPython's `display` if this is a notebook, else `None`."""
    import sys

    # Whoever runs in a notebook has it loaded: no need to import it.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    import importlib

    return importlib.import_module("IPython.display").display
