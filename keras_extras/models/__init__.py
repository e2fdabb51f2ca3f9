"""Subclassed models that save, summarize and predict as people expect.

And whole models moved: to our layers and back, from torch and to it.
"""

from keras_extras.models._activations import activations
from keras_extras.models._convert import to_extras, to_keras
from keras_extras.models._convnet import ConvNet
from keras_extras.models._fold import fold_batch_norm
from keras_extras.models._graph import model_graph
from keras_extras.models._macs import multiply_adds
from keras_extras.models._mlp import MLP
from keras_extras.models._model import Model
from keras_extras.models._predict import predict_classes, predict_proba
from keras_extras.models._presets import preset
from keras_extras.models._saliency import grad_cam, saliency
from keras_extras.models._summary import summary_frame
from keras_extras.models._torch_weights import (
    load_torch_weights,
    to_torch_state_dict,
)

__all__ = [
    "ConvNet",
    "MLP",
    "Model",
    "activations",
    "fold_batch_norm",
    "grad_cam",
    "load_torch_weights",
    "model_graph",
    "multiply_adds",
    "predict_classes",
    "predict_proba",
    "preset",
    "saliency",
    "summary_frame",
    "to_extras",
    "to_keras",
    "to_torch_state_dict",
]
