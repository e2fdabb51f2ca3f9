"""The mathematics of the layers: tensors in, tensors out, no weights.

Written with `keras.ops` alone. Where a framework has a measurably faster way,
`ops/_fast` puts it in front; without that folder everything works, slower.
"""

from keras_extras.ops import _operation
from keras_extras.ops._conv import conv
from keras_extras.ops._conv_conditional import conditional_conv
from keras_extras.ops._conv_coord import add_coordinates
from keras_extras.ops._conv_cosine import cosine_conv
from keras_extras.ops._conv_deformable import deformable_conv
from keras_extras.ops._conv_depthwise import depthwise_conv
from keras_extras.ops._conv_norm import conv_norm
from keras_extras.ops._conv_partial import partial_conv
from keras_extras.ops._conv_separable import separable_conv
from keras_extras.ops._conv_transpose import conv_transpose
from keras_extras.ops._dense import dense, dora_update, low_rank_update
from keras_extras.ops._dense_cosine import cosine_dense
from keras_extras.ops._dense_noisy import factorized_noise, signed_root
from keras_extras.ops._dropout_block import drop_block
from keras_extras.ops._kernel import (
    equalize_kernel,
    kernel_norm,
    power_iteration,
    spectral_norm,
    standardize_kernel,
    weight_norm,
)
from keras_extras.ops._kernel_round import (
    magnitude_mask,
    quantize_kernel,
    ternary_kernel,
)
from keras_extras.ops._kernel_symmetry import (
    cayley_kernel,
    householder_kernel,
    reflect_kernel,
)
from keras_extras.ops._mask import conv_mask, conv_transpose_mask, pool_mask
from keras_extras.ops._maxout import maxout
from keras_extras.ops._pad import pad, pad_spatial
from keras_extras.ops._pixel_shuffle import (
    pixel_shuffle,
    pixel_unshuffle,
)
from keras_extras.ops._pool import average_pool, max_pool
from keras_extras.ops._pool_adaptive import (
    adaptive_average_pool,
    adaptive_max_pool,
)
from keras_extras.ops._pool_blur import blur_pool
from keras_extras.ops._pool_fractional import fractional_max_pool
from keras_extras.ops._pool_gem import gem_pool
from keras_extras.ops._pool_global import (
    global_average_pool,
    global_max_pool,
)
from keras_extras.ops._pool_global_gem import global_gem_pool
from keras_extras.ops._pool_lp import lp_pool
from keras_extras.ops._pool_mixed import mixed_pool
from keras_extras.ops._pool_pyramid import spatial_pyramid_pool
from keras_extras.ops._pool_soft import soft_pool
from keras_extras.ops._pool_stochastic import stochastic_pool
from keras_extras.ops._unpool import max_unpool
from keras_extras.ops._windows import extract_windows

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "add_coordinates",
    "average_pool",
    "blur_pool",
    "cayley_kernel",
    "conditional_conv",
    "conv",
    "conv_mask",
    "conv_norm",
    "conv_transpose",
    "conv_transpose_mask",
    "cosine_conv",
    "cosine_dense",
    "deformable_conv",
    "dense",
    "depthwise_conv",
    "dora_update",
    "drop_block",
    "equalize_kernel",
    "extract_windows",
    "factorized_noise",
    "fractional_max_pool",
    "gem_pool",
    "global_average_pool",
    "global_gem_pool",
    "global_max_pool",
    "householder_kernel",
    "kernel_norm",
    "low_rank_update",
    "lp_pool",
    "magnitude_mask",
    "max_pool",
    "max_unpool",
    "maxout",
    "mixed_pool",
    "pad",
    "pad_spatial",
    "partial_conv",
    "pixel_shuffle",
    "pixel_unshuffle",
    "pool_mask",
    "power_iteration",
    "quantize_kernel",
    "reflect_kernel",
    "separable_conv",
    "signed_root",
    "soft_pool",
    "spatial_pyramid_pool",
    "spectral_norm",
    "standardize_kernel",
    "stochastic_pool",
    "ternary_kernel",
    "weight_norm",
]

_operation.load_rows(globals())
