"""What a run was: versions, model, settings. Recorded once per `fit`.

The hash of a model says whether two runs trained the same architecture. It is
made of the classes and settings of its layers, how they are connected, and the
shapes of the weights; names have no part in it, since a second `Sequential` in
one session is called `sequential_1` and is no other network.

Settings are read from attributes. Keras's `get_config` would say more, but it
imports TensorFlow wherever that is installed, on all backends: seconds, and
hundreds of megabytes, for a record that nobody may ever read.
"""

import hashlib
import inspect
import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np

from keras_extras._version import __version__


def describe_begin(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what is known when a run begins.

    Args:
        params: what Keras tells its callbacks: epochs and steps.
    """
    params = params or {}
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "backend": keras.backend.backend(),
        "versions": _versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "epochs": params.get("epochs"),
        "steps": params.get("steps"),
    }


def describe_model(
    model: Any, *, learning_rate: float, metrics: list[str]
) -> dict[str, Any]:
    """Returns what a model is and how it is trained, once it has weights.

    Args:
        model: the model.
        learning_rate: that of the first step.
        metrics: names of what is logged for the training data.
    """
    # A `models.Model` joins steps by itself while it trains: no setting.
    joining = getattr(model, "_joining", False)
    return {
        "model": {
            "name": model.name,
            "class": type(model).__name__,
            "parameters": sum(_size(weight) for weight in model.weights),
            "dtype": model.dtype_policy.name,
            "hash": model_hash(model),
        },
        "compile": {
            "optimizer": _optimizer(model.optimizer, learning_rate),
            "loss": _plain(model.loss),
            "metrics": metrics,
            "jit_compile": model.jit_compile,
            "run_eagerly": model.run_eagerly,
            "steps_per_execution": 1 if joining else model.steps_per_execution,
        },
    }


def model_hash(model: Any) -> str:
    """Returns 16 hexadecimal digits, equal for equal architectures."""
    shapes = [[list(map(int, w.shape)), str(w.dtype)] for w in model.weights]
    text = json.dumps([_settings(model), shapes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(layer: Any) -> dict[str, Any]:
    """Returns what a layer was made with, and the layers in it."""
    arguments: set[str] = set()
    for cls in type(layer).__mro__:
        if cls in (keras.Layer, keras.Model, keras.Operation):
            break
        if "__init__" in vars(cls):
            arguments.update(inspect.signature(cls.__init__).parameters)
    settings = {
        name: _plain(vars(layer)[name])
        for name in sorted(arguments - {"self", "name", "layers", "seed"})
        if name in vars(layer)
    }
    # Functional models have operations that are no layers, such as `+`.
    parts = getattr(layer, "operations", None) or getattr(layer, "layers", ())
    return {
        "class": type(layer).__name__,
        "dtype": getattr(getattr(layer, "dtype_policy", None), "name", None),
        "settings": settings,
        "parts": [_settings(part) for part in parts],
        # Those of a Sequential are its order.
        "wires": [] if isinstance(layer, keras.Sequential) else _wires(parts),
    }


def _wires(parts: Any) -> list[list[int]]:
    """Returns for each part which parts it takes its inputs from."""
    sources: dict[int, int] = {}
    wires = []
    for number, part in enumerate(parts):
        try:
            inputs = keras.tree.flatten(part.input)
            outputs = keras.tree.flatten(part.output)
        # Of a subclassed model, or used more than once: Keras does not tell.
        except (AttributeError, ValueError):
            wires.append([])
            continue
        wires.append([sources.get(id(tensor), -1) for tensor in inputs])
        sources.update({id(tensor): number for tensor in outputs})
    return wires


def _plain(value: Any) -> Any:
    """Returns what JSON can hold of a setting; a name for the rest."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return getattr(value, "__name__", type(value).__name__)


def _optimizer(optimizer: Any, learning_rate: float) -> dict[str, Any]:
    if optimizer is None:
        return {}
    rate = getattr(optimizer, "learning_rate", None)
    settings = {
        name: value
        for name, value in vars(optimizer).items()
        if not name.startswith("_")
        and (value is None or isinstance(value, bool | int | float | str))
    }
    return {
        "class": type(optimizer).__name__,
        **settings,
        "learning_rate": learning_rate,
        "learning_rate_schedule": not isinstance(rate, keras.Variable),
    }


def _size(weight: Any) -> int:
    return int(np.prod(tuple(weight.shape), dtype="int64"))


def _versions() -> dict[str, str]:
    """Returns the versions of what computes, without importing it."""
    backend = keras.backend.backend()
    module = sys.modules.get(backend)
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "keras-extras": __version__,
        "numpy": np.__version__,
        backend: str(getattr(module, "__version__", "unknown")),
    }
