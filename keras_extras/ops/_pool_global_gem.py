"""Global generalized mean pooling: the power mean of all positions.

    y[n, c] = ( mean over i of x[n, i, c] ** power ) ** (1 / power)

with inputs not below epsilon. Computed with logarithms, as in `gem_pool`.
"""

from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Tensor
from keras_extras.ops._pool_gem import log_power, root
from keras_extras.ops._tensors import as_float


def global_gem_pool(
    inputs: Tensor,
    data_format: str | None = None,
    keepdims: bool = False,
    *,
    power: Tensor = 3.0,
    epsilon: float = 1e-6,
) -> Tensor:
    """Takes the power mean of all positions, per channel.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        keepdims: bool, whether the spatial axes stay, with length 1.
        power: number but 0, or a tensor that broadcasts against the inputs
            and the outputs.
        epsilon: number above 0; smaller inputs count as this.

    Returns:
        Tensor `(batch, channels)`, or with the spatial axes.

    Examples:
        >>> x = np.array([1.0, 7.0]).reshape(1, 2, 1)
        >>> y = keras_extras.ops.global_gem_pool(x, power=2.0)
        >>> round(float(y[0, 0]), 4)
        5.0

    References:
        Radenović et al., "Fine-tuning CNN image retrieval with no human
        annotation", arXiv:1711.02512, equation 3.
    """
    inputs = as_float(inputs)
    axes = tuple(
        shapes.spatial_axes(
            len(inputs.shape) - 2,
            data_format or keras.config.image_data_format(),
        )
    )
    logs = log_power(inputs, power, epsilon)
    counts: Any = keras.ops.sum(
        keras.ops.ones_like(logs), axis=axes, keepdims=keepdims
    )
    log_sums = keras.ops.logsumexp(logs, axis=axes, keepdims=keepdims)
    return root(log_sums, counts, power, inputs.dtype)
