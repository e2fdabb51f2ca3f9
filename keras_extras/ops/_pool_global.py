"""Global pooling: reduce all positions to one number per channel.

    y[n, c] = R( x[n, i, c]  for all positions i )          R = max, mean

The mean may leave positions out: `sum(m * x) / sum(m)` with a mask m.
"""

from typing import Any, NamedTuple

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._operation import planned
from keras_extras.ops._tensors import (
    as_float,
    as_tensor,
    dtype_of,
    lowest,
    widen,
)


class GlobalPlan(NamedTuple):
    """A reduction of all positions of inputs of one shape and dtype."""

    axes: tuple[int, ...]
    keepdims: bool
    dtype: str
    is_empty: bool


def _plan(
    inputs: Tensor, data_format: str | None, keepdims: bool
) -> GlobalPlan:
    """Binds the arguments of global pooling."""
    shape = inputs.shape
    data_format = data_format or keras.config.image_data_format()
    axes = tuple(shapes.spatial_axes(len(shape) - 2, data_format))
    return GlobalPlan(axes, keepdims, dtype_of(inputs), 0 in shape)


def global_max_pool(
    inputs: Tensor, data_format: str | None = None, keepdims: bool = False
) -> Tensor:
    """Takes the maximum over all positions, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.

    Returns:
        Tensor `(batch, channels)`, or with the spatial axes.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1)
        >>> float(keras_extras.ops.global_max_pool(x)[0, 0])
        3.0
    """
    inputs = as_tensor(inputs)
    return global_maximum(_plan(inputs, data_format, keepdims), inputs)


@planned("global_max_pool")
def global_maximum(plan: GlobalPlan, inputs: Tensor) -> Tensor:
    """Returns the maximum over all positions."""
    return maximum(inputs, _few(plan.axes), plan.keepdims)


def global_average_pool(
    inputs: Tensor,
    data_format: str | None = None,
    keepdims: bool = False,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Takes the mean over all positions, or those of a mask, per channel.

        y = sum(mask * x) / sum(mask)

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.
        mask: bool tensor `(batch, *spatial)`, true where a position counts;
            `None` counts all. Where none counts, the mean is NaN.

    Returns:
        Tensor `(batch, channels)`, or with the spatial axes.

    Examples:
        >>> x = np.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
        >>> y = keras_extras.ops.global_average_pool(
        ...     x, mask=np.array([[True, True, False]])
        ... )
        >>> float(y[0, 0])
        2.0
    """
    inputs = as_tensor(inputs)
    plan = _plan(inputs, data_format, keepdims)
    if mask is None:
        return global_mean(plan, inputs)
    inputs = as_float(inputs)
    channels = 1 if plan.axes[0] == 2 else -1
    counts = keras.ops.cast(keras.ops.expand_dims(mask, channels), "bool")
    # Not a product: what is masked may be infinite, or no number.
    real: Any = keras.ops.where(counts, widen(inputs), 0)
    total, count = (
        keras.ops.sum(numbers, axis=plan.axes, keepdims=keepdims)
        for numbers in (real, keras.ops.cast(counts, real.dtype))
    )
    return keras.ops.cast(keras.ops.divide(total, count), inputs.dtype)


@planned("global_average_pool")
def global_mean(plan: GlobalPlan, inputs: Tensor) -> Tensor:
    """Returns the mean over all positions."""
    return keras.ops.mean(inputs, axis=_few(plan.axes), keepdims=plan.keepdims)


def _few(axes: tuple[int, ...]) -> int | tuple[int, ...]:
    # TensorFlow makes a tensor of several, which takes as long as a mean.
    return axes[0] if len(axes) == 1 else axes


def maximum(
    inputs: Tensor, axis: int | tuple[int, ...], keepdims: bool = False
) -> Any:
    """Returns the maximum along axes, of an empty batch too.

    `keras.ops.max` refuses all empty tensors on TensorFlow and torch.
    """
    dtype = dtype_of(inputs)
    if any(size is None for size in inputs.shape):
        # May be empty when the graph runs: with a first value it may.
        return keras.ops.max(inputs, axis, keepdims, initial=lowest(dtype))
    if 0 in inputs.shape:  # no numbers go in and none come out
        empty = keras.ops.sum(inputs, axis=axis, keepdims=keepdims)
        return keras.ops.cast(empty, dtype)
    return keras.ops.max(inputs, axis, keepdims)
