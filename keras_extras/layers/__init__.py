"""Keras layers whose forward pass is a few named steps, each open to change.

Each has the name, the positional arguments, the weights and the numbers of
the Keras layer that it can stand in for.
"""

from keras_extras.layers._base import KernelLayer, Layer
from keras_extras.layers._conv import Conv, Conv1D, Conv2D, Conv3D
from keras_extras.layers._conv_conditional import (
    CondConv,
    CondConv1D,
    CondConv2D,
    CondConv3D,
)
from keras_extras.layers._conv_coord import (
    CoordConv,
    CoordConv1D,
    CoordConv2D,
    CoordConv3D,
)
from keras_extras.layers._conv_cosine import (
    CosineConv,
    CosineConv1D,
    CosineConv2D,
    CosineConv3D,
)
from keras_extras.layers._conv_deformable import (
    DeformableConv,
    DeformableConv1D,
    DeformableConv2D,
    DeformableConv3D,
)
from keras_extras.layers._conv_depthwise import (
    DepthwiseConv,
    DepthwiseConv1D,
    DepthwiseConv2D,
    DepthwiseConv3D,
)
from keras_extras.layers._conv_gated import (
    GatedConv,
    GatedConv1D,
    GatedConv2D,
    GatedConv3D,
)
from keras_extras.layers._conv_partial import (
    PartialConv,
    PartialConv1D,
    PartialConv2D,
    PartialConv3D,
)
from keras_extras.layers._conv_separable import (
    SeparableConv,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConv3D,
)
from keras_extras.layers._conv_standardized import (
    WeightStandardizedConv,
    WeightStandardizedConv1D,
    WeightStandardizedConv2D,
    WeightStandardizedConv3D,
)
from keras_extras.layers._conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    ConvTranspose,
)
from keras_extras.layers._dense import Dense
from keras_extras.layers._dense_cosine import CosineDense
from keras_extras.layers._dense_noisy import NoisyDense
from keras_extras.layers._dropout import (
    Dropout,
    SpatialDropout,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from keras_extras.layers._dropout_block import (
    DropBlock,
    DropBlock1D,
    DropBlock2D,
    DropBlock3D,
)
from keras_extras.layers._dropout_depth import (
    DropPath,
    StochasticDepth,
)
from keras_extras.layers._flatten import (
    Flatten,
    Unflatten,
)
from keras_extras.layers._maxout import Maxout
from keras_extras.layers._pad import (
    Pad,
    Pad1D,
    Pad2D,
    Pad3D,
)
from keras_extras.layers._pixel_shuffle import (
    PixelShuffle,
    PixelUnshuffle,
)
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
from keras_extras.layers._pool_adaptive import (
    AdaptiveAveragePooling,
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AdaptivePool,
)
from keras_extras.layers._pool_blur import (
    BlurPooling,
    BlurPooling1D,
    BlurPooling2D,
    BlurPooling3D,
)
from keras_extras.layers._pool_fractional import (
    FractionalMaxPooling,
    FractionalMaxPooling2D,
    FractionalMaxPooling3D,
)
from keras_extras.layers._pool_gem import (
    GeMPooling,
    GeMPooling1D,
    GeMPooling2D,
    GeMPooling3D,
)
from keras_extras.layers._pool_global import (
    GlobalAveragePooling,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    GlobalPool,
)
from keras_extras.layers._pool_global_gem import (
    GlobalGeMPooling,
    GlobalGeMPooling1D,
    GlobalGeMPooling2D,
    GlobalGeMPooling3D,
)
from keras_extras.layers._pool_lp import (
    LpPooling,
    LpPooling1D,
    LpPooling2D,
    LpPooling3D,
)
from keras_extras.layers._pool_mixed import (
    MixedPooling,
    MixedPooling1D,
    MixedPooling2D,
    MixedPooling3D,
)
from keras_extras.layers._pool_pyramid import (
    SpatialPyramidPooling,
    SpatialPyramidPooling1D,
    SpatialPyramidPooling2D,
    SpatialPyramidPooling3D,
)
from keras_extras.layers._pool_soft import (
    SoftPooling,
    SoftPooling1D,
    SoftPooling2D,
    SoftPooling3D,
)
from keras_extras.layers._pool_stochastic import (
    StochasticPooling,
    StochasticPooling1D,
    StochasticPooling2D,
    StochasticPooling3D,
)
from keras_extras.layers._unpool import (
    MaxUnpooling,
    MaxUnpooling1D,
    MaxUnpooling2D,
    MaxUnpooling3D,
)

# Keras's other names of the convolutions.
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

# Keras's other names of global pooling.
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D

# Keras's other names of window pooling.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D

__all__ = [
    "AdaptiveAveragePooling",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AdaptivePool",
    "AveragePooling",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BlurPooling",
    "BlurPooling1D",
    "BlurPooling2D",
    "BlurPooling3D",
    "CondConv",
    "CondConv1D",
    "CondConv2D",
    "CondConv3D",
    "Conv",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "CoordConv",
    "CoordConv1D",
    "CoordConv2D",
    "CoordConv3D",
    "CosineConv",
    "CosineConv1D",
    "CosineConv2D",
    "CosineConv3D",
    "CosineDense",
    "DeformableConv",
    "DeformableConv1D",
    "DeformableConv2D",
    "DeformableConv3D",
    "Dense",
    "DepthwiseConv",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "DepthwiseConv3D",
    "DropBlock",
    "DropBlock1D",
    "DropBlock2D",
    "DropBlock3D",
    "DropPath",
    "Dropout",
    "Flatten",
    "FractionalMaxPooling",
    "FractionalMaxPooling2D",
    "FractionalMaxPooling3D",
    "GatedConv",
    "GatedConv1D",
    "GatedConv2D",
    "GatedConv3D",
    "GeMPooling",
    "GeMPooling1D",
    "GeMPooling2D",
    "GeMPooling3D",
    "GlobalAveragePooling",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalGeMPooling",
    "GlobalGeMPooling1D",
    "GlobalGeMPooling2D",
    "GlobalGeMPooling3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalPool",
    "KernelLayer",
    "Layer",
    "LpPooling",
    "LpPooling1D",
    "LpPooling2D",
    "LpPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MaxUnpooling",
    "MaxUnpooling1D",
    "MaxUnpooling2D",
    "MaxUnpooling3D",
    "Maxout",
    "MixedPooling",
    "MixedPooling1D",
    "MixedPooling2D",
    "MixedPooling3D",
    "NoisyDense",
    "Pad",
    "Pad1D",
    "Pad2D",
    "Pad3D",
    "PartialConv",
    "PartialConv1D",
    "PartialConv2D",
    "PartialConv3D",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pool",
    "SeparableConv",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConv3D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SoftPooling",
    "SoftPooling1D",
    "SoftPooling2D",
    "SoftPooling3D",
    "SpatialDropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpatialPyramidPooling",
    "SpatialPyramidPooling1D",
    "SpatialPyramidPooling2D",
    "SpatialPyramidPooling3D",
    "StochasticDepth",
    "StochasticPooling",
    "StochasticPooling1D",
    "StochasticPooling2D",
    "StochasticPooling3D",
    "Unflatten",
    "WeightStandardizedConv",
    "WeightStandardizedConv1D",
    "WeightStandardizedConv2D",
    "WeightStandardizedConv3D",
]
