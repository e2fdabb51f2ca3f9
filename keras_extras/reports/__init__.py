"""One page that tells what was trained, how, and how well it does."""

from keras_extras.reports._report import report

__all__ = ["report"]
