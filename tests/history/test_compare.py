"""Several trainings in one table."""

import math

import pandas as pd
import pytest

from keras_extras.history import (
    HistoryRow,
    TrainingHistory,
    best_epochs,
    compare,
    history_frame,
)
from tests.history.recording import fit, recorded, tiny_model

SMALL = {"loss": [3.0, 1.0, 2.0], "val_accuracy": [0.1, 0.5, 0.5]}
LARGE = {"loss": [9.0], "val_accuracy": [0.9]}


def test_the_rows_of_all_stand_under_each_other():
    runs = {name: recorded([(0, [{"loss": 1.0}] * 2)]) for name in ("a", "b")}
    frame = compare(runs)
    assert list(frame.columns) == ["name", *HistoryRow._fields]
    for name, recorder in runs.items():
        own = frame[frame["name"] == name].drop(columns="name")
        pd.testing.assert_frame_equal(
            own.reset_index(drop=True), recorder.to_frame()
        )


def test_whatever_holds_a_history_is_taken(tmp_path):
    recorder = recorded([(0, [{"loss": 3.0}, {"loss": 1.0}])])
    history = fit(tiny_model(), epochs=2)
    frame = history_frame(recorder)
    frame.loc[3, "loss"] = math.nan  # was not logged there
    runs = {
        "recorder": recorder,
        "read": TrainingHistory(recorder.rows),
        "path": recorder.save(tmp_path / "m.keras"),
        "frame": frame,
        "dict": {"loss": [3.0, 1.0]},
    }
    table = compare({**runs, "keras": history})
    table = table[(table["metric"] == "loss") & (table["split"] == "train")]
    for name in runs:
        own = table[table["name"] == name]
        assert own[["epoch", "value"]].to_numpy().tolist() == [[1, 3], [2, 1]]
    own = table[table["name"] == "keras"]
    assert own["value"].tolist() == history.history["loss"]


def test_a_list_is_named_by_file_or_position(tmp_path):
    path = recorded([(0, [{"loss": 3.0}])]).save(tmp_path / "a.jsonl")
    frame = compare([path, SMALL, LARGE])
    assert list(frame["name"].unique()) == ["a.jsonl", "run 2", "run 3"]
    with pytest.raises(ValueError, match="different names"):
        compare([path, path])


def test_nothing_to_compare_is_an_empty_table():
    for frame in (compare([]), compare({})):
        assert list(frame.columns) == ["name", *HistoryRow._fields]
        assert frame.empty
    assert best_epochs({}, "loss").empty


def test_the_best_epoch_is_the_first_of_the_best():
    runs = {"small": SMALL, "large": LARGE, "none": {"mae": [1.0]}}
    by_loss = best_epochs(runs, "loss")
    assert by_loss["epoch"].to_dict() == {"small": 2, "large": 1}
    assert by_loss.loc["small", "loss"] == 1.0
    by_accuracy = best_epochs(runs, "val_accuracy")
    assert by_accuracy["epoch"].to_dict() == {"small": 2, "large": 1}
    assert by_accuracy.loc["small", "val_accuracy"] == 0.5
    assert best_epochs(runs, "loss", mode="max").loc["small", "epoch"] == 1


def test_nan_is_never_best():
    runs = {"a": {"loss": [math.nan, 5.0]}, "b": {"loss": [math.nan]}}
    assert best_epochs(runs, "loss")["epoch"].to_dict() == {"a": 2}


@pytest.mark.parametrize("runs", ["a.jsonl", None, 3], ids=str)
def test_one_history_is_no_list(runs):
    with pytest.raises(TypeError, match="runs must be a dict"):
        compare(runs)


def test_what_is_no_history_is_named():
    with pytest.raises(TypeError, match="compare: history must be"):
        compare([3])


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("auto", "'score' does not say"),
        ("largest", 'mode must be "auto", "min" or "max"'),
    ],
)
def test_mode_is_checked(mode, words):
    with pytest.raises(ValueError, match=words):
        best_epochs({"a": {"score": [1.0]}}, "score", mode=mode)
