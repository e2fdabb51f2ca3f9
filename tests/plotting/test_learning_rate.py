import keras
import numpy as np
import pytest

from keras_extras.callbacks import HistoryRecorder
from keras_extras.plotting import LearningRateDisplay


def test_drawn_rates_are_the_given_ones():
    display = LearningRateDisplay([1, 2, 3], [0.1, np.nan, 0.05], name="a")
    line = display.plot().line_
    assert line.get_xdata().tolist() == [1, 3]
    assert line.get_ydata().tolist() == [0.1, 0.05]
    assert display.ax_.get_title() == "a"
    assert display.ax_.get_xlabel() == "epoch"


@pytest.mark.parametrize(
    ("rates", "scale"),
    [([0.1, 0.001], "log"), ([0.1, 0.05], "linear"), ([0.1, 0.0], "linear")],
)
def test_the_scale_is_logarithmic_where_that_helps(rates, scale):
    axis = LearningRateDisplay([1, 2], rates).plot().ax_
    assert axis.get_yscale() == scale
    if scale == "linear":
        assert axis.get_ylim()[0] == 0


def test_fit_records_the_rate_that_keras_changes():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    halved = keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)
    history = model.fit(
        np.ones((2, 2)),
        np.ones((2, 1)),
        epochs=3,
        verbose=0,
        callbacks=[halved],
    )
    display = LearningRateDisplay.from_history(history)
    assert display.positions.tolist() == [1, 2, 3]
    assert display.learning_rates.tolist() == [0.5, 0.25, 0.125]


def test_a_recorder_knows_the_rate():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.25), loss="mse")
    recorder = HistoryRecorder()
    x, y = np.ones((2, 2)), np.ones((2, 1))
    model.fit(x, y, epochs=2, verbose=0, callbacks=[recorder])
    display = LearningRateDisplay.from_history(recorder)
    assert display.positions.tolist() == [1, 2]
    assert display.learning_rates.tolist() == [0.25, 0.25]


def test_a_schedule_is_asked_for_each_step():
    schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.25)
    display = LearningRateDisplay.from_schedule(schedule, 5)
    np.testing.assert_allclose(
        display.learning_rates, [1, 0.5, 0.25, 0.125, 0.0625], rtol=1e-6
    )
    assert display.plot().ax_.get_xlabel() == "step (batches)"
    assert display.name == "ExponentialDecay"


@pytest.mark.parametrize("warmup", [0, 3])
def test_a_schedule_with_conditions_is_asked_for_each_step(warmup):
    schedule = keras.optimizers.schedules.CosineDecay(
        0.1, 4, warmup_target=0.2 if warmup else None, warmup_steps=warmup
    )
    display = LearningRateDisplay.from_schedule(schedule, 8)
    one_by_one = [float(schedule(step)) for step in range(8)]
    np.testing.assert_allclose(
        display.learning_rates, one_by_one, rtol=1e-5, atol=1e-8
    )


def test_of_a_long_schedule_some_steps_are_asked():
    asked = []
    display = LearningRateDisplay.from_schedule(
        lambda step: asked.append(step) or 1.0, 10**7
    )
    assert len(asked) == 1000
    assert display.positions[[0, -1]].tolist() == [0, 10**7 - 1]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: LearningRateDisplay([1], [0.1, 0.2]),
            ValueError,
            "learning_rates must be one rate for each",
        ),
        (
            lambda: LearningRateDisplay.from_history({"loss": [1.0]}),
            ValueError,
            "a column 'learning_rate'.*HistoryRecorder",
        ),
        (
            lambda: LearningRateDisplay.from_schedule(0.1, 5),
            TypeError,
            "schedule must be a LearningRateSchedule",
        ),
        (
            lambda: LearningRateDisplay.from_schedule(lambda step: 1.0, 0),
            ValueError,
            "num_steps must be at least 1",
        ),
    ],
    ids=["shape", "column", "schedule", "steps"],
)
def test_what_does_not_fit_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
