"""The mathematics of the layers: tensors in, tensors out, no weights.

Written with `keras.ops` alone. Where a framework has a measurably faster way,
`ops/_fast` puts it in front; without that folder everything works, slower.
"""

from keras_extras.ops._conv import conv
from keras_extras.ops._dense import dense, low_rank_update
from keras_extras.ops._pad import pad, pad_spatial
from keras_extras.ops._pool import average_pool, max_pool

__all__ = [
    "average_pool",
    "conv",
    "dense",
    "low_rank_update",
    "max_pool",
    "pad",
    "pad_spatial",
]

try:
    from keras_extras.ops._fast import accelerate as _accelerate
except ImportError as error:  # the folder may be deleted
    if error.name != "keras_extras.ops._fast":
        raise
else:
    globals().update(_accelerate({name: globals()[name] for name in __all__}))
