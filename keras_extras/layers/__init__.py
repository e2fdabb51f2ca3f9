"""Keras layers whose forward pass is a few named steps, each open to change.

Each has the name, the positional arguments, the weights and the numbers of
the Keras layer that it can stand in for.
"""

from keras_extras.layers._base import KernelLayer, Layer
from keras_extras.layers._conv import Conv, Conv1D, Conv2D, Conv3D
from keras_extras.layers._dense import Dense
from keras_extras.layers._dropout import Dropout
from keras_extras.layers._flatten import Flatten
from keras_extras.layers._pool import (
    AveragePooling,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Pool,
)

__all__ = [
    "AveragePooling",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Dense",
    "Dropout",
    "Flatten",
    "KernelLayer",
    "Layer",
    "MaxPooling",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Pool",
]
