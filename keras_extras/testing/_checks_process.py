"""Checks that leave this process: files, other backends, many devices."""

import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._example import is_importable
from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject, as_arguments
from keras_extras.testing._tools import (
    difference,
    functional,
)

BACKENDS = ("tensorflow", "jax", "torch")


def resolve_backends(backends: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the names of the backends to compare; `None` is all there are."""
    if backends is None:
        return tuple(
            name for name in BACKENDS if importlib.util.find_spec(name)
        )
    unknown = [name for name in backends if name not in BACKENDS]
    if isinstance(backends, str) or unknown:
        raise ValueError(
            f"check_layer: backends must be names out of {BACKENDS}, or None "
            f"for all that are installed. Received: backends={backends!r}."
        )
    return tuple(backends)


@check()
def check_export(subject: Subject) -> None:
    """An exported model predicts the same.

    As a SavedModel on TensorFlow and, where its converter is installed, as
    ONNX.

    Repair: write `call` with `keras.ops`; no Python control flow on values.
    """
    subject.require_deterministic()
    backend = keras.backend.backend()
    formats = ["tf_saved_model"] if backend == "tensorflow" else []
    converter = "onnxscript" if backend == "torch" else "tf2onnx"
    if all(map(importlib.util.find_spec, (converter, "onnxruntime"))):
        formats.append("onnx")
    if not formats:
        raise CheckSkip(
            "Keras exports from this backend with a converter that is not "
            "installed"
        )
    for name in formats:
        subject.verify(
            exported_is_equal,
            action=f"exporting as {name}",
            gap=f"exported as {name} it gives",
            name=name,
        )


def exported_is_equal(
    layer: Any, x: Any, symbols: Any, name: str, atol: float, to_numpy: Any
) -> None:
    outputs = layer(*symbols, training=False)
    model: Any = keras.Model(keras.tree.flatten(symbols), outputs)
    model.predict_on_batch(keras.tree.flatten(x))  # torch wants it called
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.onnx" if name == "onnx" else f"{folder}/model"
        model.export(path, format=name, verbose=False)
        actual = to_numpy(served(path, name, keras.tree.flatten(x)))
    expected = to_numpy(layer(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def served(path: str, name: str, inputs: list[Any]) -> Any:
    if name == "onnx":
        runtime = importlib.import_module("onnxruntime")
        session = runtime.InferenceSession(path)
        names = [given.name for given in session.get_inputs()]
        return session.run(None, dict(zip(names, inputs, strict=True)))
    return keras.layers.TFSMLayer(path, call_endpoint="serve")(inputs)


@check(needs=CLONED)
def check_saving_in_a_fresh_process(subject: Subject) -> None:
    """Another process, which only imports the layer's module, loads the model.

    Repair: register the class (see `check_registered`); keep what the layer
    needs in its config, not in globals that this process has set.
    """
    _require_processes(subject)
    subject.require_deterministic()
    layer, inputs, outputs = subject.run()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.keras"))
        functional(layer, as_arguments(inputs)).save(path)
        got = _in_process(subject, keras.backend.backend(), model=path)
    if gap := difference(got, outputs):
        raise subject.failure(
            f"loaded in a fresh process it gives {gap}",
            loads_in_a_fresh_process,
        )


def loads_in_a_fresh_process(layer: Any, x: Any, symbols: Any) -> None:
    outputs = layer(*symbols, training=False)
    keras.Model(keras.tree.flatten(symbols), outputs).save("model.keras")
    print(layer(*x, training=False))
    # And in a fresh process, which imports the class:
    again: Any = keras.saving.load_model("model.keras")
    print(again.predict_on_batch(keras.tree.flatten(x)))


@check(needs=CLONED)
def check_backends(subject: Subject) -> None:
    """The same weights and inputs give the same numbers on every backend.

    Compared within 1e-4 of the largest number.

    Repair: `keras.ops` in place of the framework's own functions; and where
    Keras's backends differ (`keras.ops.pad`, "same" pooling), the version
    that is the same everywhere.
    """
    here = keras.backend.backend()
    others = [name for name in subject.backends if name != here]
    if not others:
        raise CheckSkip("no other backend was asked for")
    _require_processes(subject)
    subject.require_deterministic()
    _, _, outputs = subject.run()
    for name in others:
        if gap := difference(_in_process(subject, name), outputs):
            raise subject.failure(
                f"{name} against {here}: {gap}", prints_outputs
            )


def prints_outputs(layer: Any, x: Any) -> None:
    # Run this with each KERAS_BACKEND, and compare.
    print(layer(*x, training=False))


@check(needs=CLONED)
def check_data_parallel(subject: Subject) -> None:
    """Under `DataParallel` on two devices the model predicts the same.

    On two virtual JAX devices in a process of their own.

    Repair: no reshape that mixes the batch axis with others, no state in
    Python attributes.
    """
    if "jax" not in subject.backends:
        raise CheckSkip("it needs the backend jax")
    _require_processes(subject)
    if not subject.traits.deterministic or not subject.traits.batch_independent:
        raise CheckSkip("its outputs depend on chance or on the batch")
    _, _, outputs = subject.run()
    if gap := difference(_in_process(subject, "jax", devices=2), outputs):
        raise subject.failure(
            f"on two devices it gives {gap}", two_devices_are_as_one
        )


def two_devices_are_as_one(layer: Any, x: Any, symbols: Any) -> None:
    # Run this with KERAS_BACKEND=jax and
    # XLA_FLAGS=--xla_force_host_platform_device_count=2
    print(layer(*x, training=False))
    parallel = keras.distribution.DataParallel()
    keras.distribution.set_distribution(parallel)
    outputs = layer(*symbols, training=False)
    model: Any = keras.Model(keras.tree.flatten(symbols), outputs)
    print(model.predict(keras.tree.flatten(x), verbose=0))


def _require_processes(subject: Subject) -> None:
    if not subject.backends:
        raise CheckSkip("no process is started with backends=()")
    if not is_importable(subject.cls):
        raise CheckSkip(
            f"{subject.cls.__qualname__} cannot be imported by another "
            "process; put it into a module"
        )


def _in_process(
    subject: Subject, backend: str, model: str = "", devices: int = 1
) -> list[np.ndarray]:
    """Returns the outputs that a new process with that backend computes."""
    layer, inputs, _ = subject.run()
    module = sys.modules[subject.cls.__module__]
    job = {
        "module": subject.cls.__module__,
        "file": getattr(module, "__file__", None),
        "class": subject.cls.__qualname__,
        "layer": keras.saving.serialize_keras_object(layer),
        "weights": layer.get_weights(),
        "inputs": inputs,
        "model": model,
        "devices": devices,
    }
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "question"), Path(folder, "answer")
        question.write_bytes(pickle.dumps(job))
        environment = os.environ | {
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        if devices > 1:
            environment["XLA_FLAGS"] = (
                os.environ.get("XLA_FLAGS", "")
                + f" --xla_force_host_platform_device_count={devices}"
            )
        process = subprocess.run(
            [
                sys.executable,
                "-m",
                "keras_extras.testing._process",
                str(question),
                str(answer),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["no message"]
            raise subject.failure(
                f"a process with the backend {backend} fails: {lines[-1]}",
                loads_in_a_fresh_process,
            )
        return pickle.loads(answer.read_bytes())
