"""Layers you can open, data, training records and pictures for Keras 3.

`import keras_extras` registers every class that a saved model may hold, so
that `keras.saving.load_model` finds it. The other packages are attributes that
are imported when they are first asked for: `keras_extras.datasets`.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

try:
    import keras  # noqa: F401 (before us, so that its lack is explained)
except ModuleNotFoundError as _error:
    if _error.name not in ("tensorflow", "jax", "torch", "keras"):
        raise
    raise ModuleNotFoundError(
        f"Keras needs a backend, and {_error.name!r} is not installed.\n"
        "Install one, pip install 'keras-extras[jax]' (or [tensorflow], "
        "[torch]), and choose it: export KERAS_BACKEND=jax",
        name=_error.name,
    ) from None

from keras_extras import layers, models, ops, transforms
from keras_extras._version import __version__

if TYPE_CHECKING:
    from keras_extras import (
        callbacks,
        conversion,
        datasets,
        history,
        inspection,
        plotting,
        reports,
        testing,
    )

__all__ = [
    "__version__",
    "callbacks",
    "conversion",
    "datasets",
    "history",
    "inspection",
    "layers",
    "models",
    "ops",
    "plotting",
    "reports",
    "testing",
    "transforms",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
