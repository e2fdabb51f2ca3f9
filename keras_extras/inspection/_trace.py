"""Which operations a model calls, in which order, with which shapes.

A symbolic pass through `call`: the tensors have a shape and a dtype, and no
numbers, so nothing is computed and no weight is changed. Keras hands each
operation that gets such a tensor to its `symbolic_call`; for the time of the
pass that method writes down the call, and looks into models and foreign layers,
whose `call` it runs instead of only asking for the shape of what comes out.

A `call` that takes real tensors only is run on zeros.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_extras._errors import invalid_argument

_PACKAGE = __name__.partition(".")[0]
_ONE_AT_A_TIME = threading.RLock()  # the pass exchanges methods of Keras


class Call:
    """One call of one operation, and the calls inside of it.

    Attributes:
        operation: the layer or function that was called.
        args: its positional arguments.
        kwargs: its keyword arguments.
        outputs: the tensor, or structure of tensors, that came out.
        inside: list of the `Call`s that it made.
        problem: why the calls inside are not all known; else `""`.
    """

    def __init__(self, operation, args, kwargs):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs: Any = None
        self.inside: list[Call] = []
        self.problem = ""

    @property
    def inputs(self) -> list:
        """The tensors among the arguments."""
        return _tensors((self.args, self.kwargs))

    @property
    def input_shape(self):
        """The shape, or structure of shapes, of the first argument."""
        first = self.args[0] if self.args else next(iter(self.kwargs.values()))
        return _shapes(first)

    @property
    def output_shape(self):
        """The shape, or structure of shapes, of what came out."""
        return _shapes(self.outputs)

    def layers(self) -> "list[Call]":
        """Returns the calls inside that are calls of layers."""
        return [call for call in self.inside if is_layer(call.operation)]


def is_layer(operation) -> bool:
    """Returns whether the operation is a layer, and not a function."""
    return isinstance(operation, keras.layers.Layer)


def is_foreign(operation) -> bool:
    """Returns whether neither Keras nor this package wrote its class."""
    return package_of(operation) not in ("keras", _PACKAGE)


def package_of(operation) -> str:
    """Returns the package that the operation's class is from."""
    return type(operation).__module__.partition(".")[0]


def trace(
    owner: str,
    model,
    input_shape=None,
    batch_size: int | None = None,
    *,
    is_opened: Callable[[Any], bool] = is_foreign,
) -> Call:
    """Returns the call of the model, with those inside of it.

    A model that is not built is built by it, as by its first call.

    Args:
        owner: name of the public function, for errors.
        model: a `keras.Model`, or a layer.
        input_shape: shape with batch, or a list or dict of shapes; `None` for
            the one that the model was built with.
        batch_size: int, or `None` for a batch of any size.
        is_opened: function of a layer that is no model: whether the calls
            inside of it are wanted.

    Raises:
        ValueError: if the shape is not known.
    """
    inputs = _symbolic_inputs(owner, model, input_shape, batch_size)
    with _ONE_AT_A_TIME, unchanged(model):
        recorder = _Recorder(is_opened)
        problem = ""
        with (
            recorder.recording("symbolic_call", (keras.Operation,)),
            warnings.catch_warnings(),
        ):
            # Zeros build what the symbolic tensors cannot.
            warnings.filterwarnings("ignore", r"`build\(\)` was called on")
            try:
                model(inputs)
            except Exception as cause:
                problem = f"its call takes real tensors only: {cause!r}"
        if not problem:
            call = recorder.root.inside[-1]
            if not call.problem or not isinstance(model, keras.Model):
                return call
            problem = call.problem
        zeros = keras.tree.map_structure(_zeros(owner), inputs)
        recorder = _Recorder(is_opened)
        with recorder.recording("__call__", ()):
            model(zeros)
        call = recorder.root.inside[-1]
        call.problem = problem
        return call


@contextmanager
def unchanged(layer) -> Iterator[None]:
    """Puts back what a pass has changed: statistics, and states of seeds."""
    trained = {id(variable) for variable in layer.trainable_variables}
    kept = [
        (variable, np.array(keras.ops.convert_to_numpy(variable.value)))
        for variable in layer.variables
        if id(variable) not in trained
    ]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


class _Recorder:
    """Writes down the calls that are made while `recording`."""

    def __init__(self, is_opened):
        self.is_opened = is_opened
        self.root = Call(None, (), {})
        self._stack = [self.root]
        self._thread = threading.get_ident()
        self._silent = False
        self._nodes: dict[int, tuple] = {}

    @contextmanager
    def recording(self, method: str, others: tuple) -> Iterator[None]:
        """Exchanges a method of layers, and of others, for the time."""
        record = self._symbolic if method == "symbolic_call" else self._eager
        owners = (keras.layers.Layer, *others)
        originals = [vars(owner)[method] for owner in owners]
        try:
            for owner, original in zip(owners, originals, strict=True):
                setattr(owner, method, _method(record, original))
            yield
        finally:
            for owner, original in zip(owners, originals, strict=True):
                setattr(owner, method, original)
            for operation, inbound, outbound in self._nodes.values():
                # The pass leaves no trace in the graph of the model.
                del operation._inbound_nodes[inbound:]
                del operation._outbound_nodes[outbound:]

    def _symbolic(self, original, operation, args, kwargs):
        if self._silent or threading.get_ident() != self._thread:
            return original(operation, *args, **kwargs)
        self._nodes.setdefault(
            id(operation),
            (
                operation,
                len(operation._inbound_nodes),
                len(operation._outbound_nodes),
            ),
        )
        call = Call(operation, args, kwargs)
        self._stack[-1].inside.append(call)
        if self._opens(operation):
            try:
                with self._inside(call):
                    call.outputs = operation.call(*args, **kwargs)
                if not all(map(_is_symbolic, _tensors(call.outputs))):
                    raise TypeError("its outputs do not depend on its inputs")
                return call.outputs
            except Exception as cause:
                call.inside = []
                call.problem = f"its call takes real tensors only: {cause!r}"
        with self._silence():
            call.outputs = original(operation, *args, **kwargs)
        return call.outputs

    def _eager(self, original, operation, args, kwargs):
        if self._silent or threading.get_ident() != self._thread:
            return original(operation, *args, **kwargs)
        call = Call(operation, args, kwargs)
        self._stack[-1].inside.append(call)
        if self._opens(operation):
            call.problem = "functions are not seen when it runs on zeros"
            with self._inside(call):
                call.outputs = original(operation, *args, **kwargs)
        else:
            with self._silence():
                call.outputs = original(operation, *args, **kwargs)
        return call.outputs

    def _opens(self, operation) -> bool:
        if isinstance(operation, keras.Model):
            return True
        return is_layer(operation) and self.is_opened(operation)

    @contextmanager
    def _inside(self, call):
        self._stack.append(call)
        try:
            yield
        finally:
            self._stack.pop()

    @contextmanager
    def _silence(self):
        self._silent = True
        try:
            yield
        finally:
            self._silent = False


def _method(record, original):
    def method(self, *args, **kwargs):
        return record(original, self, args, kwargs)

    return method


def _symbolic_inputs(owner, model, input_shape, batch_size):
    """Returns the symbolic tensors that stand for the model's inputs."""
    known = getattr(model, "inputs", None)  # of graphs only
    if input_shape is None and known:
        structure = model.input if _is_graph(model) else known[0]
    else:
        if input_shape is None:
            input_shape = (model.get_build_config() or {}).get("input_shape")
        if input_shape is None:
            raise invalid_argument(
                owner,
                "input_shape",
                "the shape of the inputs with the batch, such as "
                "(None, 28, 28, 1), for a model that is not built",
                None,
            )
        dtypes = [tensor.dtype for tensor in known or ()]
        structure = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(
                shape, dtype=dtypes.pop(0) if dtypes else model.input_dtype
            ),
            input_shape,
        )
    return keras.tree.map_structure(
        lambda tensor: keras.KerasTensor(
            (batch_size, *tensor.shape[1:]), dtype=tensor.dtype
        ),
        structure,
    )


def _is_graph(model) -> bool:
    return any(cls.__name__ == "Functional" for cls in type(model).__mro__)


def _zeros(owner):
    def zeros(tensor):
        batch, *rest = tensor.shape
        if None in rest:
            raise invalid_argument(
                owner,
                "input_shape",
                "without None but for the batch, since call takes real "
                "tensors only",
                tensor.shape,
            )
        return keras.ops.zeros((batch or 1, *rest), dtype=tensor.dtype)

    return zeros


def _is_symbolic(value) -> bool:
    return isinstance(value, keras.KerasTensor)


def _tensors(structure) -> list:
    return [
        leaf
        for leaf in keras.tree.flatten(structure)
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype")
    ]


def _shapes(structure):
    return keras.tree.map_structure(
        lambda leaf: tuple(leaf.shape) if hasattr(leaf, "shape") else None,
        structure,
    )
