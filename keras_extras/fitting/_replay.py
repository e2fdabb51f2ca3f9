"""A step of training, played again from the operations that it asked for.

A step of a small model on torch is nearly all Python: Keras finds out anew,
for every batch, which operations to call. They are the same every time, so
they are noted once, below autograd and with the gradient's own, and called
again with the next batch.

A step is noted only if Python did nothing in it but that: no code ran that is
not Keras's, torch's or ours, or declared to be pure; nothing in Python read a
tensor or drew a number; and no attribute changed. What was noted is played
until the epoch ends. The first step of the next epoch is an ordinary one and
has to show that all this still holds: everything that Python can reach from
the model is as it was (`_reach.py`), no other code runs, and the operations
give the same variables, gradients and logs, bit for bit.
"""

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from keras_extras._keras_internals import has_added_losses
from keras_extras.fitting._reach import Reach, Watch

ATEN = torch.ops.aten
# What is compared, and for that copied, is bounded.
MAX_BYTES = 2**26


def why_not(model: Any) -> str:
    """Returns why no step can be played again; empty if steps may be."""
    if model.jit_compile:
        return "it was compiled with jit_compile"
    return _why_not_now()


def _why_not_now() -> str:
    """Returns what of torch's own state stands against it; empty if nothing."""
    if torch.is_anomaly_enabled():
        return "torch looks for anomalies"
    if torch.nn.modules.module._has_any_global_hook():
        return "all torch modules have a hook"
    if torch._C._len_torch_dispatch_stack() + (
        torch._C._len_torch_function_stack()
    ):
        return "a mode of torch is on"
    if not Watch.is_free():
        return "a profiler runs"
    return ""


def _torch_state() -> list[Any]:
    return [
        torch.get_default_dtype(), torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        *(
            ask(device)
            for device in ("cpu", "cuda")
            for ask in (torch.is_autocast_enabled, torch.get_autocast_dtype)
        ),
    ]  # fmt: skip


class Replay:
    """Calls a step, or what it did before.

    A model's is kept over its fits, with what was noted last.
    """

    def __init__(self) -> None:
        self._tape: Tape | None = None
        self._reach: Reach | None = None
        self._torch: list[Any] = []
        self.begin_fit()

    def begin_fit(self) -> None:
        """Tries again what could not be noted in the last fit."""
        self._refused = ""
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Has the next step show that the operations are still the same."""
        self._is_proven = False
        self._calls = self._plays = 0

    def way(self) -> tuple[str, str]:
        """Returns how the epoch went, and why, if it was the ordinary way."""
        if self._plays:
            return "replayed", ""
        return "ordinary", self._refused or "it has too few batches"

    def __call__(self, model: Any, step: Any, data: Any) -> Any:
        """Returns what the step of a model returns for the data."""
        self._calls += 1
        tape = self._tape
        if self._refused:
            return step(data)
        leaves = list(_leaves(data))
        if self._is_proven and tape is not None and tape.fits(leaves):
            self._plays += 1
            return tape.play(leaves)
        if self._is_proven:  # the last batch of an epoch, which is smaller
            return step(data)
        state = _state(model)
        if tape is not None and tape.fits(leaves) and tape.knows(state):
            if self._is_as_noted(model):
                return self._prove(tape, step, data, leaves)
            if self._refused:
                return step(data)
        self._tape = None
        if self._calls == 1:  # it may still make variables
            return step(data)
        return self._note(model, step, data, leaves)

    def _is_as_noted(self, model: Any) -> bool:
        self._refused = _why_not_now()
        reach = self._reach
        return (
            not self._refused
            and reach is not None
            and self._torch == _torch_state()
            and reach.equals(Reach(model))
        )

    def _note(self, model: Any, step: Any, data: Any, leaves: list[Any]) -> Any:
        state = _state(model)
        reach = Reach(model)
        self._refused = _why_not_now() or reach.refused
        if sum(tensor.nbytes for tensor in state) > MAX_BYTES:
            self._refused = "the weights are too large to be compared"
        if self._refused:
            return step(data)
        tape = Tape(leaves, state)
        watch = Watch(reach.declared)
        with watch, tape:
            logs = step(data)
        self._refused = watch.found or tape.finish(logs)
        if has_added_losses(model):
            self._refused = self._refused or "a layer adds a loss in its call"
        if not self._refused and not reach.equals(Reach(model)):
            self._refused = "a step changes attributes in Python"
        if not self._refused:
            self._tape, self._reach = tape, reach
            self._torch = _torch_state()
        return logs

    def _prove(
        self, tape: "Tape", step: Any, data: Any, leaves: list[Any]
    ) -> Any:
        state = tape.state
        before = [tensor.detach().clone() for tensor in state]
        assert self._reach is not None
        watch = Watch(self._reach.declared)
        with watch:
            logs = step(data)
        after = [tensor.detach().clone() for tensor in state]
        gradients = [tensor.grad for tensor in state]
        if watch.found:
            self._tape, self._refused = None, watch.found
            return logs
        played = None
        try:
            _restore(state, before)
            played = tape.play(leaves)
        except RuntimeError:
            pass
        finally:  # on Ctrl-C too
            is_same = played is not None and _is_same(played, logs) and (
                _is_same([t.detach() for t in state], after)
                and _is_same([t.grad for t in state], gradients)
            )  # fmt: skip
            _restore(state, after)
            for tensor, gradient in zip(state, gradients, strict=True):
                tensor.grad = gradient
        if is_same:
            self._is_proven = True
        else:
            self._tape = None
            self._refused = "the operations noted give other numbers"
        return logs


def _state(model: Any) -> list[torch.Tensor]:
    """Returns all tensors that a step may change."""
    variables = [
        *model.variables,
        *(model.optimizer.variables if model.optimizer is not None else ()),
        *model.metrics_variables,
    ]
    # Some are in two of the lists.
    return [v.value for v in {id(v): v for v in variables}.values()]


def _restore(state: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for tensor, value in zip(state, values, strict=True):
            tensor.copy_(value)


def _is_same(one: Any, other: Any) -> bool:
    """Returns whether two dicts or lists hold the same bits."""
    if isinstance(one, dict):
        return list(one) == list(other) and (
            _is_same(list(one.values()), list(other.values()))
        )
    return all(
        (a is None) == (b is None)
        and (a is None or (a.dtype == b.dtype and torch.equal(a, b)))
        for a, b in zip(one, other, strict=True)
    )


class Tape(TorchDispatchMode):
    """Notes the operations of a step as a graph over batch and state."""

    def __init__(self, leaves: list[Any], state: list[torch.Tensor]) -> None:
        super().__init__()
        self.state = state
        self._graph = torch.fx.Graph()
        self._arguments = 0
        # By the number of the tensor's object, which is its own for as long as
        # the tensor is held.
        self._nodes: dict[int, Any] = {}
        self._held: list[Any] = []
        self._number: tuple[float, Any] | None = None  # Python's, just read
        self._fixed: set[int] = set()  # what is the same in every step
        self._constants: list[Any] = []  # those of them that are needed
        self._shared: set[int] = set()  # copies that a played step shares
        self._lost = ""
        self._shapes = _shapes(leaves)
        for tensor in [*leaves, *state]:
            self._hold(tensor, self._argument())

    def fits(self, leaves: list[Any]) -> bool:
        """Returns whether a batch has the shapes and dtypes noted."""
        return _shapes(leaves) == self._shapes

    def knows(self, state: list[torch.Tensor]) -> bool:
        """Returns whether the state is in the tensors that it was in."""
        return len(state) == len(self.state) and all(
            map(operator.is_, state, self.state)
        )

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        self._lost = self._lost or _why_lost(func, args)
        if func is ATEN.detach.default:  # there is nothing to be detached from
            outputs = func(*args, **kwargs)
            self._hold(outputs, self._node(args[0]))
            return outputs
        if func is ATEN.copy_.default and self._is_copy(*args):
            # Autograd's, since the gradient is held here: who plays need not.
            outputs = func(*args, **kwargs)
            self._hold(outputs, self._node(args[1]))
            self._shared.update((id(args[1]), id(outputs)))
            return outputs
        if self._is_fixed(func, args, kwargs):
            outputs = func(*args, **kwargs)
            self._held.append(outputs)
            self._fixed.update(map(id, _leaves(outputs)))
            return outputs
        self._check_written(func, args, kwargs)
        given: Any = self._given(func, args, kwargs)
        node = self._graph.call_function(func, *given)
        outputs = func(*args, **kwargs)
        if func is ATEN._local_scalar_dense.default:
            self._read(outputs, node)
        elif isinstance(outputs, torch.Tensor):
            self._hold(outputs, node)
        elif isinstance(outputs, list | tuple):
            for place, output in enumerate(outputs):
                if isinstance(output, torch.Tensor):
                    item = self._graph.call_function(
                        operator.getitem, (node, place)
                    )
                    self._hold(output, item)
        return outputs

    def _is_fixed(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bool:
        """Returns whether all that goes in is made from Python's numbers."""
        if func is ATEN.lift_fresh.default:
            return True
        tensors = [
            leaf
            for leaf in _leaves((args, kwargs))
            if isinstance(leaf, torch.Tensor)
        ]
        return (
            len(tensors) > 0
            and all(id(tensor) in self._fixed for tensor in tensors)
            and not func._schema.is_mutable
        )

    def _check_written(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Is lost where something is written that must stay what it is."""
        declared = func._schema.arguments
        names = (argument.name for argument in declared)
        given = dict(zip(names, args, strict=False)) | kwargs
        for argument in declared:
            alias = argument.alias_info  # of what is written, or looked at
            if alias is None:
                continue
            kept = self._shared | (self._fixed if alias.is_write else set())
            if any(id(x) in kept for x in _leaves(given.get(argument.name))):
                self._lost = self._lost or "a constant is written"

    def _is_copy(self, copy: Any, source: Any, *_: Any) -> bool:
        made = self._nodes.get(id(copy))
        return (
            made is not None
            and made.target is ATEN.new_empty_strided.default
            and made.args[0] is self._nodes.get(id(source))
            and made.args[0].op != "placeholder"  # what steps write in
            and (copy.dtype, copy.shape, copy.stride())
            == (source.dtype, source.shape, source.stride())
        )

    def _argument(self) -> Any:
        self._arguments += 1
        return self._graph.placeholder(f"given_{self._arguments}")

    def _hold(self, tensor: Any, node: Any) -> None:
        self._held.append(tensor)
        self._nodes[id(tensor)] = node

    def _read(self, number: Any, node: Any) -> None:
        # By what is no float Python decides. A float is read by torch itself,
        # where an operation wants a number and is given a tensor.
        if not isinstance(number, float) or self._number is not None:
            self._lost = self._lost or "Python reads what a tensor holds"
        self._number = number, node

    def _given(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Returns nodes in the place of tensors, and of a number just read."""
        number, self._number = self._number, None
        if number is None or func is ATEN._local_scalar_dense.default:
            self._number = number
            return keras.tree.map_structure(self._node, (args, kwargs))
        places = 0

        def node_of(value: Any) -> Any:
            nonlocal places
            if isinstance(value, float) and value == number[0]:
                places += 1
                return number[1]
            return self._node(value)

        given = keras.tree.map_structure(node_of, (args, kwargs))
        if places != 1:  # for Python, or nobody knows which one it is
            self._lost = self._lost or "Python reads what a tensor holds"
        return given

    def _node(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self._nodes and id(value) in self._fixed:
                self._constants.append(value)
                self._nodes[id(value)] = self._argument()
            if id(value) not in self._nodes:
                self._lost = self._lost or "a tensor comes from elsewhere"
            return self._nodes.get(id(value))
        return value

    def finish(self, logs: Any) -> str:
        """Makes a function of the graph; returns why it cannot, if so."""
        if not isinstance(logs, dict) or not all(
            isinstance(log, torch.Tensor) for log in logs.values()
        ):
            return "the logs of a step are not tensors"
        self._names = list(logs)
        self._trained = [t for t in self.state if t.grad is not None]
        gradients = [tensor.grad for tensor in self._trained]
        outputs = list(map(self._node, [*logs.values(), *gradients]))
        if self._number is not None:
            self._lost = self._lost or "Python reads what a tensor holds"
        if self._lost:
            return self._lost
        self._graph.output(outputs)
        self._graph.eliminate_dead_code()
        module = torch.fx.GraphModule(torch.nn.Module(), self._graph)
        self._function: Any = module.forward
        self._nodes, self._held = {}, []
        self._fixed, self._shared = set(), set()
        return ""

    def play(self, leaves: list[Any]) -> dict[str, torch.Tensor]:
        """Returns the logs of the operations for another batch."""
        with torch.no_grad():
            outputs = self._function(*leaves, *self.state, *self._constants)
        count = len(self._names)
        for tensor, gradient in zip(
            self._trained, outputs[count:], strict=True
        ):
            tensor.grad = gradient
        return dict(zip(self._names, outputs[:count], strict=True))


def _why_lost(func: Any, args: tuple[Any, ...]) -> str:
    """Returns why an operation cannot be called again for another batch."""
    if torch.Tag.nondeterministic_seeded in func.tags:
        return "it draws random numbers"
    if func.namespace not in ("aten", "prims"):
        return f"{func} is not an operation of torch's"
    if func is ATEN._local_scalar_dense.default:
        return ""
    if func is ATEN.index.Tensor:  # a mask gives as many as it has
        indices = [index for index in args[1] if index is not None]
        masks = torch.bool, torch.uint8
        depends = any(index.dtype in masks for index in indices)
    else:
        depends = torch.Tag.dynamic_output_shape in func.tags
    if depends or torch.Tag.data_dependent_output in func.tags:
        return "Python reads what a tensor holds"
    return ""


def _leaves(batch: Any) -> Iterator[Any]:
    # Not `keras.tree.flatten`, which on torch takes longer than a small step.
    if isinstance(batch, dict):
        batch = [batch[key] for key in sorted(batch)]
    if isinstance(batch, list | tuple):
        for part in batch:
            yield from _leaves(part)
    elif batch is not None:
        yield batch


def _shapes(leaves: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(leaf.shape, leaf.dtype, leaf.device) for leaf in leaves]
