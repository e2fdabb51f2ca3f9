"""Convolution with standardized weights: each filter has mean 0, variance 1.

    y = g( conv(x, (k - mean(k)) / sqrt(variance(k) + epsilon)) + bias )

with mean and variance over the weights of one filter. A subclass chooses what
`Conv` leaves open. Cost: that of `Conv`.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.layers._conv import Conv


class WeightStandardizedConv(Conv):
    """Standardizes each filter before it convolves: the base of 1D to 3D.

        y = activation(conv(x, (kernel - mean) / sqrt(variance + epsilon))
                       + bias)

    With `GroupNormalization` behind it, it trains as well with small batches
    as `BatchNormalization` with large ones. The kernel is stored as it was
    drawn. Arguments, weights and shapes as in `Conv`, of which this is a
    subclass; on other layers the kernel transform `WeightStandardization` does
    the same.

    Args:
        *args: those of `Conv`, in its order.
        epsilon: float, keeps a constant filter finite.
        **kwargs: those of `Conv`.

    Hooks:
        Those of `Conv`; `transform_kernel(kernel)` standardizes.

    Examples:
        >>> class WeightStandardizedConv4D(
        ...     keras_extras.layers.WeightStandardizedConv
        ... ):
        ...     rank = 4
        >>> WeightStandardizedConv4D(8, 3).epsilon
        1e-06

    References:
        Qiao et al., "Micro-Batch Training with Batch-Channel Normalization
        and Weight Standardization", arXiv:1903.10520. Numbers and epsilon are
        those of timm's `StdConv2d`, which has no bias unless asked for.
    """

    def __init__(
        self, *args: Any, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon: Any = checks.number(self, "epsilon", epsilon)

    def transform_kernel(self, kernel: Tensor) -> Tensor:
        """Returns the kernel with mean 0 and variance 1 for each filter."""
        return ops.standardize_kernel(
            super().transform_kernel(kernel), epsilon=self.epsilon
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class WeightStandardizedConv1D(WeightStandardizedConv):
    """Convolves sequences; see `WeightStandardizedConv`.

    Examples:
        >>> layer = keras_extras.layers.WeightStandardizedConv1D(8, 3)
        >>> layer(np.ones((2, 10, 4))).shape == (2, 8, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class WeightStandardizedConv2D(WeightStandardizedConv):
    """Convolves images; see `WeightStandardizedConv`.

    Examples:
        >>> layer = keras_extras.layers.WeightStandardizedConv2D(8, 3)
        >>> y = layer(np.ones((1, 3, 3, 2)))  # sums of weights of mean 0
        >>> bool((abs(keras.ops.convert_to_numpy(y)) < 1e-4).all())
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class WeightStandardizedConv3D(WeightStandardizedConv):
    """Convolves volumes; see `WeightStandardizedConv`.

    Examples:
        >>> layer = keras_extras.layers.WeightStandardizedConv3D(8, 3)
        >>> layer(np.ones((2, 5, 5, 5, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
