"""Data in NumPy arrays: IDX files, MNIST, and what to do before training."""

from keras_extras.datasets._prepare import (
    mean_and_std,
    one_hot,
    scale_to_signed,
    scale_to_unit,
    standardize,
)
from keras_extras.datasets._prepare_pairs import prepare
from keras_extras.datasets._split import (
    class_weights,
    train_validation_split,
)
from keras_extras.datasets.files._catalog import (
    load_emnist,
    load_fashion_mnist,
    load_kmnist,
    load_mnist,
    load_qmnist,
)
from keras_extras.datasets.files._families import class_names
from keras_extras.datasets.idx._arrays import read_idx, write_idx
from keras_extras.datasets.idx._dataset import IdxDataset
from keras_extras.datasets.idx._error import IdxFormatError
from keras_extras.datasets.idx._header import IdxInfo, idx_info
from keras_extras.datasets.idx._map import IdxArray, open_idx
from keras_extras.datasets.idx._write import IdxWriter
from keras_extras.datasets.images._flow import ImageFlow
from keras_extras.datasets.images._generator import ImageDataGenerator

__all__ = [
    "IdxArray",
    "IdxDataset",
    "IdxFormatError",
    "IdxInfo",
    "IdxWriter",
    "ImageDataGenerator",
    "ImageFlow",
    "class_names",
    "class_weights",
    "idx_info",
    "load_emnist",
    "load_fashion_mnist",
    "load_kmnist",
    "load_mnist",
    "load_qmnist",
    "mean_and_std",
    "one_hot",
    "open_idx",
    "prepare",
    "read_idx",
    "scale_to_signed",
    "scale_to_unit",
    "standardize",
    "train_validation_split",
    "write_idx",
]
