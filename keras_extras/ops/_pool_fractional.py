"""Fractional max pooling: the maximum of windows at uneven, random steps.

    start[i] = floor((i + u) * a) - floor(u * a),   a = (L - k) / (outputs - 1)

for the window i of size k on an axis of length L, with a random u from 0 to 1
per example, channel and axis; the last window ends with the input. Steps are
of floor(a) and ceil(a) positions, so that the output may be of any size.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Tensor
from keras_extras.ops._pool import fold_axis, larger, larger_with_place, places
from keras_extras.ops._tensors import as_tensor, length_of


def fractional_max_pool(
    inputs: Tensor,
    samples: Tensor,
    pool_size: Ints,
    output_size: Sequence[int],
    data_format: str | None = None,
    return_indices: bool = False,
) -> Tensor:
    """Takes the maximum of windows that stand at uneven steps, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        samples: floats `(batch, channels, rank)`, from 0 up to but without 1,
            that place the windows; the last axis in the order of the spatial
            axes.
        pool_size: int or one per spatial axis, the size of the window.
        output_size: number of windows per spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        return_indices: bool, whether to return the place of each maximum too,
            as `max_pool` does.

    Returns:
        Tensor `(batch, *output_size, channels)`, or channels second; with
        `return_indices` the pair of it and the int32 tensor of the places.

    Examples:
        >>> x = np.arange(5.0).reshape(1, 5, 1)
        >>> u = np.array([[[0.5]]])  # steps of 1.5 from 0.5: 0.5, 2, 3.5
        >>> y = keras_extras.ops.fractional_max_pool(x, u, 2, [3])
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [1.0, 3.0, 4.0]

    References:
        Graham, "Fractional max-pooling", arXiv:1412.6071. The windows are
        those of `torch.nn.functional.fractional_max_pool2d`; its
        `_random_samples` have the columns before the rows in 2D.
    """
    inputs = as_tensor(inputs)
    samples = keras.ops.cast(as_tensor(samples), "float32")
    data_format = data_format or keras.config.image_data_format()
    rank = len(inputs.shape) - 2
    axes = shapes.spatial_axes(rank, data_format)
    size = shapes.per_axis(pool_size, rank)
    parts: Any = inputs
    if return_indices:
        zeros = keras.ops.cast(keras.ops.zeros_like(inputs), "int32")
        parts = (inputs, places(inputs, axes) + zeros)
    for axis in reversed(range(rank)):
        length, _ = length_of(inputs, axes[axis])
        starts = _starts(
            samples[:, :, axis], length, size[axis], output_size[axis]
        )  # (batch, channels, outputs)
        starts = _along(starts, axes[axis], rank, data_format)

        def tap(
            part: Tensor, position: int, number: int, starts: Any = starts
        ) -> Any:
            return keras.ops.take_along_axis(part, starts + number, position)

        parts = fold_axis(
            larger_with_place if return_indices else larger,
            parts,
            axes[axis],
            tap,
            size[axis],
        )
    return parts


def _starts(samples: Any, length: Any, size: int, outputs: int) -> Any:
    """Returns the first position of every window on one axis."""
    last = length - size
    numbers = keras.ops.arange(outputs, dtype="int32")
    steps = max(outputs - 1, 1)
    if isinstance(length, int):
        step = np.float32(last) / np.float32(steps)
    else:
        step = keras.ops.divide(keras.ops.cast(last, "float32"), steps)
    samples = keras.ops.expand_dims(samples, -1)
    places: Any = keras.ops.cast(numbers, "float32") + samples
    # Truncated, and in float32, so that the windows are torch's.
    firsts: Any = keras.ops.cast(places * step, "int32")
    starts = firsts - keras.ops.cast(samples * step, "int32")
    return keras.ops.where(numbers == outputs - 1, last, starts)


def _along(starts: Any, position: int, rank: int, data_format: str) -> Tensor:
    """Returns (batch, channels, outputs) with the axes of the inputs."""
    if data_format == "channels_last":
        starts = keras.ops.transpose(starts, (0, 2, 1))
    axes = shapes.spatial_axes(rank, data_format)
    others = [axis for axis in axes if axis != position]
    return keras.ops.expand_dims(starts, others) if others else starts
