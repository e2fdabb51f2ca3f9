"""Operations with faster ways: a plan, and the first row that takes it.

A public function binds its arguments to a plan, once: a NamedTuple of lengths,
sizes, strides, pads, dtype and whatever else the family has. The plan goes
whole to a function marked by `planned`, which is the definition, and in front
of which the rows of `ops/_fast` stand:

    Row(operation, when=lambda plan: ..., run=lambda plan, *tensors: ...)

As the function of a plan is what siblings import, they get the rows as well.
"""

import functools
import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

import keras

from keras_extras._shapes import Tensor

FAST = "keras_extras.ops._fast"


class Row(NamedTuple):
    """A faster way for one operation, and for which plans it may stand in."""

    operation: str
    when: Callable[[Any], bool]
    run: Callable[..., Tensor]


class _State:
    is_generic = False  # while the definitions are asked for
    on_cpu: Callable[[Tensor], bool] = staticmethod(lambda tensor: False)
    is_concrete: Callable[[Tensor], bool] = staticmethod(lambda tensor: False)


ROWS: dict[str, list[Row]] = {}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def planned(operation: str) -> Callable[[_Function], _Function]:
    """Puts the rows of an operation in front of its definition.

    Args:
        operation: name of the public function.

    Returns:
        A decorator of `definition(plan, *tensors)`, which stays reachable as
        `__wrapped__`.
    """
    rows = ROWS.setdefault(operation, [])

    def decorate(definition: _Function) -> _Function:
        @functools.wraps(definition)
        def run(plan: Any, inputs: Tensor, *others: Tensor) -> Any:
            if not _State.is_generic and not isinstance(
                inputs, keras.KerasTensor
            ):
                for row in rows:
                    if row.when(plan):
                        return row.run(plan, inputs, *others)
            return definition(plan, inputs, *others)

        return cast(_Function, run)

    return decorate


def on_cpu(tensor: Tensor) -> bool:
    """Returns whether rows for the CPU may take this tensor."""
    return _State.on_cpu(tensor)


def is_concrete(tensor: Tensor) -> bool:
    """Returns whether Python may look at a tensor's numbers: nobody compiles.

    Never without the folder `_fast`, nor on symbolic tensors.
    """
    return not isinstance(tensor, keras.KerasTensor) and _State.is_concrete(
        tensor
    )


def load_rows(public: Mapping[str, Any]) -> None:
    """Loads the rows of the active backend, if there are any.

    Without the folder `_fast`, or with `KERAS_EXTRAS_FAST=0` in the
    environment, there are none. A public function with rows gets an attribute
    `__wrapped__`: the function without them.

    Args:
        public: the public functions by name.
    """
    if os.environ.get("KERAS_EXTRAS_FAST", "1") == "0":
        return
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax", "torch"):
        return
    try:
        module = importlib.import_module(f"{FAST}.{backend}")
    except ModuleNotFoundError as error:
        if error.name != FAST:
            raise
        return
    _State.on_cpu = staticmethod(module.on_cpu)
    _State.is_concrete = staticmethod(module.is_concrete)
    for row in module.ROWS:
        ROWS[row.operation].append(row)
        function = public[row.operation]
        if not hasattr(function, "__wrapped__"):
            vars(function)["__wrapped__"] = _generic(function)


def _generic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function without rows, of itself and of all it calls.

    The switch is one for the process: for comparing, not for use in threads.
    """

    def generic(*args: Any, **kwargs: Any) -> Any:
        before, _State.is_generic = _State.is_generic, True
        try:
            return function(*args, **kwargs)
        finally:
            _State.is_generic = before

    generic.__doc__ = function.__doc__
    vars(generic)["__signature__"] = inspect.signature(function)
    return generic
