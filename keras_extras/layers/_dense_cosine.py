"""The cosine layer: every output is the cosine of an angle to the input.

    y = f( x . T(kernel) / (|x| |T(kernel)|) + bias )     over the last axis

A subclass chooses what `Dense` leaves open. Cost: that of `Dense`.
"""

import keras

from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.layers._dense import Dense


@keras.saving.register_keras_serializable(package="keras_extras")
class CosineDense(Dense):
    """Takes the cosine of the angle between the input and each unit's weights.

        y = activation(x . kernel / (|x| * |kernel|) + bias)

    Bounded by -1 and 1 before the bias, whatever the lengths of input and
    weights; a `BatchNormalization` is not needed behind it. An input of zeros
    gives zeros. Arguments, weights and shapes as in `Dense`, of which this is
    a subclass.

    Hooks:
        Those of `Dense`.

    Examples:
        >>> layer = keras_extras.layers.CosineDense(
        ...     1, kernel_initializer="ones"
        ... )
        >>> y = layer(np.array([[1.0, 1.0], [-20.0, -20.0]]))
        >>> np.round(keras.ops.convert_to_numpy(y), 4).tolist()
        [[1.0], [-1.0]]

    References:
        Luo et al., "Cosine Normalization: Using Cosine Similarity Instead of
        Dot Product in Neural Networks", arXiv:1702.05870. The
        layer of that name in keras-contrib takes the bias for the weight of
        one more input, 1, and normalizes it, too.
    """

    def dense_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Returns the cosines between `inputs` and the columns of `kernel`."""
        return ops.cosine_dense(inputs, kernel)
