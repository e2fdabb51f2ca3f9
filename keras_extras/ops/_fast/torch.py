"""Faster ways on torch: pool the channels-last memory as it lies.

A transposed view of channels-last images *is* torch's `channels_last` memory
format, which its pooling reads directly; copying it to channels first and back
is what takes the time.
"""

from collections.abc import Sequence

import torch.nn.functional as nnf

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import Row, symmetric_pads

_MAX = {1: nnf.max_pool1d, 2: nnf.max_pool2d, 3: nnf.max_pool3d}
_MEAN = {1: nnf.avg_pool1d, 2: nnf.avg_pool2d, 3: nnf.avg_pool3d}


def max_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
) -> Tensor:
    """See `keras_extras.ops.max_pool`."""
    rank, options = _options(inputs, pool_size, strides, padding)
    return _last(_MAX[rank](_second(inputs), **options))


def average_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
) -> Tensor:
    """See `keras_extras.ops.average_pool`."""
    rank, options = _options(inputs, pool_size, strides, padding)
    return _last(
        _MEAN[rank](_second(inputs), **options, count_include_pad=False)
    )


def _when(inputs, pool_size, strides=None, padding="valid", data_format=None):
    rank = len(inputs.shape) - 2
    return (
        rank == 2
        and data_format == "channels_last"
        and inputs.is_floating_point()
        and inputs.device.type == "cpu"
        and symmetric_pads(
            inputs.shape[1:-1],
            shapes.per_axis(pool_size, rank),
            shapes.per_axis(strides or pool_size, rank),
            padding,
        )
        is not None
    )


def _options(inputs, pool_size, strides, padding):
    rank = len(inputs.shape) - 2
    window = shapes.per_axis(pool_size, rank)
    strides = shapes.per_axis(strides or pool_size, rank)
    pads = symmetric_pads(inputs.shape[1:-1], window, strides, padding)
    return rank, {"kernel_size": window, "stride": strides, "padding": pads}


def _second(inputs):
    return inputs.movedim(-1, 1)


def _last(outputs):
    return outputs.movedim(1, -1)


ROWS = (
    Row("max_pool", max_pool, _when),
    Row("average_pool", average_pool, _when),
)
