"""A step of training, played again from the operations that it asked for.

A step of a small model on torch is nearly all Python: Keras finds out anew,
for every batch, which operations to call. They are the same every time, so
they are noted once, below autograd and with the gradient's own, and called
again with the next batch.

Nothing is taken for granted. A step is not noted if it draws random numbers,
decides by what a tensor holds, or uses tensors that nobody knows; and what was
noted is proven with another batch, in every epoch anew: all variables and logs
have to be the same, bit for bit, as those of the step itself.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import torch
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
# What is compared, and for that copied, is bounded.
MAX_BYTES = 2**26


class Replay:
    """Calls a step, or what it did before.

    Args:
        step: function of a batch, a structure of tensors, that changes the
            state and returns a dict of tensors.
        state: function that returns all tensors that a step may change.
    """

    def __init__(
        self, step: Callable[..., Any], state: Callable[[], list[torch.Tensor]]
    ) -> None:
        self.step = step
        self.state = state
        self._tape: Tape | None = None
        self.doubt()

    def doubt(self) -> None:
        """Has the next step prove that the operations are still the same."""
        self._is_proven = False
        self._is_resting = False
        self._calls = 0

    def __call__(self, batch: Any) -> Any:
        """Returns what the step returns for the batch."""
        self._calls += 1
        tape = self._tape
        leaves = list(_leaves(batch))
        if tape is not None and not tape.fits(leaves):
            if self._calls == 1:  # not the last of an epoch, which is smaller
                self._tape = None
            return self.step(batch)
        if self._is_proven and tape is not None:
            return tape.play(leaves)
        if self._is_resting or (self._calls == 1 and tape is None):
            return self.step(batch)  # the first may still make variables
        if tape is not None and tape.knows(self.state()):
            return self._prove(tape, batch, leaves)
        return self._note(batch, leaves)

    def _note(self, batch: Any, leaves: list[Any]) -> Any:
        state = self.state()
        if sum(tensor.nbytes for tensor in state) > MAX_BYTES:
            self._is_resting = True
            return self.step(batch)
        tape = Tape(leaves, state)
        with tape:
            logs = self.step(batch)
        self._is_resting = not tape.finish(logs)
        self._tape = None if self._is_resting else tape
        return logs

    def _prove(self, tape: "Tape", batch: Any, leaves: list[Any]) -> Any:
        state = self.state()
        before = [tensor.detach().clone() for tensor in state]
        logs = self.step(batch)
        after = [tensor.detach().clone() for tensor in state]
        _restore(state, before)
        try:
            played = tape.play(leaves)
        except RuntimeError:
            played = None
        except BaseException:  # Ctrl-C
            _restore(state, after)
            raise
        self._is_proven = (
            played is not None
            and played.keys() == logs.keys()
            and all(map(torch.equal, state, after))
            and all(torch.equal(played[name], logs[name]) for name in logs)
        )
        if not self._is_proven:
            _restore(state, after)
            self._tape, self._is_resting = None, True
        return logs


def _restore(state: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for tensor, value in zip(state, values, strict=True):
            tensor.copy_(value)


class Tape(TorchDispatchMode):
    """Notes the operations of a step as a graph over batch and state."""

    def __init__(self, leaves: list[Any], state: list[torch.Tensor]) -> None:
        super().__init__()
        self._graph = torch.fx.Graph()
        self._arguments = 0
        # By the number of the tensor's object, which is its own for as long as
        # the tensor is held.
        self._nodes: dict[int, Any] = {}
        self._held: list[Any] = []
        # Python's, that were read from a tensor.
        self._numbers: dict[float, Any] = {}
        self._unread: set[float] = set()
        self._fixed: set[int] = set()  # what is the same in every step
        self._constants: list[Any] = []  # those of them that are needed
        self._is_lost = False
        self._shapes = _shapes(leaves)
        self._state = state
        for tensor in [*leaves, *state]:
            self._hold(tensor, self._argument())

    def fits(self, leaves: list[Any]) -> bool:
        """Returns whether a batch has the shapes and dtypes noted."""
        return _shapes(leaves) == self._shapes

    def knows(self, state: list[torch.Tensor]) -> bool:
        """Returns whether the state is in the tensors that it was in."""
        return len(state) == len(self._state) and all(
            map(operator.is_, state, self._state)
        )

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        self._is_lost |= torch.Tag.nondeterministic_seeded in func.tags
        if func is ATEN.detach.default:  # there is nothing to be detached from
            outputs = func(*args, **kwargs)
            self._hold(outputs, self._node(args[0]))
            return outputs
        if func is ATEN.copy_.default and self._is_copy(*args):
            # Autograd's, since the gradient is held here: who plays need not.
            outputs = func(*args, **kwargs)
            self._hold(outputs, self._node(args[1]))
            return outputs
        if self._is_fixed(func, args, kwargs):
            outputs = func(*args, **kwargs)
            self._held.append(outputs)
            self._fixed.update(map(id, _leaves(outputs)))
            return outputs
        self._is_lost |= self._writes_fixed(func, args, kwargs)
        given: Any = keras.tree.map_structure(self._node, (args, kwargs))
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

    def _writes_fixed(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bool:
        declared = func._schema.arguments
        names = (argument.name for argument in declared)
        given = dict(zip(names, args, strict=False)) | kwargs
        return any(
            id(leaf) in self._fixed
            for argument in declared
            if argument.alias_info is not None and argument.alias_info.is_write
            for leaf in _leaves(given.get(argument.name))
        )

    def _is_copy(self, copy: Any, source: Any, *_: Any) -> bool:
        made = self._nodes.get(id(copy))
        return (
            made is not None
            and made.target is ATEN.new_empty_strided.default
            and made.args[0] is self._nodes.get(id(source))
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
        # With a float an optimizer calculates; by others Python decides.
        if not isinstance(number, float):
            self._is_lost = True
        self._numbers[number] = node
        self._unread.add(number)

    def _node(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self._nodes and id(value) in self._fixed:
                self._constants.append(value)
                self._nodes[id(value)] = self._argument()
            self._is_lost |= id(value) not in self._nodes
            return self._nodes.get(id(value))
        if isinstance(value, float) and value in self._numbers:
            self._unread.discard(value)
            return self._numbers[value]
        return value

    def finish(self, logs: Any) -> bool:
        """Makes a function of the graph; returns whether it can be played."""
        if not isinstance(logs, dict) or not all(
            isinstance(log, torch.Tensor) for log in logs.values()
        ):
            return False
        self._names = list(logs)
        outputs = [self._node(log) for log in logs.values()]
        if self._is_lost or self._unread:
            return False
        self._graph.output(outputs)
        self._graph.eliminate_dead_code()
        module = torch.fx.GraphModule(torch.nn.Module(), self._graph)
        self._function: Any = module.forward
        self._nodes, self._held, self._fixed = {}, [], set()
        return True

    def play(self, leaves: list[Any]) -> dict[str, torch.Tensor]:
        """Returns the logs of the operations for another batch."""
        with torch.no_grad():
            logs = self._function(*leaves, *self._state, *self._constants)
        return dict(zip(self._names, logs, strict=True))


def _leaves(batch: Any) -> Iterator[Any]:
    # Not `keras.tree.flatten`, which on torch takes longer than a small step.
    if isinstance(batch, dict):
        batch = [batch[key] for key in sorted(batch)]
    if isinstance(batch, list | tuple):
        for part in batch:
            yield from _leaves(part)
    elif batch is not None:
        yield batch


def _shapes(leaves: Iterable[Any]) -> list[tuple[Any, Any]]:
    return [(leaf.shape, leaf.dtype) for leaf in leaves]
