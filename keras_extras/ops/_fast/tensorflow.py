"""Faster ways on TensorFlow."""

import functools
import math
from typing import Any

import keras
import tensorflow as tf

from keras_extras._shapes import Tensor
from keras_extras.ops._conv import ConvPlan, by_keras, convolve
from keras_extras.ops._fast import FLOATS, KERAS_SAME_AVERAGE, keras_max_pool
from keras_extras.ops._operation import Row
from keras_extras.ops._pool import PoolPlan

MAX_GROUPS = 32


def on_cpu(tensor: Tensor) -> bool:
    """Returns False: no row here asks."""
    return False


def is_concrete(tensor: Tensor) -> bool:
    """Returns whether the tensor has numbers now."""
    return tf.executing_eagerly()


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


def _depthwise_conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    """Returns what the kernel gives for the common step, thinned out.

    It takes the same stride on both axes only; XLA takes any, for groups.
    """
    step = math.gcd(*plan.strides)
    return by_keras(keras.ops.depthwise_conv, plan, inputs, kernel, step)


def _has_different_strides(plan: ConvPlan) -> bool:
    return len(plan.size) == 2 and len(set(plan.strides)) > 1


def _second_conv(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    return by_keras(keras.ops.conv, plan, inputs, kernel)


def _is_second(plan: ConvPlan) -> bool:
    """Returns whether channels-first images may stay as they are."""
    return (
        plan.data_format == "channels_first"
        and len(plan.size) < 3
        and plan.groups == 1
        and plan.dtype != ""
        and _takes_second(plan.dtype)
    )


@functools.cache
def _takes_second(dtype: str) -> bool:
    """Returns whether there is a kernel: on the CPU if oneDNN has one."""
    with tf.init_scope():
        pixel = tf.ones((1, 1, 1, 1), dtype)
        try:
            tf.nn.conv2d(pixel, pixel, 1, "VALID", data_format="NCHW")
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
            return False
    return True


ROWS = (
    Row("conv", _is_second, _second_conv),
    Row("depthwise_conv", _has_different_strides, _depthwise_conv),
    Row("conv", _has_few_groups, _conv),
    Row("max_pool", _has_kernel, _max_pool),
    KERAS_SAME_AVERAGE,
)
