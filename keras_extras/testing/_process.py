"""The other process of the checks: makes or loads a layer, and predicts."""

import importlib
import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

import keras

from keras_extras.testing._sample_shapes import flat
from keras_extras.testing._tools import numbers


def import_class(job: dict) -> type:
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
    found = module
    for part in job["class"].split("."):
        found = getattr(found, part)
    return found  # pyright: ignore[reportReturnType]: a class


def predict(job: dict) -> list:
    """Returns the outputs that the job asks for, as arrays."""
    cls = import_class(job)
    inputs = job["inputs"]
    if job["model"]:
        model: Any = keras.saving.load_model(job["model"])
        return numbers(model.predict_on_batch(flat(inputs)))
    if job["devices"] > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    with keras.saving.custom_object_scope({cls.__name__: cls}):
        layer: Any = keras.saving.deserialize_keras_object(job["layer"])
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    if job["devices"] > 1:
        symbols: Any = keras.tree.map_structure(
            lambda leaf: keras.Input(leaf.shape[1:], dtype=str(leaf.dtype)),
            given,
        )
        model = keras.Model(flat(symbols), layer(*symbols, **job["mode"]))
        layer.set_weights(job["weights"])
        quiet: Any = 0  # Keras's default, and so its inferred type, is a str
        return numbers(model.predict(flat(inputs), verbose=quiet))
    layer(*given, **job["mode"])
    layer.set_weights(job["weights"])
    return numbers(layer(*given, **job["mode"]))


if __name__ == "__main__":
    question, answer = map(Path, sys.argv[1:])
    result = predict(pickle.loads(question.read_bytes()))
    answer.write_bytes(pickle.dumps(result))
