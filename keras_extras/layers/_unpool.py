"""Max unpooling: put each maximum back to its place, zeros elsewhere.

    y[n, place[n, i, c], c] = x[n, i, c]

The places are those that max pooling gives with `return_indices`. A leaf
chooses the rank. Cost: the size of the output.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import _shapes as shapes
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Ints, Padding, Shape, Tensor
from keras_extras.layers._base import Layer


class MaxUnpooling(Layer):
    """Puts maxima back to their places: base of `MaxUnpooling1D` to `3D`.

        y[indices] = x, and 0 elsewhere          per example and channel

    The partial inverse of `MaxPooling` of the same arguments, called with
    both of its outputs: `unpool(*pool(x))`. All but the maxima is lost, and
    so is the size that the pooling rounded away: give `output_size` for that.
    A place that overlapping windows name more than once gets the mean of what
    it is given.

    Args:
        pool_size: int or `rank` ints. Size of the window, in positions.
        strides: int, `rank` ints, or `None`. Step of the window, in
            positions. `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or numbers of positions: an
            int, one per axis, or one (before, after) pair per axis.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        name: name of the layer.
        output_size: int, `rank` ints, or `None`. Size of the output, in
            positions; less than one stride away from the size that `None`
            gives.
        **kwargs: `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: the maxima.
        indices: their places, integers of the same shape.
        output_size: as above, for this call. Best `x.shape[1:-1]` of what was
            pooled.

    Input shape:
        `(batch, *windows, channels)` twice; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, *output_size, channels)`, or channels second. For
        `output_size=None` it has `(windows - 1) * strides + pool_size - pads`
        positions on each axis, `windows * strides` if `padding="same"`.

    Raises:
        ValueError: if an argument is out of its range, the shapes of the two
            inputs differ, `output_size` is a stride or more away, or the
            indices are those of another size. In a compiled graph indices are
            data: there one that is no place of the output is left out.

    Hooks:
        `unpool_op(inputs, indices, output_size)`: puts the maxima back.

    Examples:
        >>> pool = keras_extras.layers.MaxPooling1D(2, return_indices=True)
        >>> unpool = keras_extras.layers.MaxUnpooling1D(2)
        >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
        >>> keras.ops.convert_to_numpy(unpool(*pool(x))).ravel().tolist()
        [0.0, 3.0, 2.0, 0.0]

    References:
        `torch.nn.MaxUnpool2d`. Zeiler and Fergus, "Visualizing and
        understanding convolutional networks", arXiv:1311.2901.
    """

    def __init__(
        self,
        pool_size: Ints = 2,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        output_size: Ints | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size: tuple[int, ...] = checks.spatial(
            self, "pool_size", pool_size
        )
        self.strides: tuple[int, ...] = checks.spatial(
            self, "strides", strides, default=self.pool_size
        )
        self.padding: str | checks.Pads = checks.padding(self, padding)
        self.data_format: str = arguments.data_format(self, data_format)
        self.output_size: tuple[int, ...] | None = checks.optional(
            checks.spatial, self, "output_size", output_size
        )
        self._mark_built()

    def call(
        self, inputs: Tensor, indices: Tensor, output_size: Any = None
    ) -> Tensor:
        shape = self._unpooled_shape(inputs.shape, indices.shape, output_size)
        axes = shapes.spatial_axes(self.rank, self.data_format)
        sizes = [shape[axis] for axis in axes]
        if None in sizes:  # known only when the graph runs
            lengths: Any = keras.ops.shape(inputs)
            sizes = self._default_size([lengths[axis] for axis in axes])
        return self.unpool_op(inputs, indices, sizes)

    def unpool_op(
        self, inputs: Tensor, indices: Tensor, output_size: Any
    ) -> Tensor:
        """Returns the inputs at their places, and zeros elsewhere."""
        return ops.max_unpool(
            inputs,
            indices,
            output_size,
            self.data_format,
            pool_size=self.pool_size,
            strides=self.strides,
            padding=self.padding,
        )

    def compute_output_shape(
        self, inputs_shape: Shape, indices_shape: Shape | None = None
    ) -> Shape:
        """Returns `(batch, *output_size, channels)`, or channels second."""
        return self._unpooled_shape(inputs_shape, indices_shape, None)

    def compute_output_spec(
        self, inputs: Tensor, indices: Tensor, output_size: Any = None
    ) -> Any:
        """Returns the symbolic output, of the inputs' dtype."""
        shape = self._unpooled_shape(inputs.shape, indices.shape, output_size)
        return keras.KerasTensor(shape, inputs.dtype)

    def _unpooled_shape(
        self, inputs_shape: Shape, indices_shape: Shape | None, output_size: Any
    ) -> Shape:
        shape = list(inputs_shape)
        if len(shape) != self.rank + 2:
            raise invalid_argument(
                self,
                "input_shape",
                f"of {self.rank + 2} axes",
                tuple(shape),
            )
        if indices_shape is not None and not shapes.may_be_equal(
            tuple(shape), indices_shape
        ):
            raise invalid_argument(
                self,
                "indices",
                f"of the inputs' shape {tuple(shape)}",
                tuple(indices_shape),
            )
        axes = shapes.spatial_axes(self.rank, self.data_format)
        default = self._default_size([shape[axis] for axis in axes])
        size = (
            checks.optional(checks.spatial, self, "output_size", output_size)
            or self.output_size
        )
        if size is not None:
            self._check_size(size, default)
        for axis, length in zip(axes, size or default, strict=True):
            shape[axis] = length
        return tuple(shape)

    def _default_size(self, windows: Sequence) -> list[Any]:
        """Returns the size that leaves none of the input out of a window."""
        sizes = []
        for axis, count in enumerate(windows):
            size, stride = self.pool_size[axis], self.strides[axis]
            if count is None:
                sizes.append(None)
            elif self.padding == "same" or (self.padding == "causal" and axis):
                sizes.append(count * stride)
            else:
                pads = shapes.axis_pads(self.padding, axis, 0, size, stride)
                sizes.append((count - 1) * stride + size - sum(pads))
        return sizes

    def _check_size(
        self, size: Sequence[int], default: Sequence[int | None]
    ) -> None:
        for axis, (length, middle) in enumerate(
            zip(size, default, strict=True)
        ):
            stride = self.strides[axis]
            if middle is not None and abs(length - middle) >= stride:
                raise invalid_argument(
                    self,
                    "output_size",
                    f"between {middle - stride + 1} and {middle + stride - 1} "
                    f"on spatial axis {axis}",
                    size,
                    context=f"Other sizes are not pooled to so many windows "
                    f"with strides={self.strides}.",
                )


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxUnpooling1D(MaxUnpooling):
    """Puts maxima back into sequences; see `MaxUnpooling`.

    Examples:
        >>> y = np.array([3.0, 2.0]).reshape(1, 2, 1)
        >>> places = np.array([1, 2]).reshape(1, 2, 1)
        >>> x = keras_extras.layers.MaxUnpooling1D(output_size=5)(y, places)
        >>> keras.ops.convert_to_numpy(x).ravel().tolist()
        [0.0, 3.0, 2.0, 0.0, 0.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxUnpooling2D(MaxUnpooling):
    """Puts maxima back into images; see `MaxUnpooling`.

    Examples:
        >>> pool = keras_extras.layers.MaxPooling2D(return_indices=True)
        >>> unpool = keras_extras.layers.MaxUnpooling2D()
        >>> unpool(*pool(np.ones((1, 4, 4, 3)))).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class MaxUnpooling3D(MaxUnpooling):
    """Puts maxima back into volumes; see `MaxUnpooling`.

    Examples:
        >>> pool = keras_extras.layers.MaxPooling3D(return_indices=True)
        >>> unpool = keras_extras.layers.MaxUnpooling3D()
        >>> unpool(*pool(np.ones((1, 4, 4, 4, 3)))).shape == (1, 4, 4, 4, 3)
        True
    """

    rank = 3
