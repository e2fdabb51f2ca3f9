"""The recorder, against a plain model of what was logged; real trainings."""

import math
import pickle
import time

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.callbacks import HistoryRecorder, LivePlot, ProgressBar
from keras_extras.history import history_frame
from tests.history.recording import fit, logged, recorded, tiny_model

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
def test_rows_are_what_was_logged_in_order(all_fits):
    rows = logged(recorded(all_fits).rows)
    pairs = [
        (metric, value)
        for _, epochs in all_fits
        for entry in epochs
        for metric, value in entry.items()
    ]
    assert [row.log_name for row in rows] == [metric for metric, _ in pairs]
    assert all(
        same(row.value, value)
        for row, (_, value) in zip(rows, pairs, strict=True)
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
    assert [row.run for row in logged(recorded(all_fits).rows)] == runs


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


# --- what else is known ------------------------------------------------------


def system(recorder, name):
    return [row.value for row in recorder.rows if row.metric == name]


class ReduceAtEnd(keras.callbacks.Callback):
    """Sets the next epoch's rate at the end of this one, as others do."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.5 / (epoch + 2)


def test_the_learning_rate_is_that_of_the_epoch():
    recorder, model = HistoryRecorder(), tiny_model()
    model.optimizer.learning_rate = 0.5
    fit(model, [ReduceAtEnd(), recorder], epochs=3)
    rates = history_frame(recorder, details=True)["learning_rate"]
    np.testing.assert_allclose(rates, [0.5, 0.25, 0.5 / 3], rtol=1e-6)


def test_a_schedule_is_followed():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    model = tiny_model(optimizer=keras.optimizers.SGD(schedule))
    recorder = HistoryRecorder(per_batch=True)
    fit(model, [recorder], epochs=2)
    steps = history_frame(recorder, by="step", details=True)["learning_rate"]
    np.testing.assert_allclose(steps, [0.1, 0.05, 0.025, 0.0125], rtol=1e-5)
    epochs = history_frame(recorder, details=True)["learning_rate"]
    np.testing.assert_allclose(epochs, [0.1, 0.025], rtol=1e-5)


@pytest.mark.parametrize("validation_freq", [1, 5])
def test_time_steps_and_examples(validation_freq):
    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.02)

        def on_test_batch_end(self, batch, logs=None):
            time.sleep(0.05)

    recorder, model = HistoryRecorder(), tiny_model()
    fit(
        model,
        [Slow(), recorder],
        epochs=2,
        batch_size=3,
        validation_freq=validation_freq,
    )
    (train, total) = (
        system(recorder, name)[-1]
        for name in ("train_seconds", "epoch_seconds")
    )
    validated = validation_freq == 1
    assert train >= 0.06
    assert total >= train + 0.15 * validated
    assert system(recorder, "step_seconds")[-1] == train / 3
    assert system(recorder, "examples_per_second")[-1] == 8 / train
    assert history_frame(recorder, details=True)["step"].tolist() == [3, 6]
    starts = history_frame(recorder, details=True)["seconds"].tolist()
    assert starts[0] < starts[1]


def test_examples_of_a_train_step_of_ones_own_are_not_guessed():
    class Own(keras.Sequential):
        def train_step(self, *arguments):
            return super().train_step(*arguments)

    model = Own([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    recorder = HistoryRecorder()
    fit(model, [recorder])
    assert system(recorder, "train_seconds")
    assert not system(recorder, "examples_per_second")


def test_peak_memory_is_that_of_the_process():
    pytest.importorskip("resource")
    array = np.ones(30_000_000, "uint8")  # touched
    (peak,) = system(recorded([(0, [{"loss": 1.0}])]), "peak_memory_bytes")
    assert array.nbytes < peak < 1e12


def test_a_run_knows_what_it_was():
    recorder, model = HistoryRecorder(metadata={"seed": 7}), tiny_model()
    for _ in range(2):
        fit(model, [recorder], epochs=2)
    first, second = recorder.runs
    assert (first["run"], second["run"]) == (1, 2)
    assert first["metadata"] == {"seed": 7}
    assert first["backend"] == keras.backend.backend()
    assert first["epochs"] == 2
    assert first["compile"]["metrics"] == ["loss", "mae"]
    assert first["model"] == second["model"]


# --- the callback itself -----------------------------------------------------


def test_only_per_batch_makes_keras_wait_for_each_batch():
    # Keras asks this of each callback before it dispatches asynchronously.
    assert HistoryRecorder().async_safe is True
    assert HistoryRecorder(per_batch=True).async_safe is False


def test_batches_are_not_read_unless_asked(monkeypatch):
    recorder = HistoryRecorder()
    recorder.set_model(tiny_model())
    recorder.on_train_begin()
    recorder.on_epoch_begin(0)
    recorder.on_train_batch_begin(0)
    monkeypatch.setattr(HistoryRecorder, "model", property(lambda self: 1 / 0))
    for batch in range(1, 5):
        recorder.on_train_batch_end(batch - 1, {"loss": 1.0})
        recorder.on_train_batch_begin(batch)


def test_it_travels_by_pickle_even_in_training(tmp_path):
    recorder, model = HistoryRecorder(tmp_path / "a.jsonl"), tiny_model()
    fit(model, [recorder], epochs=2)
    again = pickle.loads(pickle.dumps(recorder))
    assert again.rows == recorder.rows
    assert again.model is None
    fit(model, [again], epochs=1)
    assert list(history_frame(tmp_path / "a.jsonl").index) == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"path": 1}, TypeError, "path must be a path"),
        ({"per_batch": "yes"}, TypeError, "per_batch must be True or False"),
        ({"metadata": "seed"}, TypeError, "metadata must be a dict"),
        ({"metadata": {"a": object()}}, ValueError, "not JSON serializable"),
    ],
    ids=["path", "per_batch", "type", "value"],
)
def test_arguments_are_checked(arguments, error, words):
    with pytest.raises(error, match=words):
        HistoryRecorder(**arguments)


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
    (row,) = logged(recorded([(0, [{"loss": value}])]).rows)
    assert (row.run, row.epoch, row.metric, row.value) == (1, 1, "loss", 2.0)
    assert type(row.value) is float


def test_true_is_one():
    assert logged(recorded([(0, [{"done": True}])]).rows)[0].value == 1.0


def test_an_array_becomes_a_row_per_number():
    entry = {"f1": [0.5, 1.0], "confusion": np.array([[1, 2], [3, 4]])}
    assert [
        (row.metric, row.value) for row in logged(recorded([(0, [entry])]).rows)
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
        rows = logged(recorded([(0, [entry, entry])]).rows)
    assert len(caught) == 1
    assert [row.metric for row in rows] == ["loss", "loss"]


@pytest.mark.filterwarnings("ignore:.*is not a number:UserWarning")
def test_strange_logs_end_no_training(capsys):
    class Strange(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs.update(
                {
                    3: 0.5,
                    None: 4,
                    "\ud800": 1e308,
                    "huge": 10**5000,
                    "low": -1e308,
                    "text": "no number",
                }
            )

    recorder = HistoryRecorder()
    callbacks = [Strange(), recorder, ProgressBar(), LivePlot()]
    fit(tiny_model(), callbacks, epochs=2)
    frame = history_frame(recorder)
    assert (
        frame[["3", "None", "?", "low"]].values.tolist()
        == [[0.5, 4.0, 1e308, -1e308]] * 2
    )
    assert "huge" not in frame.columns
