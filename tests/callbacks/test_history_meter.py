"""Steps and the learning rate; times are in test_history.py."""

import math

import keras
import pytest

from keras_extras.callbacks._history_meter import (
    EpochMeter,
    learning_rate,
    steps_after,
)
from tests.callbacks.recording import tiny_model


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
    meter.end_training(None, None)
    assert meter.steps == 0
    assert set(meter.numbers()) <= {"epoch_seconds", "peak_memory_bytes"}


def test_training_ends_once():
    meter, model = EpochMeter(), tiny_model()
    meter.read_rate(model)
    meter.begin_batch(0)
    meter.end_training(model, None)
    first = meter.numbers()["train_seconds"]
    meter.end_training(model, None)  # at the end of validation
    assert meter.numbers()["train_seconds"] == first
    assert meter.steps == 1
