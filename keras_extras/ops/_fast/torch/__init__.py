"""Faster ways on torch: pool the channels-last memory as it lies.

A transposed view of channels-last images *is* torch's `channels_last` memory
format, which its pooling reads directly; copying it to channels first and back
is what takes the time.
"""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as nnf

from keras_extras._shapes import Tensor
from keras_extras.ops._fast import keras_max_pool
from keras_extras.ops._fast.torch import conv
from keras_extras.ops._fast.torch.layout import (
    is_concrete,
    on_cpu,
    to_last,
    to_second,
)
from keras_extras.ops._operation import Row
from keras_extras.ops._pool import PoolPlan
from keras_extras.ops._pool_adaptive import AdaptivePlan
from keras_extras.ops._pool_global import GlobalPlan

__all__ = ["ROWS", "is_concrete", "on_cpu"]

WIDE = ("float32", "float64")


def _max_pool(plan: PoolPlan, inputs: Tensor) -> Tensor:
    functions = nnf.max_pool2d, nnf.max_pool3d
    return _pool(functions, plan, inputs)


def _average_pool(plan: PoolPlan, inputs: Tensor) -> Tensor:
    functions = nnf.avg_pool2d, nnf.avg_pool3d
    # Not to count is slower, even if there are no pads.
    counts = plan.padding == "valid"
    return _pool(functions, plan, inputs, count_include_pad=counts)


def _pool(
    functions: tuple[Callable[..., Any], Callable[..., Any]],
    plan: PoolPlan,
    inputs: Tensor,
    **options: bool,
) -> Tensor:
    size, strides, pads = plan.size, plan.strides, plan.pads or ()
    before = [first for first, _ in pads]
    rank = len(size)
    if rank == 1:  # an image of one row, which has a channels-last format
        inputs = inputs.unsqueeze(1)
        size, strides, before = (1, *size), (1, *strides), [0, *before]
    outputs = functions[rank == 3](
        to_second(inputs),
        size,
        strides,
        before,
        ceil_mode=plan.padding != "valid"
        and any(first != second for first, second in pads),
        **options,
    )
    outputs = to_last(outputs)
    return outputs.squeeze(1) if rank == 1 else outputs


def _is_last_on_cpu(plan: PoolPlan) -> bool:
    return (
        plan.on_cpu
        and plan.data_format == "channels_last"
        and "float" in plan.dtype
        and plan.is_stock
        and (len(plan.size) < 3 or plan.dtype in WIDE)
        and _has_windows(plan)
    )


def _has_windows(plan: PoolPlan) -> bool:
    """Returns whether torch has such windows.

    It takes the same pad on both sides, at most half the window, and in its
    ceil mode windows that reach over the end, where nothing counts.
    """
    if plan.padding == "valid":
        return True
    pads = plan.pads
    if pads is None:
        return False
    ceil_mode = any(before != after for before, after in pads)
    for length, window, stride, (before, after) in zip(
        plan.lengths, plan.size, plan.strides, pads, strict=True
    ):
        if 2 * before > window:
            return False
        if not ceil_mode:
            continue
        if before > after or not isinstance(length, int):
            return False
        outputs = (length + before + after - window) // stride + 1
        last = (outputs - 1) * stride  # where the last window begins
        room = length + 2 * before - window
        if -(-room // stride) + 1 != outputs or last >= length + before:
            return False
    return True


def _is_stock_float(plan: PoolPlan) -> bool:
    return "float" in plan.dtype and plan.is_stock


_ADAPTIVE_MEAN = (
    nnf.adaptive_avg_pool1d,
    nnf.adaptive_avg_pool2d,
    nnf.adaptive_avg_pool3d,
)
_ADAPTIVE_MAX = (
    nnf.adaptive_max_pool1d,
    nnf.adaptive_max_pool2d,
    nnf.adaptive_max_pool3d,
)


def _adaptive_average_pool(plan: AdaptivePlan, inputs: Tensor) -> Tensor:
    return _adaptive(_ADAPTIVE_MEAN, plan, inputs)


def _adaptive_max_pool(plan: AdaptivePlan, inputs: Tensor) -> Tensor:
    return _adaptive(_ADAPTIVE_MAX, plan, inputs)


def _adaptive(
    functions: tuple[Callable[..., Any], ...],
    plan: AdaptivePlan,
    inputs: Tensor,
) -> Tensor:
    pool = functions[len(plan.outputs) - 1]
    if plan.data_format == "channels_first":
        return pool(inputs, plan.outputs)
    return to_last(pool(to_second(inputs), plan.outputs))


def _has_adaptive(plan: AdaptivePlan) -> bool:
    # Of several NaN, torch's position is that of the last: left out.
    rank = len(plan.outputs)
    return (
        "float" in plan.dtype
        and not plan.return_indices
        and not plan.is_empty
        and rank <= 3
        and (rank < 3 or plan.dtype in WIDE)
    )


def _global_average_pool(plan: GlobalPlan, inputs: Tensor) -> Tensor:
    return inputs.mean(plan.axes, keepdim=plan.keepdims)


def _global_max_pool(plan: GlobalPlan, inputs: Tensor) -> Tensor:
    return inputs.amax(plan.axes, keepdim=plan.keepdims)


def _has_numbers(plan: GlobalPlan) -> bool:
    return "float" in plan.dtype and not plan.is_empty and len(plan.axes) > 0


ROWS = (
    Row("global_average_pool", _has_numbers, _global_average_pool),
    Row("global_max_pool", _has_numbers, _global_max_pool),
    Row("adaptive_average_pool", _has_adaptive, _adaptive_average_pool),
    Row("adaptive_max_pool", _has_adaptive, _adaptive_max_pool),
    Row("max_pool", _is_last_on_cpu, _max_pool),
    Row("max_pool", _is_stock_float, keras_max_pool),
    Row("average_pool", _is_last_on_cpu, _average_pool),
    *conv.ROWS,
)
