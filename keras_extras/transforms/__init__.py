"""What is done to a kernel before a layer uses it; `kernel_transform=`.

Small Keras layers from kernels to kernels of the same shape, which compose,
train with their layer, and can be frozen into the plain kernel.
"""

from keras_extras.transforms._base import KernelTransform, get
from keras_extras.transforms._low_rank import DoRA, LowRank
from keras_extras.transforms._mask import Mask
from keras_extras.transforms._norm import (
    LearningRateScale,
    SpectralNorm,
    UnitNorm,
    WeightNorm,
    WeightStandardization,
)
from keras_extras.transforms._owner import KernelOwner
from keras_extras.transforms._round import FakeQuantize, Ternary
from keras_extras.transforms._symmetry import (
    Antisymmetric,
    Orthogonal,
    Symmetric,
)

__all__ = [
    "Antisymmetric",
    "DoRA",
    "FakeQuantize",
    "KernelOwner",
    "KernelTransform",
    "LearningRateScale",
    "LowRank",
    "Mask",
    "Orthogonal",
    "SpectralNorm",
    "Symmetric",
    "Ternary",
    "UnitNorm",
    "WeightNorm",
    "WeightStandardization",
    "get",
]
