"""Which operations a model calls, in which order, with which shapes.

A symbolic pass through `call`: the tensors have a shape and a dtype, and no
numbers, so nothing is computed and no weight is changed. Keras hands each
operation that gets such a tensor to its `symbolic_call`; for the time of the
pass that method writes down the call, and looks into models and foreign layers,
whose `call` it runs instead of only asking for the shape of what comes out.

A `call` that takes real tensors only is run on zeros.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_extras._errors import invalid_argument
from keras_extras._keras_internals import (
    all_sublayers,
    forget_nodes,
    is_functional,
    node_counts,
    package_of,
)
from keras_extras.inspection._observe import Exchange, exchanged, is_layer


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

    def __init__(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs: Any = None
        self.inside: list[Call] = []
        self.problem = ""

    @property
    def inputs(self) -> list[Any]:
        """The tensors among the arguments."""
        return tensors_in((self.args, self.kwargs))

    @property
    def input_shape(self) -> Any:
        """The shape, or structure of shapes, of the first argument."""
        first = self.args[0] if self.args else next(iter(self.kwargs.values()))
        return _shapes(first)

    @property
    def output_shape(self) -> Any:
        """The shape, or structure of shapes, of what came out."""
        return _shapes(self.outputs)

    def layers(self) -> "list[Call]":
        """Returns the calls inside that are calls of layers."""
        return [call for call in self.inside if is_layer(call.operation)]


def is_foreign(operation: object) -> bool:
    """Returns whether neither Keras nor this package wrote its class."""
    return package_of(operation) not in ("keras", "keras_extras")


def trace(
    owner: str,
    model: Any,
    input_shape: Any = None,
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
    with unchanged(model):
        parts = all_sublayers(model, include_self=True)
        if not all(part.built for part in parts):
            # What `build` calls is no call of the model.
            _symbolic_pass(model, inputs, is_opened)
        call = _symbolic_pass(model, inputs, is_opened)
        if call.operation is not None and not (
            call.problem and isinstance(model, keras.Model)
        ):
            return call
        zeros = keras.tree.map_structure(_zeros(owner), inputs)
        recorder = _Recorder(is_opened)
        layer = keras.layers.Layer
        with exchanged([Exchange(layer, "__call__", recorder.real_call)]):
            model(zeros)
        real_call = recorder.root.inside[-1]
        real_call.problem = call.problem
        return real_call


def _symbolic_pass(
    model: Any, inputs: Any, is_opened: Callable[[Any], bool]
) -> Call:
    """Returns the call with symbolic tensors; without outputs if it fails."""
    recorder = _Recorder(is_opened)
    exchanges = [
        Exchange(owner, "symbolic_call", recorder.symbolic_call)
        for owner in (keras.layers.Layer, keras.Operation)
    ]
    with exchanged(exchanges), warnings.catch_warnings():
        # Zeros build what the symbolic tensors cannot.
        warnings.filterwarnings("ignore", r"`build\(\)` was called on")
        try:
            model(inputs)
            return recorder.root.inside[-1]
        except Exception as cause:
            recorder.root.problem = _only_real(cause)
            return recorder.root
        finally:
            recorder.forget()


def _only_real(cause: Exception) -> str:
    return f"its call takes real tensors only: {cause!r}"


@contextmanager
def unchanged(layer: keras.Layer) -> Iterator[None]:
    """Puts back what a pass has changed: statistics, and states of seeds."""
    trained = {id(variable) for variable in layer.trainable_variables}
    # Tensors, not arrays: in a graph, where Keras may build a model, there are
    # no numbers.
    kept = [
        (variable, keras.ops.copy(variable.value))
        for variable in layer.variables
        if id(variable) not in trained and variable.dtype != "string"
    ]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


class _Recorder:
    """Writes down the calls that are made while methods are exchanged."""

    def __init__(self, is_opened: Callable[[Any], bool]) -> None:
        self.root = Call(None, (), {})
        self._is_opened = is_opened
        self._stack = [self.root]
        self._is_silent = False
        self._nodes: dict[int, tuple[Any, tuple[int, int]]] = {}

    def symbolic_call(
        self,
        original: Callable[..., Any],
        operation: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Answers in the place of `symbolic_call`."""
        if self._is_silent:
            return original(operation, *args, **kwargs)
        nodes = operation, node_counts(operation)
        self._nodes.setdefault(id(operation), nodes)
        call = self._noted(operation, args, kwargs)
        if self._opens(operation):
            try:
                with self._inside(call):
                    call.outputs = operation.call(*args, **kwargs)
                if not all(map(_is_symbolic, tensors_in(call.outputs))):
                    raise TypeError("its outputs do not depend on its inputs")
                return call.outputs
            except Exception as cause:
                call.inside = []
                call.problem = _only_real(cause)
        with self._silence():
            call.outputs = original(operation, *args, **kwargs)
        return call.outputs

    def real_call(
        self,
        original: Callable[..., Any],
        operation: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Answers in the place of `__call__`, for real tensors."""
        is_building = any(map(_is_symbolic, tensors_in((args, kwargs))))
        if self._is_silent or is_building:
            return original(operation, *args, **kwargs)
        call = self._noted(operation, args, kwargs)
        is_open = self._opens(operation)
        if is_open:
            call.problem = "functions are not seen when it runs on zeros"
        with self._inside(call) if is_open else self._silence():
            call.outputs = original(operation, *args, **kwargs)
        return call.outputs

    def forget(self) -> None:
        """Removes what the pass has left in the graph of the model."""
        for operation, counts in self._nodes.values():
            forget_nodes(operation, counts)

    def _noted(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call:
        call = Call(operation, args, kwargs)
        self._stack[-1].inside.append(call)
        return call

    def _opens(self, operation: Any) -> bool:
        if isinstance(operation, keras.Model):
            return True
        return is_layer(operation) and self._is_opened(operation)

    @contextmanager
    def _inside(self, call: Call) -> Iterator[None]:
        self._stack.append(call)
        try:
            yield
        finally:
            self._stack.pop()

    @contextmanager
    def _silence(self) -> Iterator[None]:
        self._is_silent = True
        try:
            yield
        finally:
            self._is_silent = False


def _symbolic_inputs(
    owner: str, model: Any, input_shape: Any, batch_size: int | None
) -> Any:
    """Returns the symbolic tensors that stand for the model's inputs."""
    known = getattr(model, "inputs", None)  # of graphs only
    if input_shape is None and known:
        structure = model.input if is_functional(model) else known[0]
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


def _zeros(owner: str) -> Callable[[keras.KerasTensor], Any]:
    def zeros(tensor: keras.KerasTensor) -> Any:
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


def _is_symbolic(value: object) -> bool:
    return isinstance(value, keras.KerasTensor)


def tensors_in(structure: Any) -> list[Any]:
    """Returns the tensors and variables of a structure, in order."""
    return [
        leaf
        for leaf in keras.tree.flatten(structure)
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype")
    ]


def _shapes(structure: Any) -> Any:
    return keras.tree.map_structure(
        lambda leaf: tuple(leaf.shape) if hasattr(leaf, "shape") else None,
        structure,
    )
