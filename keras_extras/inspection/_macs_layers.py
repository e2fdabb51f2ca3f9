"""The multiply-adds of one call of a layer, by its class.

    Dense:      positions * inputs * units
    Conv:       windows * taps * inputs / groups * filters
    transposed: positions * taps * inputs * filters
    recurrent:  steps * (inputs + units) * units * gates
    attention:  projections + 2 * queries * keys * size

A formula is a function of the layer and the `Call`, whose batch is 1; it
returns a number, or, for a layer that calls others, a list of `Part`s.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_extras import layers as ours
from keras_extras.inspection._trace import Call

stock = keras.layers


class Unknown(Exception):
    """Why a number is not known."""


class Part(NamedTuple):
    """A layer that another one calls, so many times."""

    times: int
    layer: Any
    input_shape: tuple


def formula_of(layer) -> Callable[[Any, Call], Any] | None:
    """Returns the formula of its class, or of one whose `call` it has."""
    for cls in type(layer).__mro__:
        if cls in _FORMULAS and type(layer).call is cls.call:
            return _FORMULAS[cls]
    return None


def product(shape) -> int:
    """Returns the product of the sizes, all of which must be known."""
    if any(size is None for size in shape):
        raise Unknown(
            f"a size in {tuple(shape)} is not known; give input_shape"
        )
    return math.prod(shape)


def einsum(equation: str, shapes) -> int:
    """Returns the product of the sizes of all letters of the equation."""
    sides = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for side, shape in zip(sides, shapes, strict=True):
        before, dots, after = side.partition("...")
        letters = list(before + after)
        if dots:  # named from the end, as they are broadcast
            count = len(shape) - len(letters)
            more = [f"...{n}" for n in range(count, 0, -1)]
            letters = [*before, *more, *after]
        for letter, size in zip(letters, shape, strict=True):
            product((size,))
            sizes[letter] = max(sizes.get(letter, 1), size)
    return math.prod(sizes.values())


def _positions(shape, channels: int) -> int:
    return product(shape) // channels


def _weights(*kernels) -> int:
    return sum(math.prod(kernel.shape) for kernel in kernels)


def _nothing(layer, call):
    return 0


def _dense(layer, call):
    return product(call.input_shape) * layer.units


def _conv(layer, call):
    windows = _positions(call.output_shape, layer.filters)
    return windows * _weights(layer.kernel)


def _partial_conv(layer, call):
    shape = call.output_shape
    shape = shape[0] if isinstance(shape[0], tuple) else shape  # and the mask
    taps = math.prod(layer.kernel_size)  # of the mask, which is summed too
    windows = _positions(shape, layer.filters)
    return windows * (_weights(layer.kernel) + taps)


def _conditional_conv(layer, call):
    windows = _positions(call.output_shape, layer.filters)
    mixing = _weights(layer.kernel)  # of all kernels to one, for an example
    return (
        windows * (mixing // layer.num_experts)
        + mixing
        + _weights(layer.routing_kernel)
        + (layer.num_experts * layer.filters if layer.use_bias else 0)
    )


def _depthwise(layer, call):
    channels = math.prod(layer.kernel.shape[-2:])
    return _positions(call.output_shape, channels) * _weights(layer.kernel)


def _separable(layer, call):
    kernels = _weights(layer.depthwise_kernel, layer.pointwise_kernel)
    return _positions(call.output_shape, layer.filters) * kernels


def _transpose(layer, call):
    channels = layer.kernel.shape[-1]
    return _positions(call.input_shape, channels) * _weights(layer.kernel)


def _blur(layer, call):
    return product(call.output_shape) * math.prod(layer.pool_size)


def _einsum_dense(layer, call):
    return einsum(layer.equation, [call.input_shape, layer.kernel.shape])


def _dot(layer, call):
    first = call.inputs[0].shape
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return product(call.output_shape) * first[axis]


def _reversible_embedding(layer, call):
    if not call.kwargs.get("reverse", (*call.args, False)[1]):
        return 0
    return product(call.input_shape) * layer.input_dim


def _attention(layer, call):
    query, value = call.args[0][:2]
    (_, steps, size), (_, others, depth) = query.shape, value.shape
    product((steps, others, size, depth))
    return steps * others * (size + depth)


def _heads(layer, call):
    config = layer.get_config()
    query, value, key = _query_value_key(layer, call)
    heads = config.get("num_heads") or config["num_query_heads"]
    shared = config.get("num_heads") or config["num_key_value_heads"]
    size = config.get("key_dim") or config["head_dim"]
    depth = config.get("value_dim") or size
    outputs = call.output_shape
    outputs = outputs[0] if isinstance(outputs[0], tuple) else outputs
    axes = config.get("attention_axes") or range(1, len(query) - 1)
    attended = product([value[axis] for axis in axes])
    positions = product(query[:-1])
    return (
        product(query) * heads * size
        + product(key) * shared * size
        + product(value) * shared * depth
        + positions * attended * heads * (size + depth)
        + positions * heads * depth * outputs[-1]
    )


def _query_value_key(layer, call):
    names = ("query", "value", "key")
    given = dict(zip(names, call.args, strict=False))
    given |= {name: call.kwargs[name] for name in names if name in call.kwargs}
    key = given.get("key")
    key = given["value"] if key is None else key
    return given["query"].shape, given["value"].shape, key.shape


def _cell(layer, call):
    if isinstance(layer, stock.StackedRNNCells):
        return sum(_cell(cell, call) for cell in layer.cells)
    own = getattr(layer, "multiply_adds", None)
    if own is not None:
        return own((1, *call.input_shape[2:]))
    if formula_of(layer) is not _cell:
        raise Unknown(f"{layer.name} ({type(layer).__name__}): no formula")
    return _weights(layer.kernel, layer.recurrent_kernel)


def _recurrent(layer, call):
    return _cell(layer.cell, call) * product((call.input_shape[1],))


def _recurrent_conv(layer, call):
    shape = call.output_shape
    shape = shape[0] if isinstance(shape[0], tuple) else shape
    if layer.return_sequences:
        shape = (shape[0], *shape[2:])
    windows = _positions(shape, layer.filters)
    kernels = _weights(layer.cell.kernel, layer.cell.recurrent_kernel)
    return product((call.input_shape[1],)) * windows * kernels


def _bidirectional(layer, call):
    both = (layer.forward_layer, layer.backward_layer)
    return [Part(1, each, call.input_shape) for each in both]


def _each_step(layer, call):
    batch, steps, *rest = call.input_shape
    return [Part(product((steps,)), layer.layer, (batch, *rest))]


def _wrapped(layer, call):
    return [Part(1, layer.layer, call.input_shape)]


def _conv_classes(name: str) -> list:
    found = [getattr(stock, f"{name}{n}D", None) for n in (1, 2, 3)]
    return [cls for cls in found if cls]


def _transposed_classes() -> list:
    return [getattr(stock, f"Conv{n}DTranspose") for n in (1, 2, 3)]


_NOTHING = """
    Activation ActivityRegularization AdaptiveAveragePooling1D
    AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
    AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AlphaDropout AutoContrast
    Average AveragePooling1D AveragePooling2D AveragePooling3D
    BatchNormalization CategoryEncoding CenterCrop Concatenate Cropping1D
    Cropping2D Cropping3D CutMix Discretization Dropout ELU Embedding
    Equalization Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing
    Hashing Identity InputLayer IntegerLookup LayerNormalization LeakyReLU
    Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    Minimum MixUp Multiply Normalization PReLU Permute RMSNormalization
    RandomBrightness RandomColorDegeneration RandomContrast RandomCrop
    RandomErasing RandomFlip RandomGrayscale RandomHue RandomInvert
    RandomPosterization RandomSaturation ReLU RepeatVector Rescaling Reshape
    Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
    StringLookup Subtract UnitNormalization UpSampling1D UpSampling2D
    UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""

_OURS_NOTHING = """
    AdaptivePool DropBlock DropPath Dropout Flatten FractionalMaxPooling
    GeMPooling GlobalGeMPooling GlobalPool MaxUnpooling Maxout MixedPooling Pad
    PixelShuffle PixelUnshuffle Pool SpatialPyramidPooling StochasticDepth
    StochasticPooling Unflatten
"""

_FORMULAS: dict[type, Callable[[Any, Call], Any]] = {
    **{getattr(stock, name): _nothing for name in _NOTHING.split()},
    **dict.fromkeys(_conv_classes("Conv"), _conv),
    **dict.fromkeys(_transposed_classes(), _transpose),
    **dict.fromkeys(_conv_classes("DepthwiseConv"), _depthwise),
    **dict.fromkeys(_conv_classes("SeparableConv"), _separable),
    **dict.fromkeys(_conv_classes("ConvLSTM"), _recurrent_conv),
    **dict.fromkeys(
        (
            stock.SimpleRNNCell,
            stock.LSTMCell,
            stock.GRUCell,
            stock.StackedRNNCells,
        ),
        _cell,
    ),
    **dict.fromkeys(
        (stock.SimpleRNN, stock.LSTM, stock.GRU, stock.RNN), _recurrent
    ),
    **dict.fromkeys((stock.Attention, stock.AdditiveAttention), _attention),
    **dict.fromkeys(
        (stock.MultiHeadAttention, stock.GroupQueryAttention), _heads
    ),
    stock.Dense: _dense,
    stock.EinsumDense: _einsum_dense,
    stock.Dot: _dot,
    stock.ReversibleEmbedding: _reversible_embedding,
    stock.Bidirectional: _bidirectional,
    stock.TimeDistributed: _each_step,
    stock.SpectralNormalization: _wrapped,
    **{getattr(ours, name): _nothing for name in _OURS_NOTHING.split()},
    ours.BlurPooling: _blur,
    ours.CondConv: _conditional_conv,
    ours.Conv: _conv,
    ours.ConvTranspose: _transpose,
    ours.Dense: _dense,
    ours.DepthwiseConv: _depthwise,
    ours.NoisyDense: _dense,
    ours.PartialConv: _partial_conv,
    ours.SeparableConv: _separable,
}
