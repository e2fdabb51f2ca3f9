"""What torch calls the weights of a layer, and in which order it has them.

Each layer is one module in torch, a separable convolution two. A `Slot` is one
weight; its two functions turn torch's array into ours and back.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras._keras_internals import package_of, sublayers
from keras_extras.conversion._rebuild import own_weights
from keras_extras.conversion._to_stock import kinds


class Slot(NamedTuple):
    """One weight of a layer, and how torch has it."""

    suffix: str  # torch's name: "weight", "bias", ...
    name: str  # the name in the layer
    from_torch: Callable[[np.ndarray], np.ndarray]
    to_torch: Callable[[np.ndarray], np.ndarray]


class Module(NamedTuple):
    """What is one module in torch: a layer, or a part of one."""

    layer: keras.layers.Layer
    part: str  # "" or the part's name
    slots: list[Slot]


def modules_of(
    owner: str, model: Any, flattened: Mapping[str, Any] | None
) -> Iterator[Module]:
    """Yields what are modules in torch, in the order of the layers."""
    if not model.built:
        raise ValueError(
            f"{owner}: the model {model.name!r} is not built. Call it, or its "
            "build(input_shape), first."
        )
    named = dict(flattened or {})
    pending = _Pending(owner, named)
    seen = set()
    for layer in _leaves(model):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if getattr(layer, "quantization_mode", None):
            raise ValueError(
                f"{owner}: {layer.name!r} ({type(layer).__name__}) is "
                f"quantized to {layer.quantization_mode}, and its weights are "
                "steps. Use the model as it was before."
            )
        order = pending.order(layer)
        for part, slots in _slots(owner, layer, order):
            present = {weight.name for weight in own_weights(layer)}
            slots = [slot for slot in slots if slot.name in present]
            if slots:
                yield Module(layer, part, slots)
    if named:
        raise ValueError(
            f"{owner}: flattened names no Dense of the model: {list(named)}."
        )


def _leaves(layer: Any) -> Iterator[Any]:
    """Yields the layers in order, models and wrappers opened."""
    is_open = isinstance(layer, keras.Model | keras.layers.Wrapper)
    is_stock = package_of(layer) == "keras"
    if is_open or not (is_stock or own_weights(layer)):
        parts = sublayers(layer)
        for part in parts:
            yield from _leaves(part)
        if parts:
            return
    yield layer
    activation = getattr(layer, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        yield activation


def _slots(
    owner: str, layer: Any, order: np.ndarray | None
) -> list[tuple[str, list[Slot]]]:
    """Returns (part, slots) for each module that the layer is in torch."""
    bias = _same("bias")
    if isinstance(layer, kinds("Conv{}DTranspose")):
        return [("", [_kernel("kernel"), bias])]
    if isinstance(layer, kinds("SeparableConv{}D")):
        return [
            ("depthwise", [_depthwise("depthwise_kernel", layer)]),
            ("pointwise", [_kernel("pointwise_kernel"), bias]),
        ]
    if isinstance(layer, kinds("DepthwiseConv{}D")):
        return [("", [_depthwise("kernel", layer), bias])]
    if isinstance(layer, kinds("Conv{}D")):
        return [("", [_kernel("kernel"), bias])]
    if isinstance(layer, kinds("Dense")):
        return [("", [_linear(order), bias])]
    if isinstance(layer, keras.layers.Embedding):
        return [("", [_same("weight", "embeddings")])]
    if isinstance(layer, keras.layers.PReLU):
        return [("", [_reshaped("weight", "alpha", layer)])]
    scaled = {"weight": "gamma", "bias": "beta"}
    if isinstance(layer, keras.layers.BatchNormalization):
        scaled["running_mean"] = "moving_mean"
        scaled["running_var"] = "moving_variance"
    elif not isinstance(
        layer,
        keras.layers.LayerNormalization | keras.layers.GroupNormalization,
    ):
        scaled = {}
    if layer.weights and not scaled:
        raise ValueError(
            f"{owner}: the layer {layer.name!r} ({type(layer).__name__}) has "
            "weights, and it is not known what torch calls them. Set them "
            "with set_weights, and move the other layers in a model without it."
        )
    return [("", [_same(*pair, order) for pair in scaled.items()])]


def _kernel(name: str) -> Slot:
    return Slot(
        "weight",
        name,
        lambda array: np.moveaxis(array, (0, 1), (-1, -2)),
        lambda array: np.moveaxis(array, (-1, -2), (0, 1)),
    )


def _depthwise(name: str, layer: Any) -> Slot:
    multiplier = layer.depth_multiplier

    def from_torch(array: np.ndarray) -> np.ndarray:  # (in * m, 1, *k)
        moved = np.moveaxis(array, (0, 1), (-1, -2))
        return moved.reshape(*array.shape[2:], -1, multiplier)

    def to_torch(array: np.ndarray) -> np.ndarray:  # (*k, in, m)
        flat = array.reshape(*array.shape[:-2], 1, -1)
        return np.moveaxis(flat, (-1, -2), (0, 1))

    return Slot("weight", name, from_torch, to_torch)


def _linear(order: np.ndarray | None) -> Slot:
    return Slot(
        "weight",
        "kernel",
        lambda array: _ordered(array.T, order),
        lambda array: _ordered(array, _inverse(order)).T,
    )


def _same(
    suffix: str, name: str | None = None, order: np.ndarray | None = None
) -> Slot:
    return Slot(
        suffix,
        name or suffix,
        lambda array: _ordered(array, order),
        lambda array: _ordered(array, _inverse(order)),
    )


def _reshaped(suffix: str, name: str, layer: Any) -> Slot:
    shape = tuple(own_variable(layer, name).shape)
    return Slot(suffix, name, lambda a: a.reshape(shape), np.ravel)


def _ordered(array: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return array if order is None else array[order]


def _inverse(order: np.ndarray | None) -> np.ndarray | None:
    return None if order is None else np.argsort(order)


# --- the order of what was flattened ----------------------------------------


class _Pending:
    """Remembers a `Flatten` until the `Dense` that reads it."""

    def __init__(self, owner: str, named: dict[str, Any]) -> None:
        self.owner, self.named = owner, named
        self.flatten = None
        self.maps_format = "channels_last"

    def order(self, layer: Any) -> np.ndarray | None:
        """Returns torch's places of what the layer reads, or `None`."""
        if isinstance(layer, kinds("Flatten")):
            self.flatten = layer
            return None
        if isinstance(layer, kinds("Dense")):
            flatten, self.flatten = self.flatten, None
            if layer.name in self.named:
                return _places(self.named.pop(layer.name))
            return self._order_behind(flatten, layer)
        if isinstance(layer, keras.layers.BatchNormalization):
            return self._order_behind(self.flatten, layer)
        if layer.weights:
            self.flatten = None
        self.maps_format = getattr(layer, "data_format", self.maps_format)
        return None

    def _order_behind(self, flatten: Any, layer: Any) -> np.ndarray | None:
        if flatten is None:
            return None
        try:
            shape = flatten.input.shape[1:]
        except AttributeError:
            shape = None
        is_first = flatten.data_format == "channels_first"
        if not is_first and self.maps_format == "channels_first":
            return None  # read as it lies, in torch's order
        if shape is None or None in shape:
            raise ValueError(
                f"{self.owner}: the layer {layer.name!r} reads what "
                f"{flatten.name!r} has flattened, and the shape before is not "
                f"known. Say it: flattened={{{layer.name!r}: (channels, "
                "*spatial)}, or None if it was flat already or torch "
                "flattens channels last."
            )
        if len(shape) < 2:
            return None
        return _places(shape if is_first else (shape[-1], *shape[:-1]))


def _places(shape: tuple[int, ...] | None) -> np.ndarray | None:
    """Returns where torch, channels first, has what Keras has at 0, 1, 2 ..."""
    if shape is None:
        return None
    places = np.arange(math.prod(shape)).reshape(shape)
    return np.moveaxis(places, 0, -1).reshape(-1)


# --- helpers -----------------------------------------------------------------


def own_variable(layer: Any, name: str) -> Any:
    return next(each for each in own_weights(layer) if each.name == name)
