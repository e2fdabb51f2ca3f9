"""DropBlock: set whole blocks of neighbors to zero, the rest scaled up.

    y = x * m * count(m) / sum(m)
    m = 0 within every block whose seed is drawn, else 1
    P(seed) = rate * prod(L) / (prod(k) * prod(L - k + 1))

with L the lengths and k the blocks on the spatial axes; blocks lie inside of
the input, and sum and count go over the whole batch.
"""

import math
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Tensor
from keras_extras.ops._pool import max_pool
from keras_extras.ops._tensors import as_tensor


def drop_block(
    inputs: Tensor,
    samples: Tensor,
    rate: float,
    block_size: Ints,
    data_format: str | None = None,
) -> Tensor:
    """Sets random blocks to zero, and scales the rest up.

    Args:
        inputs: float tensor `(batch, *spatial, channels)`, or channels
            second.
        samples: random floats from 0 to 1 in the shape of the inputs. The
            block that starts at a position is dropped if its number is below
            the probability above.
        rate: float from 0 to 1, the share to be dropped; it comes out a
            little less, since blocks overlap.
        block_size: int or one per spatial axis, the size of the blocks. On
            an axis shorter than that the whole axis is one block.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.

    Returns:
        Tensor of the inputs' shape.

    Examples:
        >>> x, u = np.ones((1, 8, 1)), np.ones((1, 8, 1))
        >>> u[0, 2, 0] = 0.0
        >>> y = keras_extras.ops.drop_block(x, u, 0.5, 4)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]

    References:
        Ghiasi et al., "DropBlock", arXiv:1810.12890. The probability and the
        scale are `torchvision.ops.drop_block2d`'s, whose blocks differ for
        even sizes.
    """
    inputs = as_tensor(inputs)
    data_format = data_format or keras.config.image_data_format()
    rank = len(inputs.shape) - 2
    block = shapes.per_axis(block_size, rank)
    sizes: Any = keras.ops.shape(inputs)
    axes = shapes.spatial_axes(rank, data_format)
    steps = [slice(None)] * (rank + 2)
    probability: Any = rate
    for axis, size in zip(axes, block, strict=True):
        length = sizes[axis]
        seeds = _at_least_one(length - size + 1)
        steps[axis] = slice(seeds)
        # The block that fits has `length - seeds + 1` positions.
        probability = probability * (
            _float(length) / _float((length - seeds + 1) * seeds)
        )
    drawn = keras.ops.less(as_tensor(samples)[tuple(steps)], probability)
    # A position is dropped if one of the `size` seeds up to it is drawn.
    dropped = max_pool(
        keras.ops.cast(drawn, "float32"),
        block,
        1,
        [(size - 1, size - 1) for size in block],
        data_format,
    )
    for axis in axes:  # a shorter axis than the block got too long
        steps[axis] = slice(sizes[axis])
    kept = keras.ops.equal(dropped[tuple(steps)], 0)
    total: Any = keras.ops.sum(keras.ops.cast(kept, "float32"))
    scale = _float(math.prod(sizes)) / keras.ops.maximum(total, 1)
    return keras.ops.where(
        kept, inputs * keras.ops.cast(scale, inputs.dtype), 0
    )


def _at_least_one(number: Any) -> Any:
    if isinstance(number, int):
        return max(number, 1)
    return keras.ops.maximum(number, 1)


def _float(number: Any) -> Any:
    if isinstance(number, int):
        return float(number)
    return keras.ops.cast(number, "float32")
