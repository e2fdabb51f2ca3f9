"""Mixed pooling: between the maximum and the mean of every window.

y = alpha * max_pool(x) + (1 - alpha) * average_pool(x)
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pool import masked_max, masked_mean, pool_plan
from keras_extras.ops._tensors import as_float


def mixed_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    *,
    alpha: Tensor = 0.5,
    mask: Tensor | None = None,
) -> Tensor:
    """Mixes the maximum and the mean of every window, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: as in `max_pool`. Padded positions never count.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, as in `max_pool`.
        ceil_mode: bool, whether a last window may reach over the end.
        alpha: share of the maximum: a number, or a tensor that broadcasts
            against the outputs.
        mask: as in `max_pool`. Where nothing counts, the output is 0.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([1.0, 5.0]).reshape(1, 2, 1)
        >>> float(keras_extras.ops.mixed_pool(x, 2, alpha=0.25)[0, 0, 0])
        3.5

    References:
        Lee et al., "Generalizing pooling functions in convolutional neural
        networks", arXiv:1509.08985, section 3.1.
    """
    inputs = as_float(inputs)
    plan = pool_plan(
        inputs, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    share: Any = keras.ops.cast(alpha, inputs.dtype)
    maxima = masked_max(plan, inputs, mask)
    return share * maxima + (1 - share) * masked_mean(plan, inputs, mask)
