"""What we use of Keras that Keras does not promise to keep.

Each function here touches one private name, and says why no public one would
do. No other file uses private names of Keras, so a new version of it can break
us here only; `tests/test_keras_internals.py` says then what does not work.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import keras

# --- models ------------------------------------------------------------------


def package_of(thing: object) -> str:
    """Returns the package that wrote a function, a class or an object's class.

    Not private, but a habit of Keras's that nothing promises: its classes say
    `keras.src...`, whatever they are imported as.
    """
    owner = thing if isinstance(thing, type | FunctionType) else type(thing)
    return owner.__module__.partition(".")[0]


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers in the layer's attributes, in their order.

    `layers` is public, but of models only, and not in a layer's own words.
    """
    return layer._layers  # pyright: ignore[reportAttributeAccessIssue]


def all_sublayers(
    layer: keras.Layer, include_self: bool = False
) -> list[keras.Layer]:
    """Returns the layers inside, at any depth, each once.

    `Model.layers` stops at the first floor.
    """
    return layer._flatten_layers(include_self=include_self)


def replace_sublayer(
    layer: keras.Layer, old: keras.Layer, new: keras.Layer
) -> None:
    """Puts a layer in the place of another in the list of those inside.

    A built layer does not let its attributes be exchanged: its tracker is
    locked. The attributes are left to the caller.
    """
    tracker: Any = layer._tracker  # pyright: ignore[reportAttributeAccessIssue]
    tracker.replace_tracked_value("layers", old, new)


def attributes_of(layer: keras.Layer) -> dict[str, Any]:
    """Returns a layer's attributes without Keras's own books of sublayers."""
    books = ("_layers", "_tracker")
    return {
        name: value for name, value in vars(layer).items() if name not in books
    }


def is_functional(model: object) -> bool:
    """Returns whether a model is a graph of layers, with known inputs.

    The class of such models, `Functional`, has no public name.
    """
    return _is_functional_class(type(model))


def has_functional_constructor(cls: type) -> bool:
    """Returns whether `cls(inputs, outputs)` makes a functional model.

    That is so for `Functional`, and for subclasses without an `__init__`.
    """
    if not _is_functional_class(cls):
        return False
    makers = (owner for owner in cls.__mro__ if "__init__" in vars(owner))
    return next(makers).__name__ == "Functional"


def _is_functional_class(cls: type) -> bool:
    return any(base.__name__ == "Functional" for base in cls.__mro__)


def graph_nodes(model: keras.Model) -> Iterator[Any]:
    """Yields the calls in a functional model's graph, in their order.

    A node has `operation`, `input_tensors`, `output_tensors`, `arguments`.
    Public attributes list layers, and not how often, in which order, and on
    which tensors they are called.
    """
    nodes: Any = model._nodes_by_depth  # pyright: ignore
    for depth in sorted(nodes, reverse=True):
        yield from nodes[depth]


def node_counts(operation: keras.Operation) -> tuple[int, int]:
    """Returns how many calls in graphs an operation remembers: in and out.

    Keras never forgets them, so what traces a model has to clean up.
    """
    known: Any = operation
    return len(known._inbound_nodes), len(known._outbound_nodes)


def was_given_mask(layer: keras.Layer) -> bool:
    """Returns whether a mask reaches the layer in a graph.

    Keras writes it into the calls that a layer remembers, and nowhere else:
    `layer.input` is the first argument alone.
    """
    known: Any = layer
    return any(
        node.arguments.kwargs.get("mask") is not None
        for node in known._inbound_nodes
    )


def forget_nodes(operation: keras.Operation, counts: tuple[int, int]) -> None:
    """Makes an operation forget the calls since `node_counts` was asked."""
    known: Any = operation
    del known._inbound_nodes[counts[0] :]
    del known._outbound_nodes[counts[1] :]


def operation_class(function: Callable[..., Any]) -> type:
    """Returns the class whose objects stand for a function in graphs.

    `keras.ops.matmul` gives `Matmul`, which has no public name. It lies in the
    function's module, and has its name but for underscores and capitals.

    Raises:
        LookupError: if there is none.
    """
    wanted = function.__name__.replace("_", "")
    for name, found in function.__globals__.items():
        if name.lower() == wanted and isinstance(found, type):
            return found
    raise LookupError(f"keras.ops.{function.__name__} has no class of its own")


# --- fit ---------------------------------------------------------------------


def compiled_step(train_function: Any) -> Any:
    """Returns the step that a train function of TensorFlow's runs.

    `Model.train_function` is public, and takes a whole iterator; the compiled
    step for a batch is a variable in its closure. `None` if there is none.
    """
    if not isinstance(train_function, FunctionType):
        return None
    closure = inspect.getclosurevars(train_function).nonlocals
    return closure.get("one_step_on_data")


def has_added_losses(model: keras.Model) -> bool:
    """Returns whether a layer has called `add_loss` in the last call.

    `losses` is public, and holds what regularizers give for weights too.
    """
    layers: Any = all_sublayers(model, include_self=True)
    return any(layer._losses for layer in layers)


def keep_jax_state(model: Any, state: tuple[Any, ...]) -> None:
    """Tells a model in `fit` on JAX the state after a step.

    As `fit` does after each call, so that the weights are there if the next
    one fails: `jax_state_sync` is public, and what it reads is not.
    """
    names = ("trainable", "non_trainable", "optimizer", "metrics")
    model._jax_state = {
        f"{name}_variables": values
        for name, values in zip(names, state, strict=True)
    }


# --- callbacks ---------------------------------------------------------------


def learning_rate_schedule(optimizer: Any) -> Any:
    """Returns the schedule of an optimizer, `None` if it has a number.

    `Optimizer._learning_rate`: the public `learning_rate` computes the number
    of a schedule and does not give the schedule itself.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(inner, "_learning_rate", None)
    return None if isinstance(rate, keras.Variable) else rate


# --- layers and transforms ---------------------------------------------------


@contextlib.contextmanager
def open_to_weights(layer: keras.Layer) -> Iterator[None]:
    """Lets a built layer take weights and sublayers in.

    Keras locks the tracker of a layer after `build`, and has a public way to
    add LoRA's weights for its own layers only.
    """
    tracker: Any = layer._tracker  # pyright: ignore[reportAttributeAccessIssue]
    tracker.unlock()
    try:
        yield
    finally:
        tracker.lock()


def drop_sublayer(layer: keras.Layer, sublayer: keras.Layer) -> None:
    """Makes a layer forget a sublayer and the sublayer's weights.

    Nothing public takes away what a layer has tracked: setting the attribute
    to `None` leaves the sublayer in the list of layers.
    """
    for weight in sublayer.weights:
        layer._untrack_variable(weight)
    tracker: Any = layer._tracker  # pyright: ignore[reportAttributeAccessIssue]
    tracker.untrack(sublayer)


def drop_weight(layer: keras.Layer, name: str) -> None:
    """Makes a layer forget a weight of its own.

    `del layer.name` does, and collects the garbage of the whole process, which
    takes a second for each weight where there is much.
    """
    layer._untrack_variable(layer.__dict__.pop(name))


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """Returns a layer's weights without those of its sublayers.

    `weights` has both; where its own end is said nowhere else.
    """
    books: Any = layer
    return [*books._trainable_variables, *books._non_trainable_variables]
