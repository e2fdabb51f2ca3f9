"""Maxout: the largest of several features takes the place of them all.

    y[..., j] = max over i of  x[..., i * num_units + j]

Has no weights: with a `Dense` or `Conv` before it, it is an activation whose
form is learned. Cost: one comparison per feature.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer


@keras.saving.register_keras_serializable(package="keras_extras")
class Maxout(Layer):
    """Takes the maximum over groups of features.

        y[..., j] = max over i of  x[..., i * num_units + j]

    After a linear layer with `k * num_units` outputs it computes the maximum
    of k lines, an activation that can become any convex function.

    Args:
        num_units: int >= 1, the features that are left: a divisor of those
            that come.
        axis: int, the axis of the features; 1 for `channels_first`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, ..., features)`
    Output shape:
        `(batch, ..., num_units)`

    Raises:
        ValueError: if `num_units` is no divisor of the features, or their
            number is not known.

    Examples:
        >>> y = keras_extras.layers.Maxout(2)(np.array([[1.0, 5.0, 4.0, 2.0]]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[4.0, 5.0]]

    References:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389. Arguments and
        numbers are those of `tensorflow_addons.layers.Maxout`.
    """

    def __init__(self, num_units: int, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_units = checks.integer(self, "num_units", num_units)
        self.axis = checks.integer(self, "axis", axis, minimum=None)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # raises if it does not fit
        return ops.maxout(inputs, self.num_units, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape, with `num_units` features."""
        shape = list(input_shape)
        features = dict(enumerate(shape[1:], 1)).get(self.axis % len(shape))
        if not features or features % self.num_units:
            raise invalid_argument(
                self,
                "input_shape",
                "a shape with a multiple of num_units on the axis",
                tuple(shape),
                context=f"num_units={self.num_units}, axis={self.axis}.",
            )
        shape[self.axis] = self.num_units
        return tuple(shape)
