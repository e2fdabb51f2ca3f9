"""The command `keras-extras`: parse, call, print."""

from keras_extras.cli._main import main

__all__ = ["main"]
