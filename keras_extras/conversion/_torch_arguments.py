"""What torch's module has as an argument, and the layer another value of.

Weights do not tell of these, so equal weights would give other outputs.
"""

from collections.abc import Iterator
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras import layers as ours
from keras_extras.conversion._to_stock import kinds

stock = keras.layers

Difference = tuple[str, Any, str, Any]  # argument, value, torch's name, value

_NORMS = (
    stock.BatchNormalization,
    stock.LayerNormalization,
    stock.GroupNormalization,
)
_PADS = (ours.Pad, *kinds("ZeroPadding{}D"))
_TORCHS_EPSILON = 1e-5
_TORCHS_MODES = {"constant": "zeros", "edge": "replicate", "wrap": "circular"}


def errors(layer: Any, module: Any) -> list[str]:
    """Returns the arguments that change the outputs, with both values.

    Args:
        layer: a layer with weights.
        module: the torch module in its place; `None` if only its weights are
            known.
    """
    return _differing(layer, _changing_outputs(layer, module))


def doubts(layer: Any, module: Any, source: Any, call: Any) -> list[str]:
    """Returns what may change the outputs, or how it trains.

    Args:
        layer: a layer with weights.
        module: as for `errors`.
        source: the layer that made its input; `None` if not known.
        call: its first call; `None` if not known.
    """
    found: list[Difference] = []
    if module is None and isinstance(layer, _NORMS):
        found.append(("epsilon", layer.epsilon, "usual eps", _TORCHS_EPSILON))
    momentum = getattr(module, "momentum", None)
    if isinstance(layer, stock.BatchNormalization) and momentum is not None:
        found.append(("1 - momentum", 1 - layer.momentum, "momentum", momentum))
    found += _padding(layer, module, source, call)
    return _differing(layer, found)


def _differing(
    layer: Any, found: Iterator[Difference] | list[Difference]
) -> list[str]:
    return [
        f"- {layer.name} ({type(layer).__name__}): {argument}={value}, torch's "
        f"{name}={theirs}"
        for argument, value, name, theirs in found
        if theirs is not None and not _is_equal(value, theirs)
    ]


def _is_equal(value: Any, other: Any) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        return abs(value - other) < 1e-6 * max(abs(value), abs(other))
    return value == other


def _changing_outputs(layer: Any, module: Any) -> Iterator[Difference]:
    def torchs(name: str) -> Any:
        return getattr(module, name, None)

    if isinstance(layer, (*_NORMS, stock.RMSNormalization)):
        yield "epsilon", layer.epsilon, "eps", torchs("eps")
    if isinstance(layer, stock.LayerNormalization):
        yield "rms_scaling", bool(layer.rms_scaling), "rms_scaling", False
    if isinstance(layer, stock.GroupNormalization):
        groups = torchs("num_groups")
        if groups == torchs("num_channels") and layer.groups == -1:
            groups = -1
        yield "groups", layer.groups, "num_groups", groups
    if isinstance(layer, stock.SimpleRNN):
        name = keras.activations.serialize(layer.activation)
        yield "activation", name, "nonlinearity", torchs("nonlinearity")
    if isinstance(layer, stock.LSTM | stock.GRU):
        name = keras.activations.serialize(layer.activation)
        yield "activation", name, "activation", "tanh"
        name = keras.activations.serialize(layer.recurrent_activation)
        yield "recurrent_activation", name, "activation", "sigmoid"
    if isinstance(layer, stock.GRU):
        yield "reset_after", layer.reset_after, "way", True
    if isinstance(layer, stock.MultiHeadAttention):
        yield "num_heads", layer.num_heads, "num_heads", torchs("num_heads")
    if _is_convolution(layer, module):
        rank = len(layer.kernel_size)
        for name, torchs_name in (
            ("strides", "stride"),
            ("dilation_rate", "dilation"),
        ):
            value = shapes.per_axis(getattr(layer, name), rank)
            yield name, value, torchs_name, tuple(torchs(torchs_name))


def _is_convolution(layer: Any, module: Any) -> bool:
    is_layer = hasattr(layer, "kernel_size") and hasattr(layer, "dilation_rate")
    # The second module of a separable convolution has one tap.
    taps = getattr(module, "kernel_size", None)
    return is_layer and taps == tuple(layer.kernel_size)


class _Windows:
    """Where a convolution has its windows, an entry for each spatial axis."""

    def __init__(self, layer: Any, source: Any, call: Any) -> None:
        rank = len(layer.kernel_size)
        self.padder = layer
        self.strides = shapes.per_axis(layer.strides, rank)
        dilation = shapes.per_axis(layer.dilation_rate, rank)
        self.extents = tuple(map(shapes.extent, layer.kernel_size, dilation))
        self.lengths: shapes.Shape = (None,) * rank
        if call is not None:
            is_first = layer.data_format == "channels_first"
            sizes = call.input_shape
            self.lengths = tuple(sizes[2:] if is_first else sizes[1:-1])
        self.pads = shapes.all_pads(
            layer.padding, self.lengths, self.extents, self.strides
        )
        if layer.padding == "valid" and isinstance(source, _PADS):
            pads: Any = source.padding
            pads = (pads,) if isinstance(pads[0], int) else pads
            self.padder, self.pads = source, tuple(map(tuple, pads))
            self.lengths = tuple(
                length and length - sum(each)
                for length, each in zip(self.lengths, pads, strict=True)
            )

    def of_torch(self, padding: Any) -> tuple[shapes.Pads, ...]:
        if padding in ("same", "valid"):
            ones = (1,) * len(self.strides)
            known = self.extents  # any lengths, at a stride of 1
            return shapes.all_pads(padding, known, self.extents, ones) or ()
        return tuple((each, each) for each in padding)

    def lie_as(self, theirs: tuple[shapes.Pads, ...]) -> bool:
        """Returns whether there are as many windows, in the same places."""
        return self.pads is not None and all(
            map(
                _lie_alike,
                self.lengths,
                self.extents,
                self.strides,
                self.pads,
                theirs,
            )
        )


def _padding(
    layer: Any, module: Any, source: Any, call: Any
) -> Iterator[Difference]:
    """Yields the padding, if torch's windows lie elsewhere.

    Torch may pad in functions around the module, so this is no error.
    """
    is_known = _is_convolution(layer, module)
    if isinstance(layer, kinds("Conv{}DTranspose")):
        if is_known:
            yield from _cropping(layer, module)
        return
    if not hasattr(layer, "kernel_size"):
        return
    windows = _Windows(layer, source, call)
    if module is None:
        is_uneven = windows.pads is None or any(
            before != after for before, after in windows.pads
        )
        if layer.padding == "same" and is_uneven and max(windows.strides) > 1:
            yield "padding", "same", "usual padding", "even on both sides"
    elif is_known and not windows.lie_as(windows.of_torch(module.padding)):
        yield "padding", windows.padder.padding, "padding", module.padding
    elif is_known and any(map(any, windows.pads or ())):
        mode = getattr(windows.padder, "pad_mode", "constant")
        mode = _TORCHS_MODES.get(mode, mode)
        yield "pad_mode", mode, "padding_mode", module.padding_mode


def _cropping(layer: Any, module: Any) -> Iterator[Difference]:
    rank = len(layer.kernel_size)
    strides = shapes.per_axis(layer.strides, rank)
    theirs = tuple((each, each) for each in module.padding)
    crops: Any = layer.padding
    more: Any = layer.output_padding or (0,) * rank
    if crops == "valid":
        crops = ((0, 0),) * rank
    elif crops == "same":  # n * stride outputs
        dilation = shapes.per_axis(layer.dilation_rate, rank)
        extents = map(shapes.extent, layer.kernel_size, dilation)
        cut = [size - step for size, step in zip(extents, strides, strict=True)]
        crops = tuple((each / 2, each / 2) for each in cut)
    yield "padding", crops, "padding", theirs
    more = shapes.per_axis(more, rank)
    yield "output_padding", more, "output_padding", tuple(module.output_padding)


def _lie_alike(
    length: int | None,
    extent: int,
    stride: int,
    pads: shapes.Pads,
    theirs: shapes.Pads,
) -> bool:
    """Returns whether there are as many windows, in the same places."""
    if length is None:
        return pads == theirs
    counts = [(length + sum(p) - extent) // stride for p in (pads, theirs)]
    return pads[0] == theirs[0] and counts[0] == counts[1]
