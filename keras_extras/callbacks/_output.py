"""Where a callback writes: the terminal, a notebook or the log."""

import importlib
import logging
import sys
from typing import Any

import keras


def say(text: str) -> None:
    """Prints a line; logs it where Keras's interactive logging is off."""
    if keras.config.is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        logging.getLogger("keras_extras").info(text)


def ipython_display() -> Any:
    """Returns IPython's `display` if this is a notebook, else `None`."""
    # Whoever runs in a notebook has it loaded: no need to import it.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return importlib.import_module("IPython.display").display
