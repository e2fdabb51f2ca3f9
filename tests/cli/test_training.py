"""What `demo` and `train` do, step by step; they are run in `test_train`."""

import keras
import numpy as np
import pytest

from keras_extras.cli import _training


def test_a_model_that_reloads_otherwise_is_an_error(tmp_path, monkeypatch):
    model = _training.make_model("mlp-15", 10, (784,))
    x = np.ones((5, 784), "float32")
    data = _training.Data(*[(x, np.zeros(5, "int32"))] * 3)
    trained = _training.Trained("mlp-15", model, None, data, 1.0, 0.0)
    _training.save_model(tmp_path, trained)
    other = _training.make_model("mlp-15", 10, (784,))
    monkeypatch.setattr(keras.saving, "load_model", lambda path: other)
    with pytest.raises(RuntimeError, match="predicts otherwise"):
        _training.save_model(tmp_path, trained)
