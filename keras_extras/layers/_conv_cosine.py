"""Cosine convolution: the angle between window and kernel, not their lengths.

    y = g( conv(x, T(k)) / (|window of x| |T(k)|) + bias )

A subclass chooses what `Conv` leaves open. Cost: twice that of `Conv`.
"""

import keras

from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.layers._conv import Conv


class CosineConv(Conv):
    """Takes the cosine of the angle between each window and each filter.

        y = activation(cosine(window of x, kernel) + bias)

    Bounded by -1 and 1 before the bias, whatever the contrast of the input. A
    window of zeros gives zeros; `CosineDense` is the same for one window. The
    base of `CosineConv1D`, `2D` and `3D`. Arguments, weights and shapes as in
    `Conv`, of which this is a subclass.

    Hooks:
        Those of `Conv`.

    Examples:
        >>> class CosineConv4D(keras_extras.layers.CosineConv):
        ...     rank = 4
        >>> CosineConv4D(8, 3).kernel_size
        (3, 3, 3, 3)

    References:
        Luo et al., "Cosine Normalization: Using Cosine Similarity Instead of
        Dot Product in Neural Networks", arXiv:1702.05870.
    """

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the cosines between windows of `inputs` and `kernel`."""
        return ops.cosine_conv(inputs, kernel, **self._convolution_arguments)


@keras.saving.register_keras_serializable(package="keras_extras")
class CosineConv1D(CosineConv):
    """Compares windows of steps with filters by angle; see `CosineConv`.

    Examples:
        >>> layer = keras_extras.layers.CosineConv1D(8, 3, padding="causal")
        >>> layer(np.ones((2, 10, 4))).shape == (2, 10, 8)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class CosineConv2D(CosineConv):
    """Compares windows of pixels with filters by angle; see `CosineConv`.

    Examples:
        >>> layer = keras_extras.layers.CosineConv2D(1, 3)
        >>> x = np.random.default_rng(0).normal(size=(1, 3, 3, 1))
        >>> y = keras.ops.convert_to_numpy(layer(x) - layer(1000 * x))
        >>> bool((abs(y) < 1e-5).all())
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class CosineConv3D(CosineConv):
    """Compares windows of voxels with filters by angle; see `CosineConv`.

    Examples:
        >>> layer = keras_extras.layers.CosineConv3D(8, 3, strides=2)
        >>> layer(np.ones((2, 7, 7, 7, 1))).shape == (2, 3, 3, 3, 8)
        True
    """

    rank = 3
