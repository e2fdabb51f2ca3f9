"""Whole models moved: to our layers and back, from torch and to it."""

from keras_extras.conversion._convert import to_extras, to_keras
from keras_extras.conversion._fold import fold_batch_norm
from keras_extras.conversion._torch_weights import (
    load_torch_weights,
    to_torch_state_dict,
)

__all__ = [
    "fold_batch_norm",
    "load_torch_weights",
    "to_extras",
    "to_keras",
    "to_torch_state_dict",
]
