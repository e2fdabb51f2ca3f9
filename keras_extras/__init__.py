"""Layers you can open, data, training records and pictures for Keras 3.

`import keras_extras` registers every class that a saved model may hold, so
that `keras.saving.load_model` finds it; nothing heavier is imported.
"""

__version__ = "0.1.0.dev0"

try:
    import keras  # noqa: F401 (before us, so that its lack is explained)
except ModuleNotFoundError as error:
    if error.name not in ("tensorflow", "jax", "torch", "keras"):
        raise
    raise ModuleNotFoundError(
        f"Keras needs a backend, and {error.name!r} is not installed.\n"
        "Install one, pip install 'keras-extras[jax]' (or [tensorflow], "
        "[torch]), and choose it: export KERAS_BACKEND=jax",
        name=error.name,
    ) from None

from keras_extras import layers, models, ops, transforms

__all__ = ["__version__", "layers", "models", "ops", "transforms"]
