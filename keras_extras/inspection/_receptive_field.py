"""How much of the input one position of a layer's output depends on.

    size[k] = size[k-1] + (window - 1) * step[k-1]
    step[k] = step[k-1] * strides

per spatial axis, in positions of the model's input; a window with dilation
counts from its first tap to its last. Where branches meet, the largest size
holds. A layer that sees all positions (global pooling, attention, a recurrent
layer), or whose rule is not known, has none, and neither has what follows.

Behind an upsampling or transposed convolution the steps are fractions, and how
many positions of the coarse grid a window meets depends on where it lies: the
most that it can meet are told.

Zeros that padding adds, and what cropping cuts off, are not subtracted: this is
the field of a position in the middle of an image that is large enough.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import keras

from keras_extras import layers as ours
from keras_extras.inspection._trace import Call, is_layer

stock = keras.layers


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

    def plain(self) -> tuple[tuple, tuple] | tuple[None, None]:
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


def _follow(call, known, found):
    inputs = [known.get(id(tensor)) for tensor in _varying(call)]
    if call.inside:
        for each in call.inside:
            _follow(each, known, found)
        tensors = keras.tree.flatten(call.outputs)
        field = known.get(id(tensors[0]))
    else:
        field = None
        if inputs and all(each is not None for each in inputs):
            field = _rule(call)(call.operation, call, _united(inputs))
        for tensor in keras.tree.flatten(call.outputs):
            known[id(tensor)] = field
    found[id(call)] = field


def _varying(call) -> list:
    """Returns the inputs that are no weights or constants."""
    symbolic = [x for x in call.inputs if isinstance(x, keras.KerasTensor)]
    return symbolic if symbolic or not is_layer(call.operation) else call.inputs


def _alone(shape) -> Field:
    return Field((Axis(),) * max(len(shape) - 2, 0), True)


def _united(inputs) -> Field | None:
    """Returns the field of what depends on all of them."""
    axes = []
    if len({len(each.axes) for each in inputs}) > 1:
        return None
    for several in zip(*(each.axes for each in inputs), strict=True):
        if len({axis.total_step for axis in several}) > 1:
            return None
        axes.append(max(several, key=lambda axis: axis.total_size))
    return Field(tuple(axes), all(each.is_one for each in inputs))


def _rule(call) -> Callable[[Any, Call, Field | None], Field | None]:
    operation = call.operation
    if not is_layer(operation):
        return _FUNCTIONS.get(type(operation).__name__, _all)
    for cls in type(operation).__mro__:
        if cls in _LAYERS and type(operation).call is cls.call:
            return _LAYERS[cls]
    return _all


# --- rules -------------------------------------------------------------------


def _all(operation, call, field):
    """Sees all positions, or it is not known which."""


def _same(operation, call, field):
    return field


def _mixed(operation, call, field):
    """Mixes the channels of each position."""
    return field and field._replace(is_one=False)


def _along(operation, call, field):
    """Mixes along an axis, or several; that must be the one of the channels."""
    rank = len(call.inputs[0].shape)
    axis = operation.axis
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if field and all(number % rank == rank - 1 for number in axes):
        return _mixed(operation, call, field)
    return None


def _joined(operation, call, field):
    """Joins channels; along another axis the positions would be moved."""
    rank = len(call.output_shape)
    first = keras.config.image_data_format() == "channels_first"
    channels = 1 if first and rank == 4 else rank - 1
    if operation.axis % rank != channels:
        return None
    return _mixed(operation, call, field)


def _moved(operation, call, field):
    return _alone(call.output_shape) if field and field.is_one else None


def _window(operation, call, field):
    if not field:
        return None
    taps = getattr(operation, "kernel_size", None) or operation.pool_size
    strides = operation.strides or taps
    rates = getattr(operation, "dilation_rate", 1)
    each = _per_axis(field, taps, rates, strides)
    return Field(tuple(axis.widened(*numbers) for axis, *numbers in each))


def _transposed(layer, call, field):
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


def _repeated(layer, call, field):
    if not field or getattr(layer, "interpolation", "nearest") != "nearest":
        return None
    each = _per_axis(field, layer.size)
    return Field(tuple(axis.refined(factor, factor) for axis, factor in each))


def _per_axis(field, *arguments):
    """Returns each axis with its number of each argument."""
    rank = len(field.axes)
    numbers = [
        (each,) * rank if isinstance(each, int) else tuple(each)
        for each in arguments
    ]
    return zip(field.axes, *numbers, strict=True)


def _embedded(layer, call, field):
    if not field or not field.is_one:
        return None
    return _alone(call.output_shape)._replace(is_one=False)


def _wrapped(layer, call, field):
    inner = Call(layer.layer, call.args, call.kwargs)
    inner.outputs = call.outputs
    return _rule(inner)(layer.layer, inner, field)


def _classes(package, names: str, rule) -> dict:
    return {getattr(package, name): rule for name in names.split()}


_LAYERS: dict[type, Callable] = {
    **_classes(
        stock,
        """
        Activation ActivityRegularization AlphaDropout BatchNormalization
        Cropping1D Cropping2D Cropping3D Dropout ELU GaussianDropout
        GaussianNoise Identity LeakyReLU PReLU ReLU Rescaling SpatialDropout1D
        SpatialDropout2D SpatialDropout3D ZeroPadding1D ZeroPadding2D
        ZeroPadding3D Add Average Maximum Minimum Multiply Subtract
        """,
        _same,
    ),
    **_classes(
        stock,
        """
        Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D
        SeparableConv2D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D
        AveragePooling2D AveragePooling3D
        """,
        _window,
    ),
    **_classes(
        stock, "Conv1DTranspose Conv2DTranspose Conv3DTranspose", _transposed
    ),
    **_classes(stock, "UpSampling1D UpSampling2D UpSampling3D", _repeated),
    **_classes(stock, "Flatten Permute Reshape", _moved),
    **_classes(
        stock,
        "LayerNormalization RMSNormalization Softmax UnitNormalization",
        _along,
    ),
    **_classes(stock, "Concatenate", _joined),
    **_classes(stock, "Dense", _mixed),
    **_classes(stock, "Embedding", _embedded),
    **_classes(stock, "SpectralNormalization", _wrapped),
    **_classes(ours, "Dropout DropPath Pad", _same),
    **_classes(ours, "Flatten Unflatten", _moved),
    **_classes(ours, "Dense NoisyDense", _mixed),
    **_classes(
        ours,
        "Conv DepthwiseConv PartialConv Pool SeparableConv StochasticPooling",
        _window,
    ),
    **_classes(ours, "CondConv", _all),
    **_classes(ours, "ConvTranspose", _transposed),
}

_POINTWISE = """
    Abs Absolute Add Cast Celu Clip ConvertToTensor Divide Elu Exp Gelu
    HardSigmoid HardSilu HardTanh Identity LeakyRelu Log Maximum Minimum Mish
    Multiply Negative Power Relu Relu6 Selu Sigmoid Silu Softplus Softsign Sqrt
    Square StopGradient Subtract Tanh TrueDivide
"""
_FUNCTIONS: dict[str, Callable] = {
    **dict.fromkeys(_POINTWISE.split(), _same),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze", "Transpose"), _moved),
    "Concatenate": _joined,
}
