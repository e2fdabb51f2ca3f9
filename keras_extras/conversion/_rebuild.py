"""Making a model anew, with other layers in the places of some.

A model is a tree (models and wrappers hold layers) and often a graph (a layer
may be called twice, or stand in two models). Each layer is made anew once and
remembered, so that what was shared is shared again. Weights are carried over
last, when everything is built.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_extras._keras_internals import (
    all_sublayers,
    attributes_of,
    has_functional_constructor,
    is_functional,
    package_of,
    replace_sublayer,
    sublayers,
)


class Replacement(NamedTuple):
    """What stands in for one layer: others before it and after it, if any."""

    layer: keras.layers.Layer
    carry: Callable[[Any, Any], None]  # gives the new layer the old's weights
    before: tuple[keras.layers.Layer, ...] = ()
    after: tuple[keras.layers.Layer, ...] = ()
    is_dropped: bool = False  # the layer hands on what it gets, uncalled

    def parts(self) -> list[keras.layers.Layer]:
        """Returns the layers in the order in which they are called."""
        if self.is_dropped:
            return []
        return [*self.before, self.layer, *self.after]


class Rebuilder:
    """Makes a model anew; `replace` tells what takes a layer's place.

    Args:
        owner: name of the public function, for errors.
        is_replaced: function of a layer: whether another takes its place.
        replace: function of such a layer and this object; returns the
            `Replacement`.
        trace: bool, whether subclassed models that hold such layers become
            functional ones; else their attributes are exchanged.
    """

    def __init__(
        self,
        owner: str,
        is_replaced: Callable[[Any], bool],
        replace: Callable[[Any, Any], Replacement],
        trace: bool = False,
    ) -> None:
        self.owner = owner
        self.is_replaced = is_replaced
        self.replace = replace
        self.trace = trace
        # id of the old layer -> (old, replacement)
        self._made: dict[Any, tuple[Any, Replacement]] = {}

    def model(self, old: keras.Model) -> Any:
        """Returns the model made anew, with the same weights."""
        classes = {
            type(layer).__name__: type(layer)
            for layer in all_sublayers(old, include_self=True)
            if not _is_stock(layer)
        }
        with keras.saving.custom_object_scope(classes):  # unregistered ones
            new = self.layer(old)
        made = list(self._made.values())
        for was, replacement in made:
            if was.built and not replacement.layer.built:
                build_like(was, replacement.layer)
            replacement.carry(was, replacement.layer)
        for was, replacement in reversed(made):  # what holds others, first
            replacement.layer.trainable = was.trainable
        return new

    def layer(self, old: Any) -> Any:
        """Returns the one layer, or the small model, in the place of `old`."""
        replacement = self._replacement(old)
        parts = replacement.parts()
        if len(parts) == 1:
            return parts[0]
        key = ("sequence", id(old))
        if key not in self._made:
            sequence = keras.Sequential(parts, name=old.name)
            self._made[key] = (old, Replacement(sequence, carry_nothing))
        return self._made[key][1].layer

    def _replacement(self, old: Any) -> Replacement:
        if id(old) not in self._made:
            if self.is_replaced(old):
                made = self.replace(old, self)
            else:
                made = self.again(old)
            self._made[id(old)] = (old, made)  # behind what it holds
        return self._made[id(old)][1]

    def again(self, old: Any) -> Replacement:
        """Returns a layer of the same class, its parts made anew."""
        if isinstance(old, keras.Sequential):
            return Replacement(self._sequential(old), carry_nothing)
        if is_functional(old):
            return Replacement(self._functional(old), carry_nothing)
        # Keras's own layers read from their sublayers what a replacement need
        # not have; wrappers do not.
        is_open = not _is_stock(old) or isinstance(old, keras.layers.Wrapper)
        if not is_open or not self._holds_replaced(old):
            return Replacement(self._clone(old), self._carry_all)
        if self.trace and isinstance(old, keras.Model):
            return self.graph(old)
        return Replacement(self._opened(old), carry_own)

    def graph(self, old: Any) -> Replacement:
        """Returns a functional model in the place of a subclassed one."""
        graph = as_graph(self.owner, old)
        return Replacement(self._functional(graph), carry_nothing)

    def _holds_replaced(self, old: Any) -> bool:
        return any(map(self.is_replaced, all_sublayers(old)))

    def _clone(self, old: Any) -> Any:
        try:
            return type(old).from_config(old.get_config())
        except Exception as cause:
            raise ValueError(
                f"{self.owner}: the layer {old.name!r} "
                f"({type(old).__name__}) cannot be made again from its "
                f"config: {cause} Give the class a get_config that holds all "
                "arguments of its constructor, and register what they name "
                "with keras.saving.register_keras_serializable."
            ) from cause

    def _carry_all(self, old: Any, new: Any) -> None:
        try:
            new.set_weights(old.get_weights())
        except ValueError as cause:
            raise ValueError(
                f"{self.owner}: the layer {old.name!r} ({type(old).__name__}), "
                "made again from its config, cannot take the old weights: "
                f"{cause}"
            ) from cause

    def _sequential(self, old: Any) -> keras.Sequential:
        parts = []
        if getattr(old, "inputs", None):  # else built by its first input
            parts.append(_inputs_like(old, old.inputs[0]))
        for layer in old.layers:
            parts += self._replacement(layer).parts()
        return keras.Sequential(parts, name=old.name)

    def _functional(self, old: Any) -> keras.Model:
        inputs = keras.tree.map_structure(
            lambda tensor: _inputs_like(old, tensor), old.input
        )
        # The same graph, but not compiled: a clone would be compiled too.
        graph = keras.Model(old.input, old.output, name=old.name)
        around: dict[int, Replacement] = {}

        def make(operation: Any) -> Any:
            if not isinstance(operation, keras.layers.Layer):
                return _clone_operation(operation)
            replacement = self._replacement(operation)
            around[id(replacement.layer)] = replacement
            return replacement.layer

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            replacement = around.get(id(operation))
            if replacement is None:
                return operation(*args, **kwargs)
            if replacement.is_dropped:
                return args[0]
            takes = inspect.signature(operation.call).parameters
            if "mask" not in takes:  # Keras writes it into calls that take it
                kwargs.pop("mask", None)
            for layer in replacement.before:
                args = (layer(args[0]), *args[1:])
            outputs = operation(*args, **kwargs)
            for layer in replacement.after:
                outputs = layer(outputs)
            return outputs

        new = keras.models.clone_model(
            graph,
            input_tensors=inputs,
            clone_function=make,
            call_function=call,
        )
        if type(old) is not type(graph) and has_functional_constructor(
            type(old)
        ):
            return type(old)(
                inputs=new.input, outputs=new.output, name=new.name
            )
        return new

    def _opened(self, old: Any) -> Any:
        """Returns the layer from its config, its sublayers exchanged."""
        new = self._clone(old)
        self._exchange(old, new)
        config = old.get_build_config() if old.built else None
        has_build = type(old).build is not keras.layers.Layer.build
        if config and (has_build or isinstance(old, keras.Model)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a model is not built
                new.build_from_config(config)
            self._exchange(old, new)  # what `build` has made
        return new

    def _exchange(self, old: Any, new: Any) -> None:
        """Puts the layers made anew in the places of those `new` came with."""
        before, after = sublayers(old), list(sublayers(new))
        if len(after) > len(before):
            raise self._lost(old, "it comes back with other sublayers")
        exchanged: dict[int, Any] = {}
        for was, came in zip(before, after, strict=False):
            made = self.layer(was)
            if made is not came:
                exchanged[id(came)] = made
                replace_sublayer(new, came, made)
        found: set[int] = set()
        for name, value in attributes_of(new).items():
            changed = _exchanged(value, exchanged, found)
            if changed is not value:
                setattr(new, name, changed)
        if len(found) < len(exchanged):
            raise self._lost(old, "its sublayers are not in its attributes")

    def _lost(self, old: Any, what: str) -> ValueError:
        return ValueError(
            f"{self.owner}: the layers inside of {old.name!r} "
            f"({type(old).__name__}) cannot be exchanged: made again from its "
            f"config, {what}. Make the sublayers in __init__ or build, store "
            "them in attributes (or lists or dicts), or exchange them in the "
            "class itself."
        )


def as_graph(owner: str, model: Any) -> keras.Model:
    """Returns the functional model of what `call` does in inference."""
    config = model.get_build_config() or {}
    try:
        inputs = keras.tree.map_shape_structure(
            lambda shape: keras.Input(
                batch_shape=(None, *shape[1:]), dtype=model.input_dtype
            ),
            config["input_shape"],
        )
        return keras.Model(inputs, model.call(inputs), name=model.name)
    except Exception as cause:
        reason = (
            "it is not built. Call it, or its build(input_shape), first."
            if not model.built
            else f"its call cannot be traced: {cause!r}"
        )
        raise ValueError(
            f"{owner}: the model {model.name!r} ({type(model).__name__}) "
            f"cannot be made a graph of layers: {reason}"
        ) from cause


def _is_stock(layer: object) -> bool:
    return package_of(layer) == "keras"


def _inputs_like(model: Any, tensor: Any) -> Any:
    """Returns a new symbolic input, its layer's name and options kept."""
    for layer in sublayers(model):
        is_input = isinstance(layer, keras.layers.InputLayer)
        if is_input and layer.output is tensor:
            return type(layer).from_config(layer.get_config()).output
    return keras.Input(
        batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name
    )


def _clone_operation(operation: Any) -> Any:
    try:
        return type(operation).from_config(operation.get_config())
    except Exception:  # it has no config, and no state either
        return operation


def _exchanged(value: Any, exchanged: dict[int, Any], found: set[int]) -> Any:
    """Returns `value` with the layers in it exchanged; itself if none is."""
    if isinstance(value, keras.layers.Layer):
        if id(value) not in exchanged:
            return value
        found.add(id(value))
        return exchanged[id(value)]
    if isinstance(value, dict):
        items = {
            key: _exchanged(item, exchanged, found)
            for key, item in value.items()
        }
        same = all(items[key] is value[key] for key in items)
        return value if same else items
    if isinstance(value, list | tuple):
        items = [_exchanged(item, exchanged, found) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        if hasattr(value, "_fields"):  # a named tuple
            return type(value)(*items)
        return tuple(items) if isinstance(value, tuple) else items
    return value


def own_weights(layer: Any) -> list[Any]:
    """Returns the weights that are no sublayer's, such as an activation's.

    Nor a LoRA pair, which files and other layers have merged in the kernel.
    """
    inside = {
        id(weight) for part in sublayers(layer) for weight in part.weights
    }
    return [
        weight
        for weight in layer.weights
        if id(weight) not in inside and not weight.name.startswith("lora_")
    ]


def carry_nothing(old: Any, new: Any) -> None:
    """Carries no weights: there are none, or the parts carry their own."""


def carry_own(old: Any, new: Any) -> None:
    """Carries the weights of the layer itself; its parts carry their own."""
    store: dict[str, Any] = {}
    old.save_own_variables(store)
    if store:
        new.load_own_variables(store)


def build_like(old: Any, new: Any) -> None:
    """Builds `new` for the input shape of `old`, if that has a `build`."""
    config = old.get_build_config()
    if config and type(old).build is not keras.layers.Layer.build:
        new.build_from_config(config)
