"""Subclassed models that save, summarize and predict as people expect.

And whole models moved: to our layers and back, from torch and to it.
"""

from keras_extras.models._convert import to_extras, to_keras
from keras_extras.models._convnet import ConvNet
from keras_extras.models._mlp import MLP
from keras_extras.models._model import Model
from keras_extras.models._torch_weights import (
    load_torch_weights,
    to_torch_state_dict,
)

__all__ = [
    "ConvNet",
    "MLP",
    "Model",
    "load_torch_weights",
    "to_extras",
    "to_keras",
    "to_torch_state_dict",
]
