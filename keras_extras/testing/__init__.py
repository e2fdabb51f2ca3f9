"""Checks that any Keras layer or model can be put through."""

from keras_extras.testing._results import (
    CheckFailure,
    CheckResult,
    CheckResults,
    CheckSkip,
)
from keras_extras.testing._runner import (
    check_layer,
    check_model,
    layer_checks,
    parametrize_with_layer_checks,
)
from keras_extras.testing._subject import LayerTraits
from keras_extras.testing._tools import gradients

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
