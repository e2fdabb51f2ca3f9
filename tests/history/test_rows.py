"""Rows: eight columns, and the names that Keras gives."""

from keras_extras.history import HistoryRow
from tests.history.recording import logged, recorded


def test_the_columns_are_those_of_the_issue():
    assert list(HistoryRow._fields) == [
        "run",
        "epoch",
        "step",
        "seconds",
        "learning_rate",
        "metric",
        "split",
        "value",
    ]


def test_names_of_logs_and_rows_are_those_of_keras():
    entry = {"loss": 1.0, "val_loss": 2.0, "val_val_loss": 3.0, "lr": 4.0}
    found = logged(recorded([(0, [entry])]).rows)
    assert [row.log_name for row in found] == list(entry)
    assert [(row.metric, row.split) for row in found] == [
        ("loss", "train"),
        ("loss", "validation"),
        ("val_loss", "validation"),
        ("lr", "train"),
    ]
