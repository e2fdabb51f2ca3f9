"""The families of layers, and what is known of each: rules by class.

A rule is a function of an operation and of its `Call`. It holds for the classes
that it is registered for and for subclasses that inherit their `call`.
"""

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, TypeVar

import keras

from keras_extras import layers as ours
from keras_extras._keras_internals import operation_class

Rule = TypeVar("Rule", bound=Callable[..., Any])


class Rules:
    """One kind of rule, such as how many multiply-adds a call takes."""

    def __init__(self) -> None:
        self._rules: dict[type, Callable[..., Any]] = {}

    def of(self, *operations: Any) -> Callable[[Rule], Rule]:
        """Registers the decorated rule for classes, or functions of Keras."""

        def register(rule: Rule) -> Rule:
            for operation in operations:
                is_function = isinstance(operation, FunctionType)
                cls = operation_class(operation) if is_function else operation
                self._rules[cls] = rule
            return rule

        return register

    def find(self, operation: object) -> Callable[..., Any] | None:
        """Returns the rule of the class, or of one whose `call` it has."""
        for cls in type(operation).__mro__:
            own: Any = type(operation)
            if cls in self._rules and own.call is cls.call:  # type: ignore
                return self._rules[cls]
        return None


def _stock(names: str) -> tuple[type, ...]:
    """Returns classes of Keras; `{}` stands for each rank that it has."""
    return tuple(_expanded(keras.layers, names))


def functions(names: str) -> list[Callable[..., Any]]:
    """Returns functions of `keras.ops`; older versions have not all."""
    return [
        getattr(keras.ops, name)
        for name in names.split()
        if hasattr(keras.ops, name)
    ]


def _expanded(package: Any, names: str) -> Iterator[type]:
    for name in names.split():
        if "{}" not in name:
            yield getattr(package, name)
        for rank in (1, 2, 3):
            if "{}" in name and hasattr(package, name.format(rank)):
                yield getattr(package, name.format(rank))


CONVOLUTIONS = (*_stock("Conv{}D"), ours.Conv)
DEPTHWISE = (*_stock("DepthwiseConv{}D"), ours.DepthwiseConv)
SEPARABLE = (*_stock("SeparableConv{}D"), ours.SeparableConv)
TRANSPOSED = (*_stock("Conv{}DTranspose"), ours.ConvTranspose)
DENSE = (*_stock("Dense"), ours.Dense, ours.NoisyDense)
POOLS = (
    *_stock("MaxPooling{}D AveragePooling{}D"),
    ours.Pool,
    ours.StochasticPooling,
)
# One number becomes one number, or several in the same place one.
POINTWISE = (
    *_stock("""
        Activation ActivityRegularization Add AlphaDropout Average
        BatchNormalization Cropping{}D Dropout ELU GaussianDropout GaussianNoise
        Identity LeakyReLU Maximum Minimum Multiply PReLU ReLU Rescaling
        SpatialDropout{}D Subtract ZeroPadding{}D
    """),
    ours.Dropout,
    ours.DropPath,
    ours.Pad,
)
RESHAPING = (*_stock("Flatten Permute Reshape"), ours.Flatten, ours.Unflatten)
ALONG_AN_AXIS = _stock(
    "LayerNormalization RMSNormalization Softmax UnitNormalization"
)
UPSAMPLING = _stock("UpSampling{}D")
# They multiply and add nothing, and see all positions, or it is not known
# which.
OTHERS_WITHOUT_PRODUCTS = (
    *_stock("""
        AdaptiveAveragePooling{}D AdaptiveMaxPooling{}D AutoContrast
        CategoryEncoding CenterCrop CutMix Discretization Equalization
        GlobalAveragePooling{}D GlobalMaxPooling{}D GroupNormalization
        HashedCrossing Hashing InputLayer IntegerLookup Masking
        MaxNumBoundingBoxes MixUp Normalization RandomBrightness
        RandomColorDegeneration RandomContrast RandomCrop RandomErasing
        RandomFlip RandomGrayscale RandomHue RandomInvert RandomPosterization
        RandomSaturation RepeatVector Solarization StringLookup
    """),
    ours.AdaptivePool,
    ours.DropBlock,
    ours.FractionalMaxPooling,
    ours.GeMPooling,
    ours.GlobalGeMPooling,
    ours.GlobalPool,
    ours.MaxUnpooling,
    ours.Maxout,
    ours.MixedPooling,
    ours.PixelShuffle,
    ours.PixelUnshuffle,
    ours.SpatialPyramidPooling,
    ours.StochasticDepth,
)
WITHOUT_PRODUCTS = (
    *POOLS,
    *POINTWISE,
    *RESHAPING,
    *ALONG_AN_AXIS,
    *UPSAMPLING,
    *_stock("Concatenate Embedding"),
    *OTHERS_WITHOUT_PRODUCTS,
)
