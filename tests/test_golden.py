"""Files written by version 0.1.0.dev0 load, with the numbers they had then.

`golden/write.py` made them, before packages were moved. They are never written
again: what a user has saved stays readable.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from keras_extras import callbacks, history
from tests.golden import write

FOLDER = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("make", write.MODELS, ids=lambda make: make.__name__)
def test_a_saved_model_predicts_what_it_did(make, expected):
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    if version < (3, 15) and make in (write.families, write.research):
        pytest.skip("Keras 3.15 wrote arguments of its initializers into it")
    model = keras.saving.load_model(FOLDER / f"{make.__name__}.keras")
    _, shape = make()
    inputs = write.inputs_of(shape)
    actual = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(actual, expected[make.__name__], atol=1e-5)


def test_a_saved_model_goes_on_training():
    model = keras.saving.load_model(FOLDER / "mlp.keras")
    assert int(model.optimizer.iterations) == 1
    model.fit(write.inputs_of((6,)), np.zeros((3, 5)), verbose=0)
    assert int(model.optimizer.iterations) == 2


def test_a_file_of_weights_fits_the_same_model(expected):
    model, shape = write.families()
    model.load_weights(FOLDER / "families.weights.h5")
    actual = model.predict(write.inputs_of(shape), verbose=0)
    np.testing.assert_allclose(actual, expected["families"], atol=1e-5)


def test_a_record_gives_the_frame_it_gave():
    record = history.read_history(FOLDER / "record.jsonl")
    frame = history.history_frame(record)
    expected = pd.read_csv(FOLDER / "record.csv", index_col="epoch")
    pd.testing.assert_frame_equal(frame, expected)
    assert [run["metadata"] for run in record.runs] == [{"seed": 7}] * 2


def test_a_recorder_goes_on_with_an_old_record(tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_bytes((FOLDER / "record.jsonl").read_bytes())
    recorder = callbacks.HistoryRecorder(path)
    assert recorder.last_epoch == 3
    model = keras.saving.load_model(FOLDER / "mlp.keras")
    model.fit(
        write.inputs_of((6,)),
        np.zeros((3, 5)),
        epochs=4,
        initial_epoch=recorder.last_epoch,
        verbose=0,
        callbacks=[recorder],
    )
    assert history.read_history(path).last_epoch == 4
