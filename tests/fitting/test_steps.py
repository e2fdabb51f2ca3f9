import copy

import keras
import pytest

from keras_extras.callbacks import HistoryRecorder, ProgressBar
from keras_extras.fitting import _steps
from keras_extras.models import EpochPath
from tests.fitting.both import (
    BACKEND,
    FAST,
    Net,
    check_same,
    compiled,
    data,
    dense,
    fitted,
)

joins = pytest.mark.skipif(
    BACKEND == "torch", reason="torch has single steps only"
)


@pytest.fixture
def calls(monkeypatch):
    """The numbers of steps per call."""
    numbers = []
    begin = _steps._Steps._begin_call

    def counted(self):
        numbers.append(begin(self))
        return numbers[-1]

    monkeypatch.setattr(_steps._Steps, "_begin_call", counted)
    return numbers


@joins
def test_steps_of_a_call_are_parts_of_the_epoch(calls, monkeypatch):
    monkeypatch.setattr(_steps, "_CALL_SECONDS", 1000.0)
    model = compiled(dense())
    model.max_steps_per_call = 4
    fitted(model, True, epochs=3)
    # The first call makes the variables; then eight are left, and nine.
    assert calls == [1, 4, 4, 3, 3, 3, 3, 3, 3]
    assert fitted(model, True)


@joins
def test_long_steps_stay_single(calls, monkeypatch):
    monkeypatch.setattr(_steps, "_CALL_SECONDS", 0.0)
    fitted(compiled(dense()), True, epochs=2)
    assert calls == [1] * 18


@joins
def test_python_in_a_step_runs_as_often_as_in_keras():
    """Also when another fit or a callback has the step compiled anew."""
    counts = []

    class Counts(keras.layers.Layer):
        def call(self, inputs):
            counts.append(1)
            return inputs * len(counts)

    def script(is_ours):
        counts.clear()
        model = Net(Counts(), keras.layers.Dense(3, activation="softmax"))
        compiled(model)
        histories = [fitted(model, is_ours, epochs=2), len(counts)]
        for options in ({"batch_size": 5}, {"callbacks": [Batches()]}):
            histories.append(fitted(model, is_ours, epochs=2, **options))
            histories.append(len(counts))
        model.parts[1].use_bias = False
        histories.append(fitted(model, is_ours, epochs=2))
        return model, histories

    check_same(script)


class Batches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def why(model=None, **options):
    model = compiled(dense()) if model is None else model
    fitted(model, True, **options)
    return model.fit_path[0].reason


class Sub(keras.callbacks.ModelCheckpoint):
    def _should_save_on_batch(self, batch):
        return False


class Sees(keras.callbacks.Callback):
    def __getattribute__(self, name):
        return super().__getattribute__(name)


def test_callbacks_that_look_at_batches(tmp_path):
    callback = Batches()
    assert why(callbacks=[callback]) == (
        "the callback Batches has the hook on_train_batch_end"
    )
    assert callback.seen == list(range(9))
    file = tmp_path / "model.keras"
    every = keras.callbacks.ModelCheckpoint(file, save_freq=100)
    hook = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: None
    )
    for callback, name in (
        (every, "ModelCheckpoint"),
        (Sub(file), "Sub"),
        (Sees(), "Sees"),
        (hook, "LambdaCallback"),
        (HistoryRecorder(per_batch=True), "HistoryRecorder"),
        (keras.callbacks.TerminateOnNaN(), "TerminateOnNaN"),
        (keras.callbacks.BackupAndRestore(tmp_path / "b", 5), "BackupAnd"),
    ):
        assert f"the callback {name}" in why(callbacks=callback)
        if keras.backend.backend() != "torch":
            break  # compiling takes long, and does not matter here


def test_callbacks_of_epochs_do_not_matter(tmp_path):
    seen = []
    callbacks = [
        keras.callbacks.EarlyStopping("loss", patience=3),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras"),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        keras.callbacks.ReduceLROnPlateau("loss"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(epoch)
        ),
        HistoryRecorder(),
        ProgressBar(),
    ]
    model = dense()
    model.build((None, 5))
    fitted(compiled(model), True, epochs=3, callbacks=callbacks)
    assert model.fit_path == [EpochPath(epoch, FAST) for epoch in range(3)]
    assert seen == [0, 1, 2]
    assert (tmp_path / "best.keras").exists()


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_reasons(monkeypatch):
    def one_batch():
        x, y = data(8)
        yield x, y

    assert why() == ""
    assert why(steps_per_epoch=4) == "steps_per_epoch is given"
    model = compiled(dense())
    hooks = keras.callbacks.CallbackList(add_history=True, model=model)
    assert "CallbackList" in why(model, callbacks=hooks)
    model = compiled(dense())
    model.max_steps_per_call = 1
    assert why(model) == "max_steps_per_call=1"
    fitted(model, True, one_batch(), batch_size=None)
    assert model.fit_path == [EpochPath(0, "ordinary", "max_steps_per_call=1")]
    model.max_steps_per_call = 2
    fitted(model, True, one_batch(), batch_size=None)
    assert model.fit_path[0].reason.startswith("x is not made of NumPy arrays")
    assert "run_eagerly" in why(compiled(dense(), run_eagerly=True))

    class Own(Net):
        def make_train_function(self, force=False):
            super().make_train_function(force)

    own = Own(keras.layers.Dense(3, activation="softmax"))
    assert "make_train_function" in why(compiled(own))
    monkeypatch.setenv("KERAS_EXTRAS_FAST", "0")
    assert why() == "KERAS_EXTRAS_FAST=0"


def test_errors_are_those_of_fit():
    model = dense()
    with pytest.raises(ValueError, match="compile"):
        model.fit(*data())
    assert model.fit_path == []
    compiled(model)
    with pytest.raises(ValueError, match="ata cardinality"):
        model.fit(data()[0], data()[1][:5])
    with pytest.raises(TypeError, match=r"fit\(\) got multiple values"):
        model.fit(*data(), 8, batch_size=8)


def test_nothing_is_left_on_the_model(tmp_path):
    model = compiled(dense())
    fitted(model, True)
    single = model.train_function
    x, y = data()
    model.train_on_batch(x[:8], y[:8])
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(self.model.train_function is single)

        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.train_function is single)
            if epoch == 1:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        fitted(model, True, epochs=3, callbacks=[Looks()])
    assert seen == [True] * 4
    assert model.train_function is single
    assert model.steps_per_execution == 1
    fits = _steps.fits_of(model)
    assert copy.deepcopy(fits).path == []
    model.save(tmp_path / "model.keras")


@joins
def test_the_state_is_kept_if_a_joined_step_fails(monkeypatch):
    """Ctrl-C within a call loses no step that was done."""
    monkeypatch.setattr(_steps, "_CALL_SECONDS", 1000.0)
    x, y = data()

    def script(is_ours):
        model = compiled(dense())
        fitted(model, is_ours, x[:8], y[:8])
        own, calls = model.train_function, []

        def failing(*args):
            calls.append(1)
            if len(calls) == 6:
                raise KeyboardInterrupt
            return own(*args)

        if BACKEND == "jax":  # on TensorFlow there is no Python in between
            model.train_function = failing
            with pytest.raises(KeyboardInterrupt):
                fitted(model, is_ours, x, y)
            model.train_function = own
        return model, fitted(model, is_ours, x, y)

    check_same(script)


def test_the_bar_of_keras_ends_at_its_end(capsys, monkeypatch):
    monkeypatch.setattr(_steps, "_CALL_SECONDS", 1000.0)
    model = compiled(dense())
    fitted(model, True, *data(8 * 13), verbose=1, epochs=2)
    out = capsys.readouterr().out
    counts = [
        tuple(map(int, part.split()[-1].split("/")))
        for part in out.replace("\x1b[1m", "\x1b").split("\x1b")
        if part[:1].isdigit() and "/" in part.split()[-1]
    ]
    assert counts
    assert all(done <= total == 13 for done, total in counts)
    assert f"{13}/{13}" in out
