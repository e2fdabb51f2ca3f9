import sys
from pathlib import Path

import keras
import numpy as np

from keras_extras.testing._process import import_class, predict
from tests.testing.broken import Weighted


def job(layer, **changes):
    x = np.ones((2, 4), "float32")
    layer(x)
    return {
        "module": type(layer).__module__,
        "file": __file__,
        "class": type(layer).__qualname__,
        "layer": keras.saving.serialize_keras_object(layer),
        "weights": layer.get_weights(),
        "inputs": x,
        "model": "",
        "devices": 1,
    } | changes


def test_a_class_is_found_by_its_module():
    assert import_class(job(Weighted())) is Weighted


def test_a_class_is_found_by_its_file(tmp_path):
    file = Path(tmp_path, "mine.py")
    file.write_text("class Outer:\n    class Inner:\n        pass\n")
    name = "module_of_a_test_of_processes"
    try:
        found = import_class(
            {"module": name, "file": str(file), "class": "Outer.Inner"}
        )
    finally:
        sys.modules.pop(name, None)
    assert found.__name__ == "Inner"


def test_the_layer_of_a_job_predicts():
    layer = Weighted()
    (got,) = predict(job(layer))
    expected = keras.ops.convert_to_numpy(layer(np.ones((2, 4), "float32")))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_saved_model_of_a_job_predicts(tmp_path):
    layer = Weighted()
    path = str(Path(tmp_path, "model.keras"))
    question = job(layer, model=path)
    keras.Sequential([keras.Input((4,)), layer]).save(path)
    (got,) = predict(question)
    expected = keras.ops.convert_to_numpy(layer(np.ones((2, 4), "float32")))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
