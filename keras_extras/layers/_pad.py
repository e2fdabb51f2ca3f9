"""Padding: positions are added around the input, by NumPy's modes.

    y[n, i, c] = x[n, source(i - before), c]

A leaf chooses the rank; the modes are those of `keras_extras.ops.pad`. Cost:
one copy of the padded input.
"""

from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Padding, Shape, Tensor
from keras_extras.layers._base import Layer


class Pad(Layer):
    """Adds positions around the input: the base of `Pad1D` to `Pad3D`.

        y[i] = x[source(i - before)]

    What the new positions hold is told by `pad_mode`, as in `numpy.pad`, the
    same on every backend; pads may be wider than the input. A convolution
    pads by itself, with the same arguments. Set the class attribute `rank` to
    make a leaf.

    Args:
        padding: int, one per spatial axis, or one (before, after) pair per
            spatial axis: how many positions are added.
        pad_mode: `"constant"`, `"reflect"` (about the edge, which is not
            repeated), `"symmetric"` (the edge is repeated), `"edge"` or
            `"wrap"`.
        pad_value: number that the pads hold in mode `"constant"`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        the input's, with `before + after` more on each spatial axis

    Raises:
        ValueError: if an argument is out of its range, or there is nothing
            to repeat.
        TypeError: if `pad_value` is not a number.

    Hooks:
        `pad_inputs(inputs)`: the padding; the shapes must stay as above.

    Examples:
        >>> class NoisyPad2D(keras_extras.layers.Pad2D):
        ...     def pad_inputs(self, inputs):
        ...         inside = super().pad_inputs(keras.ops.ones_like(inputs))
        ...         noise = keras.random.normal(keras.ops.shape(inside))
        ...         padded = super().pad_inputs(inputs)
        ...         return keras.ops.where(inside > 0, padded, noise)
        >>> NoisyPad2D(1)(np.ones((1, 2, 2, 1))).shape == (1, 4, 4, 1)
        True

    References:
        `numpy.pad`, whose modes and numbers these are.
    """

    def __init__(
        self,
        padding: Padding = 1,
        pad_mode: str = "constant",
        pad_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        rank = checks.require_rank(self)
        self.padding: checks.Pads = checks.pads(
            self,
            padding,
            fix="'same' and 'causal' are for layers with windows; "
            f"keras.layers.Cropping{rank}D takes positions away.",
        )
        self.pad_mode: str = checks.pad_mode(self, pad_mode)
        self.pad_value: Any = checks.number(
            self, "pad_value", pad_value, finite=False
        )
        self.data_format: str = arguments.data_format(self, data_format)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # raises if nothing to repeat
        return self.pad_inputs(inputs)  # (batch, *padded, channels)

    def pad_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with the pads around them."""
        widths = [(0, 0)] * (self.rank + 2)
        for axis, pair in self._pads():
            widths[axis] = pair
        return ops.pad(inputs, widths, self.pad_mode, self.pad_value)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape, longer by the pads."""
        shape: list[Any] = list(input_shape)
        for axis, pair in self._pads():
            if shape[axis] == 0 and sum(pair) and self.pad_mode != "constant":
                raise invalid_argument(
                    self,
                    "input_shape",
                    "of at least 1 on every padded axis",
                    tuple(input_shape),
                    context=f"pad_mode={self.pad_mode!r} repeats the input.",
                )
            if shape[axis] is not None:
                shape[axis] += sum(pair)
        return tuple(shape)

    def _pads(self) -> list[tuple[int, tuple[int, int]]]:
        """Returns (axis, (before, after)) of each spatial axis."""
        axes = shapes.spatial_axes(self.rank, self.data_format)
        return list(zip(axes, self.padding, strict=True))


@keras.saving.register_keras_serializable(package="keras_extras")
class Pad1D(Pad):
    """Adds steps before and after a sequence; see `Pad`.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
        >>> y = keras_extras.layers.Pad1D(2, "reflect")(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class Pad2D(Pad):
    """Adds pixels around an image; see `Pad`.

    Examples:
        >>> layer = keras_extras.layers.Pad2D(((1, 2), (0, 3)), "wrap")
        >>> layer(np.ones((1, 4, 4, 3))).shape == (1, 7, 7, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class Pad3D(Pad):
    """Adds voxels around a volume; see `Pad`.

    Examples:
        >>> layer = keras_extras.layers.Pad3D((1, 0, 2), "edge")
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 6, 4, 8, 3)
        True
    """

    rank = 3
