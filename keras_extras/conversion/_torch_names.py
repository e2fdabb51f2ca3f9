"""What torch calls the weights of a layer, and in which order it has them.

Each layer is one module in torch, a separable convolution two. A `Slot` turns
torch's arrays into those of one or several weights, and back:

    Linear           weight (out, in)              -> kernel (in, out)
    Conv             weight (out, in / g, *k)      -> kernel (*k, in / g, out)
    ConvTranspose    weight (in, out / g, *k)      -> kernel (*k, out / g, in)
    Conv, g = in     weight (in * m, 1, *k)        -> depthwise (*k, in, m)
    BatchNorm        weight, bias, running_*       -> gamma, beta, moving_*
    LSTM             weight_ih, weight_hh          -> kernel, recurrent_kernel
                     bias_ih + bias_hh             -> bias
    GRU              the same, gates r z n         -> z r n, both biases
    Attention        in_proj (3 * h * d, in)       -> query, key, value

torch's first two axes go to the end, swapped.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras._keras_internals import attributes_of, package_of, sublayers
from keras_extras.conversion._rebuild import own_weights
from keras_extras.conversion._to_stock import kinds
from keras_extras.conversion._torch_axes import AS_IT_IS, Axes, Order, Read

stock = keras.layers


class Weight(NamedTuple):
    """A weight, and the layer that has it under its name."""

    owner: Any
    name: str

    @property
    def variable(self) -> Any:
        return own_variable(self.owner, self.name)


class Slot(NamedTuple):
    """Weights, and how torch has them."""

    suffixes: tuple[str, ...]  # torch's names: "weight", "bias", ...
    weights: tuple[Weight, ...]
    from_torch: Callable[..., tuple[np.ndarray, ...]]
    to_torch: Callable[..., tuple[np.ndarray, ...]]


class Module(NamedTuple):
    """What is one module in torch: a layer, or a part of one."""

    layer: Any
    part: str  # "" or the part's name
    path: str  # the names of attributes and layers around it, and its own
    slots: list[Slot]

    @property
    def suffixes(self) -> set[str]:
        """Torch's names of all of its weights."""
        return {suffix for slot in self.slots for suffix in slot.suffixes}


def modules_of(
    owner: str, model: Any, axes: Axes | None = None, *, merges: bool = False
) -> list[Module]:
    """Returns what are modules in torch, in the order of the layers.

    Args:
        owner: name of the public function, for errors.
        model: a built model.
        axes: in which order the layers read; `None` if only shapes matter.
        merges: bool, whether weights of LoRA go into the kernels.
    """
    if not model.built:
        raise ValueError(
            f"{owner}: the model {model.name!r} is not built. Call it, or its "
            "build(input_shape), first."
        )
    found: list[Module] = []
    seen: set[int] = set()
    for layer, path in _leaves(model, ""):
        if id(layer) in seen or not layer.weights:
            continue
        seen.add(id(layer))
        if getattr(layer, "quantization_mode", None):
            raise ValueError(
                f"{owner}: {layer.name!r} ({type(layer).__name__}) is "
                f"quantized to {layer.quantization_mode}, and its weights are "
                "steps. Use the model as it was before."
            )
        known = _Known(owner, layer, axes)
        parts = [
            Module(layer, part, path, slots)
            for part, slots in known.parts()
            if slots
        ]
        _require_all(owner, layer, parts, merges)
        found += parts
    return found


def _leaves(layer: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Yields the layers in order, models and wrappers opened."""
    is_open = isinstance(
        layer, keras.Model | stock.Wrapper | stock.Bidirectional
    )
    is_stock = package_of(layer) == "keras"
    if is_open or not (is_stock or own_weights(layer)):
        named = {} if is_stock else _attribute_names(layer)
        parts = sublayers(layer)
        for part in parts:
            name = named.get(id(part)) or part.name or ""
            yield from _leaves(part, f"{path}.{name}" if path else name)
        if parts:
            return
    yield layer, path
    activation = getattr(layer, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        yield activation, f"{path}.{activation.name}"


def _attribute_names(layer: Any) -> dict[int, str]:
    """Returns by id how the layers in attributes are called there."""
    found: dict[int, str] = {}

    def look(value: Any, name: str) -> None:
        if isinstance(value, keras.layers.Layer):
            found.setdefault(id(value), name)
        elif isinstance(value, dict):
            for key, item in value.items():
                look(item, f"{name}.{key}")
        elif isinstance(value, list | tuple):
            for place, item in enumerate(value):
                look(item, f"{name}.{place}")

    for name, value in attributes_of(layer).items():
        look(value, name)
    return found


def _require_all(
    owner: str, layer: Any, parts: list[Module], merges: bool
) -> None:
    """Raises if the layer has weights that are not among torch's."""
    weights = [
        weight
        for part in parts
        for slot in part.slots
        for weight in slot.weights
    ]
    known = {id(weight.variable) for weight in weights}
    holders = [layer, *(weight.owner for weight in weights)]
    if package_of(layer) == "keras":
        activation = getattr(layer, "activation", None)
        holders += [part for part in sublayers(layer) if part is not activation]
    unknown = [
        weight.name
        for holder in {id(each): each for each in holders}.values()
        for weight in own_weights(holder)
        if id(weight) not in known
        and not (merges and weight.name.startswith("lora_"))
    ]
    unknown += [
        weight.name
        for weight in weights
        if not keras.backend.is_float_dtype(weight.variable.dtype)
    ]
    if unknown or (layer.weights and not parts):
        names = f": {', '.join(unknown)}" if unknown else ""
        raise ValueError(
            f"{owner}: the layer {layer.name!r} ({type(layer).__name__}) has "
            f"weights{names}, and it is not known what torch calls them. Set "
            "them with set_weights, and move the other layers in a model "
            "without it."
        )


class _Known:
    """The slots of a layer, with what it reads and writes in which order."""

    def __init__(self, owner: str, layer: Any, axes: Axes | None) -> None:
        self.owner, self.layer, self.axes = owner, layer, axes
        self.read: Read = AS_IT_IS
        self.out: Order = None
        if axes is not None:
            self.read = axes.reads.get(id(layer), AS_IT_IS)
            self.out = axes.demands.get(id(layer))

    def parts(self) -> list[tuple[str, list[Slot]]]:
        """Returns (part, slots) for each module that the layer is in torch."""
        layer = self.layer
        if isinstance(layer, kinds("SeparableConv{}D")):
            return [
                ("depthwise", self.present(self.depthwise("depthwise_kernel"))),
                (
                    "pointwise",
                    self.present(self.kernel("pointwise_kernel"), self.bias()),
                ),
            ]
        return [("", self.present(*self.slots()))]

    def slots(self) -> list[Slot]:
        layer = self.layer
        if isinstance(layer, kinds("Conv{}DTranspose")):
            return [self.kernel("kernel"), self.bias()]
        if isinstance(layer, kinds("DepthwiseConv{}D")):
            return [self.depthwise("kernel"), self.bias()]
        if isinstance(layer, kinds("Conv{}D")):
            return [self.kernel("kernel"), self.bias()]
        if isinstance(layer, kinds("Dense")):
            return [self.linear(), self.bias()]
        if isinstance(layer, stock.Embedding):
            return [self.plain("weight", "embeddings")]
        if isinstance(layer, stock.PReLU):
            return [self.prelu()]
        if isinstance(layer, stock.LSTM | stock.GRU | stock.SimpleRNN):
            return self.recurrent()
        if isinstance(layer, stock.MultiHeadAttention):
            return self.attention()
        if isinstance(layer, stock.RMSNormalization):
            return [self.norm("weight", "scale")]
        slots = [self.norm("weight", "gamma"), self.norm("bias", "beta")]
        if isinstance(layer, stock.LayerNormalization):
            return slots
        if isinstance(layer, stock.GroupNormalization):
            return slots
        if isinstance(layer, stock.BatchNormalization):
            return [
                *slots,
                self.norm("running_mean", "moving_mean"),
                self.norm("running_var", "moving_variance"),
            ]
        return []

    def present(self, *slots: Slot) -> list[Slot]:
        """Returns the slots whose weights the layer has."""
        return [
            slot
            for slot in slots
            if all(
                any(own.name == each.name for own in own_weights(each.owner))
                for each in slot.weights
            )
        ]

    def one(
        self,
        suffix: str,
        name: str,
        from_torch: Callable[[np.ndarray], np.ndarray],
        to_torch: Callable[[np.ndarray], np.ndarray],
        owner: Any = None,
    ) -> Slot:
        """Returns the slot of one weight that is one tensor."""
        return Slot(
            (suffix,),
            (Weight(self.layer if owner is None else owner, name),),
            lambda array: (from_torch(array),),
            lambda array: (to_torch(array),),
        )

    def plain(self, suffix: str, name: str) -> Slot:
        return self.one(suffix, name, lambda array: array, lambda array: array)

    def norm(self, suffix: str, name: str) -> Slot:
        if self.axes is not None:
            read = self.read
            return self.one(suffix, name, read.from_torch, read.to_torch)

        def from_torch(array: np.ndarray) -> np.ndarray:  # of some shape
            shape = own_variable(self.layer, name).shape
            is_alike = sorted(shape) == sorted(array.shape)
            return array.reshape(shape) if is_alike else array

        return self.one(suffix, name, from_torch, lambda array: array)

    def bias(self) -> Slot:
        out = self.out
        return self.one(
            "bias",
            "bias",
            lambda array: taken(array, out, 0),
            lambda array: taken(array, _inverse(out), 0),
        )

    def kernel(self, name: str) -> Slot:
        rank = len(self.layer.kernel_size)

        def from_torch(array: np.ndarray) -> np.ndarray:
            if array.ndim == 2:  # a Linear for a kernel of one tap
                array = array.reshape(*array.shape, *(1,) * rank)
            return np.moveaxis(array, (0, 1), (-1, -2))

        return self.one(
            "weight",
            name,
            from_torch,
            lambda array: np.moveaxis(array, (-1, -2), (0, 1)),
        )

    def depthwise(self, name: str) -> Slot:
        multiplier = self.layer.depth_multiplier

        def from_torch(array: np.ndarray) -> np.ndarray:  # (in * m, 1, *k)
            moved = np.moveaxis(array, (0, 1), (-1, -2))
            return moved.reshape(*array.shape[2:], -1, multiplier)

        def to_torch(array: np.ndarray) -> np.ndarray:  # (*k, in, m)
            flat = array.reshape(*array.shape[:-2], 1, -1)
            return np.moveaxis(flat, (-1, -2), (0, 1))

        return self.one("weight", name, from_torch, to_torch)

    def linear(self) -> Slot:
        order, out = self.read.orders[-1], self.out

        def from_torch(array: np.ndarray) -> np.ndarray:
            # A convolution of one tap is a Linear too.
            matrix = array.reshape(array.shape[0], -1).T
            if math.prod(array.shape[2:]) != 1:
                raise ValueError("more than one tap")
            return taken(taken(matrix, order, 0), out, 1)

        def to_torch(array: np.ndarray) -> np.ndarray:
            return taken(taken(array, _inverse(order), 0), _inverse(out), 1).T

        return self.one("weight", "kernel", from_torch, to_torch)

    def prelu(self) -> Slot:
        """One number for all, for each channel, or for each number."""
        shape = tuple(self.layer.alpha.shape)
        wide = tuple(size for size in shape if size != 1)
        read = self.read

        def from_torch(array: np.ndarray) -> np.ndarray:
            if array.size == 1:
                return np.full(shape, array.item(), array.dtype)
            if len(wide) > 1:  # torch has one for each channel
                channels = read.axes[0]
                lengths = [1] * len(wide)
                lengths[channels] = -1
                return np.broadcast_to(array.reshape(lengths), wide).reshape(
                    shape
                )
            return read.from_torch(array).reshape(shape)

        def to_torch(array: np.ndarray) -> np.ndarray:
            array = array.reshape(wide or (1,))
            if array.ndim == 1:
                return read.to_torch(array) if wide else array
            channels = read.axes[0]
            first = np.moveaxis(array, channels, 0).reshape(
                array.shape[channels], -1
            )
            if (first != first[:, :1]).any():
                raise ValueError(
                    f"{self.owner}: the layer {self.layer.name!r} (PReLU) has "
                    "a number for each position, torch one for each channel. "
                    "Give it shared_axes."
                )
            return first[:, 0]

        return self.one("weight", "alpha", from_torch, to_torch)

    def recurrent(self) -> list[Slot]:
        layer = self.layer
        cell, order = layer.cell, self.read.orders[-1]
        gates = [0]
        if isinstance(layer, stock.LSTM):
            gates = [0, 1, 2, 3]
        if isinstance(layer, stock.GRU):
            gates = [1, 0, 2]  # its own inverse
        is_double = isinstance(layer, stock.GRU)
        end = "_reverse" if layer.go_backwards else ""

        def sorted_gates(array: np.ndarray) -> np.ndarray:  # along the first
            parts = np.split(array, len(gates))
            return np.concatenate([parts[gate] for gate in gates])

        def biases_from(*arrays: np.ndarray) -> tuple[np.ndarray]:
            both = [sorted_gates(array) for array in arrays]
            return (np.stack(both) if is_double else both[0] + both[1],)

        def biases_to(array: np.ndarray) -> tuple[np.ndarray, ...]:
            both = array if is_double else [array, np.zeros_like(array)]
            return tuple(sorted_gates(each) for each in both)

        return [
            self.one(
                f"weight_ih{end}",
                "kernel",
                lambda array: taken(sorted_gates(array).T, order, 0),
                lambda array: sorted_gates(taken(array, _inverse(order), 0).T),
                cell,
            ),
            self.one(
                f"weight_hh{end}",
                "recurrent_kernel",
                lambda array: sorted_gates(array).T,
                lambda array: sorted_gates(array.T),
                cell,
            ),
            Slot(
                (f"bias_ih{end}", f"bias_hh{end}"),
                (Weight(cell, "bias"),),
                biases_from,
                biases_to,
            ),
        ]

    def attention(self) -> list[Slot]:
        layer = self.layer
        three = (layer.query_dense, layer.key_dense, layer.value_dense)
        heads = layer.num_heads
        output = layer.output_dense

        def kernels_from(array: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(
                part.T.reshape(array.shape[1], heads, -1)
                for part in np.split(array, 3)
            )

        def kernels_to(*arrays: np.ndarray) -> tuple[np.ndarray]:
            flat = [array.reshape(array.shape[0], -1).T for array in arrays]
            return (np.concatenate(flat),)

        def biases_from(array: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(part.reshape(heads, -1) for part in np.split(array, 3))

        return [
            Slot(
                ("in_proj_weight",),
                tuple(Weight(each, "kernel") for each in three),
                kernels_from,
                kernels_to,
            ),
            Slot(
                ("in_proj_bias",),
                tuple(Weight(each, "bias") for each in three),
                biases_from,
                lambda *arrays: (np.concatenate([a.ravel() for a in arrays]),),
            ),
            self.one(
                "out_proj.weight",
                "kernel",
                lambda array: array.T.reshape(heads, -1, array.shape[0]),
                lambda array: array.reshape(-1, array.shape[-1]).T,
                output,
            ),
            self.one(
                "out_proj.bias",
                "bias",
                lambda array: array,
                lambda array: array,
                output,
            ),
        ]


def taken(array: np.ndarray, order: Order, axis: int) -> np.ndarray:
    return array if order is None else array.take(order, axis=axis)


def _inverse(order: Order) -> Order:
    return None if order is None else np.argsort(order)


def own_variable(layer: Any, name: str) -> Any:
    return next(each for each in own_weights(layer) if each.name == name)
