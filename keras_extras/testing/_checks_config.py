"""Checks of the config: the arguments of which a layer can be made again."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.testing._example import plain
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import copied

# What Keras's own base class takes; its config writes what it finds right.
OF_KERAS = {
    "activity_regularizer",
    "autocast",
    "batch_input_shape",
    "batch_shape",
    "dtype",
    "input_dim",
    "input_dtype",
    "input_shape",
    "name",
    "trainable",
    "weights",
}


def check_clone(subject: Subject) -> None:
    """`from_config(get_config())` makes an equal layer.

    Cloning, saving, wrappers such as `TimeDistributed` and all other checks
    rest on it.

    Repair: give `__init__` a `**kwargs` for `name` and `dtype` and hand it to
    `super().__init__`; let `get_config` return `super().get_config()` and all
    constructor arguments, in the form in which the constructor takes them.
    """
    try:
        config = subject.layer.get_config()
        again = subject.cls.from_config(copied(config))
        config_again = again.get_config()
    except Exception as error:
        raise CheckFailure(
            f"cannot be made from its config: {type(error).__name__}: {error}",
            _clone_code(subject),
        ) from error
    if plain(config) != plain(config_again):
        changed = [
            key
            for key in config
            if plain(config[key]) != plain(config_again.get(key))
        ]
        raise CheckFailure(
            f"the config of the clone differs in {changed}",
            _clone_code(subject),
        )


def _clone_code(subject: Subject) -> str:
    return "\n".join(
        [
            subject.import_line(),
            "",
            f"# layer is the {subject.name} that was checked",
            f"again = {subject.name}.from_config(layer.get_config())",
            "assert again.get_config() == layer.get_config()",
        ]
    )


def check_config_holds_arguments(subject: Subject) -> None:
    """Each constructor argument is in the config, with its value.

    What is not there comes back as the default after loading: silently
    another layer. Each argument is changed in turn, and must come back
    changed.

    Repair: store the argument under its own name in `__init__`, and return it
    in `get_config`, from that attribute and not as a constant.
    """
    if _is_graph(subject):
        raise CheckSkip("its config holds its graph, not its arguments")
    config = subject.config
    own = {one.name: one for one in next(_constructors(subject.cls), [])}
    # Not to be told from outside: what stands for "given elsewhere".
    missing = [
        name
        for name, parameter in own.items()
        if name not in config
        and name not in OF_KERAS
        and not _is_untouched(subject, parameter)
    ]
    if missing:
        raise subject.failure(
            f"the config lacks the constructor argument {missing[0]!r}",
            f"assert {missing[0]!r} in layer.get_config()",
            (),
        )
    for name in _argument_names(subject):
        if name in OF_KERAS:
            continue
        lost = []
        for other in _others(name, config[name]):
            if plain(other) == plain(config[name]):
                continue
            changed = copied(config) | {name: other}
            try:
                made = subject.cls.from_config(changed).get_config()
            except Exception:  # no value for this argument
                continue
            if plain(made.get(name)) != plain(config[name]):
                lost = []
                break
            lost.append(other)
        if lost:
            raise subject.failure(
                f"the config says {name}={config[name]!r} of a layer made "
                f"with {name}={lost[0]!r}",
                f"config = layer.get_config() | {{{name!r}: {lost[0]!r}}}\n"
                f"again = {subject.name}.from_config(config)\n"
                f"assert again.get_config()[{name!r}] != "
                f"layer.get_config()[{name!r}]",
                (),
            )


def _is_graph(subject: Subject) -> bool:
    """Tells whether Keras writes the config: of functional models, and so."""
    return isinstance(subject.layer, keras.Sequential) or (
        "input_layers" in subject.config
    )


def _constructors(cls: type) -> Iterator[list[inspect.Parameter]]:
    """Yields the parameters of the constructors that a call reaches."""
    for owner in cls.__mro__:
        if owner is keras.layers.Layer:
            return
        if "__init__" not in vars(owner):
            continue
        parameters = list(
            inspect.signature(vars(owner)["__init__"]).parameters.values()
        )[1:]
        yield [
            item
            for item in parameters
            if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)
        ]
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            return
    yield []


def _is_untouched(subject: Subject, parameter: inspect.Parameter) -> bool:
    """Tells whether the layer was made without that argument, which is `None`.

    Keras itself writes some arguments only if they are given.
    """
    return parameter.default is None and (
        getattr(subject.layer, parameter.name, None) is None
        and f"self.{parameter.name} =" in _source(subject.cls)
    )


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def _others(name: str, value: Any) -> list:
    """Returns other values for an argument, the likeliest first."""
    ending = name.rpartition("_")[2]
    by_ending = {
        "initializer": ["ones", "zeros"],
        "regularizer": ["l2"],
        "constraint": ["non_neg"],
        "activation": ["tanh"],
        "padding": ["same", "valid"],
        "format": ["channels_first", "channels_last"],
    }
    if ending in by_ending:
        return by_ending[ending]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value, 1]
    if isinstance(value, float):
        return [value / 2, value + 0.25]
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(item, int | float) for item in value)
    ):
        return [type(value)(item + 1 for item in value)]
    return []


def check_config_is_stable(subject: Subject) -> None:
    """Building and calling a layer does not change its config, nor others'.

    A mutable default argument that is written to belongs to all instances.

    Repair: do not assign to an attribute that holds a constructor argument,
    nor change a list or dict that came as one: copy it.
    """
    if _is_graph(subject):
        raise CheckSkip("its config holds its graph, not its arguments")
    names = _argument_names(subject)
    before = _arguments_of(subject.config, names)
    layer = subject.clone()
    small = subject.smallest_config
    twin = subject.cls.from_config(copied(small))
    first = _arguments_of(twin.get_config(), names)
    subject.call(layer, subject.inputs())
    after = _arguments_of(layer.get_config(), names)
    if after != before:
        name = next(name for name in names if after[name] != before[name])
        raise subject.failure(
            f"the config has another {name} after a call",
            f"before = repr(layer.get_config()[{name!r}])\n"
            f"{subject.call_code()}\n"
            f"assert repr(layer.get_config()[{name!r}]) == before",
        )
    twin = subject.cls.from_config(copied(small))
    second = _arguments_of(twin.get_config(), names)
    if second != first:
        name = next(name for name in names if second[name] != first[name])
        raise subject.failure(
            f"a new layer starts with another {name} after a call of an "
            "older one: they share a mutable default",
            f"before = repr(layer.get_config()[{name!r}])\n"
            f"{subject.call_code()}\n"
            f"again = {subject.name}.from_config({small!r})\n"
            f"assert repr(again.get_config()[{name!r}]) == before",
        )


def _argument_names(subject: Subject) -> list[str]:
    """Returns the constructor's arguments that are in the config."""
    found = {
        parameter.name
        for parameters in _constructors(subject.cls)
        for parameter in parameters
    }
    return [
        name
        for name in subject.config
        if name in found and name not in OF_KERAS
    ]


def _arguments_of(config: dict, names: list[str]) -> dict[str, str]:
    return {name: plain(config.get(name)) for name in names}


def check_config_survives_json(subject: Subject) -> None:
    """The serialized layer can be written as JSON, read back, and called.

    A `.keras` file holds the config as JSON: NumPy numbers, functions and
    sets do not survive it, and what Keras wrote for an object has to be made
    an object again.

    Repair: return plain Python values, or `keras.saving.
    serialize_keras_object(value)`, from `get_config`; in `__init__`, take both
    forms (`keras.initializers.get` and its like do).
    """
    try:
        with subject.scope():
            text = json.dumps(
                keras.saving.serialize_keras_object(subject.layer)
            )
            again: Any = keras.saving.deserialize_keras_object(json.loads(text))
            same = plain(again.get_config()) == plain(subject.config)
            subject.call(again, subject.inputs())
    except Exception as error:
        raise CheckFailure(
            f"{type(error).__name__}: {error}", _json_code(subject)
        ) from error
    if not same:
        raise CheckFailure(
            "the config is another one after JSON", _json_code(subject)
        )


def _json_code(subject: Subject) -> str:
    return subject.example(
        "import json\n"
        "text = json.dumps(keras.saving.serialize_keras_object(layer))\n"
        "again = keras.saving.deserialize_keras_object(json.loads(text))\n"
        "assert again.get_config() == layer.get_config()\n"
        f"{subject.call_code('again')}",
    )


CHECKS = (
    check_clone,
    check_config_holds_arguments,
    check_config_is_stable,
    check_config_survives_json,
)
