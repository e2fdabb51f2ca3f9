"""The mathematics of the layers: tensors in, tensors out, no weights.

Written with `keras.ops` alone. Where a framework has a measurably faster way,
`ops/_fast` puts it in front; without that folder everything works, slower.
"""

from keras_extras.ops._conv import conv
from keras_extras.ops._conv_depthwise import depthwise_conv
from keras_extras.ops._conv_separable import separable_conv
from keras_extras.ops._conv_transpose import conv_transpose
from keras_extras.ops._dense import dense, low_rank_update
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
from keras_extras.ops._pool_fractional import fractional_max_pool
from keras_extras.ops._pool_global import (
    global_average_pool,
    global_max_pool,
)
from keras_extras.ops._pool_lp import lp_pool
from keras_extras.ops._unpool import max_unpool

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "conv",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "fractional_max_pool",
    "global_average_pool",
    "global_max_pool",
    "low_rank_update",
    "lp_pool",
    "max_pool",
    "max_unpool",
    "pad",
    "pad_spatial",
    "pixel_shuffle",
    "pixel_unshuffle",
    "separable_conv",
]

try:
    from keras_extras.ops._fast import accelerate as _accelerate
except ImportError as error:  # the folder may be deleted
    if error.name != "keras_extras.ops._fast":
        raise
else:
    globals().update(_accelerate({name: globals()[name] for name in __all__}))
