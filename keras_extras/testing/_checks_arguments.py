"""Checks of the constructor's arguments: each changes something."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._checks_config import argument_names, other_values
from keras_extras.testing._subject import Subject, as_arguments

# What is handed on to Keras: whether it acts is seen from outside.
OBJECTS = ("activation", "initializer", "regularizer", "constraint")


@check(needs=CLONED)
def check_arguments_matter(subject: Subject) -> None:
    """Each constructor argument changes something: weights, losses or outputs.

    Activations, initializers, regularizers and constraints are exchanged, with
    the switches as they are and turned over; of the other arguments, those
    that no method but `get_config` reads.

    Repair: hand it on (`add_weight(initializer=...)`), apply it in `call`, or
    take it out of the constructor.
    """
    config, unread = subject.config, unread_arguments(subject.cls)
    names = argument_names(subject)
    switches = {
        name: not config[name]
        for name in names
        if isinstance(config[name], bool) and name not in unread
    }
    for name in names:
        ending = name.rpartition("_")[2]
        others = [
            value
            for value in other_values(name, config[name])
            if _is_another(subject, name, value)
        ]
        formats = name == "data_format"  # which has a check of its own
        if others and (name in unread or ending in OBJECTS) and not formats:
            # Random ones draw seeds, and all that is drawn after is another.
            random = ending == "initializer"
            constant = "ones" if others[0] == "zeros" else "zeros"
            first = constant if random else config[name]
            values = {"name": name, "values": [first, others[0]]}
            if not _matters(subject, turned=switches, **values):
                subject.verify(
                    argument_matters, layer=subject.layer, turned={}, **values
                )


def _is_another(subject: Subject, name: str, value: Any) -> bool:
    """Returns whether an argument is another one: "non_neg" is `NonNeg()`."""
    try:
        made = subject.clone(**{name: value}).get_config()
    except Exception:  # no value for this argument
        return False
    return made.get(name) != subject.config[name]


def _matters(subject: Subject, **values: Any) -> bool:
    layer, x = subject.layer, as_arguments(subject.inputs())
    for turned in ({}, values.pop("turned")):
        try:
            argument_matters(layer, x, turned=turned, **values)
        except AssertionError:
            continue
        except Exception:  # no value for this argument
            return True
        return True
    return False


def argument_matters(
    layer: Any, x: Any, name: str, values: list[Any], turned: dict[str, bool]
) -> None:
    twins, seen = [], []
    for value in values:
        keras.utils.set_random_seed(1)
        config = layer.get_config() | turned | {name: value}
        twins.append(type(layer).from_config(config))
        twins[-1](*x, training=False)
        weights = twins[-1].weights
        found: list[Any] = [np.copy(weight).tolist() for weight in weights]
        found += [
            (w.regularizer is None, w.constraint is None) for w in weights
        ]
        seen.append(found)
    same = seen[0] == seen[1]
    for twin, found in zip(twins, seen, strict=True) if same else ():
        for weight in twin.trainable_weights:  # zeros hide what they multiply
            weight.assign(weight + 0.1)
        outputs = [twin(*x, training=mode) for mode in (False, True)]
        for item in keras.tree.flatten([outputs, twin.losses]):
            numbers: Any = keras.ops.convert_to_numpy(item)
            found.append(np.copy(numbers).tolist())
    assert seen[0] != seen[1], f"{name} has no effect: {values} do the same"


def unread_arguments(cls: type) -> set[str]:
    """Returns arguments of constructors that are kept and that nothing reads.

    None, where that cannot be told from the source.
    """
    stored: dict[str, set[str]] = {}
    read: set[str] = set()
    for owner in cls.__mro__:
        if owner in (keras.layers.Layer, keras.Model):
            break
        try:
            text = textwrap.dedent(inspect.getsource(owner))
        except (OSError, TypeError):  # typed where no source is kept
            return set()
        if any(word in text for word in ("getattr(", "vars(", "__dict__")):
            return set()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            if node.name == "__init__":
                for given in [*node.args.args, *node.args.kwonlyargs]:
                    stored.setdefault(given.arg, set())
                _follow(node, stored, read)
            elif node.name != "get_config":
                read |= set(_attributes(node))
    return {
        name
        for name, places in stored.items()
        if name not in read and not places & read
    }


def _attributes(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Load):
            yield part.attr


def _follow(node: ast.AST, stored: dict[str, set[str]], read: set[str]) -> None:
    """Notes where a constructor puts its arguments, and what else it reads."""
    if isinstance(node, ast.Assign) and isinstance(
        target := node.targets[0], ast.Attribute
    ):
        for part in ast.walk(node.value):
            if isinstance(part, ast.Name) and part.id in stored:
                stored[part.id].add(target.attr)
        read |= set(_attributes(node.value))
        return
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
        return  # it only asks whether the argument is allowed
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        read.add(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        read.add(node.attr)
    for child in ast.iter_child_nodes(node):
        _follow(child, stored, read)
