"""What is written down about a run; and what two hashes say."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.callbacks import HistoryRecorder
from keras_extras.callbacks._run_metadata import (
    describe_model,
    model_hash,
)
from tests.history.recording import fit, tiny_model

layers = keras.layers


def sequential(units=4, activation="relu", rate=0.5):
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(units, activation),
            layers.Dropout(rate),
            layers.Dense(1),
        ]
    )


def functional(crossed=False):
    inputs = keras.Input((3,))
    one, two = layers.Dense(3)(inputs), layers.Dense(3)(inputs)
    three = layers.Dense(3)(inputs if crossed else one)
    return keras.Model(inputs, layers.Add()([one, two, three]) + 1.0)


class Subclassed(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


def subclassed(units=2):
    model = Subclassed(units)
    model(np.zeros((1, 3), "float32"))
    return model


@pytest.mark.parametrize("build", [sequential, functional, subclassed])
def test_equal_architectures_have_equal_hashes(build):
    first, again = build(), build()
    assert [layer.name for layer in first.layers] != [
        layer.name for layer in again.layers
    ]
    assert model_hash(first) == model_hash(again)
    first.set_weights([weight + 1 for weight in first.get_weights()])
    assert model_hash(first) == model_hash(again)


@pytest.mark.parametrize("build", [sequential, functional])
def test_a_loaded_model_has_the_hash_of_the_saved(build, tmp_path):
    model = build()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert model_hash(model) == model_hash(again)


def test_other_architectures_have_other_hashes():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = sequential()
    finally:
        keras.config.set_dtype_policy("float32")
    models = [
        sequential(),
        sequential(units=5),
        sequential(activation="tanh"),
        sequential(rate=0.25),
        mixed,
        functional(),
        functional(crossed=True),
        subclassed(),
        subclassed(3),
        keras.Sequential([sequential(), layers.Dense(1)]),
    ]
    assert len({model_hash(model) for model in models}) == len(models)


def test_a_run_says_with_what_it_was_made():
    model = tiny_model(optimizer=keras.optimizers.Adam(0.25, beta_1=0.5))
    recorder = HistoryRecorder()
    fit(model, [recorder])
    (run,) = recorder.runs
    backend = keras.backend.backend()
    assert {"python", "keras", "keras-extras", "numpy", backend} == set(
        run["versions"]
    )
    assert run["versions"]["keras-extras"] == keras_extras.__version__
    assert "unknown" not in run["versions"].values()
    assert run["started"].endswith("+00:00")
    assert run["steps"] == 2
    assert run["model"]["class"] == "Sequential"
    assert run["model"]["parameters"] == 3
    assert run["model"]["hash"] == model_hash(model)
    optimizer = run["compile"]["optimizer"]
    assert optimizer["class"] == "Adam"
    assert optimizer["beta_1"] == 0.5
    assert optimizer["learning_rate"] == 0.25
    assert optimizer["learning_rate_schedule"] is False
    assert run["compile"]["loss"] == "mse"


def test_a_model_that_answers_strangely_does_not_end_the_training(monkeypatch):
    recorder, model = HistoryRecorder(), tiny_model()
    monkeypatch.setattr(
        type(model), "dtype_policy", property(lambda self: 1 / 0), raising=False
    )
    recorder.set_model(model)
    recorder.on_train_begin()
    recorder.on_epoch_begin(0)
    recorder.on_epoch_end(0, {"loss": 1.0})
    assert "ZeroDivisionError" in recorder.runs[0]["model"]["unknown"]
    assert recorder.last_epoch == 1


SCRIPT = """
import sys, keras, numpy as np
from keras_extras.callbacks import HistoryRecorder
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0,
          callbacks=[HistoryRecorder("run.jsonl")])
print("tensorflow" in sys.modules)
"""


@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="Keras on torch does not import it by itself",
)
def test_a_recorder_does_not_import_tensorflow(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path,
        check=False,
    )
    assert ran.stdout.strip() == "False", ran.stderr


@pytest.mark.parametrize(("joining", "recorded"), [(False, 8), (True, 1)])
def test_steps_that_a_model_joins_by_itself_are_no_setting(joining, recorded):
    model = tiny_model()
    model.steps_per_execution = 8
    model._joining = joining  # as models.Model does while it trains
    about = describe_model(model, learning_rate=0.1, metrics=[])
    assert about["compile"]["steps_per_execution"] == recorded
