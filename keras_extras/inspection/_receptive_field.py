"""How much of the input one position of a layer's output depends on.

    size[k] = size[k-1] + (window - 1) * step[k-1]
    step[k] = step[k-1] * strides

per spatial axis, in positions of the model's input; a window with dilation
counts from its first tap to its last. Where branches meet, the largest size
holds. A layer that sees all positions (global pooling, attention, a recurrent
layer), or whose rule is not known, has none, and neither has what follows.

Behind an upsampling or transposed convolution the steps are fractions, and how
many positions of the coarse grid a window meets depends on where it lies: the
most that it can meet are counted.

Zeros that padding adds, and what cropping cuts off, are not subtracted: this is
the field of a position in the middle of an image that is large enough.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import keras

from keras_extras import layers as ours
from keras_extras.inspection._families import (
    ALONG_AN_AXIS,
    CONVOLUTIONS,
    DENSE,
    DEPTHWISE,
    POINTWISE,
    POOLS,
    RESHAPING,
    SEPARABLE,
    TRANSPOSED,
    UPSAMPLING,
    Rules,
    functions,
)
from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._trace import Call

stock = keras.layers

FIELDS = Rules()


class Finer(NamedTuple):
    """A grid finer than the one below, by upsampling or transposing.

    `window` positions of it, `step` from one to the next, lie in
    `1 + (window + taps - 2) // factor` positions of the one below at most.
    """

    window: int
    step: int
    taps: int
    factor: int


class Axis(NamedTuple):
    """What a position depends on along one axis, in input positions."""

    size: int = 1
    step: int = 1
    finer: tuple[Finer, ...] = ()

    def widened(self, taps: int, rate: int, stride: int) -> "Axis":
        """Returns what a window of so many positions depends on."""
        reach = (taps - 1) * rate
        if not self.finer:
            size = self.size + reach * self.step
            return Axis(size, self.step * stride)
        *below, last = self.finer
        last = last._replace(
            window=last.window + reach * last.step, step=last.step * stride
        )
        return self._replace(finer=(*below, last))

    def refined(self, taps: int, factor: int) -> "Axis":
        """Returns the same on a grid so many times finer."""
        return self._replace(finer=(*self.finer, Finer(1, 1, taps, factor)))

    @property
    def total_size(self) -> int:
        """The positions of the input, for the finest grid."""
        more = 0
        for grid in reversed(self.finer):
            more = (grid.window + more + grid.taps - 2) // grid.factor
        return self.size + more * self.step

    @property
    def total_step(self) -> Fraction:
        """The distance of neighbors on the finest grid, in the input."""
        step = Fraction(self.step)
        for grid in self.finer:
            step *= Fraction(grid.step, grid.factor)
        return step


class Field(NamedTuple):
    """What a position depends on, per spatial axis.

    `is_one` says that each number is made of one number of the input alone, so
    that reshaping does not matter.
    """

    axes: tuple[Axis, ...]
    is_one: bool = False

    def plain(self) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
        """Returns size and step as numbers; `None` without spatial axes."""
        if not self.axes:
            return None, None
        steps = (axis.total_step for axis in self.axes)
        return tuple(axis.total_size for axis in self.axes), tuple(
            int(step) if step.denominator == 1 else float(step)
            for step in steps
        )


def fields(call: Call) -> dict[int, Field | None]:
    """Returns the field of the output of each call inside, by its `id`."""
    known: dict[int, Field | None] = {
        id(tensor): _alone(tensor.shape) for tensor in call.inputs
    }
    found: dict[int, Field | None] = {}
    for each in call.inside:
        _follow(each, known, found)
    return found


def _follow(
    call: Call,
    known: dict[int, Field | None],
    found: dict[int, Field | None],
) -> None:
    inputs = [known.get(id(tensor)) for tensor in _varying(call)]
    if call.inside:
        for each in call.inside:
            _follow(each, known, found)
        tensors = keras.tree.flatten(call.outputs)
        field = known.get(id(tensors[0]))
    else:
        field = None
        if inputs and None not in inputs:
            field = _ruled(call.operation, call, _united(inputs))
        for tensor in keras.tree.flatten(call.outputs):
            known[id(tensor)] = field
    found[id(call)] = field


def _varying(call: Call) -> list[Any]:
    """Returns the inputs that are no weights or constants."""
    symbolic = [x for x in call.inputs if isinstance(x, keras.KerasTensor)]
    return symbolic if symbolic or not is_layer(call.operation) else call.inputs


def _alone(shape: Any) -> Field:
    return Field((Axis(),) * max(len(shape) - 2, 0), True)


def _united(inputs: list[Any]) -> Field | None:
    """Returns the field of what depends on all of them."""
    axes = []
    if len({len(each.axes) for each in inputs}) > 1:
        return None
    for several in zip(*(each.axes for each in inputs), strict=True):
        if len({axis.total_step for axis in several}) > 1:
            return None
        axes.append(max(several, key=lambda axis: axis.total_size))
    return Field(tuple(axes), all(each.is_one for each in inputs))


# --- rules -------------------------------------------------------------------


def _ruled(operation: Any, call: Call, field: Field | None) -> Field | None:
    """Returns the field behind a call; `None` if it sees all, or no rule is."""
    rule = FIELDS.find(operation)
    return rule(operation, call, field) if rule else None


@FIELDS.of(
    *POINTWISE,
    *functions("""
        absolute add cast celu clip convert_to_tensor divide elu exp gelu
        hard_sigmoid hard_silu hard_tanh leaky_relu log maximum minimum mish
        multiply negative power relu relu6 selu sigmoid silu softplus softsign
        sqrt square stop_gradient subtract tanh true_divide
    """),
)
def _same(operation: Any, call: Call, field: Field | None) -> Field | None:
    return field


@FIELDS.of(*DENSE)
def _mixed(operation: Any, call: Call, field: Field | None) -> Field | None:
    """Mixes the channels of each position."""
    return field and field._replace(is_one=False)


@FIELDS.of(*ALONG_AN_AXIS)
def _along(operation: Any, call: Call, field: Field | None) -> Field | None:
    """Mixes along an axis, or several; that must be the one of the channels."""
    rank = len(call.inputs[0].shape)
    axis = operation.axis
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if field and all(number % rank == rank - 1 for number in axes):
        return _mixed(operation, call, field)
    return None


@FIELDS.of(stock.Concatenate, keras.ops.concatenate)
def _joined(operation: Any, call: Call, field: Field | None) -> Field | None:
    """Joins channels; along another axis the positions would be moved."""
    rank = len(call.output_shape)
    first = keras.config.image_data_format() == "channels_first"
    channels = 1 if first and rank == 4 else rank - 1
    if operation.axis % rank != channels:
        return None
    return _mixed(operation, call, field)


@FIELDS.of(*RESHAPING, *functions("expand_dims reshape squeeze transpose"))
def _moved(operation: Any, call: Call, field: Field | None) -> Field | None:
    return _alone(call.output_shape) if field and field.is_one else None


@FIELDS.of(*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE, *POOLS, ours.PartialConv)
def _window(operation: Any, call: Call, field: Field | None) -> Field | None:
    if not field:
        return None
    taps = getattr(operation, "kernel_size", None) or operation.pool_size
    strides = operation.strides or taps
    rates = getattr(operation, "dilation_rate", 1)
    each = _per_axis(field, taps, rates, strides)
    return Field(tuple(axis.widened(*numbers) for axis, *numbers in each))


@FIELDS.of(ours.DeformableConv)
def _anywhere(operation: Any, call: Call, field: Field | None) -> None:
    """Returns `None`: a tap may be moved to any position."""


@FIELDS.of(*TRANSPOSED)
def _transposed(layer: Any, call: Call, field: Field | None) -> Field | None:
    if not field:
        return None
    each = _per_axis(
        field, layer.kernel_size, layer.dilation_rate, layer.strides
    )
    return Field(
        tuple(
            axis.refined((taps - 1) * rate + 1, stride)
            for axis, taps, rate, stride in each
        )
    )


@FIELDS.of(*UPSAMPLING)
def _repeated(layer: Any, call: Call, field: Field | None) -> Field | None:
    if not field or getattr(layer, "interpolation", "nearest") != "nearest":
        return None
    each = _per_axis(field, layer.size)
    return Field(tuple(axis.refined(factor, factor) for axis, factor in each))


def _per_axis(field: Field, *arguments: Any) -> Iterator[tuple[Any, ...]]:
    """Returns each axis with its number of each argument."""
    rank = len(field.axes)
    numbers = [
        (each,) * rank if isinstance(each, int) else tuple(each)
        for each in arguments
    ]
    return zip(field.axes, *numbers, strict=True)


@FIELDS.of(stock.Embedding)
def _embedded(layer: Any, call: Call, field: Field | None) -> Field | None:
    if not field or not field.is_one:
        return None
    return _alone(call.output_shape)._replace(is_one=False)


@FIELDS.of(stock.SpectralNormalization)
def _wrapped(layer: Any, call: Call, field: Field | None) -> Field | None:
    inner = Call(layer.layer, call.args, call.kwargs)
    inner.outputs = call.outputs
    return _ruled(layer.layer, inner, field)
