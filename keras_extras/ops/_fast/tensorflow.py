"""Faster ways on TensorFlow."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops import _conv
from keras_extras.ops._fast import (
    KERAS_SAME_AVERAGE,
    Row,
    is_stock_max,
    keras_max_pool,
)

MAX_GROUPS = 32


def max_pool(inputs: Tensor, *args, **kwargs) -> Tensor:
    """See `keras_extras.ops.max_pool`.

    TensorFlow's own kernel drops NaN and takes no window for lower than the
    lowest finite number. Whether either is there is asked of two numbers that
    come quickly; only then are the windows looked at.
    """
    outputs = keras_max_pool(inputs, *args, **kwargs)

    def extremes():
        every = tuple(range(len(inputs.shape)))
        return tf.reduce_max(inputs, every), tf.reduce_min(outputs, every)

    if tf.executing_eagerly():
        largest, least = (extreme.numpy() for extreme in extremes())
        if largest == largest and least > inputs.dtype.min:
            return outputs

    def put_back():
        nans, reals = (
            keras_max_pool(tf.cast(marks, inputs.dtype), *args, **kwargs) > 0
            for marks in (tf.math.is_nan(inputs), inputs > -math.inf)
        )
        low = tf.where(reals, outputs, tf.constant(-math.inf, inputs.dtype))
        return tf.where(nans, tf.constant(math.nan, inputs.dtype), low)

    @tf.custom_gradient  # the kernel's own: that of `cond` is slow
    def checked(outputs):
        largest, least = extremes()
        odd = tf.logical_or(tf.math.is_nan(largest), least <= inputs.dtype.min)
        mended = tf.cond(odd, put_back, lambda: outputs)
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


def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """See `keras_extras.ops.conv`: one convolution for each group.

    Keras gives groups to XLA, whose CPU goes through them element by element.
    """
    axis = 1 if data_format == "channels_first" else -1
    groups = inputs.shape[axis] // kernel.shape[-2]
    outputs = [
        _conv.conv(part, own, strides, padding, data_format, dilation_rate)
        for part, own in zip(
            tf.split(inputs, groups, axis),
            tf.split(kernel, groups, -1),
            strict=True,
        )
    ]
    return tf.concat(outputs, axis)


def _few_groups(inputs, kernel, strides=1, padding="valid",
                data_format=None, dilation_rate=1) -> bool:  # fmt: skip
    channels = inputs.shape[1 if data_format == "channels_first" else -1]
    if data_format is None or channels is None or not kernel.shape[-2]:
        return False
    groups, rest = divmod(channels, kernel.shape[-2])
    return (
        not rest
        and 1 < groups <= MAX_GROUPS
        and not (kernel.shape[-1] % groups)
    )


ROWS = (
    Row("conv", conv, _few_groups),
    Row("max_pool", max_pool, _when),
    KERAS_SAME_AVERAGE,
)
