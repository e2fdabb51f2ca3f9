"""Data in NumPy arrays: IDX files, MNIST, and what to do before training."""

from keras_extras.datasets._catalog import load_mnist
from keras_extras.datasets._idx import read_idx, write_idx
from keras_extras.datasets._idx_error import IdxFormatError
from keras_extras.datasets._prepare import (
    mean_and_std,
    one_hot,
    scale_to_signed,
    scale_to_unit,
    standardize,
)

__all__ = [
    "IdxFormatError",
    "load_mnist",
    "mean_and_std",
    "one_hot",
    "read_idx",
    "scale_to_signed",
    "scale_to_unit",
    "standardize",
    "write_idx",
]
