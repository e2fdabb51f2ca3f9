"""Batches made by threads while the model works on those before them.

    batch i is asked for, after i - 1  ->  i + 1 .. i + most are being made

Keras 3.15 has workers of its own for a `PyDataset`. They are not used: the
queue that they fill while a model is built is not emptied before training, so
that batches of one epoch come in the next. Here a batch waits under its epoch
and number, and nobody else gets it.
"""

import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_ASTRAY = 8  # requests out of turn, one after the other, that are no accident


class Prefetcher:
    """Gives batches, and has those that follow made beforehand.

    Args:
        make: function of epoch and number that makes a batch, in any thread.
        threads: int > 1.
        most: int > 0. How many batches may wait.
        owner: whose batches they are, for the warning.
    """

    def __init__(
        self,
        make: Callable[[int, int], Any],
        threads: int,
        most: int,
        owner: str,
    ) -> None:
        self._make = make
        self._threads, self._most, self._owner = threads, most, owner
        self._pool = ThreadPoolExecutor(threads)
        self._process = os.getpid()
        # TensorFlow asks from threads of its own, and those of an iterator
        # that Keras has given up may still be at it.
        self._lock = threading.Lock()
        self._waiting: dict[tuple[int, int], Future[Any]] = {}
        self._last = (-1, -1)
        self._astray = 0

    @property
    def has_threads(self) -> bool:
        """Whether its threads are there, and not left behind in a fork."""
        return self._process == os.getpid()

    def get(self, epoch: int, index: int, length: int) -> Any:
        """Returns a batch of an epoch of `length` batches."""
        with self._lock:
            ready = self._waiting.pop((epoch, index), None)
            in_turn = index == 0 or self._last == (epoch, index - 1)
            self._last = (epoch, index)
            self._astray = 0 if in_turn else self._astray + 1
            warn = self._astray == _ASTRAY
            stop = min(index + 1 + self._most, length) if in_turn else 0
            coming = [(epoch, later) for later in range(index + 1, stop)]
            for key in [key for key in self._waiting if key not in coming]:
                self._waiting.pop(key).cancel()
            for key in coming:
                if key not in self._waiting:
                    self._waiting[key] = self._pool.submit(self._make, *key)
        if warn:
            warnings.warn(
                f"{self._owner}: batches are asked for out of turn, so its "
                f"{self._threads} threads cannot work ahead. Keras shuffles "
                "the order of batches itself: call fit(..., shuffle=False).",
                stacklevel=4,
            )
        return ready.result() if ready else self._make(epoch, index)
