"""Flattening: several axes become one; and back, one becomes several.

y[n, i] = x[n, i1, i2, ...]          i counting in row-major order
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor
from keras_extras.layers._base import Layer


@keras.saving.register_keras_serializable(package="keras_extras")
class Flatten(Layer):
    """Turns the axes of each example, all or a range of them, into one.

    Same numbers as `keras.layers.Flatten`: with `"channels_first"` the
    channels are moved last first, so that both formats give the same vector.
    A range of axes is flattened as it lies, as in torch.

    Args:
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one. Matters only where all axes but the batch
            are flattened.
        start_axis: int, the first axis to flatten; 0 is the batch, negative
            numbers count from the end.
        end_axis: int, the last axis to flatten, itself included.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(batch, ...)`
    Output shape:
        `(batch, product of the other axes)`; `(batch, 1)` if there are none.
        With a range: the product of its axes in their place.

    Raises:
        ValueError: if `data_format` is not one of the two, or the input has
            no such range of axes.
        TypeError: if an axis is not an integer.

    Hooks:
        `order_axes(inputs)`: the order in which the axes are read.

    Examples:
        >>> layer = keras_extras.layers.Flatten()
        >>> layer(np.ones((2, 3, 4))).shape == (2, 12)
        True
        >>> layer = keras_extras.layers.Flatten(start_axis=2)
        >>> layer(np.ones((2, 3, 4, 5))).shape == (2, 3, 20)
        True
    """

    def __init__(
        self,
        data_format: str | None = None,
        *,
        start_axis: int = 1,
        end_axis: int = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.start_axis = checks.integer(
            self, "start_axis", start_axis, minimum=None
        )
        self.end_axis = checks.integer(self, "end_axis", end_axis, minimum=None)
        self.input_spec = keras.layers.InputSpec(min_ndim=1)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        ordered: Any = self.order_axes(inputs)  # (batch, *spatial, channels)
        start, end = self._range(inputs.shape)
        sizes: Any = ordered.shape
        if sum(size is None for size in sizes) > 1:
            sizes = keras.ops.shape(ordered)  # known when the graph runs
        return keras.ops.reshape(ordered, _flat(sizes, start, end, -1))

    def order_axes(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with the channels last, if all is flattened."""
        rank = len(inputs.shape)
        if self.data_format == "channels_last" or rank < 3:
            return inputs
        if self._range(inputs.shape) != (1, rank):
            return inputs
        # Not `moveaxis`, which takes no sparse tensors.
        return keras.ops.transpose(inputs, (0, *range(2, rank), 1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape; a size is `None` if an axis in it is."""
        return _flat(tuple(input_shape), *self._range(input_shape), None)

    def compute_output_spec(self, inputs: Tensor) -> Any:
        """Returns the symbolic output; sparse inputs stay sparse."""
        return keras.KerasTensor(
            self.compute_output_shape(inputs.shape),
            dtype=inputs.dtype,
            sparse=inputs.sparse,
        )

    def _range(self, input_shape: Shape) -> tuple[int, int]:
        """Returns the first axis to flatten and the one behind the last."""
        rank = len(input_shape)
        if rank == 1 and (self.start_axis, self.end_axis) == (1, -1):
            return 1, 1  # an axis of length 1 behind the batch, as in Keras
        start = _place(self, "start_axis", self.start_axis, input_shape)
        end = _place(self, "end_axis", self.end_axis, input_shape)
        if end < start:
            raise invalid_argument(
                self,
                "end_axis",
                "start_axis or an axis behind it",
                self.end_axis,
                context=f"start_axis={self.start_axis}, the input shape is "
                f"{tuple(input_shape)}.",
            )
        return start, end + 1


@keras.saving.register_keras_serializable(package="keras_extras")
class Unflatten(Layer):
    """Turns one axis into several, in row-major order: undoes `Flatten`.

        y[n, i1, i2] = x[n, i1 * size2 + i2]

    As `torch.nn.Unflatten`. `keras.layers.Reshape` names all axes but the
    batch instead.

    Args:
        axis: int, the axis to split; 0 is the batch, negative numbers count
            from the end.
        shape: sequence of positive ints, the sizes of the new axes; one may
            be -1, which stands for whatever is left.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        any with that axis
    Output shape:
        the input's, with `shape` in the place of that axis

    Raises:
        ValueError: if an argument is out of its range, or the sizes do not
            multiply to the length of the axis.

    Examples:
        >>> layer = keras_extras.layers.Unflatten(1, (2, -1))
        >>> layer(np.ones((5, 12, 3))).shape == (5, 2, 6, 3)
        True
    """

    def __init__(self, axis: int, shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = checks.integer(self, "axis", axis, minimum=None)
        self.shape = self._sizes(shape)
        self._mark_built()

    def call(self, inputs: Tensor) -> Tensor:
        shape = self.compute_output_shape(inputs.shape)
        if sum(size is None for size in shape) > 1:
            sizes: Any = keras.ops.shape(inputs)
            shape = self._split(sizes, self.shape)
        return keras.ops.reshape(
            inputs, tuple(-1 if size is None else size for size in shape)
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape with the axis replaced by `shape`."""
        place = _place(self, "axis", self.axis, input_shape)
        length = input_shape[place]
        known = math.prod(size for size in self.shape if size != -1)
        if length is None:
            rest = None
        elif length % known or (-1 not in self.shape and length != known):
            raise invalid_argument(
                self,
                "shape",
                f"sizes that multiply to {length}, the length of axis "
                f"{self.axis}",
                self.shape,
                context=f"The input shape is {tuple(input_shape)}.",
            )
        else:
            rest = length // known
        return self._split(
            tuple(input_shape),
            tuple(rest if size == -1 else size for size in self.shape),
        )

    def _split(
        self, sizes: Sequence[Any], new: Sequence[Any]
    ) -> tuple[Any, ...]:
        place = self.axis % len(sizes)
        return (*sizes[:place], *new, *sizes[place + 1 :])

    def _sizes(self, value: object) -> tuple[int, ...]:
        allowed = "a sequence of positive integers, one of them -1 if need be"
        if checks.as_integer(value) is not None:
            raise invalid_argument(
                self, "shape", allowed, value, error=TypeError
            )
        sizes = checks.integers(self, "shape", value, allowed, minimum=-1)
        if 0 in sizes or sizes.count(-1) > 1:
            raise invalid_argument(self, "shape", allowed, value)
        return sizes


def _place(owner: Any, name: str, axis: int, input_shape: Shape) -> int:
    """Returns the axis counted from the front; raises if there is none."""
    rank = len(input_shape)
    if not -rank <= axis < rank:
        raise invalid_argument(
            owner,
            name,
            f"an axis of the input, from {-rank} to {rank - 1}",
            axis,
            context=f"The input shape is {tuple(input_shape)}.",
        )
    return axis % rank


def _flat(
    sizes: Sequence[Any], start: int, end: int, unknown: int | None
) -> tuple[Any, ...]:
    """Returns `sizes` with those from `start` to `end` multiplied to one.

    `unknown` stands for a size that is not known.
    """
    inside = sizes[start:end]
    # Not `None in inside`: torch's compiler cannot trace that for shapes.
    flat = None if any(size is None for size in inside) else math.prod(inside)
    return tuple(
        unknown if size is None else size
        for size in (*sizes[:start], flat, *sizes[end:])
    )
