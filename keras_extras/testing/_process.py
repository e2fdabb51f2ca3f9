"""The other process of the checks: makes or loads a layer, and predicts."""

import importlib
import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_extras.testing._subject import as_arguments
from keras_extras.testing._tools import arrays, functional


def import_class(job: dict[str, Any]) -> type:
    """Returns the class of the layer, by module or by file."""
    try:
        module = importlib.import_module(job["module"])
    except ImportError:
        spec = importlib.util.spec_from_file_location(
            job["module"], job["file"]
        )
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[job["module"]] = module
        spec.loader.exec_module(module)
    found: Any = module
    for part in job["class"].split("."):
        found = getattr(found, part)
    return found


def predict(job: dict[str, Any]) -> list[np.ndarray]:
    """Returns the outputs that the job asks for."""
    cls = import_class(job)
    inputs = job["inputs"]
    flat = keras.tree.flatten(inputs)
    data = flat if len(flat) > 1 else flat[0]
    if job["model"]:
        model: Any = keras.saving.load_model(job["model"])
        return arrays(model.predict_on_batch(data))
    if job["devices"] > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    with keras.saving.custom_object_scope({cls.__name__: cls}):
        layer: Any = keras.saving.deserialize_keras_object(job["layer"])
    x = as_arguments(inputs)
    if job["devices"] > 1:
        model = functional(layer, x)
        layer.set_weights(job["weights"])
        return arrays(model.predict(data, verbose=0))
    layer(*x, training=False)
    layer.set_weights(job["weights"])
    return arrays(layer(*x, training=False))


if __name__ == "__main__":
    question, answer = map(Path, sys.argv[1:])
    result = predict(pickle.loads(question.read_bytes()))
    answer.write_bytes(pickle.dumps(result))
