"""The recorder: every number that `fit` logs, kept and made durable.

    on_epoch_end:   rows += numbers of the epoch;   file += one line; fsync

Without `per_batch` nothing is read and nothing is computed while batches run:
the hooks of a batch store its number. All else happens once per epoch.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras.callbacks._batch_values import BatchValues
from keras_extras.callbacks._epoch_meter import EpochMeter, steps_after
from keras_extras.callbacks._epochs import EpochCount
from keras_extras.callbacks._main_process import is_main_process
from keras_extras.callbacks._run_metadata import (
    describe_begin,
    describe_model,
)
from keras_extras.history import HistoryRow, history_path
from keras_extras.history._history import HistoryTables
from keras_extras.history._journal import Journal, encoded, entries_of
from keras_extras.history._rows import numbers_in, split_of


class HistoryRecorder(HistoryTables, keras.callbacks.Callback):
    """Records every number that `fit` logs, with its epoch, over several fits.

    A fit starts at `max(initial_epoch, last recorded epoch)`: a second `fit`
    goes on where the first one stopped, `initial_epoch` is honored where it
    leaves a gap, and no epoch is ever recorded twice. Numbers of an epoch are
    kept as soon as it ends, so an interrupted training keeps its completed
    epochs; the epoch that was cut short is not counted.

    With a `path` they are also on the disk as soon as it ends: a process that
    is killed has lost at most the epoch that it was in. A recorder with the
    path of an earlier training begins with its rows and adds to its file. If
    the file cannot be written, there is one warning, training goes on, and
    what is missing is written with a later epoch if that is possible again.
    One recorder writes to a file at a time; a file with the end `.lock` says
    so while it trains. Where several processes train together, the first one
    writes.

    Every value becomes a Python float. An array of several numbers gives one
    row each, named `metric[0]`, `metric[1]`, ... (`metric[0,1]` for two
    axes). What is not numeric is left out, with one warning per name, because
    a recorder must not end a training. Numbers that other callbacks add to the
    logs are recorded if these callbacks stand before the recorder.

    Besides, each epoch has rows with the split `"system"`: `epoch_seconds`,
    validation included, and `train_seconds` without it; `step_seconds`, the
    mean of a batch; `examples_per_second`, unless the model has a `train_step`
    of its own; `peak_memory_bytes` of the process so far, where the system
    tells.

    Args:
        path: `None`: rows are kept in memory only. A path that ends in
            `.jsonl`: the file of the record. Any other is the file of a model,
            such as `"digits.keras"`: the record stands beside it, as
            `"digits.keras.history.jsonl"`. Missing folders are made.
        per_batch: whether to record each batch, too: the value of the batch
            alone (split `"batch"`), for all of Keras's metrics, and Keras's
            mean over the epoch so far (split `"running"`). With
            `steps_per_execution` it is each execution. This reads the metrics
            after each batch, so that no batch begins before the last is done.
        metadata: what else to record about the runs, such as `{"seed": 1}`:
            a dict of what JSON can hold.

    Attributes:
        rows: list of `HistoryRow`, in logged order. `to_frame()` is the long
            form, `history_frame(recorder)` the wide one.
        runs: list of one dict per run: when it began, versions, backend, what
            `compile` was given, the model's size and hash, `metadata`.
        last_epoch: number of the last epoch recorded; for `initial_epoch`.

    Raises:
        RuntimeError: by `fit`, if another recorder is writing to the file.
        TypeError: if `path` is no path or `metadata` no dict.
        ValueError: if there is a file that is no record, or if `metadata`
            cannot be written as JSON.

    Examples:
        >>> recorder = HistoryRecorder()
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> for _ in range(2):
        ...     _ = model.fit(x, y, verbose=0, callbacks=[recorder])
        >>> [
        ...     (row.run, row.epoch, row.metric)
        ...     for row in recorder.rows
        ...     if row.split == "train"
        ... ]
        [(1, 1, 'loss'), (2, 2, 'loss')]
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        per_batch: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self.per_batch: bool = _checks.boolean(self, "per_batch", per_batch)
        self.metadata: dict[str, Any] = _checked(metadata)
        # With True, Keras on JAX goes on while hooks run in a thread; what is
        # read after each batch must be read before the next one.
        self.async_safe: bool = not self.per_batch
        self.rows: list[HistoryRow] = []
        self.runs: list[dict[str, Any]] = []
        self._journal: Journal | None = None
        self._unwritten = b""  # lines of the file
        self._warned = False
        self._left_out: set[str] = set()
        self._batches = BatchValues()
        if path is not None:
            self._journal = Journal(history_path(path))
        self._read()
        self._begin_run()
        self._begin_epoch()

    # --- hooks, in the order in which Keras calls them -----------------------

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Prepares for the next run; it counts once an epoch is complete."""
        journal = self._written()
        if journal is not None:
            try:
                if journal.begin() and not self._unwritten:
                    self._read()  # what another recorder has added
            except OSError as error:
                self._warn_unusable(error)
        self._begin_run()
        self._begin_epoch()
        self._about = describe_begin(self.params)

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Starts the clock of the epoch."""
        journal = self._written()
        if journal is not None:
            journal.check()
        self._begin_epoch()

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Notes that a batch begins, and before the first the learning rate."""
        # Other callbacks set an epoch's rate before this, and the next one's
        # before `on_epoch_end`.
        if self.per_batch or not self._meter.has_begun:
            self._meter.read_rate(self.model)
        self._meter.begin_batch()

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Counts; with `per_batch`, keeps the numbers of the batch."""
        self._meter.end_batch(batch)
        if not self.per_batch:
            return
        seconds = time.perf_counter() - self._run_start
        step = self._last_step + steps_after(batch, self.params)
        head = (step, seconds, self._meter.rate)
        for name, value in self._numbers(self._batches.of_batch(self.model)):
            self._numbers_of_batches.append((*head, name, "batch", value))
        for name, value in self._numbers(logs):
            self._numbers_of_batches.append((*head, name, "running", value))

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Stops the clock of training: validation begins."""
        self._meter.end_training(self.model)

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Adds the rows of the epoch, and its line to the file."""
        self._meter.end_training(self.model)
        self._meter.end_epoch(self.params)
        before = self._count.run
        epoch = self._count.complete(epoch)
        if self._count.run != before:
            self._describe(logs or {})
        self._last_step += self._meter.steps
        seconds = time.perf_counter() - self._run_start
        head = (self._last_step, seconds, self._meter.first_rate)
        numbers = self._numbers_of_batches
        for name, value in self._numbers(logs):
            numbers.append((*head, *split_of(name), value))
        for name, value in self._meter.numbers().items():
            numbers.append((*head, name, "system", value))
        rows = [HistoryRow(self._count.run, epoch, *each) for each in numbers]
        self.rows.extend(rows)
        self._unwritten += encoded(*entries_of(rows))
        self._begin_epoch()
        self._write()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Lets other recorders write to the file."""
        if self._journal is not None:
            self._journal.end()

    # --- helpers -------------------------------------------------------------

    def _begin_run(self) -> None:
        self._count.begin()
        self._about: dict[str, Any] = {}
        self._run_start = time.perf_counter()

    def _begin_epoch(self) -> None:
        self._meter = EpochMeter()
        self._batches.begin_epoch()
        # (step, seconds, learning_rate, metric, split, value)
        self._numbers_of_batches: list[tuple[Any, ...]] = []

    def _numbers(
        self, logs: Mapping[str, Any] | None
    ) -> Iterator[tuple[str, float]]:
        for name, value in (logs or {}).items():
            numbers = numbers_in(name, value)
            if numbers is None:
                self._warn_left_out(name, value)
            else:
                yield from numbers

    def _warn_left_out(self, metric: str, value: Any) -> None:
        if metric not in self._left_out:
            self._left_out.add(metric)
            warnings.warn(
                f"HistoryRecorder: logs[{metric!r}] is not a number and is "
                f"left out. Received a {type(value).__name__}.",
                stacklevel=4,
            )

    def _describe(self, logs: Mapping[str, Any]) -> None:
        about = {"run": self._count.run, **self._about}
        try:
            description = describe_model(
                self.model,
                learning_rate=self._meter.first_rate,
                metrics=[n for n in logs if split_of(n)[1] == "train"],
            )
            about.update(description)
        # A model of the user's may answer in any way; the training goes on.
        except Exception as error:
            about["model"] = {"unknown": f"{type(error).__name__}: {error}"}
        about["metadata"] = self.metadata
        line = encoded(about)
        self.runs.append(json.loads(line))  # as it is read back
        self._unwritten += line

    def _read(self) -> None:
        """Begins with what earlier trainings left in the file, if any."""
        if self._journal is not None:
            try:
                self.runs, self.rows = self._journal.read()
            except OSError as error:
                self._warn_unusable(error)
        runs = [run["run"] for run in self.runs]
        runs += [row.run for row in self.rows]
        self._count = EpochCount(max(runs, default=0), self.last_epoch)
        self._last_step = self.rows[-1].step if self.rows else 0

    def _written(self) -> Journal | None:
        """Returns the file, if there is one and this process writes it."""
        return self._journal if is_main_process() else None

    def _write(self) -> None:
        journal = self._written()
        if journal is not None:
            try:
                journal.append(self._unwritten)
            except OSError as error:
                self._warn_unusable(error)
                return
        self._unwritten = b""

    def _warn_unusable(self, error: OSError) -> None:
        if not self._warned and self._journal is not None:
            self._warned = True
            warnings.warn(
                f"HistoryRecorder: {self._journal.path} cannot be used "
                f"({error}). Training goes on; the rows are in memory.",
                stacklevel=4,
            )

    def __getstate__(self) -> dict[str, Any]:
        # The record travels; whoever receives it sets a model of its own.
        return {**self.__dict__, "_model": None, "_params": None}


def _checked(metadata: Any) -> dict[str, Any]:
    if metadata is None:
        return {}
    allowed = "a dict of what JSON can hold"
    if not isinstance(metadata, Mapping):
        raise invalid_argument(
            "HistoryRecorder", "metadata", allowed, metadata, error=TypeError
        )
    try:
        return json.loads(json.dumps(dict(metadata)))
    except (RecursionError, TypeError, ValueError) as error:
        raise invalid_argument(
            "HistoryRecorder",
            "metadata",
            allowed,
            metadata,
            context=f"{error}.",
        ) from error
