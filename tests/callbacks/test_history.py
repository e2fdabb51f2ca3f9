"""The recorder and its table, against a plain model of what was logged."""

import math

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.callbacks import HistoryRecorder, HistoryRow, history_frame

METRICS = ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]

logs = st.dictionaries(st.sampled_from(METRICS), st.floats(width=32))
# A fit: its initial_epoch and the logs of each epoch that it completed.
fits = st.lists(
    st.tuples(st.integers(0, 9), st.lists(logs, max_size=5)), max_size=4
)


def same(left, right):
    return left == right or (math.isnan(left) and math.isnan(right))


def recorded(all_fits):
    """Plays fits to a recorder, as Keras would."""
    recorder = HistoryRecorder()
    for initial_epoch, epochs in all_fits:
        recorder.on_train_begin()
        for position, entry in enumerate(epochs):
            recorder.on_epoch_begin(initial_epoch + position)
            recorder.on_epoch_end(initial_epoch + position, entry)
        recorder.on_train_end()
    return recorder


def tiny_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


def fit(model, callbacks=(), **arguments):
    x = np.arange(16, dtype="float32").reshape(8, 2) / 16
    arguments = {"epochs": 1, "verbose": 0, **arguments}
    return model.fit(
        x,
        x[:, :1],
        batch_size=4,
        validation_data=(x, x[:, :1]),
        callbacks=list(callbacks),
        **arguments,
    )


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


@given(fits)
def test_rows_are_what_was_logged_in_order(all_fits):
    rows = recorded(all_fits).rows
    logged = [
        (metric, value)
        for _, epochs in all_fits
        for entry in epochs
        for metric, value in entry.items()
    ]
    assert [row.metric for row in rows] == [metric for metric, _ in logged]
    assert all(
        same(row.value, value)
        for row, (_, value) in zip(rows, logged, strict=True)
    )
    assert all(type(row.value) is float for row in rows)


@given(fits)
def test_a_run_is_a_fit_that_completed_an_epoch(all_fits):
    runs = [
        run
        for run, epochs in enumerate(
            (epochs for _, epochs in all_fits if epochs), start=1
        )
        for entry in epochs
        for _ in entry
    ]
    assert [row.run for row in recorded(all_fits).rows] == runs


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


# --- real trainings ----------------------------------------------------------


def test_validation_every_second_epoch_stays_in_its_epoch():
    recorder = HistoryRecorder()
    history = fit(tiny_model(), [recorder], epochs=5, validation_freq=2)
    frame = history_frame(recorder)
    assert list(frame.index) == [1, 2, 3, 4, 5]
    assert set(frame.columns) == {"loss", "mae", "val_loss", "val_mae"}
    assert frame["loss"].tolist() == history.history["loss"]
    assert frame["val_loss"].notna().tolist() == [False, True] * 2 + [False]
    assert frame["val_loss"].dropna().tolist() == history.history["val_loss"]


def test_epochs_go_on_over_several_fits():
    recorder, model = HistoryRecorder(), tiny_model()
    losses = [
        loss
        for epochs in (2, 1, 2)
        for loss in fit(model, [recorder], epochs=epochs).history["loss"]
    ]
    frame = history_frame(recorder)
    assert frame["loss"].tolist() == losses
    assert list(frame.index) == [1, 2, 3, 4, 5]
    starts = {row.run: row.epoch for row in reversed(recorder.rows)}
    assert starts == {1: 1, 2: 3, 3: 4}


@pytest.mark.parametrize(
    ("fits", "epochs"),
    [
        ([(0, 2), (0, 2)], [1, 2, 3, 4]),  # Keras counts from 0 again
        ([(0, 2), (2, 4)], [1, 2, 3, 4]),  # Keras goes on
        ([(3, 5)], [4, 5]),  # resumed in a new process
        ([(0, 1), (3, 4)], [1, 4]),  # epochs between were not recorded
        ([(0, 3), (1, 3)], [1, 2, 3, 4, 5]),  # none is recorded twice
    ],
)
def test_initial_epoch(fits, epochs):
    recorder, model = HistoryRecorder(), tiny_model()
    for initial_epoch, until in fits:
        fit(model, [recorder], initial_epoch=initial_epoch, epochs=until)
    assert list(history_frame(recorder).index) == epochs


def test_interrupted_training_keeps_its_completed_epochs():
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == 2:
                raise KeyboardInterrupt

    recorder, model = HistoryRecorder(), tiny_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [recorder, Stop()], epochs=5)
    assert list(history_frame(recorder).index) == [1, 2]
    fit(model, [recorder])
    assert list(history_frame(recorder).index) == [1, 2, 3]


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


@pytest.mark.parametrize(
    "hook", [name for name in dir(keras.callbacks.Callback) if "batch" in name]
)
def test_no_hook_runs_per_batch(hook):
    theirs = getattr(keras.callbacks.Callback, hook)
    assert getattr(HistoryRecorder, hook) is theirs


# --- kinds of values ---------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        2,
        np.float16(2),
        np.array([2]),
        np.array(2, dtype="uint8"),
        keras.ops.convert_to_tensor(2.0),
        keras.ops.cast(2.0, "bfloat16"),
        keras.Variable(2.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_number_becomes_a_float(value):
    (row,) = recorded([(0, [{"loss": value}])]).rows
    assert row == HistoryRow(1, 1, "loss", 2.0)
    assert type(row.value) is float


def test_true_is_one():
    assert recorded([(0, [{"done": True}])]).rows[0].value == 1.0


def test_an_array_becomes_a_row_per_number():
    entry = {"f1": [0.5, 1.0], "confusion": np.array([[1, 2], [3, 4]])}
    assert [
        (row.metric, row.value) for row in recorded([(0, [entry])]).rows
    ] == [
        ("f1[0]", 0.5),
        ("f1[1]", 1.0),
        ("confusion[0,0]", 1.0),
        ("confusion[0,1]", 2.0),
        ("confusion[1,0]", 3.0),
        ("confusion[1,1]", 4.0),
    ]
    assert list(history_frame({"f1": [[0.5, 1.0]]})) == ["f1[0]", "f1[1]"]


@pytest.mark.parametrize("value", ["0.5", None, 1j, {"a": 1}, [[1], [2, 3]]])
def test_what_is_no_number_is_left_out_with_one_warning(value):
    entry = {"note": value, "loss": 1.0}
    with pytest.warns(UserWarning, match="note") as caught:
        rows = recorded([(0, [entry, entry])]).rows
    assert len(caught) == 1
    assert [row.metric for row in rows] == ["loss", "loss"]


def test_nothing_logged_is_an_empty_frame():
    for history in (HistoryRecorder(), keras.callbacks.History(), {}):
        if isinstance(history, keras.callbacks.History):
            history.on_train_begin()
        frame = history_frame(history)
        assert frame.shape == (0, 0)
        assert frame.index.name == "epoch"


# --- errors ------------------------------------------------------------------


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
