"""Checks that any Keras layer or model can be put through."""

from keras_extras.testing._models import check_model
from keras_extras.testing._pytest import parametrize_with_layer_checks
from keras_extras.testing._results import (
    CheckFailure,
    CheckResult,
    CheckResults,
    CheckSkip,
)
from keras_extras.testing._runner import check_layer, layer_checks
from keras_extras.testing._tools import gradients
from keras_extras.testing._traits import LayerTraits

__all__ = [
    "CheckFailure",
    "CheckResult",
    "CheckResults",
    "CheckSkip",
    "LayerTraits",
    "check_layer",
    "check_model",
    "gradients",
    "layer_checks",
    "parametrize_with_layer_checks",
]
