"""How a model was trained and with what, as pairs of words.

optimizer, loss and epochs of the model; versions of what computed it
"""

import importlib.metadata
import inspect
import platform
from collections.abc import Iterator, Mapping
from typing import Any

# TensorFlow has one module, and several distributions that bring it.
_DISTRIBUTIONS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tf-nightly"),
    "jax": ("jax",),
    "torch": ("torch",),
}


def training_settings(model: Any, epochs: int) -> Iterator[tuple[str, str]]:
    """Yields how the model was compiled and how long it was trained."""
    if getattr(model, "optimizer", None) is not None:
        yield "Optimizer", optimizer_words(model.optimizer)
    if getattr(model, "loss", None) is not None:
        yield "Loss", _name(model.loss)
    if epochs:
        yield "Epochs", str(epochs)


def versions() -> Iterator[tuple[str, str]]:
    """Yields the versions of Python and of what the numbers came from."""
    import keras

    from keras_extras._version import __version__

    backend = keras.backend.backend()
    yield "Keras", f"{keras.version()} on {_version_of(backend)}"
    yield "keras-extras", __version__
    yield "NumPy", importlib.metadata.version("numpy")
    yield "Python", f"{platform.python_version()} on {platform.system()}"


def optimizer_words(optimizer: Any) -> str:
    """Words an optimizer as the call that makes it, without its defaults.

    Examples:
        >>> optimizer_words(keras.optimizers.SGD(0.1, momentum=0.9))
        'SGD(learning_rate=0.1, momentum=0.9)'
    """
    config = optimizer.get_config()
    return _call(type(optimizer), {**config, "name": None}, ("learning_rate",))


def _call(cls: type, config: Mapping[str, Any], always: tuple = ()) -> str:
    parameters = inspect.signature(cls.__init__).parameters
    given = [
        f"{name}={_value(value)}"
        for name, value in config.items()
        if value is not None
        and (
            name in always
            or (name in parameters and value != parameters[name].default)
        )
    ]
    return f"{cls.__name__}({', '.join(given)})"


def _value(value: Any) -> str:
    if isinstance(value, bool | str):
        return repr(value)
    if isinstance(value, int | float):
        return f"{value:.6g}"  # float32 as it was written
    if isinstance(value, Mapping) and "class_name" in value:
        inner = ", ".join(
            f"{name}={_value(one)}"
            for name, one in value.get("config", {}).items()
            if one is not None and name != "name"
        )
        return f"{value['class_name']}({inner})"
    return str(value)


def _name(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    if isinstance(loss, Mapping):
        return ", ".join(f"{key}: {_name(one)}" for key, one in loss.items())
    if isinstance(loss, list | tuple):
        return ", ".join(map(_name, loss))
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None)
    return str(name or type(loss).__name__)


def _version_of(backend: str) -> str:
    for name in _DISTRIBUTIONS.get(backend, (backend,)):
        try:
            return f"{backend} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return backend
