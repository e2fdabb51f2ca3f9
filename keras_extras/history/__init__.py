"""What was recorded: rows, tables, files and comparisons of trainings."""

from keras_extras.history._compare import best_epochs, compare
from keras_extras.history._directions import metric_direction
from keras_extras.history._frame import history_frame
from keras_extras.history._history import TrainingHistory, read_history
from keras_extras.history._journal import history_path
from keras_extras.history._rows import HistoryRow

__all__ = [
    "HistoryRow",
    "TrainingHistory",
    "best_epochs",
    "compare",
    "history_frame",
    "history_path",
    "metric_direction",
    "read_history",
]
