"""One small, telling instance of every public layer, and its input shape.

`tests/test_all_layers.py` runs the promises that hold for all layers over this
table, and fails if a public layer is not in it.
"""

import re
from typing import Any

import keras
import numpy as np

from keras_extras import layers

# Bases, of which nobody makes instances: their leaves stand for them.
BASES = {
    name
    for name in layers.__all__
    if keras.saving.get_registered_name(getattr(layers, name)) == name
}

# Layers that these promises do not fit; their own tests hold them instead.
ELSEWHERE = {
    "MaxUnpooling1D": "takes values and indices",
    "MaxUnpooling2D": "takes values and indices",
    "MaxUnpooling3D": "takes values and indices",
    "FractionalMaxPooling2D": "draws its windows anew in each call",
    "FractionalMaxPooling3D": "draws its windows anew in each call",
    "StochasticDepth": "takes a shortcut and a residual",
}

# Spatial sizes by rank, and arguments by the name of the family, which is the
# layer's name without the rank. Pads are repeated for each axis.
SPATIAL = {1: (7,), 2: (6, 5), 3: (4, 5, 4)}
PADS = ((1, 0),)
RANKED = {
    "AdaptiveAveragePooling": {"output_size": 3},
    "AdaptiveMaxPooling": {"output_size": 3},
    "AveragePooling": {"pool_size": 3, "strides": 2, "padding": "same"},
    "BlurPooling": {"pool_size": 3, "strides": 2},
    "CondConv": {
        "filters": 3,
        "kernel_size": 3,
        "strides": 2,
        "num_experts": 3,
    },
    "Conv": {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
    "ConvTranspose": {"filters": 3, "kernel_size": 3, "strides": 2},
    "CoordConv": {
        "filters": 3,
        "kernel_size": 3,
        "padding": "same",
        "with_r": True,
    },
    "CosineConv": {
        "filters": 4,
        "kernel_size": 3,
        "padding": PADS,
        "groups": 2,
    },
    "DeformableConv": {
        "filters": 4,
        "kernel_size": 2,
        "padding": PADS,
        "groups": 2,
        "offset_groups": 2,
        # Zeros are corners of the interpolation, without a derivative.
        "offset_initializer": "glorot_uniform",
    },
    "DepthwiseConv": {"kernel_size": 3, "padding": PADS, "depth_multiplier": 2},
    "DropBlock": {"rate": 0.5, "block_size": 2, "seed": 1},
    "GatedConv": {"filters": 4, "kernel_size": 3, "strides": 2, "groups": 2},
    "GeMPooling": {"pool_size": 2, "padding": "same"},
    "GlobalAveragePooling": {},
    "GlobalGeMPooling": {},
    "GlobalMaxPooling": {"keepdims": True},
    "LpPooling": {"pool_size": 2, "order": 2},
    "MaxPooling": {"pool_size": 2, "strides": 1, "padding": PADS},
    "MixedPooling": {"pool_size": 3, "strides": 2, "padding": PADS},
    "Pad": {"padding": PADS, "pad_mode": "reflect"},
    "PartialConv": {
        "filters": 3,
        "kernel_size": 3,
        "strides": 2,
        "padding": "same",
    },
    "SeparableConv": {"filters": 3, "kernel_size": 2, "activation": "tanh"},
    "SoftPooling": {"pool_size": 3, "strides": 2, "padding": "same"},
    "SpatialDropout": {"rate": 0.5, "seed": 1},
    "SpatialPyramidPooling": {"bins": [1, 3]},
    "StochasticPooling": {"pool_size": 2, "padding": "same", "seed": 1},
    "WeightStandardizedConv": {"filters": 4, "kernel_size": 3, "groups": 2},
}
PLAIN = {
    "CosineDense": ({"units": 3}, (5,)),
    "Dense": ({"units": 3, "activation": "tanh"}, (5,)),
    "DropPath": ({"rate": 0.5, "seed": 1}, (4, 3)),
    "Dropout": ({"rate": 0.5, "seed": 1}, (4, 3)),
    "Flatten": ({}, (3, 4, 2)),
    "Maxout": ({"num_units": 3}, (4, 6)),
    "NoisyDense": ({"units": 3, "seed": 1}, (5,)),
    "PixelShuffle": ({"factor": 2}, (3, 2, 8)),
    "PixelUnshuffle": ({"factor": 2}, (4, 6, 2)),
    "Unflatten": ({"axis": 1, "shape": (2, -1)}, (6, 3)),
}


def names() -> list[str]:
    """Names of all public layers but bases, aliases and special cases."""
    public = {getattr(layers, name).__name__ for name in layers.__all__}
    return sorted(public - BASES - set(ELSEWHERE))


def make(name: str, **more: Any) -> tuple[Any, tuple[int, ...]]:
    """Returns the sample of that layer, and its input shape without batch."""
    cls = getattr(layers, name)
    if name in PLAIN:
        arguments, shape = PLAIN[name]
    else:
        before, digit, after = re.split(r"(\d)D", name)
        rank, family = int(digit), before + after
        arguments = {
            key: value * rank if value is PADS else value
            for key, value in RANKED[family].items()
        }
        shape = (*SPATIAL[rank], 4)
    if more.get("data_format") == "channels_first":
        shape = (shape[-1], *shape[:-1])
    return cls(**arguments, **more), shape


def inputs(shape: tuple[int, ...], batch: int = 2, seed: int = 0) -> np.ndarray:
    """Irregular numbers without ties."""
    count = int(np.prod((batch, *shape)))
    order = np.random.default_rng(seed).permutation(count)
    values = (order / max(count, 1) - 0.4) * 3
    return values.reshape((batch, *shape)).astype("float32")


def set_weights(layer: Any, seed: int = 0) -> None:
    """Gives the layer weights that are the same on every backend."""
    generator = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
