"""Faster ways on torch: pool the channels-last memory as it lies.

A transposed view of channels-last images *is* torch's `channels_last` memory
format, which its pooling reads directly; copying it to channels first and back
is what takes the time.
"""

from collections.abc import Sequence

import keras
import torch.nn.functional as nnf

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._fast import (
    Row,
    is_stock_average,
    is_stock_max,
    keras_max_pool,
    symmetric_pads,
)

_MAX = {1: nnf.max_pool1d, 2: nnf.max_pool2d, 3: nnf.max_pool3d}
_MEAN = {1: nnf.avg_pool1d, 2: nnf.avg_pool2d, 3: nnf.avg_pool3d}


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
    rank, options = _options(inputs, pool_size, strides, padding)
    return _last(_MAX[rank](_second(inputs), **options))


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
    rank, options = _options(inputs, pool_size, strides, padding)
    return _last(
        _MEAN[rank](_second(inputs), **options, count_include_pad=False)
    )


def _channels_last(
    inputs, pool_size, strides=None, padding="valid", data_format=None
):
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


ROWS = (
    Row("adaptive_average_pool", adaptive_average_pool, _when_adaptive),
    Row("adaptive_max_pool", adaptive_max_pool, _when_adaptive),
    Row("max_pool", max_pool, _when_max),
    Row("max_pool", keras_max_pool, _when_keras),
    Row("average_pool", average_pool, _when_average),
)
