"""Checks of the config: the arguments of which a layer can be made again."""

import ast
import contextlib
import inspect
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._example import plain, smallest_config
from keras_extras.testing._results import CheckSkip
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
    "input_tensor",
    "name",
    "trainable",
    "weights",
}


@check(needs=())
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
        again = subject.cls.from_config(copied(config)).get_config()
    except Exception as error:
        raise subject.failure(
            f"cannot be made from its config: {type(error).__name__}: {error}",
            clone_has_the_config,
        ) from error
    if plain(config) != plain(again):
        changed = [
            key for key in config if plain(config[key]) != plain(again.get(key))
        ]
        raise subject.failure(
            f"the config of the clone differs in {changed}",
            clone_has_the_config,
        )


def clone_has_the_config(layer: Any) -> None:
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@check(needs=CLONED)
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
    parameters = next(_constructors(subject.cls), [])
    own = {parameter.name: parameter for parameter in parameters}
    missing = [
        name
        for name, parameter in own.items()
        if name not in config
        and name not in OF_KERAS
        and not _is_untouched(subject, parameter)
    ]
    for name in missing:
        subject.verify(config_has, layer=subject.layer, name=name)
    own_and_keras = [
        *argument_names(subject),
        *({"name", "trainable"} & {*config}),
    ]
    for name in own_and_keras:
        value = config[name]
        lost = []
        for other in other_values(name, value):
            if plain(other) == plain(value):
                continue
            changed = copied(config) | {name: other}
            try:
                made = subject.cls.from_config(changed).get_config()
            except Exception:  # no value for this argument
                continue
            if plain(made.get(name)) != plain(value):
                lost = []
                break
            lost.append(other)
        if lost:
            raise subject.failure(
                f"the config says {name}={value!r} of a layer made with "
                f"{name}={lost[0]!r}",
                config_keeps,
                name=name,
                value=lost[0],
            )
    for name, default in _taken_from_keywords(subject.cls):
        for value in other_values(name, default)[:1]:
            if name not in config and subject.traits.deterministic:
                subject.verify(
                    clone_has_argument,
                    layer=subject.layer,
                    gap=f"a layer made with {name}={value!r} loses it:",
                    name=name,
                    value=value,
                )


def clone_has_argument(
    layer: Any, x: Any, name: str, value: Any, atol: float, to_numpy: Any
) -> None:
    make = type(layer).from_config
    made = make(layer.get_config() | {name: value})
    again = make(made.get_config())
    expected = to_numpy(made(*x, training=False))
    again(*x, training=False)
    again.set_weights(made.get_weights())
    actual = to_numpy(again(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def config_has(layer: Any, name: str) -> None:
    lacks = f"the config lacks the constructor argument {name!r}"
    assert name in layer.get_config(), lacks


def config_keeps(layer: Any, name: str, value: Any) -> None:
    config = layer.get_config() | {name: value}
    again = type(layer).from_config(config)
    assert again.get_config()[name] != layer.get_config()[name]


def _is_graph(subject: Subject) -> bool:
    """Returns whether Keras writes the config, as of a functional model."""
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


def _taken_from_keywords(cls: type) -> Iterator[tuple[str, Any]]:
    """Yields what a constructor takes out of its `**kwargs`: name, default."""
    text = _source(vars(cls).get("__init__"))
    rest = re.search(r"\*\*(\w+)", text)
    pattern = r"\.(?:pop|get)\(\s*[\"'](\w+)[\"']\s*,\s*([^()]+)\)"
    for name, code in re.findall(rest[1] + pattern, text) if rest else ():
        with contextlib.suppress(ValueError, SyntaxError):
            yield name, ast.literal_eval(code)


def _is_untouched(subject: Subject, parameter: inspect.Parameter) -> bool:
    """Returns whether the layer was made without an argument, which is `None`.

    Keras itself writes some arguments only if they are given.
    """
    return parameter.default is None and (
        getattr(subject.layer, parameter.name, None) is None
        and f"self.{parameter.name} =" in _source(subject.cls)
    )


def _source(definition: Any) -> str:
    try:
        return inspect.getsource(definition)
    except (OSError, TypeError):
        return ""


def other_values(name: str, value: Any) -> list[Any]:
    """Returns other values for an argument, the likeliest first."""
    ending = name.rpartition("_")[2]
    by_ending = {
        "name": ["another_name"],
        "initializer": ["ones", "zeros"],
        "regularizer": ["l2", "l1"],
        "constraint": ["non_neg", "unit_norm"],
        "activation": ["tanh", "softsign"],
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


@check(needs=CLONED)
def check_config_is_stable(subject: Subject) -> None:
    """Building and calling a layer does not change its config, nor others'.

    A mutable default argument that is written to belongs to all instances.

    Repair: do not assign to an attribute that holds a constructor argument,
    nor change a list or dict that came as one: copy it.
    """
    if _is_graph(subject):
        raise CheckSkip("its config holds its graph, not its arguments")
    names = argument_names(subject)

    def changed(before: dict[str, Any], layer: keras.Layer) -> str:
        after = layer.get_config()
        differs = [
            plain(after.get(name)) != plain(before.get(name)) for name in names
        ]
        return next(itertools.compress(names, differs), "")

    small = smallest_config(subject.layer)
    needed = [
        item.name
        for item in next(_constructors(subject.cls), [])
        if item.default is item.empty
    ]
    least = {name: small[name] for name in needed if name in small}
    makes = False
    with contextlib.suppress(Exception):  # it needs more than these
        makes = bool(subject.cls.from_config(copied(least)))
    if makes:
        subject.verify(making_keeps_defaults, cls=subject.cls, config=least)
    layer = subject.clone()
    first = copied(subject.cls.from_config(copied(small)).get_config())
    subject.call(layer, subject.inputs())
    if name := changed(subject.config, layer):
        raise subject.failure(
            f"the config has another {name} after a call",
            call_keeps_the_config,
            name=name,
        )
    if name := changed(first, subject.cls.from_config(copied(small))):
        raise subject.failure(
            f"a new layer starts with another {name} after a call of an "
            "older one: they share a mutable default",
            call_keeps_the_default,
            name=name,
            config=small,
        )


def making_keeps_defaults(cls: Any, config: dict[str, Any]) -> None:
    first, second = (
        cls.from_config(dict(config)).get_config() for _ in range(2)
    )
    for name, value in first.items():
        shared = isinstance(value, dict | list) and value != second[name]
        assert not shared, (
            f"a new layer starts with another {name} than the one before: they "
            "share a mutable default"
        )


def call_keeps_the_config(layer: Any, x: Any, name: str) -> None:
    before = repr(layer.get_config()[name])
    layer(*x, training=False)
    assert repr(layer.get_config()[name]) == before


def call_keeps_the_default(
    layer: Any, x: Any, name: str, config: dict[str, Any]
) -> None:
    before = repr(layer.get_config()[name])
    layer(*x, training=False)
    again = type(layer).from_config(config)
    assert repr(again.get_config()[name]) == before


def argument_names(subject: Subject) -> list[str]:
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


@check(needs=CLONED)
def check_config_survives_json(subject: Subject) -> None:
    """The serialized layer can be written as JSON, read back, and called.

    A `.keras` file holds the config as JSON: NumPy numbers, functions and
    sets do not survive it, and what Keras wrote for an object has to be made
    an object again.

    Repair: return plain Python values, or `keras.saving.
    serialize_keras_object(value)`, from `get_config`; in `__init__`, take both
    forms (`keras.initializers.get` and its like do).
    """
    with subject.scope():
        subject.verify(config_survives_json, layer=subject.layer)


def config_survives_json(layer: Any, x: Any) -> None:
    config = keras.saving.serialize_keras_object(layer)
    text = json.dumps(config, sort_keys=True)
    again: Any = keras.saving.deserialize_keras_object(json.loads(text))
    config = keras.saving.serialize_keras_object(again)
    same = json.dumps(config, sort_keys=True) == text
    assert same, "the config is another one after JSON"
    again(*x, training=False)
