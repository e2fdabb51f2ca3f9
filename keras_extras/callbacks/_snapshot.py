"""The values of variables, kept and put back."""

from collections.abc import Iterable

import keras
import numpy as np


class Snapshot:
    """Copies of the values of variables, to be put back bit for bit."""

    def __init__(self, variables: Iterable[keras.Variable]) -> None:
        # Copied: on the CPU, JAX and torch hand out views, and JAX frees what
        # it was given when the next step of training begins.
        self._kept = [
            (variable, np.array(keras.ops.convert_to_numpy(variable.value)))
            for variable in variables
        ]

    def restore(self) -> None:
        """Gives each variable the value that it had."""
        for variable, value in self._kept:
            variable.assign(value)
