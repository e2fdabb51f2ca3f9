"""Subclassed models that save, summarize and predict as people expect."""

from keras_extras.models._convnet import ConvNet
from keras_extras.models._mlp import MLP
from keras_extras.models._model import Model

__all__ = ["ConvNet", "MLP", "Model"]
