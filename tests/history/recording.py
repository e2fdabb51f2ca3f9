"""Recorders with something in them, and small trainings to record."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import HistoryRow


def recorded(
    all_fits: Iterable[tuple[int, Sequence[Any]]],
    recorder: HistoryRecorder | None = None,
) -> HistoryRecorder:
    """Plays fits to a recorder, as Keras would.

    Args:
        all_fits: for each fit its initial_epoch and the logs of each epoch
            that it completed.
        recorder: to be played to; `None`: a new one.
    """
    recorder = HistoryRecorder() if recorder is None else recorder
    for initial_epoch, epochs in all_fits:
        recorder.on_train_begin()
        for position, entry in enumerate(epochs):
            recorder.on_epoch_begin(initial_epoch + position)
            recorder.on_epoch_end(initial_epoch + position, entry)
        recorder.on_train_end()
    return recorder


def logged(rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """Returns the rows of what Keras logged for epochs."""
    return [row for row in rows if row.split in ("train", "validation")]


def tiny_model(**arguments: Any) -> Any:
    """Returns a compiled model of one unit."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    arguments = {"optimizer": "sgd", "metrics": ["mae"], **arguments}
    model.compile(loss="mse", **arguments)
    return model


def fit(model: Any, callbacks: Iterable[Any] = (), **arguments: Any) -> Any:
    """Trains on eight examples in two batches, with validation."""
    x = np.arange(16, dtype="float32").reshape(8, 2) / 16
    arguments = {"epochs": 1, "verbose": 0, "batch_size": 4, **arguments}
    return model.fit(
        x,
        x[:, :1],
        validation_data=(x, x[:, :1]),
        callbacks=list(callbacks),
        **arguments,
    )
