"""Measures what a HistoryRecorder costs per batch: under 20 microseconds.

    KERAS_BACKEND=torch python -m benchmarks.recorder

Three things are timed. First the hooks alone, as Keras calls them for a batch:
their own cost, without a training around them. Then the end of an epoch, once
per epoch, with a journal that is synchronized with the disk. Then `fit` of a
tiny model with and without a recorder, one epoch of each in turn, so that all
see the same disturbance; printed are the median and the median difference to
the first kind, per batch. The second kind is the first again: what it differs
by is noise.
"""

import os
import statistics
import tempfile
import time
from typing import Any

import keras
import numpy as np

from keras_extras.callbacks import HistoryRecorder

BATCHES, ROUNDS = 300, 7


def hooks() -> float:
    """Returns seconds per batch of the recorder's own hooks."""
    recorder = HistoryRecorder()
    recorder.set_model(keras.Sequential([keras.layers.Dense(1)]))
    recorder.on_train_begin()
    recorder.on_epoch_begin(0)
    recorder.on_train_batch_begin(0)
    logs, times = {"loss": 1.0, "accuracy": 0.5}, []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for batch in range(1, 20_001):
            recorder.on_train_batch_begin(batch)
            recorder.on_train_batch_end(batch, logs)
        times.append((time.perf_counter() - start) / 20_000)
    return statistics.median(times)


def epoch_end(folder: str) -> float:
    """Returns seconds for what is done once per epoch."""
    recorder, times = HistoryRecorder(os.path.join(folder, "a.jsonl")), []
    recorder.on_train_begin()
    for epoch in range(50):
        recorder.on_epoch_begin(epoch)
        start = time.perf_counter()
        recorder.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 0.5})
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def epochs() -> dict[str, list[float]]:
    """Returns seconds per batch of fit, for each kind all rounds."""
    model: Any = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((BATCHES * 4, 8), "float32")
    y = np.ones((BATCHES * 4, 4), "float32")
    kinds = {
        "without": list,
        "without, again": list,
        "with": lambda: [HistoryRecorder()],
        "with per_batch": lambda: [HistoryRecorder(per_batch=True)],
    }
    times = {name: [] for name in kinds}
    for turn in range(ROUNDS + 1):
        for name, callbacks in kinds.items():
            given = callbacks()
            start = time.perf_counter()
            model.fit(x, y, batch_size=4, verbose=0, callbacks=given)
            if turn:  # the first compiles
                seconds = time.perf_counter() - start
                times[name].append(seconds / BATCHES)
    return times


def main() -> None:
    """Prints a line per measurement, in microseconds per batch."""
    print(f"{keras.backend.backend()}, Keras {keras.__version__}")
    print(f"hooks alone {hooks() * 1e6:16.2f} us per batch")
    with tempfile.TemporaryDirectory() as folder:
        seconds = epoch_end(folder)
    print(f"end of an epoch {seconds * 1e3:12.2f} ms per epoch, with a journal")
    times = epochs()
    base = times["without"]
    for name, own in times.items():
        # In each turn all see the same machine: differences, then the median.
        more = statistics.median(
            mine - theirs for mine, theirs in zip(own, base, strict=True)
        )
        middle = statistics.median(own)
        print(
            f"{name:16s}{middle * 1e6:12.1f} {more * 1e6:+10.1f} us per batch"
        )


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    main()
