"""Faster ways on TensorFlow."""

import math
from typing import Any

import tensorflow as tf

from keras_extras._shapes import Tensor
from keras_extras.ops._conv import ConvPlan, convolve
from keras_extras.ops._fast import FLOATS, KERAS_SAME_AVERAGE, keras_max_pool
from keras_extras.ops._operation import Row
from keras_extras.ops._pool import PoolPlan

MAX_GROUPS = 32


def on_cpu(tensor: Tensor) -> bool:
    """Returns False: no row here asks."""
    return False


def _max_pool(plan: PoolPlan, inputs: Tensor) -> Tensor:
    """Returns the maxima, NaN and minus infinity included.

    TensorFlow's own kernel drops NaN and takes no window for lower than the
    lowest finite number. Whether either is there is asked of two numbers that
    come quickly; only then are the windows looked at.
    """
    outputs = keras_max_pool(plan, inputs)

    def extremes() -> tuple[Any, Any]:
        every = tuple(range(len(inputs.shape)))
        return tf.reduce_max(inputs, every), tf.reduce_min(outputs, every)

    if tf.executing_eagerly():
        largest, least = (extreme.numpy() for extreme in extremes())
        if largest == largest and least > inputs.dtype.min:
            return outputs

    def put_back() -> Any:
        nans, reals = (
            keras_max_pool(plan, tf.cast(marks, inputs.dtype)) > 0
            for marks in (tf.math.is_nan(inputs), inputs > -math.inf)
        )
        low = tf.where(reals, outputs, tf.constant(-math.inf, inputs.dtype))
        return tf.where(nans, tf.constant(math.nan, inputs.dtype), low)

    @tf.custom_gradient  # the kernel's own: that of `cond` is slow
    def checked(outputs: Any) -> Any:
        largest, least = extremes()
        odd = tf.logical_or(tf.math.is_nan(largest), least <= inputs.dtype.min)
        corrected = tf.cond(odd, put_back, lambda: outputs)
        return corrected, lambda upstream: upstream

    return checked(outputs)


def _has_kernel(plan: PoolPlan) -> bool:
    kernels = FLOATS[: 2 if len(plan.size) == 3 else None]
    return plan.dtype in kernels and plan.is_stock


def _conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    """Returns one convolution for each group, side by side.

    Keras gives groups to XLA, whose CPU goes through them element by element.
    """
    axis = 1 if plan.data_format == "channels_first" else -1
    alone = plan._replace(groups=1)
    parts = (
        tf.split(inputs, plan.groups, axis),
        tf.split(kernel, plan.groups, -1),
    )
    return tf.concat(
        [convolve(alone, *pair) for pair in zip(*parts, strict=True)], axis
    )


def _has_few_groups(plan: ConvPlan) -> bool:
    return plan.is_valid and 1 < plan.groups <= MAX_GROUPS


ROWS = (
    Row("conv", _has_few_groups, _conv),
    Row("max_pool", _has_kernel, _max_pool),
    KERAS_SAME_AVERAGE,
)
