"""Convolution: a weighted sum over every window of the input.

    y[n, i, f] = sum over j, c of  x[n, i*s + j*d - p, c] * kernel[j, c, f]

with i and j running over the spatial axes, s the strides, d the dilation and
p the padding in front.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._operation import on_cpu, planned
from keras_extras.ops._pad import pad_spatial
from keras_extras.ops._tensors import as_tensor, dtype_of, take_slice


class ConvPlan(NamedTuple):
    """A convolution of tensors of one shape and dtype; per spatial axis.

    Of a transposed one, `lengths` are those of the outputs, and `pads` are
    what is cut off.
    """

    batch: int | None
    lengths: shapes.Shape
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str | tuple[Pads, ...]
    pads: tuple[Pads, ...] | None  # None if a length is not known yet
    data_format: str
    groups: int
    is_valid: bool  # whether rank, groups, channels and filters go together
    dtype: str  # of both tensors; empty if they differ
    on_cpu: bool
    output_padding: tuple[int, ...] | None = None  # of a transposed one

    @property
    def extents(self) -> tuple[int, ...]:
        """The positions that a window covers."""
        return tuple(map(shapes.extent, self.size, self.dilation))


def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Ints = 1,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Convolves a batch of 1D, 2D or 3D inputs with a kernel.

    As `keras.ops.conv`, and besides with explicit pads, causal padding, and
    strides together with dilation. The pads hold zeros; `pad_spatial` has
    the other modes.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        kernel: tensor `(*kernel_size, channels / groups, filters)`. The
            number of groups follows from its shape.
        strides: int or one per spatial axis.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis.

    Returns:
        Tensor `(batch, *windows, filters)`, or channels second.

    Examples:
        >>> x = np.arange(5.0).reshape(1, 5, 1)
        >>> kernel = np.ones((3, 1, 1))
        >>> y = keras_extras.ops.conv(x, kernel, padding="causal")
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [0.0, 1.0, 3.0, 6.0, 9.0]
    """
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    plan = conv_plan(
        inputs, kernel, kernel.shape, strides, padding, data_format,
        dilation_rate,
    )  # fmt: skip
    return convolve(plan, inputs, kernel)


def conv_plan(
    inputs: Tensor,
    kernel: Tensor,
    kernel_shape: Sequence[int],
    strides: Ints,
    padding: str | Sequence[Pads],
    data_format: str | None,
    dilation_rate: Ints,
) -> ConvPlan:
    """Binds the arguments of a convolution; see `conv`.

    `kernel_shape` is `(*kernel_size, channels / groups, filters)`.
    """
    shape = tuple(inputs.shape)
    rank = len(shape) - 2
    *size, channels, filters = kernel_shape
    data_format = data_format or keras.config.image_data_format()
    lengths = shapes.spatial(shape, data_format)
    steps = shapes.per_axis(strides, rank)
    dilation = shapes.per_axis(dilation_rate, rank)
    if not isinstance(padding, str):
        padding = tuple((before, after) for before, after in padding)
    groups, rest = 0, 0
    given = shape[shapes.channel_axis(rank, data_format)]
    if given is not None and channels:
        groups, rest = divmod(given, channels)
    return ConvPlan(
        shape[0],
        lengths,
        tuple(size),
        steps,
        dilation,
        padding,
        shapes.all_pads(
            padding, lengths, tuple(map(shapes.extent, size, dilation)), steps
        ),
        data_format,
        groups,
        len(size) == rank
        and groups * filters > 0 == rest
        and not filters % groups,
        dtype_of(inputs) if inputs.dtype == kernel.dtype else "",
        on_cpu(inputs) and on_cpu(kernel),
    )


@planned("conv")
def convolve(plan: ConvPlan, inputs: Tensor, kernel: Tensor) -> Tensor:
    """Returns the convolution by Keras's operation, padded if need be."""
    if plan.data_format == "channels_first":
        return with_channels_last(convolve, plan, inputs, kernel)
    return by_keras(keras.ops.conv, plan, inputs, kernel)


def with_channels_last(
    function: Callable[[ConvPlan, Tensor, Tensor], Tensor],
    plan: ConvPlan,
    inputs: Tensor,
    kernel: Tensor,
) -> Tensor:
    """Returns a function of a channels-first plan, computed channels last.

    TensorFlow's CPU has some convolutions channels last only, and which ones
    depends on dtype, rank and build.
    """
    first, second, *rest = range(len(inputs.shape))
    inputs = keras.ops.transpose(inputs, (first, *rest, second))
    last = plan._replace(data_format="channels_last")
    outputs = function(last, inputs, kernel)
    return keras.ops.transpose(outputs, (first, rest[-1], second, *rest[:-1]))


def by_keras(
    operation: Callable[..., Tensor],
    plan: ConvPlan,
    inputs: Tensor,
    kernel: Tensor,
    step: int | None = None,
) -> Tensor:
    """Returns a convolution of Keras, for what it lacks on some backend too.

    Args:
        operation: function of `keras.ops`.
        plan: the convolution.
        inputs: its inputs.
        kernel: its kernel.
        step: a divisor of all strides, which the operation takes in their
            place; of its outputs those of the strides are kept. `None`: 1 if
            there is dilation, too, else the strides themselves.
    """
    strides, padding, data_format = plan.strides, plan.padding, plan.data_format
    empty = inputs.shape[0] == 0
    if empty:  # TensorFlow answers no examples with a wrong shape
        widths = [(0, 1)] + [(0, 0)] * (len(inputs.shape) - 1)
        inputs = keras.ops.pad(inputs, widths)
    # Not every backend strides and dilates at once; all can thin out after.
    if step is None and max(strides) > 1 and max(plan.dilation) > 1:
        step = 1
    thin = step is not None
    if padding != "valid" and (padding != "same" or thin):
        inputs = pad_spatial(
            inputs, plan.extents, strides, padding, data_format
        )
        padding = "valid"
    outputs = operation(
        inputs,
        kernel,
        strides=step or strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=plan.dilation,
    )
    if thin:
        axes = shapes.spatial_axes(len(strides), data_format)
        for axis, stride in zip(axes, strides, strict=True):
            kept = slice(None, None, stride // (step or 1))
            outputs = take_slice(outputs, axis, kept)
    return outputs[:0] if empty else outputs
