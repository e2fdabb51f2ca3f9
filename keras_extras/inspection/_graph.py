"""The layers of a model as a graph: plain data, for whoever draws or counts.

    node  = one call of one layer: its name, class, shapes, parameters
    edge  = a tensor that one call gives and another takes

It is read off a symbolic pass, so that functional, sequential and subclassed
models give the same graph for the same computation. Functions between layers,
such as `+`, are nodes of their own where they join branches; those with one
input, such as a reshape, are passed over.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras

from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._trace import Call, tensors_in, trace


class Node(NamedTuple):
    """One call of a layer, an input, or a function that joins branches.

    Attributes:
        name: name of the layer.
        path: names of the models and layers around it, and its own.
        kind: class of the layer: `"Conv2D"`, or `"Input"`.
        input_shapes: shapes of the tensors it takes, without the batch.
        output_shape: shape of the tensor it gives, without the batch. Of
            several outputs, the first.
        parameters: number of its weights' values; 0 from the second call on.
        inputs: indices of the nodes whose outputs it takes.
        layer: the layer itself; `None` for inputs and functions.
    """

    name: str
    path: str
    kind: str
    input_shapes: tuple[tuple[int | None, ...], ...]
    output_shape: tuple[int | None, ...]
    parameters: int
    inputs: tuple[int, ...]
    layer: Any


def model_graph(
    model: keras.Model, input_shape: Any = None, *, nested: bool = True
) -> list[Node]:
    """Returns the layers that a model calls, in order, and what joins them.

    Args:
        model: any model: sequential, functional or subclassed.
        input_shape: shape with batch, or a list or dict of shapes, for a model
            that is not built; it is built by this.
        nested: show the layers of models inside of the model, and of layers
            written outside of Keras; `False` shows each of these as one.

    Returns:
        One `Node` per call, after those whose outputs it takes.

    Raises:
        ValueError: if the shape of the inputs is not known.

    Examples:
        >>> inputs = keras.Input((8,))
        >>> hidden = keras.layers.Dense(8, name="hidden")(inputs)
        >>> model = keras.Model(inputs, inputs + hidden)
        >>> for node in keras_extras.inspection.model_graph(model):
        ...     print(node.kind, node.output_shape, node.inputs)
        Input (8,) ()
        Dense (8,) (0,)
        Add (8,) (0, 1)
    """
    call = trace("model_graph", model, input_shape)
    builder = _Builder(nested)
    arguments = call.args[0] if call.args else call.kwargs
    leaves = keras.tree.flatten(arguments)
    names = _input_names(model, arguments, len(leaves))
    for tensor, name in zip(leaves, names, strict=True):
        builder.add(name, "", "Input", [], [tensor], None)
    builder.walk(call, "", inside=True)
    return builder.nodes


class _Builder:
    """Turns calls within calls into a list of nodes."""

    def __init__(self, nested: bool) -> None:
        self.nested = nested
        self.nodes: list[Node] = []
        self.sources: dict[int, tuple[int, ...]] = {}  # tensor -> nodes
        self.counted: set[int] = set()  # variables
        self.alive: list[Any] = []  # or ids would be given again

    def walk(self, call: Call, path: str, inside: bool = False) -> None:
        operation = call.operation
        if inside or (self.nested and call.layers()):
            before = len(self.nodes)
            for part in call.inside:
                name = part.operation.name if is_layer(part.operation) else ""
                self.walk(part, f"{path}/{name}" if path else name)
            self._join(call, before)
        elif isinstance(operation, keras.layers.InputLayer):
            return
        elif is_layer(operation):
            self.add(
                operation.name,
                path,
                type(operation).__name__,
                call.inputs,
                tensors_in(call.outputs),
                operation,
            )
        else:
            self._function(call, path)

    def _function(self, call: Call, path: str) -> None:
        """Adds a function that joins branches; passes over all others."""
        origins = self._origins(call.inputs)
        outputs = tensors_in(call.outputs)
        if len(origins) < 2:
            self._remember(outputs, origins)
            return
        kind = type(call.operation).__name__
        name = kind.lower()
        self.add(name, path + name, kind, call.inputs, outputs, None)

    def _join(self, call: Call, before: int) -> None:
        """A model may hand out other tensor objects than its layers gave."""
        unknown = [
            tensor
            for tensor in tensors_in(call.outputs)
            if id(tensor) not in self.sources
        ]
        last = (len(self.nodes) - 1,) if len(self.nodes) > before else ()
        self._remember(unknown, last or self._origins(call.inputs))

    def add(
        self,
        name: str,
        path: str,
        kind: str,
        inputs: list[Any],
        outputs: list[Any],
        layer: Any,
    ) -> None:
        weights = [] if layer is None else layer.weights
        fresh = [w for w in weights if id(w) not in self.counted]
        self.counted.update(map(id, fresh))
        origins = self._origins(inputs)
        if inputs and not origins and self.nodes:
            # Made by what the pass could not look into.
            origins = (len(self.nodes) - 1,)
        self.nodes.append(
            Node(
                name=name,
                path=path or name,
                kind=kind,
                input_shapes=tuple(
                    tuple(tensor.shape[1:]) for tensor in inputs
                ),
                output_shape=tuple(outputs[0].shape[1:]) if outputs else (),
                parameters=sum(math.prod(weight.shape) for weight in fresh),
                inputs=origins,
                layer=layer,
            )
        )
        self._remember(outputs, (len(self.nodes) - 1,))

    def _origins(self, tensors: list[Any]) -> tuple[int, ...]:
        found: list[int] = []
        for tensor in tensors:
            found += self.sources.get(id(tensor), ())
        return tuple(dict.fromkeys(found))

    def _remember(self, tensors: list[Any], nodes: Iterable[int]) -> None:
        self.alive += tensors
        for tensor in tensors:
            self.sources[id(tensor)] = tuple(nodes)


def _input_names(model: Any, arguments: Any, count: int) -> list[str]:
    """Returns the names that somebody chose; else "input"."""
    if isinstance(arguments, dict):  # in the order in which they are flattened
        paths = [path for path, _ in keras.tree.flatten_with_path(arguments)]
        return ["/".join(map(str, path)) for path in paths]
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if len(names) != count:
        names = ["keras_tensor"] * count
    return [
        "input" if name.startswith(("keras_tensor", "input_layer")) else name
        for name in names
    ]
