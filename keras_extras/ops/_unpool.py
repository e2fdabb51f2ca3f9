"""Max unpooling: put each maximum back to its place, zeros elsewhere.

    y[n, place[n, i, c], c] = x[n, i, c]

with i running over the windows and `place` the number of a position, row by
row, as `max_pool` gives it.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._operation import is_concrete, on_cpu
from keras_extras.ops._pool import PoolPlan, pool_plan
from keras_extras.ops._tensors import along, as_tensor, dtype_of, widen


def max_unpool(
    inputs: Tensor,
    indices: Tensor,
    output_size: Sequence[int],
    data_format: str | None = None,
    *,
    pool_size: Ints | None = None,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
) -> Tensor:
    """Puts values back to the places that max pooling took them from.

    Where windows overlap, one place may be named more than once; it gets the
    mean of what it is given, which is the value itself if all come from max
    pooling. So does its gradient reach the input undoubled.

    A place counts row by row, so it belongs to one size: that of the input of
    the pooling, which must be `output_size`. Of other sizes it would name
    another place, or none.

    Args:
        inputs: tensor `(batch, *windows, channels)`, or channels second.
        indices: integers of the same shape, the places, from
            `max_pool(..., return_indices=True)`.
        output_size: number of positions per spatial axis of the output.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        pool_size: int, one per spatial axis, or `None`. Given, with `strides`
            and `padding` as in `max_pool`, indices that lie in those windows
            for another size only are an error, too.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: of the pooling.

    Returns:
        Tensor `(batch, *output_size, channels)`, or channels second.

    Raises:
        ValueError: if an index is no place of the output, or the indices are
            those of another size. Not in compiled graphs, where they are
            data: there an index that is no place is left out.

    Examples:
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> y, places = keras_extras.ops.max_pool(x, 2, return_indices=True)
        >>> back = keras_extras.ops.max_unpool(y, places, [4])
        >>> keras.ops.convert_to_numpy(back).ravel().tolist()
        [0.0, 3.0, 2.0, 0.0]

    References:
        `torch.nn.functional.max_unpool2d`; there the gradient of a place
        named twice counts twice.
    """
    inputs, indices = as_tensor(inputs), as_tensor(indices)
    data_format = data_format or keras.config.image_data_format()
    rank = len(inputs.shape) - 2
    axis = shapes.channel_axis(rank, data_format)
    sizes: Any = keras.ops.shape(inputs)
    batch, channels = sizes[0], sizes[axis]
    outputs_shape = [batch, *output_size]
    outputs_shape.insert(axis, channels)
    if 0 in inputs.shape:
        return keras.ops.zeros(outputs_shape, inputs.dtype)
    if dtype_of(indices) != "int64":
        indices = keras.ops.cast(indices, "int32")
    if is_concrete(indices):
        windows = None
        if pool_size is not None:
            windows = pool_plan(
                indices, pool_size, strides, padding, data_format
            )
        _check_places(indices, tuple(output_size), windows)
    plane: Any = math.prod(output_size)
    # What is no place must not become one of the next example or channel.
    is_place = _is_below(indices, plane, keras.ops)
    indices = keras.ops.cast(keras.ops.where(is_place, indices, 0), "int32")
    example, channel = (
        along(keras.ops.arange(number, dtype="int32"), place, rank + 2)
        for number, place in ((batch, 0), (channels, axis))
    )
    if data_format == "channels_last":
        places = (example * plane + indices) * channels + channel
    else:
        places = (example * channels + channel) * plane + indices
    is_float = "float" in dtype_of(inputs)
    wide = widen(inputs) if is_float else inputs
    total, named = (
        keras.ops.segment_sum(
            keras.ops.reshape(keras.ops.where(is_place, values, 0), (-1,)),
            keras.ops.reshape(places, (-1,)),
            num_segments=batch * channels * plane,
        )
        for values in (wide, keras.ops.ones_like(wide))
    )
    divide = keras.ops.divide if is_float else keras.ops.floor_divide
    means: Any = divide(total, keras.ops.maximum(named, 1))
    means = keras.ops.reshape(means, outputs_shape)
    return keras.ops.cast(means, inputs.dtype)


def _check_places(
    indices: Tensor, size: tuple[int, ...], windows: PoolPlan | None
) -> None:
    """Raises if an index is no place of the output, or one of another size."""
    # JAX compiles each operation anew for each shape, NumPy none.
    if not on_cpu(indices) and keras.ops.all(
        _fit(indices, size, windows, keras.ops)
    ):
        return
    numbers: Any = keras.ops.convert_to_numpy(indices)
    if _fit(numbers, size, windows, np).all():
        return
    # Other windows than those said, of dilation, say, are nobody's mistake.
    others = [] if windows is None else _other_sizes(windows)
    fitting = (
        each for each in others if _fit(numbers, each, windows, np).all()
    )
    other = next(fitting, None)
    wrong = numbers[~_fit(numbers, size, None, np)]
    if other is None and wrong.size == 0:
        return
    allowed = f"places of output_size={size}, from 0 to {math.prod(size) - 1}"
    if wrong.size == 0:
        allowed += ", each in its window"
        wrong = numbers[~_fit(numbers, size, windows, np)]
    raise invalid_argument(
        "max_unpool",
        "indices",
        allowed,
        int(wrong.max()),
        context="A place counts row by row, in what was pooled.",
        fix=f"Give the size of that as output_size; they fit {other}."
        if other
        else "Give the size of that as output_size.",
    )


def _fit(
    indices: Any, size: Sequence[int], windows: PoolPlan | None, xp: Any
) -> Any:
    """Returns where indices are places of that size, in their windows."""
    inside = _is_below(indices, math.prod(size), xp)
    if windows is None:
        return inside
    for axis in reversed(range(len(size))):
        taps, stride = windows.size[axis], windows.strides[axis]
        before, _ = shapes.axis_pads(
            windows.padding, axis, size[axis], taps, stride
        )
        starts = (
            xp.arange(windows.lengths[axis], dtype=dtype_of(indices)) * stride
        )
        starts = along(starts - before, windows.axes[axis], indices.ndim, xp)
        within = _is_below(indices % size[axis] - starts, taps, xp)
        inside = xp.logical_and(inside, within)
        indices = indices // size[axis]
    return inside


def _is_below(numbers: Any, limit: Any, xp: Any) -> Any:
    return xp.logical_and(numbers >= 0, numbers < limit)


def _other_sizes(windows: PoolPlan) -> list[tuple[int, ...]]:
    """Returns the sizes with as many windows, squares and large ones first."""
    lengths = []
    for axis, (taps, stride) in enumerate(
        zip(windows.size, windows.strides, strict=True)
    ):
        count: Any = windows.lengths[axis]
        lengths.append(
            [
                length
                for length in range(count * stride + taps, 0, -1)
                if count
                in (
                    shapes.output_length(
                        length, axis, taps, stride, windows.padding, ceil_mode
                    )
                    for ceil_mode in (False, True)
                )
            ]
        )
    sizes = itertools.product(*lengths)
    return sorted(sizes, key=lambda size: len(set(size)))
