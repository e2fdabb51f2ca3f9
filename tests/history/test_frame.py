"""The wide table, against a plain model of what was logged."""

import math

import keras
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import TrainingHistory, history_frame
from tests.history.recording import fit, recorded, tiny_model

METRICS = ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]

logs = st.dictionaries(st.sampled_from(METRICS), st.floats(width=32))
# A fit: its initial_epoch and the logs of each epoch that it completed.
fits = st.lists(
    st.tuples(st.integers(0, 9), st.lists(logs, max_size=5)), max_size=4
)


def same(left, right):
    return left == right or (math.isnan(left) and math.isnan(right))


# --- definition --------------------------------------------------------------


@given(fits)
def test_frame_holds_each_number_at_its_epoch_and_nothing_else(all_fits):
    expected, order, done = {}, [], 0
    for initial_epoch, epochs in all_fits:
        done = max(done, initial_epoch) if epochs else done
        for entry in epochs:
            done += 1
            for metric, value in entry.items():
                expected[done, metric] = value
                order += [metric] if metric not in order else []

    frame = history_frame(recorded(all_fits))

    assert list(frame.columns) == order
    assert list(frame.index) == sorted({epoch for epoch, _ in expected})
    assert frame.index.name == "epoch"
    assert all(dtype == "float64" for dtype in frame.dtypes)
    for epoch in frame.index:
        for metric in frame.columns:
            logged = expected.get((epoch, metric), math.nan)
            assert same(frame.loc[epoch, metric], logged)


@given(st.lists(st.lists(st.floats(width=32), min_size=3, max_size=3)))
def test_frame_of_equal_lists_is_these_lists(columns):
    lists = {f"metric{i}": column for i, column in enumerate(columns)}
    pd.testing.assert_frame_equal(
        history_frame(lists),
        pd.DataFrame(
            lists, index=pd.Index([1, 2, 3][: 3 * bool(lists)], name="epoch")
        ).astype("float64"),
        check_index_type=bool(lists),
        check_column_type=bool(lists),
    )


def test_frame_of_history_is_that_of_the_recorder():
    recorder = HistoryRecorder()
    history = fit(tiny_model(), [recorder], epochs=5, initial_epoch=2)
    frame = history_frame(history)
    assert list(frame.index) == [3, 4, 5]
    pd.testing.assert_frame_equal(frame, history_frame(recorder))
    pd.testing.assert_frame_equal(
        history_frame(history.history), frame.set_axis([1, 2, 3], axis=0)
        .rename_axis("epoch"),
    )  # fmt: skip


def test_one_history_given_to_two_fits_counts_through():
    history, model = keras.callbacks.History(), tiny_model()
    fit(model, [history], epochs=2)
    fit(model, [history], epochs=1)
    assert list(history_frame(history).index) == [1, 2, 3]


def test_nothing_logged_is_an_empty_frame():
    for history in (HistoryRecorder(), keras.callbacks.History(), {}):
        if isinstance(history, keras.callbacks.History):
            history.on_train_begin()
        frame = history_frame(history)
        assert frame.shape == (0, 0)
        assert frame.index.name == "epoch"


def test_ragged_lists_are_refused_and_the_recorder_recommended():
    history = fit(tiny_model(), epochs=4, validation_freq=2)
    for ragged in (history, history.history):
        with pytest.raises(ValueError, match="'val_loss': 2") as caught:
            history_frame(ragged)
        assert "HistoryRecorder" in str(caught.value)
        assert "'loss': 4" in str(caught.value)


def test_equal_lists_shorter_than_the_epochs_are_refused():
    history = keras.callbacks.History()
    history.set_model(tiny_model())
    history.on_train_begin()
    history.on_epoch_end(0, {})
    history.on_epoch_end(1, {"loss": 1.0})
    with pytest.raises(ValueError, match="lists of 2 values"):
        history_frame(history)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (None, "history must be a HistoryRecorder"),
        ([1.0], "history must be a HistoryRecorder"),
        ({"loss": 0.5}, "history\\['loss'\\] must be a list of one value"),
        ({"loss": "0.5"}, "history\\['loss'\\] must be a list of one value"),
        ({"loss": ["low"]}, "history\\['loss'\\] must be a list of numbers"),
    ],
)
def test_wrong_types_are_refused(history, words):
    with pytest.raises(TypeError, match=words):
        history_frame(history)


def test_without_pandas_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-extras\[pandas"):
        history_frame({})


# --- more columns, other lines -----------------------------------------------


def test_details_stand_around_the_metrics():
    recorder = recorded([(0, [{"loss": 3.0}, {"loss": 2.0, "val_loss": 4.0}])])
    frame = history_frame(recorder, details=True)
    columns = list(frame.columns)
    assert columns[:4] == ["run", "step", "seconds", "learning_rate"]
    assert columns[4:6] == ["loss", "val_loss"]
    assert columns[6] == "epoch_seconds"
    assert frame["run"].tolist() == [1, 1]
    assert frame["seconds"].is_monotonic_increasing
    pd.testing.assert_frame_equal(
        frame[["loss", "val_loss"]], history_frame(recorder)
    )


def test_by_step_has_a_line_per_batch():
    recorder, model = HistoryRecorder(per_batch=True), tiny_model()
    fit(model, [recorder], epochs=3)
    frame = history_frame(recorder, by="step")
    assert frame.index.name == "step"
    assert list(frame.index) == [1, 2, 3, 4, 5, 6]
    assert set(frame.columns) == {"loss", "mae"}
    detailed = history_frame(recorder, by="step", details=True)
    assert detailed["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert "epoch_seconds" not in detailed
    assert list(history_frame(recorder).index) == [1, 2, 3]


def test_a_path_is_read(tmp_path):
    recorder = recorded([(0, [{"loss": 3.0}])])
    path = recorder.save(tmp_path / "m.keras")
    for history in (path, str(path), TrainingHistory(recorder.rows)):
        pd.testing.assert_frame_equal(
            history_frame(history), history_frame(recorder)
        )


def test_by_is_checked():
    with pytest.raises(
        ValueError, match=r"by must be one of \('epoch', 'step'\)"
    ):
        history_frame({}, by="batch")


@pytest.mark.parametrize("details", [False, True])
def test_a_history_that_was_never_fitted_is_empty(details):
    frame = history_frame(keras.callbacks.History(), details=details)
    assert frame.empty
    assert frame.index.name == "epoch"


@pytest.mark.parametrize("first", [True, False])
def test_details_keep_a_logged_learning_rate(first):
    lists = {"loss": [0.5, 0.25], "learning_rate": [0.1, 0.05]}
    if not first:
        lists = dict(reversed(lists.items()))
    frame = history_frame(lists, details=True)
    assert frame["learning_rate"].tolist() == [0.1, 0.05]
    assert frame["loss"].tolist() == [0.5, 0.25]
    assert frame["seconds"].isna().all()
