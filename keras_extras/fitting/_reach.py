"""What a step can reach in Python: the attributes it may read, the code it ran.

A step that was recorded is played again for as long as Python would do the same
in it. Two things decide what Python does: the code that runs, and what the code
reads. `Watch` names the code of a step as it runs. `Reach` lists all that can
be read from a model by attributes, items, closures and classes, and finds out
later whether any of it has changed.
"""

import functools
import gc
import inspect
import operator
import os
import sys
import sysconfig
import threading
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch

# --- the code that ran -------------------------------------------------------


def _roots() -> list[str]:
    names = ("keras", "torch", "numpy", "optree", "packaging")
    files = [
        sys.modules[name].__file__ for name in names if name in sys.modules
    ]
    own = Path(__file__).parent.parent
    folders = [own, *(Path(file).parent for file in files if file)]
    return [f"{folder}{os.sep}" for folder in folders]


_STANDARD = sysconfig.get_path("stdlib") + os.sep
_trusted_files: dict[str, bool] = {}
# Built-in methods that hand a tensor's numbers to Python, past the operations.
_READERS = {"tolist", "numpy", "__array__", "_to_dlpack"}


def _is_trusted(file: str) -> bool:
    """Returns whether Keras, torch, NumPy, Python or we wrote a file."""
    known = _trusted_files.get(file)
    if known is None:
        standard = file.startswith(_STANDARD) and "-packages" not in file
        known = (
            standard
            or file.startswith("<frozen ")
            or any(map(file.startswith, _roots()))
        )
        _trusted_files[file] = known
    return known


def _file_of(module: str) -> str:
    return getattr(sys.modules.get(module), "__file__", None) or ""


class Watch:
    """Watches the Python code that runs inside of a `with`.

    Attributes:
        found: str, the first thing that must not be left out when a step is
            played again; empty if there is none.
    """

    def __init__(self, declared: dict[int, Any]) -> None:
        self.found = ""
        self._declared = declared

    @staticmethod
    def is_free() -> bool:
        """Returns whether no other profiler runs, as only one can."""
        return sys.getprofile() is None

    def __enter__(self) -> "Watch":
        # A collection of garbage may run anybody's code at any place.
        self._collects = gc.isenabled()
        gc.disable()
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        if self._collects:
            gc.enable()

    def _event(self, frame: Any, event: str, called: Any) -> None:
        if event == "call":
            code, module = frame.f_code, frame.f_globals.get("__name__", "?")
            file = code.co_filename
            if file == "<string>":  # written by a dataclass or a namedtuple
                is_tuple = module.startswith("namedtuple_")
                file = _STANDARD if is_tuple else _file_of(module)
            if not _is_trusted(file) and id(code) not in self._declared:
                self._find(f"it runs code of {module}, {code.co_qualname}")
        elif event == "c_call":
            name, owner = called.__name__, getattr(called, "__self__", None)
            if name in _READERS and isinstance(owner, torch.Tensor):
                self._find("Python reads what a tensor holds")
            elif type(owner).__module__.startswith(("random", "numpy.random")):
                self._find("Python draws random numbers")
            elif name == "warn":
                self._find("it warns")

    def _find(self, reason: str) -> None:
        self.found = self.found or reason


def _codes(function: Any) -> Iterator[Any]:
    """Yields the code of a function and of those defined in it."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    waiting = [] if code is None else [code]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [c for c in code.co_consts if isinstance(c, types.CodeType)]


# --- what it can read --------------------------------------------------------

_PLAIN = (
    bool, int, float, complex, str, bytes, type(None), type(...), slice,
    np.generic, np.dtype, torch.dtype, torch.device, torch.layout,
    torch.memory_format, Path,
)  # fmt: skip
# Compared by what they are: they do not change, or nothing in a step asks.
_FIXED = (
    types.ModuleType, types.CodeType, inspect.Signature, inspect.Parameter,
    weakref.ref, property, staticmethod, classmethod, type(threading.Lock()),
    type(threading.RLock()), threading.local, types.MemberDescriptorType,
    types.GetSetDescriptorType, types.WrapperDescriptorType,
    types.MethodDescriptorType, functools.cached_property,
)  # fmt: skip
_BUILT_IN_MODULES = ("builtins", "math", "_operator", "torch")
# What `fit` itself writes, and what a step leaves and does not read.
_PASSED_OVER = {
    "history", "stop_training", "stop_evaluating", "stop_predicting",
    "train_function", "test_function", "predict_function", "_losses",
    "_eval_epoch_iterator", "_compile_config", "_keras_extras_fits",
    "__doc__", "__abstractmethods__", "_abc_impl", "__weakref__", "__dict__",
}  # fmt: skip
_HOOKS = {
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks",
    "_backward_pre_hooks", "_post_accumulate_grad_hooks",
}  # fmt: skip
_MAX_ARRAY_BYTES = 2**16
_MOST = 10**5  # things: 50 milliseconds


class Reach:
    """Lists what can be reached from a model.

    Attributes:
        refused: str, what has been found that nobody can look into, or that
            listens; empty if there is none.
        declared: code that says `pure_call = True`, by its number.
    """

    def __init__(self, model: Any) -> None:
        self.refused = ""
        self.declared: dict[int, Any] = {}
        self._found: list[Any] = []
        self._seen: dict[int, Any] = {}
        self._waiting: list[tuple[str, Any]] = [("model", model)]
        self._found += [
            keras.config.floatx(), keras.config.epsilon(),
            keras.config.image_data_format(), keras.config.dtype_policy().name,
        ]  # fmt: skip
        while self._waiting and not self.refused:
            self._look(*self._waiting.pop())
            if len(self._found) > _MOST:
                self.refused = "too much can be reached to be compared"

    def equals(self, other: "Reach") -> bool:
        """Returns whether nothing has changed between two lists."""
        mine, others = self._found, other._found
        return len(mine) == len(others) and (
            all(map(operator.is_, mine, others))
            or all(map(_is_same, mine, others))
        )

    def _look(self, name: str, thing: Any) -> None:
        if isinstance(thing, _PLAIN):
            self._found.append(thing)
            return
        if id(thing) in self._seen:
            self._found.append(self._seen[id(thing)])
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, torch.nn.ParameterDict):  # Keras makes new ones
            self._wait(name, *thing.keys(), *thing.values())
            return
        self._found.append(thing)
        if isinstance(thing, torch.Tensor):
            self._look_at_tensor(thing)
        elif isinstance(thing, np.ndarray):
            if thing.nbytes > _MAX_ARRAY_BYTES or thing.dtype.hasobject:
                self.refused = f"{name} is a large array"
            self._found += [str(thing.shape), thing.dtype, thing.tobytes()]
        elif isinstance(thing, type):
            self._look_at_class(thing)
        elif isinstance(thing, _FIXED):
            pass
        elif isinstance(thing, types.BuiltinFunctionType):
            self._look_at_built_in(name, thing)
        elif isinstance(thing, types.MethodType):
            self._wait(name, thing.__func__, thing.__self__)
        elif isinstance(thing, functools.partial):
            self._wait(name, thing.func, thing.args, thing.keywords)
        elif isinstance(thing, types.CellType):
            self._look_at_cell(name, thing)
        else:
            self._look_inside(name, thing)

    def _look_inside(self, name: str, thing: Any) -> None:
        """Looks at items, attributes, and what a function encloses."""
        cls = type(thing)
        slots = [slot for owner in cls.__mro__ for slot in _slots_of(owner)]
        if isinstance(thing, dict | types.MappingProxyType):
            self._wait(name, *thing.keys(), *thing.values())
            self._found.append(len(thing))
        elif isinstance(thing, list | tuple | set | frozenset):
            self._wait(name, *thing)
            self._found.append(len(thing))
        elif isinstance(thing, types.FunctionType):
            self._wait(
                name, thing.__code__, thing.__defaults__, thing.__kwdefaults__,
                *(thing.__closure__ or ()),
            )  # fmt: skip
            if vars(thing).get("pure_call") is True:
                self._declare(thing)
        elif cls.__basicsize__ > object.__basicsize__ + 8 * (
            2 + len(slots)
        ) or (not slots and not hasattr(thing, "__dict__")):
            # More than attributes is in there: a class written in C.
            self.refused = f"nobody can look into {name}, a {cls.__name__}"
        self._wait(name, *(getattr(thing, slot, None) for slot in slots))
        self._look_at_names(getattr(thing, "__dict__", {}))
        self._wait(name, *cls.__mro__)

    def _look_at_names(self, names: Any) -> None:
        for name, value in list(names.items()):
            if name in _HOOKS and value:
                self.refused = "a torch module or tensor has hooks"
            elif name not in _PASSED_OVER:
                self._found.append(name)
                self._waiting.append((name, value))

    def _look_at_tensor(self, tensor: torch.Tensor) -> None:
        if any(getattr(tensor, name, None) for name in _HOOKS):
            self.refused = "a torch module or tensor has hooks"
        self._found += [
            tensor.requires_grad, str(tensor.shape), tensor.dtype, tensor.device
        ]  # fmt: skip

    def _look_at_class(self, cls: type) -> None:
        module, names = cls.__module__, vars(cls)
        if module in sys.builtin_module_names or _is_trusted(_file_of(module)):
            # What is in there is known, but may have been exchanged.
            self._found += names.values()
            return
        if names.get("pure_call") is True:
            for function in names.values():
                if isinstance(function, property):
                    function = function.fget
                self._declare(function)
        self._look_at_names(names)

    def _look_at_built_in(self, name: str, function: Any) -> None:
        owner = function.__self__
        if isinstance(owner, types.ModuleType | type(None)):
            module = (function.__module__ or "torch").partition(".")[0]
            if module not in _BUILT_IN_MODULES:
                self.refused = f"nobody can look into {name}, of {module}"
        else:
            self._wait(name, owner)

    def _look_at_cell(self, name: str, cell: Any) -> None:
        try:
            self._wait(name, cell.cell_contents)
        except ValueError:  # nothing in it yet
            self._found.append(None)

    def _wait(self, name: str, *things: Any) -> None:
        self._waiting += [(name, thing) for thing in things]

    def _declare(self, function: Any) -> None:
        """Trusts a function's code, and looks at the globals it names."""
        if not callable(function):
            return
        read = getattr(inspect.unwrap(function), "__globals__", {})
        for code in _codes(function):
            self.declared[id(code)] = code
            for name in code.co_names:
                if name in read:
                    self._wait(name, read[name])


def _slots_of(cls: type) -> list[str]:
    slots = vars(cls).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (
        type(one) is type(other) and isinstance(one, _PLAIN) and one == other
    )
