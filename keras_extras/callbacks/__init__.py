"""Callbacks: what `fit` records while it trains, and how to read it later."""

from keras_extras.callbacks._history import (
    HistoryRecorder,
    HistoryRow,
    history_frame,
)

__all__ = ["HistoryRecorder", "HistoryRow", "history_frame"]
