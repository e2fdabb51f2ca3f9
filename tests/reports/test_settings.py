"""The words for optimizers, losses and versions."""

import keras
import numpy as np
import pytest

from keras_extras.reports import _settings as settings


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda k: k.Adam(), "Adam(learning_rate=0.001)"),
        (
            lambda k: k.SGD(0.1, momentum=0.9, nesterov=True),
            "SGD(learning_rate=0.1, momentum=0.9, nesterov=True)",
        ),
        (
            lambda k: k.RMSprop(k.schedules.ExponentialDecay(0.1, 10, 0.5)),
            "RMSprop(learning_rate=ExponentialDecay(initial_learning_rate=0.1, "
            "decay_steps=10, decay_rate=0.5, staircase=False))",
        ),
    ],
    ids=["plain", "options", "schedule"],
)
def test_optimizers_read_like_calls(make, words):
    assert settings.optimizer_words(make(keras.optimizers)) == words


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("mse", "mse"),
        (keras.losses.Huber(name="my_huber"), "my_huber"),
        (keras.losses.mean_squared_error, "mean_squared_error"),
        (["mse", "mae"], "mse, mae"),
        ({"a": "mse"}, "a: mse"),
    ],
    ids=["name", "object", "function", "list", "dict"],
)
def test_losses_have_names(loss, words):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.loss = loss
    assert dict(settings.training_settings(model, 3)) == {
        "Optimizer": "SGD(learning_rate=0.01)",
        "Loss": words,
        "Epochs": "3",
    }


def test_a_model_that_was_not_compiled_has_no_settings():
    assert list(settings.training_settings(keras.Model(), 0)) == []


def test_versions_are_those_that_run():
    found = dict(settings.versions())
    backend = keras.backend.backend()
    assert found["Keras"].startswith(f"{keras.__version__} on {backend} ")
    assert found["NumPy"] == np.__version__
