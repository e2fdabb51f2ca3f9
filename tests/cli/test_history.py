"""The command `history plot`."""

import keras
import numpy as np
import pytest

from keras_extras import callbacks, cli


@pytest.fixture
def record(tmp_path):
    """The record of two epochs, with two metrics."""
    recorder = callbacks.HistoryRecorder(tmp_path / "run.jsonl")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((4, 1))
    model.fit(x, x, epochs=2, verbose=0, callbacks=[recorder])
    return tmp_path / "run.jsonl"


def test_history_plot(record, capsys):
    picture = record.with_suffix(".svg")
    argv = ["history", "plot", str(record), "-o", str(picture)]
    assert cli.main([*argv, "--metrics", "mae"]) == 0
    assert capsys.readouterr().out == f"{picture}\n"
    drawn = picture.read_text()
    assert "<!-- mae -->" in drawn
    assert "<!-- loss -->" not in drawn


def test_history_plot_says_what_is_wrong(record, capsys):
    argv = ["history", "plot", str(record)]
    assert cli.main([*argv, "--metrics", "f1"]) == 1
    assert "out of ['loss', 'mae']" in capsys.readouterr().err
    assert cli.main(["history", "plot", "missing.jsonl"]) == 1
    assert "missing.jsonl" in capsys.readouterr().err
