"""The limit is kept within an epoch, and the fit ends as any other."""

import time

import keras
import pytest

from keras_extras.callbacks import TimeLimit
from tests.callbacks import small

X, Y = small.data()


class Pace(keras.callbacks.Callback):
    """Takes a while for each batch, and counts hooks."""

    def __init__(self, seconds=0.05):
        super().__init__()
        self.seconds, self.batches, self.ended = seconds, 0, 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        time.sleep(self.seconds)

    def on_train_end(self, logs=None):
        self.ended += 1


def fit(model, *callbacks, epochs=50):
    return model.fit(
        X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=list(callbacks)
    )


@pytest.mark.parametrize("kind", small.KINDS)
def test_it_ends_in_an_epoch_and_says_so_in_each_fit(kind, capsys):
    model, pace, limit = small.model(kind), Pace(), TimeLimit(0.2)
    fit(model, epochs=1)  # compiles
    steps = int(model.optimizer.iterations)
    for run in (1, 2):
        history = fit(model, pace, limit)
        # 4 batches of 50 ms reach the limit, on a slow machine fewer.
        assert 1 <= pace.batches <= 4
        assert limit.stopped_epoch == 1
        assert history.epoch == [0]  # the short epoch is logged
        assert pace.ended == run
        steps += pace.batches
        assert int(model.optimizer.iterations) == steps  # weights are kept
        pace.batches = 0
        assert "0.2 seconds are over" in capsys.readouterr().out


def test_a_fit_that_is_in_time_is_left_alone(capsys):
    limit = TimeLimit(1000, verbose=0)
    assert fit(small.model(), limit, epochs=2).epoch == [0, 1]
    assert limit.stopped_epoch is None
    assert capsys.readouterr().out == ""


def test_time_spent_in_validation_counts():
    class Slow(keras.callbacks.Callback):
        def on_test_end(self, logs=None):
            time.sleep(2.0)

    model, limit = small.model(), TimeLimit(2.0, verbose=0)
    fit(model, epochs=1)
    history = model.fit(
        X, Y, epochs=5, verbose=0, callbacks=[Slow(), limit],
        validation_data=(X, Y),
    )  # fmt: skip
    assert history.epoch == [0]


@pytest.mark.parametrize(
    ("seconds", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("60", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_wrong_times_are_refused(seconds, error):
    with pytest.raises(error, match="TimeLimit: seconds must be a number"):
        TimeLimit(seconds)
