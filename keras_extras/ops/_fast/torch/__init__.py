"""Faster ways on torch: pool the channels-last memory as it lies.

A transposed view of channels-last images *is* torch's `channels_last` memory
format, which its pooling reads directly; copying it to channels first and back
is what takes the time.
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import torch
import torch.nn.functional as nnf

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import (
    Row,
    is_stock_average,
    is_stock_max,
    keras_max_pool,
)
from keras_extras.ops._fast.torch import conv

_MAX = {2: nnf.max_pool2d, 3: nnf.max_pool3d}
_MEAN = {2: nnf.avg_pool2d, 3: nnf.avg_pool3d}


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    *_,
    **__,
) -> Tensor:
    """See `keras_extras.ops.max_pool`."""
    return _pool(_MAX, inputs, pool_size, strides, padding)


def average_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    *_,
    **__,
) -> Tensor:
    """See `keras_extras.ops.average_pool`."""
    return _pool(_MEAN, inputs, pool_size, strides, padding, is_mean=True)


def _pool(functions, inputs, pool_size, strides, padding, is_mean=False):
    windows: Any = _windows(inputs, pool_size, strides, padding)
    options = {}
    if is_mean:  # not to count is slower, even if there are no pads
        options["count_include_pad"] = padding == "valid"
    rank = len(inputs.shape) - 2
    if rank > 1:
        pool = functions[rank]
        return _last(pool(_second(inputs), **windows, **options))
    # An image of one row, which has a channels-last format.
    for name, nothing in [("kernel_size", 1), ("stride", 1), ("padding", 0)]:
        windows[name] = nothing, *windows[name]
    outputs = functions[2](_second(inputs.unsqueeze(1)), **windows, **options)
    return _last(outputs).squeeze(1)


def _windows(inputs, pool_size, strides, padding):
    """Returns torch's arguments; None if it has no such windows."""
    given = tuple(inputs.shape[1:-1]), pool_size, strides, padding
    if torch.compiler.is_compiling():  # which looks into no cache
        return _arguments(*given)
    try:
        found = _kept(*given)
    except TypeError:  # symbolic lengths and lists have no place in one
        found = _arguments(*given)
    return None if found is None else dict(found)


def _arguments(lengths, pool_size, strides, padding):
    # It takes the same pad on both sides, at most half the window, and in its
    # ceil mode windows that reach over the end, where nothing counts.
    rank = len(lengths)
    size = shapes.per_axis(pool_size, rank)
    strides = shapes.per_axis(strides or size, rank)
    pads = [
        # A length matters only where there are strides: it may be symbolic.
        shapes.axis_pads(
            padding, axis, lengths[axis] if stride > 1 else None, window, stride
        )
        for axis, (window, stride) in enumerate(zip(size, strides, strict=True))
    ]
    ceil_mode = any(before != after for before, after in pads)
    for length, window, stride, (before, after) in zip(
        lengths, size, strides, pads, strict=True
    ):
        if 2 * before > window:
            return None
        if not ceil_mode:
            continue
        if before > after or not isinstance(length, int):
            return None
        outputs = (length + before + after - window) // stride + 1
        last = (outputs - 1) * stride  # where the last window begins
        room = length + 2 * before - window
        if -(-room // stride) + 1 != outputs or last >= length + before:
            return None
    return {
        "kernel_size": size,
        "stride": strides,
        "padding": tuple(before for before, _ in pads),
        "ceil_mode": ceil_mode,
    }


_kept = functools.lru_cache(maxsize=1024)(_arguments)


def _channels_last(
    inputs, pool_size, strides=None, padding="valid", data_format=None
):
    rank = len(inputs.shape) - 2
    return (
        data_format == "channels_last"
        and inputs.is_floating_point()
        and inputs.device.type == "cpu"
        and (rank < 3 or inputs.element_size() > 2)
        and _windows(inputs, pool_size, strides, padding) is not None
    )


def _second(inputs):
    return inputs.movedim(inputs.ndim - 1, 1)  # ONNX takes no -1


def _last(outputs):
    return outputs.movedim(1, outputs.ndim - 1)


def _when_max(inputs, pool_size, strides=None, padding="valid",
              data_format=None, *beyond, **options):  # fmt: skip
    return is_stock_max(*beyond, **options) and _channels_last(
        inputs, pool_size, strides, padding, data_format
    )


def _when_average(inputs, pool_size, strides=None, padding="valid",
                  data_format=None, *beyond, **options):  # fmt: skip
    return is_stock_average(*beyond, **options) and _channels_last(
        inputs, pool_size, strides, padding, data_format
    )


def _when_keras(inputs, pool_size, strides=None, padding="valid",
                data_format=None, *beyond, **options):  # fmt: skip
    return inputs.is_floating_point() and is_stock_max(*beyond, **options)


def adaptive_average_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
) -> Tensor:
    """See `keras_extras.ops.adaptive_average_pool`."""
    return _adaptive(_ADAPTIVE_MEAN, inputs, output_size, data_format)


def adaptive_max_pool(
    inputs: Tensor,
    output_size: int | Sequence[int | None],
    data_format: str | None = None,
    **_,
) -> Tensor:
    """See `keras_extras.ops.adaptive_max_pool`."""
    return _adaptive(_ADAPTIVE_MAX, inputs, output_size, data_format)


_ADAPTIVE_MEAN = {
    1: nnf.adaptive_avg_pool1d,
    2: nnf.adaptive_avg_pool2d,
    3: nnf.adaptive_avg_pool3d,
}
_ADAPTIVE_MAX = {
    1: nnf.adaptive_max_pool1d,
    2: nnf.adaptive_max_pool2d,
    3: nnf.adaptive_max_pool3d,
}


def _adaptive(functions, inputs, output_size, data_format):
    rank = len(inputs.shape) - 2
    if isinstance(output_size, int):
        output_size = (output_size,) * rank
    if _is_first(data_format):
        return functions[rank](inputs, output_size)
    return _last(functions[rank](_second(inputs), output_size))


def _is_first(data_format):
    data_format = data_format or keras.config.image_data_format()
    return data_format == "channels_first"


def _when_adaptive(inputs, output_size, data_format=None, *,
                   return_indices=False):  # fmt: skip
    # Of several NaN, torch's position is that of the last: left out.
    # Axes that stay as they are (`None`) are known to torch in 2D and 3D.
    rank = len(inputs.shape) - 2
    return (
        rank in _ADAPTIVE_MEAN
        and inputs.is_floating_point()
        and not return_indices
        and 0 not in inputs.shape
        and (rank != 3 or inputs.element_size() > 2)
        and (
            rank != 1 or isinstance(output_size, int) or None not in output_size
        )
    )


def global_average_pool(
    inputs: Tensor, data_format: str | None = None, keepdims: bool = False
) -> Tensor:
    """See `keras_extras.ops.global_average_pool`."""
    return inputs.mean(_spatial(inputs, data_format), keepdim=keepdims)


def global_max_pool(
    inputs: Tensor, data_format: str | None = None, keepdims: bool = False
) -> Tensor:
    """See `keras_extras.ops.global_max_pool`."""
    return inputs.amax(_spatial(inputs, data_format), keepdim=keepdims)


def _spatial(inputs, data_format):
    first = 2 if _is_first(data_format) else 1
    return tuple(range(first, first + inputs.ndim - 2))


def _when_global(inputs, data_format=None, keepdims=False, *,
                 mask=None) -> bool:  # fmt: skip
    return (
        mask is None
        and inputs.ndim > 2
        and inputs.is_floating_point()
        and 0 not in inputs.shape
    )


ROWS = (
    Row("global_average_pool", global_average_pool, _when_global),
    Row("global_max_pool", global_max_pool, _when_global),
    Row("adaptive_average_pool", adaptive_average_pool, _when_adaptive),
    Row("adaptive_max_pool", adaptive_max_pool, _when_adaptive),
    Row("max_pool", max_pool, _when_max),
    Row("max_pool", keras_max_pool, _when_keras),
    Row("average_pool", average_pool, _when_average),
    *conv.ROWS,
)
