"""One epoch of training, measured: steps, seconds, examples, learning rate.

Nothing is read from the model while batches run, except the learning rate
before the first one (before each, if batches are recorded). Counts come from
the hooks: Keras says with which batch an execution ends. With which one it
begins says less: where nobody knows the length of the data, Keras begins a
batch that there is not.
"""

import collections
import math
import sys
import time
from collections.abc import Mapping
from typing import Any

import keras

from keras_extras.history._rows import numbers_in

try:
    import resource
except ImportError:  # Windows
    resource = None


class EpochMeter:
    """Measures an epoch; made anew for each."""

    def __init__(self) -> None:
        self.rate = math.nan  # of the step that runs
        self.first_rate = math.nan  # of the first step
        self._start = time.perf_counter()
        self._has_begun = False
        # Batches that ended, the last few: on JAX this happens in threads (32
        # at most), in any order; a maximum kept would need a lock.
        self._ended: collections.deque[int] = collections.deque(maxlen=64)
        self._steps = 0
        self._train_seconds: float | None = None
        self._examples: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a batch has begun."""
        return self._has_begun

    def begin_batch(self) -> None:
        """A batch is trained with next, if there is one."""
        self._has_begun = True

    def end_batch(self, batch: int) -> None:
        """Batches up to this one have been trained with."""
        self._ended.append(batch)

    def read_rate(self, model: Any) -> None:
        """Reads the learning rate of the step that comes."""
        self.rate = learning_rate(model)
        if not self.has_begun:
            self.first_rate = self.rate

    def end_training(self, model: Any) -> None:
        """The last batch is done, and Keras has not reset its metrics yet."""
        if self._train_seconds is None and self._has_begun:
            self._train_seconds = time.perf_counter() - self._start
            self._examples = _examples(model)

    def end_epoch(self, params: Mapping[str, Any] | None) -> None:
        """The hooks of all batches are done, those in threads, too."""
        if self._ended:
            self._steps = steps_after(max(self._ended), params)

    @property
    def steps(self) -> int:
        """Batches of the epoch, after `end_epoch`."""
        return self._steps

    def numbers(self) -> dict[str, float]:
        """Returns what was measured until now, by name."""
        numbers = {"epoch_seconds": time.perf_counter() - self._start}
        if self._train_seconds and self._steps:
            numbers["train_seconds"] = self._train_seconds
            numbers["step_seconds"] = self._train_seconds / self._steps
            if self._examples:
                rate = self._examples / self._train_seconds
                numbers["examples_per_second"] = rate
        if resource is not None:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            unit = 1 if sys.platform == "darwin" else 1024  # in bytes
            numbers["peak_memory_bytes"] = float(peak * unit)
        return numbers


def steps_after(batch: int, params: Mapping[str, Any] | None) -> int:
    """Returns how many batches of an epoch are done after number `batch`.

    Args:
        batch: Keras's number of the last batch of an execution, from 0.
        params: what Keras tells its callbacks; `"steps"` of an epoch in it.
    """
    steps = (params or {}).get("steps")
    # An execution of several steps may reach over the end of the data.
    return min(batch + 1, steps) if steps else batch + 1


def learning_rate(model: Any) -> float:
    """Returns the learning rate of the next step; `NaN` if there is none."""
    optimizer = getattr(model, "optimizer", None)
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        return math.nan
    return _number(rate)


def _examples(model: Any) -> float | None:
    """Returns the examples of the epoch, which weigh Keras's mean loss."""
    # A train_step of one's own may weigh its loss in another way.
    own = getattr(type(model), "train_step", None)
    if own is not keras.Model.train_step:
        return None
    for metric in model.metrics:
        if metric.name == "loss" and isinstance(metric, keras.metrics.Mean):
            return _number(metric.count)
    return None


def _number(value: Any) -> float:
    numbers = numbers_in("number", value)
    return numbers[0][1] if numbers else math.nan
