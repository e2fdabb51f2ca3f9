"""Ctrl-C in a fit, by real signals to this very process."""

import os
import signal
import threading

import keras
import numpy as np
import pytest

from keras_extras.callbacks import BestWeightsOnInterrupt
from keras_extras.callbacks._best_weights import _monitored
from tests.callbacks import small

X, Y = small.data()

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(),
    reason="signals reach the main thread only",
)


class CtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C at a batch, so many times; notes weights and hooks."""

    def __init__(self, epoch=2, batch=1, times=1, where="train"):
        super().__init__()
        self.place, self.times, self.where = (epoch, batch), times, where
        self.weights, self.ended, self.batches = [], False, []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.batches.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.batches[-1] += 1
        if self.where == "train" and (self.epoch, batch) == self.place:
            self.press()

    def on_test_batch_end(self, batch, logs=None):
        if self.where == "test" and (self.epoch, batch) == self.place:
            self.press()

    def press(self):
        for _ in range(self.times):
            os.kill(os.getpid(), signal.SIGINT)

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())

    def on_train_end(self, logs=None):
        self.ended = True


def fit(model, *callbacks, epochs=9, **arguments):
    return model.fit(
        X,
        Y,
        batch_size=16,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
        validation_data=(X[:9], Y[:9]),
        **arguments,
    )


@pytest.fixture(autouse=True)
def handler():
    """Each test gives Ctrl-C back to whom it found it with: Python's own.

    A process that a shell starts in the background ignores Ctrl-C.
    """
    outer = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    signal.signal(signal.SIGINT, outer)


def test_who_ignores_ctrl_c_goes_on():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        keeper = BestWeightsOnInterrupt("loss", verbose=0)
        history = fit(small.model(), keeper, CtrlC(), epochs=4)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert len(history.epoch) == 4
    assert not keeper.interrupted


@pytest.mark.parametrize("kind", small.KINDS)
def test_the_fit_ends_with_all_hooks_and_the_best_weights(kind, capsys):
    model, press = small.model(kind), CtrlC()
    # It falls from the first epoch on: the first one is the best for "max".
    keeper = BestWeightsOnInterrupt("val_loss", mode="max")
    stop = keras.callbacks.EarlyStopping("loss", patience=99)
    history = fit(model, keeper, press, stop)
    assert history.epoch == [0, 1, 2]
    assert press.batches == [3, 3, 2]  # after the batch in progress
    assert press.ended
    assert keeper.interrupted
    values = history.history["val_loss"]
    assert keeper.best == max(values)
    assert keeper.best_epoch == int(np.argmax(values)) + 1
    best = press.weights[keeper.best_epoch - 1]
    for left, right in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(left, right)
    said = capsys.readouterr().out
    assert "ends after this batch" in said
    assert f"those of epoch {keeper.best_epoch}" in said

    # And in a second fit; also the next fit without Ctrl-C is as ever.
    assert fit(model, keeper, CtrlC(0, 0)).epoch == [0]
    assert fit(model, keeper, epochs=2).epoch == [0, 1]
    assert not keeper.interrupted


@pytest.mark.parametrize("seconds", [0.1, 0.17])
def test_while_a_step_is_at_work(seconds):
    """The signal comes at any moment, from outside, and not in a hook."""
    model, keeper = small.model(), BestWeightsOnInterrupt("loss", verbose=0)

    def press_later(epoch, logs):
        if epoch == 1:  # compiled, and Ctrl-C is handled
            process = (os.getpid(), signal.SIGINT)
            threading.Timer(seconds, os.kill, process).start()

    later = keras.callbacks.LambdaCallback(on_epoch_begin=press_later)
    history = fit(model, keeper, later, epochs=1000)
    assert keeper.interrupted
    assert 1 < len(history.epoch) < 1000
    for weight in model.get_weights():
        assert np.isfinite(weight).all()


def test_in_a_validation_the_epoch_is_finished():
    press = CtrlC(1, 0, where="test")
    history = fit(small.model(), BestWeightsOnInterrupt(verbose=0), press)
    assert history.epoch == [0, 1]
    assert len(history.history["val_loss"]) == 2


def test_the_second_ctrl_c_raises():
    keeper = BestWeightsOnInterrupt(verbose=0)
    with pytest.raises(KeyboardInterrupt):
        fit(small.model(), keeper, CtrlC(times=2))


def test_last_weights_stay_if_asked():
    model, press = small.model(), CtrlC()
    keeper = BestWeightsOnInterrupt(
        "no such", restore_best_weights=False, verbose=0
    )
    fit(model, keeper, press)
    for left, right in zip(model.get_weights(), press.weights[-1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_early_stopping_restores_its_weights_after_ctrl_c():
    model, press = small.model(), CtrlC()
    stop = keras.callbacks.EarlyStopping(
        "val_loss", mode="max", patience=99, restore_best_weights=True
    )
    keeper = BestWeightsOnInterrupt(restore_best_weights=False, verbose=0)
    history = fit(model, press, stop, keeper)
    best = press.weights[int(np.argmax(history.history["val_loss"]))]
    for left, right in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(left, right)


def test_ctrl_c_is_given_back_after_an_error(handler):
    def fail(batch, logs):
        raise RuntimeError("no more")

    keeper = BestWeightsOnInterrupt("loss", verbose=0)
    model = small.model()
    broken = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no more"):
            fit(model, keeper, broken)
    # Keras ran no last hook, but nothing is at work that could be ended.
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == handler


def test_two_of_them_and_an_own_handler():
    calls = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    try:
        keepers = [BestWeightsOnInterrupt(verbose=0) for _ in range(2)]
        history = fit(small.model(), *keepers, CtrlC())
        assert history.epoch == [0, 1, 2]
        assert calls == []
        os.kill(os.getpid(), signal.SIGINT)
        assert calls == [1]  # the own handler is back, or is asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_happens():
    found = []

    def work():
        keeper = BestWeightsOnInterrupt(verbose=0)
        found.append(fit(small.model(), keeper, epochs=1).epoch)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[0]]


def test_validation_that_never_ran_is_said_at_the_end():
    keeper = BestWeightsOnInterrupt(verbose=0)
    with pytest.warns(UserWarning, match="val_loss was never logged"):
        small.model().fit(
            X, Y, batch_size=16, epochs=5, verbose=0,
            callbacks=[keeper, CtrlC(1)],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"monitor": 3}, TypeError, "monitor must be the name of a metric"),
        ({"mode": "best"}, ValueError, "mode must be one of"),
        ({"monitor": "strange"}, ValueError, "'min' or 'max' for this metric"),
        ({"restore_best_weights": 2}, TypeError, "must be True or False"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        BestWeightsOnInterrupt(**arguments)


def test_an_unknown_monitor_is_named_in_the_first_epoch(handler):
    keeper = BestWeightsOnInterrupt("val_acc")
    with pytest.raises(ValueError, match="Did you mean 'val_accuracy'"):
        fit(small.model(), keeper)
    keeper._give_back()


def test_monitored():
    logs = {"loss": 1.0}
    assert _monitored("X", "loss", logs) == 1.0
    assert _monitored("X", "val_loss", logs) is None  # may come yet


@pytest.mark.parametrize(
    "value",
    [np.ones(3), [0.5, 1.0], {"a": 1.0}, "high", keras.ops.ones(3)],
    ids=lambda value: type(value).__name__,
)
def test_a_monitor_that_is_no_number_is_named(value):
    words = r"X: monitor must be a metric that is one number.*monitor='f1'"
    with pytest.raises(ValueError, match=words):
        _monitored("X", "f1", {"f1": value})


@pytest.mark.parametrize(
    ("monitor", "words"),
    [
        ("acc", r"\['loss', 'accuracy'\].*Did you mean 'accuracy'"),
        ("val_acc", r"Did you mean 'val_accuracy'"),
        ("zzz", r"one of \['loss', 'accuracy'\]\. Received: monitor='zzz'\.$"),
    ],
)
def test_an_unknown_monitor_names_what_there_is(monitor, words):
    with pytest.raises(ValueError, match=words):
        _monitored("X", monitor, {"loss": 1.0, "accuracy": 0.5})
