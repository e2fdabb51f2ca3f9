"""Subclassed models that save, summarize and predict as people expect."""

from keras_extras.fitting._steps import EpochPath, faster_fit, fit_path
from keras_extras.models._convnet import ConvNet
from keras_extras.models._mlp import MLP
from keras_extras.models._model import Model
from keras_extras.models._predict import predict_classes, predict_proba
from keras_extras.models._presets import preset

__all__ = [
    "ConvNet",
    "EpochPath",
    "MLP",
    "Model",
    "faster_fit",
    "fit_path",
    "predict_classes",
    "predict_proba",
    "preset",
]
