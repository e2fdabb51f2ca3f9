"""Faster ways on TensorFlow."""

import math

import keras
import tensorflow as tf

from keras_extras._shapes import Tensor
from keras_extras.ops._fast import (
    KERAS_SAME_AVERAGE,
    Row,
    is_stock_max,
    keras_max_pool,
)


def max_pool(inputs: Tensor, *args, **kwargs) -> Tensor:
    """See `keras_extras.ops.max_pool`.

    TensorFlow's own kernel drops NaN and takes no window for lower than the
    lowest finite number. Whether either is there is asked of two numbers that
    come quickly; only then are the windows looked at.
    """
    outputs = keras_max_pool(inputs, *args, **kwargs)
    lowest = inputs.dtype.min

    def put_back():
        nans, reals = (
            keras_max_pool(tf.cast(marks, inputs.dtype), *args, **kwargs) > 0
            for marks in (tf.math.is_nan(inputs), inputs > -math.inf)
        )
        low = tf.where(reals, outputs, tf.constant(-math.inf, inputs.dtype))
        return tf.where(nans, tf.constant(math.nan, inputs.dtype), low)

    @tf.custom_gradient  # the kernel's own: that of `cond` is slow
    def checked(outputs):
        found = tf.logical_or(
            tf.math.is_nan(tf.reduce_max(inputs)),
            tf.reduce_min(outputs) <= lowest,
        )
        mended = tf.cond(found, put_back, lambda: outputs)
        return mended, lambda upstream: upstream

    return checked(outputs)


def _when(inputs, pool_size, strides=None, padding="valid",
          data_format=None, *beyond, **options):  # fmt: skip
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    kernels = ("float32", "bfloat16", "float16", "float64")
    rank = len(inputs.shape) - 2
    return dtype in kernels[: 2 if rank == 3 else None] and is_stock_max(
        *beyond, **options
    )


ROWS = (Row("max_pool", max_pool, _when), KERAS_SAME_AVERAGE)
