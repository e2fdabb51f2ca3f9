"""Looking into a model: its layers, costs, activations and graph."""

from keras_extras.inspection._activations import activations
from keras_extras.inspection._graph import model_graph
from keras_extras.inspection._macs import multiply_adds
from keras_extras.inspection._saliency import grad_cam, saliency
from keras_extras.inspection._summary import summary_frame

__all__ = [
    "activations",
    "grad_cam",
    "model_graph",
    "multiply_adds",
    "saliency",
    "summary_frame",
]
