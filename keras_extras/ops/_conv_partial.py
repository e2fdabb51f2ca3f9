"""Partial convolution: only what is there counts, scaled to a full window.

    y[n, i, f] = size / count[n, i] * sum over j, c of
                 x[n, i*s + j*d - p, c] * m[n, i*s + j*d - p] * kernel[j, c, f]
    count[n, i] = sum over j of  m[n, i*s + j*d - p]

with m = 1 where the input is real and 0 in its holes; y is 0 where the count
is. Pads are holes.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._conv import conv
from keras_extras.ops._tensors import as_tensor


def partial_conv(
    inputs: Tensor,
    mask: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> tuple[Tensor, Tensor]:
    """Convolves what the mask lets through, as if the windows were full.

    What stands in a hole never counts, NaN included. No gradient goes to the
    counts.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        mask: tensor like `inputs`, of 1 for real positions and 0 for holes;
            its channels may be one for all.
        kernel: tensor `(*kernel_size, channels / groups, filters)`.
        strides: int or one per spatial axis.
        padding: as in `conv`.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        The convolution, `(batch, *windows, filters)`, and the new mask, with
        one channel: 1 where the window held anything, else 0.

    Examples:
        >>> x = np.array([1.0, 2.0, np.nan, np.nan, 3.0]).reshape(1, 5, 1)
        >>> y, mask = keras_extras.ops.partial_conv(
        ...     x, ~np.isnan(x), np.ones((2, 1, 1))
        ... )
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 4.0, 0.0, 6.0]
        >>> keras.ops.convert_to_numpy(mask).ravel().tolist()
        [1.0, 1.0, 0.0, 1.0]

    References:
        Liu et al., "Image Inpainting for Irregular Holes Using Partial
        Convolutions", arXiv:1804.07723, equations 1 and 2.
    """
    inputs, mask, kernel = as_tensor(inputs), as_tensor(mask), as_tensor(kernel)
    data_format = data_format or keras.config.image_data_format()
    channels = mask.shape[-1 if data_format == "channels_last" else 1]
    # Half precision cannot count far.
    wide = keras.backend.result_type(inputs.dtype, "float32")
    window: Any = keras.ops.ones((*kernel.shape[:-2], channels, 1), wide)
    there: Any = keras.ops.where(keras.ops.equal(mask, 0), 0, inputs)
    there = there * keras.ops.cast(mask, inputs.dtype)
    sums, counts = (
        conv(tensor, weights, strides, padding, data_format, dilation_rate)
        for tensor, weights in (
            (there, kernel),
            (keras.ops.cast(mask, wide), window),
        )
    )
    counts: Any = keras.ops.stop_gradient(counts)
    new_mask: Any = keras.ops.clip(counts, 0, 1)
    scale = new_mask * math.prod(window.shape)
    scale = scale / keras.ops.where(counts > 0, counts, 1)
    return (
        sums * keras.ops.cast(scale, sums.dtype),
        keras.ops.cast(new_mask, sums.dtype),
    )
