"""Checks that leave this process: files, other backends, many devices."""

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

from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import flat
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import difference, leaves, to_numpy

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


def check_saving_in_a_fresh_process(subject: Subject) -> None:
    """Another process, which only imports the layer's module, loads the model.

    Repair: register the class (see `check_registered`); keep what the layer
    needs in its config, not in globals that this process has set.
    """
    _require_processes(subject)
    subject.require_deterministic()
    layer, _inputs, outputs = subject.run()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.keras"))
        subject.functional(layer).save(path)
        got = _in_process(subject, keras.backend.backend(), model=path)
    if words := difference(got, outputs):
        raise CheckFailure(
            f"loaded in a fresh process it gives {words}",
            _load_code(subject),
        )


def _load_code(subject: Subject) -> str:
    return subject.example(
        f"expected = {subject.call_code()}\n"
        'keras.Sequential([layer]).save("model.keras")\n'
        "# and in a fresh process:\n"
        f"{subject.import_line()}\n"
        'again = keras.saving.load_model("model.keras")\n'
        "np.testing.assert_allclose(again(x), expected, atol=1e-4)"
    )


def check_backends(subject: Subject) -> None:
    """The same weights and inputs give the same numbers on every backend.

    Compared within 1e-4 of the largest number.

    Repair: `keras.ops` in place of the framework's own functions; and where
    Keras's backends differ (`keras.ops.pad`, "same" pooling), the version
    that is the same everywhere.
    """
    others = [
        name for name in subject.backends if name != keras.backend.backend()
    ]
    if not others:
        raise CheckSkip("no other backend was asked for")
    _require_processes(subject)
    subject.require_deterministic()
    _, _, outputs = subject.run()
    for name in others:
        got = _in_process(subject, name)
        if words := difference(got, outputs):
            raise CheckFailure(
                f"{name} against {keras.backend.backend()}: {words}",
                subject.example(
                    "# run this with each KERAS_BACKEND, and compare\n"
                    f"print(np.asarray({subject.call_code()}).ravel()[:9])"
                ),
            )


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
    got = _in_process(subject, "jax", devices=2)
    if words := difference(got, outputs):
        raise CheckFailure(
            f"on two devices it gives {words}",
            subject.example(
                "# run this with KERAS_BACKEND=jax and\n"
                "# XLA_FLAGS=--xla_force_host_platform_device_count=2\n"
                f"expected = {subject.call_code()}\n"
                "keras.distribution.set_distribution("
                "keras.distribution.DataParallel())\n"
                "model = keras.Sequential([layer])\n"
                "np.testing.assert_allclose(model.predict(x), expected, "
                "atol=1e-4)"
            ),
        )


def check_export(subject: Subject) -> None:
    """An exported model predicts the same.

    As a SavedModel on TensorFlow and, where its converter is installed, as
    ONNX.

    Repair: write `call` with `keras.ops`; no Python control flow on values.
    """
    subject.require_deterministic()
    formats = []
    if keras.backend.backend() == "tensorflow":
        formats.append("tf_saved_model")
    converter = {"tensorflow": "tf2onnx", "torch": "onnxscript"}.get(
        keras.backend.backend(), "tf2onnx"
    )
    if importlib.util.find_spec(converter) and importlib.util.find_spec(
        "onnxruntime"
    ):
        formats.append("onnx")
    if not formats:
        raise CheckSkip(
            "Keras exports from this backend with a converter that is not "
            "installed"
        )
    layer, inputs, outputs = subject.run()
    for name in formats:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "model.onnx" if name == "onnx" else "m"))
            body = (
                f"{subject.model_code()}\n"
                "model.predict(x, verbose=0)\n"
                f'model.export("{Path(path).name}", format={name!r})'
            )
            try:
                model = subject.functional(layer)
                model.predict_on_batch(flat(inputs))  # torch wants it called
                model.export(path, format=name, verbose=False)
                got = _served(path, name, leaves(inputs))
            except Exception as error:
                raise subject.failure(
                    f"exporting as {name} raises {type(error).__name__}: "
                    f"{str(error)[:200]}",
                    body,
                ) from error
        if words := difference(got, outputs):
            raise subject.failure(f"exported as {name} it gives {words}", body)


def _served(path: str, name: str, inputs: list) -> Any:
    """Returns what an exported model predicts."""
    if name == "onnx":
        runtime = importlib.import_module("onnxruntime")
        session = runtime.InferenceSession(path)
        names = [one.name for one in session.get_inputs()]
        return session.run(None, dict(zip(names, inputs, strict=True)))
    served = keras.layers.TFSMLayer(path, call_endpoint="serve")
    return served(inputs[0] if len(inputs) == 1 else inputs)


def _require_processes(subject: Subject) -> None:
    if not subject.backends:
        raise CheckSkip("no process is started with backends=()")
    if subject.cls.__module__ == "__main__" or (
        "<locals>" in subject.cls.__qualname__
    ):
        raise CheckSkip(
            f"{subject.cls.__qualname__} cannot be imported by another "
            "process; put it into a module"
        )


def _in_process(
    subject: Subject, backend: str, model: str = "", devices: int = 1
) -> list:
    """Returns the outputs that a new process with that backend computes."""
    layer, inputs, _ = subject.run()
    module = sys.modules[subject.cls.__module__]
    job = {
        "module": subject.cls.__module__,
        "file": getattr(module, "__file__", None),
        "class": subject.cls.__qualname__,
        "layer": keras.saving.serialize_keras_object(layer),
        "weights": [to_numpy(weight) for weight in layer.weights],
        "inputs": inputs,
        "mode": subject.mode(),
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
            raise CheckFailure(
                f"a process with the backend {backend} fails: {lines[-1]}",
                _load_code(subject),
            )
        return pickle.loads(answer.read_bytes())


CHECKS = (
    check_export,
    check_saving_in_a_fresh_process,
    check_backends,
    check_data_parallel,
)
