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
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras

from keras_extras import layers as ours
from keras_extras.inspection._families import (
    CONVOLUTIONS,
    DENSE,
    DEPTHWISE,
    SEPARABLE,
    TRANSPOSED,
    WITHOUT_PRODUCTS,
    Rules,
)
from keras_extras.inspection._trace import Call

stock = keras.layers

MULTIPLY_ADDS = Rules()


class Unknown(Exception):
    """Why a number is not known."""


class Part(NamedTuple):
    """A layer that another one calls, so many times."""

    times: int
    layer: Any
    input_shape: tuple[int | None, ...]


def product(shape: Iterable[Any]) -> int:
    """Returns the product of the sizes, all of which must be known."""
    sizes = tuple(shape)
    if None in sizes:
        raise Unknown(f"a size in {sizes} is not known; give input_shape")
    return math.prod(sizes)


def einsum(equation: str, shapes: Iterable[Sequence[Any]]) -> int:
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


def _positions(shape: tuple[int | None, ...], channels: int) -> int:
    return product(shape) // channels


def _weights(*kernels: Any) -> int:
    return sum(math.prod(kernel.shape) for kernel in kernels)


@MULTIPLY_ADDS.of(*WITHOUT_PRODUCTS)
def _nothing(layer: Any, call: Call) -> int:
    return 0


@MULTIPLY_ADDS.of(*DENSE)
def _dense(layer: Any, call: Call) -> int:
    return product(call.input_shape) * layer.units


@MULTIPLY_ADDS.of(*CONVOLUTIONS)
def _conv(layer: Any, call: Call) -> int:
    windows = _positions(call.output_shape, layer.filters)
    return windows * _weights(layer.kernel)


@MULTIPLY_ADDS.of(ours.PartialConv)
def _partial_conv(layer: Any, call: Call) -> int:
    shape = call.output_shape
    shape = shape[0] if isinstance(shape[0], tuple) else shape  # and the mask
    taps = math.prod(layer.kernel_size)  # of the mask, which is summed too
    windows = _positions(shape, layer.filters)
    return windows * (_weights(layer.kernel) + taps)


@MULTIPLY_ADDS.of(ours.CondConv)
def _conditional_conv(layer: Any, call: Call) -> int:
    windows = _positions(call.output_shape, layer.filters)
    mixing = _weights(layer.kernel)  # of all kernels to one, for an example
    return (
        windows * (mixing // layer.num_experts)
        + mixing
        + _weights(layer.routing_kernel)
        + (layer.num_experts * layer.filters if layer.use_bias else 0)
    )


@MULTIPLY_ADDS.of(ours.DeformableConv)
def _deformable_conv(layer: Any, call: Call) -> int:
    windows = _positions(call.output_shape, layer.filters)
    read = math.prod(layer.offset_kernel.shape[:-1]) * 2**layer.rank
    return windows * (_weights(layer.kernel, layer.offset_kernel) + read)


@MULTIPLY_ADDS.of(*DEPTHWISE)
def _depthwise(layer: Any, call: Call) -> int:
    channels = math.prod(layer.kernel.shape[-2:])
    return _positions(call.output_shape, channels) * _weights(layer.kernel)


@MULTIPLY_ADDS.of(*SEPARABLE)
def _separable(layer: Any, call: Call) -> int:
    kernels = _weights(layer.depthwise_kernel, layer.pointwise_kernel)
    return _positions(call.output_shape, layer.filters) * kernels


@MULTIPLY_ADDS.of(*TRANSPOSED)
def _transpose(layer: Any, call: Call) -> int:
    channels = layer.kernel.shape[-1]
    return _positions(call.input_shape, channels) * _weights(layer.kernel)


@MULTIPLY_ADDS.of(ours.BlurPooling)
def _blur(layer: Any, call: Call) -> int:
    return product(call.output_shape) * math.prod(layer.pool_size)


@MULTIPLY_ADDS.of(stock.EinsumDense)
def _einsum_dense(layer: Any, call: Call) -> int:
    return einsum(layer.equation, [call.input_shape, layer.kernel.shape])


@MULTIPLY_ADDS.of(stock.Dot)
def _dot(layer: Any, call: Call) -> int:
    first = call.inputs[0].shape
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return product(call.output_shape) * first[axis]


@MULTIPLY_ADDS.of(stock.ReversibleEmbedding)
def _reversible_embedding(layer: Any, call: Call) -> int:
    if not call.kwargs.get("reverse", (*call.args, False)[1]):
        return 0
    return product(call.input_shape) * layer.input_dim


@MULTIPLY_ADDS.of(stock.Attention, stock.AdditiveAttention)
def _attention(layer: Any, call: Call) -> int:
    query, value = call.args[0][:2]
    (_, steps, size), (_, count, depth) = query.shape, value.shape
    product((steps, count, size, depth))
    return steps * count * (size + depth)


@MULTIPLY_ADDS.of(stock.MultiHeadAttention, stock.GroupQueryAttention)
def _heads(layer: Any, call: Call) -> int:
    config = layer.get_config()
    query, value, key = _query_value_key(call)
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


def _query_value_key(call: Call) -> tuple[Any, Any, Any]:
    names = ("query", "value", "key")
    given = dict(zip(names, call.args, strict=False))
    given |= {name: call.kwargs[name] for name in names if name in call.kwargs}
    key = given.get("key")
    key = given["value"] if key is None else key
    return given["query"].shape, given["value"].shape, key.shape


@MULTIPLY_ADDS.of(
    stock.SimpleRNNCell, stock.LSTMCell, stock.GRUCell, stock.StackedRNNCells
)
def _cell(layer: Any, call: Call) -> int:
    if isinstance(layer, stock.StackedRNNCells):
        return sum(_cell(cell, call) for cell in layer.cells)
    own = getattr(layer, "multiply_adds", None)
    if own is not None:
        return own((1, *call.input_shape[2:]))
    if MULTIPLY_ADDS.find(layer) is not _cell:
        raise Unknown(f"{layer.name} ({type(layer).__name__}): no formula")
    return _weights(layer.kernel, layer.recurrent_kernel)


@MULTIPLY_ADDS.of(stock.SimpleRNN, stock.LSTM, stock.GRU, stock.RNN)
def _recurrent(layer: Any, call: Call) -> int:
    return _cell(layer.cell, call) * product((call.input_shape[1],))


@MULTIPLY_ADDS.of(stock.ConvLSTM1D, stock.ConvLSTM2D, stock.ConvLSTM3D)
def _recurrent_conv(layer: Any, call: Call) -> int:
    shape = call.output_shape
    shape = shape[0] if isinstance(shape[0], tuple) else shape
    if layer.return_sequences:
        shape = (shape[0], *shape[2:])
    windows = _positions(shape, layer.filters)
    kernels = _weights(layer.cell.kernel, layer.cell.recurrent_kernel)
    return product((call.input_shape[1],)) * windows * kernels


@MULTIPLY_ADDS.of(stock.Bidirectional)
def _bidirectional(layer: Any, call: Call) -> list[Part]:
    both = (layer.forward_layer, layer.backward_layer)
    return [Part(1, each, call.input_shape) for each in both]


@MULTIPLY_ADDS.of(stock.TimeDistributed)
def _each_step(layer: Any, call: Call) -> list[Part]:
    batch, steps, *rest = call.input_shape
    return [Part(product((steps,)), layer.layer, (batch, *rest))]


@MULTIPLY_ADDS.of(stock.SpectralNormalization)
def _wrapped(layer: Any, call: Call) -> list[Part]:
    return [Part(1, layer.layer, call.input_shape)]
