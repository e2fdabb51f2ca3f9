"""The base of the callbacks that use the model that they are in."""

from typing import Any

import keras


class Callback(keras.callbacks.Callback):
    """A Keras callback in a fit, an evaluation or a prediction."""

    @property
    def model(self) -> Any:
        """The model that the callback is used with.

        On JAX it first gets the weights that its step has at the moment; so
        this is for hooks, and for hooks of batches only if need be.
        """
        return super().model
