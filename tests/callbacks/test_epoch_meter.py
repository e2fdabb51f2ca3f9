"""Steps and the learning rate; times are in test_history.py."""

import math

import keras
import numpy as np
import pytest

from keras_extras.callbacks import HistoryRecorder
from keras_extras.callbacks._epoch_meter import (
    EpochMeter,
    learning_rate,
    steps_after,
)
from tests.history.recording import tiny_model


@pytest.mark.parametrize(
    ("batch", "params", "steps"),
    [
        (0, None, 1),
        (3, {"steps": None}, 4),
        (3, {"steps": 10}, 4),
        (11, {"steps": 10}, 10),  # an execution over the end of the data
    ],
)
def test_steps(batch, params, steps):
    assert steps_after(batch, params) == steps


def test_the_learning_rate_is_a_number_or_nan():
    model = tiny_model(optimizer=keras.optimizers.SGD(0.5))
    assert learning_rate(model) == 0.5
    assert math.isnan(learning_rate(None))
    assert math.isnan(learning_rate(keras.Sequential()))


def test_nothing_is_measured_without_a_batch():
    meter = EpochMeter()
    meter.end_training(None)
    assert meter.steps == 0
    assert set(meter.numbers()) <= {"epoch_seconds", "peak_memory_bytes"}


def test_training_ends_once():
    meter, model = EpochMeter(), tiny_model()
    meter.read_rate(model)
    meter.begin_batch()
    meter.end_batch(0)
    meter.end_training(model)
    meter.end_epoch(None)
    first = meter.numbers()["train_seconds"]
    meter.end_training(model)  # at the end of validation
    assert meter.numbers()["train_seconds"] == first
    assert meter.steps == 1


@pytest.mark.parametrize("done", [[0, 1, 2], [1, 2, 0]], ids=str)
def test_only_batches_that_ended_are_counted(done):
    meter, model = EpochMeter(), tiny_model()
    for _ in range(4):  # Keras begins one more to see that there is none
        meter.begin_batch()
    meter.end_training(model)  # validation; hooks may still run in a thread
    for batch in done:
        meter.end_batch(batch)
    meter.end_epoch({"steps": None})
    assert meter.steps == 3
    numbers = meter.numbers()
    assert numbers["step_seconds"] == numbers["train_seconds"] / 3


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("per_batch", [False, True])
def test_data_of_unknown_length(per_batch, validated):
    def batches():
        for _ in range(3):
            yield np.ones((4, 2), "float32"), np.ones((4, 1), "float32")

    recorder, ones = HistoryRecorder(per_batch=per_batch), np.ones((4, 2))
    tiny_model().fit(
        batches(),
        shuffle=False,
        verbose=0,
        validation_data=(ones, ones[:, :1]) if validated else None,
        callbacks=[recorder],
    )
    assert {row.step for row in recorder.rows if row.split == "train"} == {3}
    assert max(row.step for row in recorder.rows) == 3
    system = {r.metric: r.value for r in recorder.rows if r.split == "system"}
    seconds = system["train_seconds"]
    assert system["step_seconds"] == pytest.approx(seconds / 3)
