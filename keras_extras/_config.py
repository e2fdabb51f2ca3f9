"""The config of an object is the call that makes it again: `cls(**config)`.

`FromCall` gives `get_config` and `from_config` to a Keras class whose
subclasses store each constructor argument under its own name, and write
nothing else.
"""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# What every constructor of Keras takes; and what it takes with a warning.
_KERAS_NAMES = (
    "name",
    "dtype",
    "trainable",
    "activity_regularizer",
    "autocast",
)
_OLD_NAMES = ("input_shape", "input_dim")


class FromCall:
    """Mixin, in front of a Keras class: saves the constructor arguments.

    `get_config` has the arguments of the call that made the object, each read
    from the attribute of the same name. Arguments that a class fixes for its
    parent (`super().__init__(kernel_size=3)`) are not part of the call, so
    they are not part of the config.

    Raises:
        ValueError: if the call has a name that no constructor knows; the
            message says which name was meant.
        AttributeError: by `get_config`, if an argument was not stored.

    Hooks:
        `_argument(name)`: the present value of an argument.
    """

    # The last class whose constructor's arguments belong to the call.
    _first_constructor: type = keras.layers.Layer
    # Arguments of parents that the class does not take, and why.
    _refused_arguments: ClassVar[Mapping[str, str]] = {}
    _made_with: dict  # the arguments of the call, by name

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls, *args, **kwargs)
        bound = bind(cls, cls._first_constructor, args, kwargs)
        for name in set(kwargs) & set(cls._refused_arguments):
            raise invalid_argument(
                cls.__name__,
                name,
                "left out",
                kwargs[name],
                context=cls._refused_arguments[name],
            )
        if kwargs and _is_refused(cls, args, kwargs):
            # Python would name what is missing, and not what came instead.
            checks.argument_names(
                cls.__name__, kwargs, cls._argument_names(), error=TypeError
            )
        # Past Keras's tracking, which starts in `__init__` only. Lists are
        # copied: what is done to them later was not an argument.
        call = {
            name: keras.tree.map_structure(lambda leaf: leaf, value)
            for name, value in bound.items()
        }
        object.__setattr__(made, "_made_with", call)
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # What no constructor has taken so far is left to Keras.
        unknown = {
            name: value
            for name, value in kwargs.items()
            if name not in _KERAS_NAMES and name not in _OLD_NAMES
        }
        if unknown:
            checks.argument_names(self, unknown, self._argument_names())
        super().__init__(*args, **kwargs)

    @classmethod
    def _argument_names(cls) -> list[str]:
        """Returns the names of all that the constructor takes."""
        chain = _constructors(cls, cls._first_constructor)
        named = [
            item.name
            for parameters in chain
            for item in parameters
            if item.kind not in _VARIABLE
        ]
        if any(item.kind is item.VAR_KEYWORD for item in chain[-1]):
            named += _KERAS_NAMES
        unique = dict.fromkeys(named)
        return [name for name in unique if name not in cls._refused_arguments]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments in plain form, by name."""
        parent: Any = super()  # the Keras class
        config = parent.get_config()
        for name in self._made_with:
            if name not in config:
                config[name] = serialize(name, self._argument(name))
        return accepted(type(self), self._first_constructor, config)

    def _argument(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise AttributeError(
                f"{type(self).__name__}: the constructor argument {name} is "
                f"not stored, so it cannot be saved. Add self.{name} = {name} "
                "to __init__."
            ) from None

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Any:
        """Returns the object that `config` describes: `cls(**config)`."""
        with keras.saving.custom_object_scope(custom_objects or {}):
            plain = {name: deserialize(value) for name, value in config.items()}
            return super().from_config(plain)  # pyright: ignore


def bind(cls: type, base: type, args: tuple, kwargs: dict) -> dict:
    """Returns the arguments of the call `cls(*args, **kwargs)`, by name.

    These are all the arguments of `cls.__init__` itself, defaults included,
    and those of its parents, up to `base`, that the caller passed on through
    `*args` or `**kwargs`. What a class fixes for its parents is not among
    them: it is no argument of the call.
    """
    bound: dict = {}
    rest = args
    for depth, parameters in enumerate(_constructors(cls, base)):
        kinds = {parameter.kind for parameter in parameters}
        for parameter in parameters:
            name = parameter.name
            if parameter.kind in _VARIABLE:
                continue
            if rest and parameter.kind is not parameter.KEYWORD_ONLY:
                bound.setdefault(name, rest[0])
                rest = rest[1:]
            elif name in kwargs:
                bound.setdefault(name, kwargs[name])
            elif depth == 0 and parameter.default is not parameter.empty:
                bound[name] = parameter.default
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            rest = ()
    return bound


def _is_refused(cls: type, args: tuple, kwargs: dict) -> bool:
    """Returns whether Python refuses the call `cls(*args, **kwargs)`."""
    for owner in cls.__mro__:
        constructor = vars(owner).get("__init__")
        if constructor is None:
            continue
        signature = inspect.signature(constructor)
        try:
            signature.bind(None, *args, **kwargs)
        except TypeError:
            return True
        kinds = {item.kind for item in signature.parameters.values()}
        # Ours hand `*args` on as they are; of others nobody knows.
        ours = str(constructor.__module__).partition(".")[0] == "keras_extras"
        if not ours or inspect.Parameter.VAR_POSITIONAL not in kinds:
            return False
    return False


def accepted(cls: type, base: type, config: dict) -> dict:
    """Returns the part of `config` that the constructor of `cls` can take.

    A constructor without `**kwargs` takes no `name`, `dtype` or `trainable`,
    which Keras writes into every config.
    """
    chain = _constructors(cls, base)
    if all(
        any(item.kind is item.VAR_KEYWORD for item in parameters)
        for parameters in chain
    ):
        return config
    names = {item.name for parameters in chain for item in parameters}
    return {name: config[name] for name in config if name in names}


def _constructors(cls: type, base: type) -> list[list[inspect.Parameter]]:
    """Returns the parameters of `cls.__init__` and of those it passes on to.

    That is: of the constructors of `cls` and what stands before `base` in its
    method resolution order, as far as each hands unknown keywords on.
    """
    chain = []
    mro = cls.__mro__  # mixins, which are no subclasses of base, among them
    for owner in mro[: mro.index(base) + 1]:
        if "__init__" not in vars(owner):
            continue
        parameters = list(
            inspect.signature(vars(owner)["__init__"]).parameters.values()
        )[1:]
        chain.append(parameters)
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            break
    return chain


def serialize(name: str, value: object) -> Any:
    """Returns the plain form of an argument, as Keras itself writes it."""
    if callable(value) and name.rpartition("_")[2] == "activation":
        return keras.activations.serialize(value)
    if isinstance(value, list | tuple):
        plain = list if isinstance(value, list) else tuple  # not Keras's own
        return plain(serialize("", item) for item in value)
    if isinstance(value, dict):
        return {key: serialize("", item) for key, item in value.items()}
    if (
        hasattr(value, "get_config")
        or callable(value)
        or isinstance(value, np.ndarray)
    ):
        return keras.saving.serialize_keras_object(value)
    return value


def deserialize(value: object) -> Any:
    """Returns what `serialize` was given."""
    if isinstance(value, list | tuple):
        return type(value)(deserialize(item) for item in value)
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            return keras.saving.deserialize_keras_object(value)
        return {key: deserialize(item) for key, item in value.items()}
    return value
