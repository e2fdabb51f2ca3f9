"""Pairs of models, Keras's and torch's, that compute the same: drawn.

A `Node` is a tensor of both. Each step makes a new node of a drawn one, with a
module of torch and a layer of Keras where it has weights. torch's program goes
its own ways where one would write either: it permutes back behind a `Linear` on
maps, or does not; it views a vector channels first, or last.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from keras_extras import layers as ours
from tests import oracle

stock = keras.layers
functional = nn.functional


class Node:
    """A tensor in both frameworks; `last` says where torch has channels.

    `None`: where what reads it first needs them, which torch's author knew.
    """

    def __init__(
        self,
        keras_tensor: Any,
        torch_tensor: Any,
        last: bool | None,
        like: "Node | None" = None,
    ):
        self.keras = keras_tensor
        self.torch = torch_tensor  # function of the values so far
        # One choice for all that are made of it number by number.
        self.choice = [last] if like is None else like.choice

    @property
    def last(self) -> bool | None:
        return self.choice[0]

    @last.setter
    def last(self, value: bool | None) -> None:
        self.choice[0] = value

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.keras.shape[1:])


class Pair:
    """Both models, while they are drawn."""

    def __init__(self, draw: Callable[..., Any], named: bool) -> None:
        self.draw, self.named = draw, named
        self.modules = nn.ModuleDict()
        self.axis = -1
        self.nodes: list[Node] = []
        self.steps: list[str] = []

    def module(self, module: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
        """Registers a module; returns it, and how Keras's layer is named."""
        name = f"m{len(self.modules)}"
        self.modules[name] = module
        return module, {"name": name} if self.named else {}

    def first(self, node: Node) -> Callable[[Any], Any]:
        """Returns torch's tensor with the channels first."""
        if node.last is None:
            node.last = False
        if not node.last or len(node.shape) == 1:
            return node.torch
        return lambda run: run(node.torch).movedim(-1, 1)

    def final(self, node: Node) -> Callable[[Any], Any]:
        """Returns torch's tensor with the channels last."""
        if node.last is None:
            node.last = True
        if node.last or len(node.shape) == 1:
            return node.torch
        return lambda run: run(node.torch).movedim(1, -1)

    def apply(
        self, node: Node, module: nn.Module, layer: Any, last: bool
    ) -> Node:
        """Returns the node behind a module that wants channels there."""
        module.eval()
        if node.last is None:
            node.last = last
        read = (self.final if last else self.first)(node)
        was_last = node.last

        def made(run: Any) -> Any:
            return module(run(read))

        goes_back = was_last != last and self.draw(st.booleans())
        if len(node.shape) > 1 and goes_back:
            moved = (-1, 1) if last else (1, -1)
            inner = made
            return Node(
                layer(node.keras),
                lambda run: inner(run).movedim(*moved),
                was_last,
            )
        return Node(layer(node.keras), made, last)


STEPS: dict[str, Callable[[Pair, Node], Node | None]] = {}


def step(function: Any) -> Any:
    STEPS[function.__name__] = function
    return function


@step
def conv(pair: Pair, node: Node) -> Node | None:
    *spatial, channels = node.shape
    if len(spatial) not in (1, 2):
        return None
    rank = len(spatial)
    filters = pair.draw(st.sampled_from([2, 3, 4]))
    kind = nn.Conv1d if rank == 1 else nn.Conv2d
    module, name = pair.module(kind(channels, filters, 3, padding=1))
    layer = getattr(ours, f"Conv{rank}D")(filters, 3, padding=1, **name)
    return pair.apply(node, module, layer, last=False)


@step
def pool(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) != 3 or min(node.shape[:2]) < 2:
        return None
    return pair.apply(node, nn.MaxPool2d(2), ours.MaxPooling2D(2), last=False)


@step
def batch_norm(pair: Pair, node: Node) -> Node | None:
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}
    module, name = pair.module(kinds[len(node.shape)](node.shape[-1]))
    layer = stock.BatchNormalization(epsilon=1e-5, momentum=0.9, **name)
    return pair.apply(node, module, layer, last=False)


@step
def layer_norm(pair: Pair, node: Node) -> Node | None:
    module, name = pair.module(nn.LayerNorm(node.shape[-1]))
    layer = stock.LayerNormalization(epsilon=1e-5, **name)
    return pair.apply(node, module, layer, last=True)


@step
def layer_norm_over_all(pair: Pair, node: Node) -> Node | None:
    shape = node.shape
    if node.last is None:
        return None
    if not node.last and len(shape) > 1:
        shape = (shape[-1], *shape[:-1])
    module, name = pair.module(nn.LayerNorm(list(shape)))
    axes: Any = list(range(1, len(shape) + 1))
    layer = stock.LayerNormalization(axis=axes, epsilon=1e-5, **name)
    return pair.apply(node, module, layer, last=node.last)


@step
def prelu(pair: Pair, node: Node) -> Node | None:
    is_single = pair.draw(st.booleans())
    count = 1 if is_single else node.shape[-1]
    module, name = pair.module(nn.PReLU(count))
    shared = list(range(1, len(node.shape) + is_single)) or None
    layer = stock.PReLU(shared_axes=shared, **name)
    return pair.apply(node, module, layer, last=False)


@step
def relu(pair: Pair, node: Node) -> Node | None:
    function = pair.draw(
        st.sampled_from(
            [stock.ReLU(), keras.ops.relu, stock.Activation("relu")]
        )
    )
    return Node(
        function(node.keras), lambda run: run(node.torch).relu(), None, node
    )


@step
def dropout(pair: Pair, node: Node) -> Node | None:
    return Node(
        stock.Dropout(0.5)(node.keras), lambda run: run(node.torch), None, node
    )


@step
def linear(pair: Pair, node: Node) -> Node | None:
    units = pair.draw(st.sampled_from([2, 3, 12]))
    module, name = pair.module(nn.Linear(node.shape[-1], units))
    layer = pair.draw(st.sampled_from([ours.Dense, stock.Dense]))(units, **name)
    return pair.apply(node, module, layer, last=True)


@step
def pointwise(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) != 2:
        return None
    module, name = pair.module(nn.Conv1d(node.shape[-1], 3, 1))
    return pair.apply(node, module, ours.Dense(3, **name), last=False)


class Sequences(nn.Module):
    """A recurrent module or attention, as a function of one tensor."""

    def __init__(self, inner: Any, call: Any) -> None:
        super().__init__()
        object.__setattr__(self, "inner", inner)
        self.call = call

    def forward(self, x: Any) -> Any:
        return self.call(self.inner, x)


@step
def recurrent(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) != 2:
        return None
    kind, layer_kind = pair.draw(
        st.sampled_from(
            [
                (nn.LSTM, stock.LSTM),
                (nn.GRU, stock.GRU),
                (nn.RNN, stock.SimpleRNN),
            ]
        )
    )
    is_double = pair.draw(st.booleans())
    inner = kind(node.shape[-1], 3, batch_first=True, bidirectional=is_double)
    inner, name = pair.module(inner)
    layer = layer_kind(3, return_sequences=True, **name)
    if is_double:
        layer = stock.Bidirectional(layer)
    module = Sequences(inner, lambda inner, x: inner(x)[0])
    return pair.apply(node, module, layer, last=True)


@step
def attention(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) != 2 or node.shape[-1] % 2:
        return None
    size = node.shape[-1]
    inner = nn.MultiheadAttention(size, 2, batch_first=True)
    inner, name = pair.module(inner)
    layer = stock.MultiHeadAttention(2, size // 2, **name)
    module = Sequences(inner, lambda inner, x: inner(x, x, x)[0])
    return pair.apply(node, module, lambda x: layer(x, x), last=True)


@step
def flatten(pair: Pair, node: Node) -> Node | None:
    size = int(np.prod(node.shape))
    way = pair.draw(
        st.sampled_from(
            [
                ours.Flatten(),
                stock.Flatten(),
                stock.Reshape((-1,)),
                lambda x: keras.ops.reshape(x, (-1, size)),
                stock.Lambda(lambda x: keras.ops.reshape(x, (-1, size))),
            ]
        )
    )
    if node.last is None:
        node.last = pair.draw(st.booleans())
    return Node(
        way(node.keras), lambda run: run(node.torch).flatten(1), node.last
    )


@step
def view(pair: Pair, node: Node) -> Node | None:
    if node.shape != (12,):
        return None
    sizes = pair.draw(st.sampled_from([(2, 2, 3), (3, 4), (2, 6), (2, 3, 2)]))
    new = Node(stock.Reshape(sizes)(node.keras), None, None)

    def made(run: Any) -> Any:
        first = (sizes[-1], *sizes[:-1])
        return run(node.torch).reshape(-1, *(sizes if new.last else first))

    new.torch = made
    return new


@step
def tokens(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) != 3:
        return None
    count, channels = int(np.prod(node.shape[:2])), node.shape[-1]
    read = pair.first(node)
    new = Node(stock.Reshape((count, channels))(node.keras), None, None)

    def made(run: Any) -> Any:
        flat = run(read).flatten(2)
        return flat.movedim(1, -1) if new.last else flat

    new.torch = made
    return new


@step
def pool_all(pair: Pair, node: Node) -> Node | None:
    if len(node.shape) == 1:
        return None
    rank = len(node.shape) - 1
    layer = getattr(ours, f"GlobalAveragePooling{rank}D")()
    read = pair.first(node)
    return Node(
        layer(node.keras), lambda run: run(read).flatten(2).mean(-1), True
    )


@step
def join(pair: Pair, node: Node) -> Node | None:
    """A skip: the sum with another node of the shape, or both side by side."""
    other = pair.draw(st.sampled_from(pair.nodes))
    for each in (other, node):
        if each.last is None:
            each.last = pair.draw(st.booleans())
    if other.shape != node.shape or other is node:
        return None
    both = pair.first(other), pair.first(node)
    first = not node.last and len(node.shape) > 1
    if not first:
        both = pair.final(other), pair.final(node)
    if pair.draw(st.booleans()):
        return Node(
            other.keras + node.keras,
            lambda run: run(both[0]) + run(both[1]),
            node.last,
        )
    return Node(
        stock.Concatenate()([other.keras, node.keras]),
        lambda run: torch.cat(list(map(run, both)), 1 if first else -1),
        node.last,
    )


class Torch(nn.Module):
    """The torch side: modules, and what it does with them."""

    def __init__(self, modules: Any, outputs: Any) -> None:
        super().__init__()
        self.parts, self.outputs = modules, outputs

    def leave_out_unused(self, x: Any) -> None:
        used = set()
        for name, part in self.parts.items():
            part.register_forward_hook(
                lambda *args, name=name: used.add(name) and None
            )
        self(x)
        for name, part in list(self.parts.items()):
            part._forward_hooks.clear()
            if name not in used:
                del self.parts[name]

    def forward(self, x: Any) -> Any:
        done: dict[Any, Any] = {}

        def run(function: Any) -> Any:
            if function not in done:
                done[function] = x if function is None else function(run)
            return done[function]

        return tuple(map(run, self.outputs))


def pair_of(
    draw: Any,
) -> tuple[Any, Any, np.ndarray, list[bool | None], list[str]]:
    """Returns (Keras's model, torch's, torch's input, where channels are)."""
    shape = draw(st.sampled_from([(4, 3, 2), (2, 2, 3), (4, 3), (12,)]))
    pair = Pair(draw, draw(st.booleans()))
    last = {1: True, 2: None, 3: False}[len(shape)]
    inputs = keras.Input(shape)
    pair.nodes.append(Node(inputs, None, last))
    for _ in range(draw(st.integers(2, 9))):
        node = pair.nodes[-1]
        if draw(st.integers(0, 5)) == 0:
            node = draw(st.sampled_from(pair.nodes))
        name = draw(st.sampled_from(sorted(STEPS)))
        new = STEPS[name](pair, node)
        if new is not None:
            pair.steps.append(f"{name} {node.shape} -> {new.shape}")
            pair.nodes.append(new)
    for node in pair.nodes:
        node.last = draw(st.booleans()) if node.last is None else node.last
    last = pair.nodes[0].last
    torch_shape = shape if last else (shape[-1], *shape[:-1])
    count = draw(st.integers(1, 2))
    ends = pair.nodes[-count:]
    model = keras.Model(inputs, [end.keras for end in ends])
    module = Torch(pair.modules, [end.torch for end in ends])
    module.leave_out_unused(torch.zeros(2, *torch_shape))
    fill(module, draw(st.integers(0, 99)))
    x = oracle.normal(3, *torch_shape, seed=1)
    return model, module, x, [last, *(end.last for end in ends)], pair.steps


def fill(module: nn.Module, seed: int = 0) -> None:
    """Gives irregular weights; variances above 0."""
    generator = np.random.default_rng(seed)
    for key, tensor in module.state_dict().items():
        if tensor.ndim:
            values = generator.normal(size=tensor.shape) / 2
            values = abs(values) + 0.5 if "running_var" in key else values
            tensor.copy_(torch.from_numpy(values.astype("float32")))
    module.eval()
