"""Checks of what a layer promises in words: masks, hooks, errors."""

import inspect
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    difference,
    is_float,
    leaves,
    to_numpy,
)


def check_masks(subject: Subject) -> None:
    """A mask comes out as declared, and fits the output.

    With `supports_masking = True` the mask of the time steps comes out as
    `compute_mask` says; without, none does, unless sublayers hand on the very
    one that came in.

    Repair: set `self.supports_masking = True` in `__init__`; override
    `compute_mask` if the layer changes the time axis.
    """
    shapes = subject.shapes
    if not (
        isinstance(shapes, tuple)
        and len(shapes) >= 2
        and all(isinstance(size, int) for size in shapes)
        and is_float(subject.traits.input_dtype)
    ):
        raise CheckSkip("masks are for inputs with time steps")
    layer = subject.clone()
    steps = shapes[0]
    mask = np.ones((2, steps), "bool")
    mask[:, steps // 2 :] = False
    seen = []

    class Source(keras.layers.Layer):
        def call(self, inputs):
            return inputs

        def compute_mask(self, inputs, previous_mask=None):
            return keras.ops.convert_to_tensor(mask)

    class Spy(keras.layers.Layer):
        def call(self, inputs, mask=None):
            seen.append(mask)
            return inputs

    source = Source()
    source.supports_masking = True
    inputs = source(keras.ops.convert_to_tensor(subject.inputs()))
    # The mask is the last time step's; `Masking` looks at the last axis only.
    body = (
        "x[:, -1] = 0\n"
        f"masked = keras.layers.Masking()({_flat_code(shapes)})\n"
        "mask = masked._keras_mask\n"
        f"masked = keras.ops.reshape(masked, x.shape)\n"
        "masked._keras_mask = mask\n"
        "outputs = keras.tree.flatten(layer(masked))[0]\n"
        "came = getattr(outputs, '_keras_mask', None)\n"
    )
    try:
        outputs = layer(inputs)
    except Exception as error:
        raise subject.failure(
            f"with a mask of the time steps it raises {type(error).__name__}: "
            f"{str(error)[:200]}",
            body,
        ) from error
    spy = Spy()
    spy.supports_masking = True
    spy(leaves(outputs)[0])
    came = None if seen[0] is None else to_numpy(seen[0])
    shape = tuple(leaves(outputs)[0].shape)
    if came is not None and came.shape != shape[: came.ndim]:
        raise subject.failure(
            f"the mask that comes out, {came.shape}, does not fit the output, "
            f"{shape}",
            body + "if came is not None:\n"
            "    assert tuple(came.shape) == tuple(\n"
            "        outputs.shape[:len(came.shape)])",
        )
    if not layer.supports_masking:
        # Sublayers may let it through; Keras itself passes none on.
        if came is not None and difference(came, mask):
            raise subject.failure(
                "another mask comes out, though supports_masking is False",
                body + "if came is not None:\n"
                "    np.testing.assert_array_equal(\n"
                "        *map(keras.ops.convert_to_numpy, (came, mask)))",
            )
        return
    told = layer.compute_mask(inputs, keras.ops.convert_to_tensor(mask))
    told = leaves(told)[0] if leaves(told) else None
    if (told is None) != (came is None) or (
        came is not None and difference(came, to_numpy(told))
    ):
        raise subject.failure(
            "the mask that comes out is not that of compute_mask",
            body + "told = layer.compute_mask(masked, mask)\n"
            "np.testing.assert_array_equal(\n"
            "    *map(keras.ops.convert_to_numpy, (came, told)))",
        )
    if came is None and shape[:2] == (2, steps):
        raise subject.failure(
            "supports_masking is True and the time steps stay, but the mask "
            "is lost",
            body + "assert came is not None",
        )


def check_hooks(subject: Subject) -> None:
    """Every hook that the docstring documents is called.

    A hook is a method in the section "Hooks:" of the class's docstring, in
    backticks: `` `pool_op(inputs)` ``. One that `call` does not use lets a
    subclass override it in vain.

    Repair: call it, in every rank and for all arguments, or document it no
    longer.
    """
    names = documented_hooks(subject.cls)
    if not names:
        raise CheckSkip("its docstring has no section Hooks")
    layer = subject.clone()
    called = set()
    for name in names:
        method = getattr(layer, name, None)
        if method is None:
            raise CheckFailure(f"the documented hook {name} does not exist")

        def spy(*args, _name=name, _method=method, **kwargs):
            called.add(_name)
            return _method(*args, **kwargs)

        object.__setattr__(layer, name, spy)
    subject.call(layer, subject.inputs())
    subject.call(layer, subject.inputs(), training=True)
    if silent := [name for name in names if name not in called]:
        raise subject.failure(
            f"the documented hook {silent[0]} is not called",
            "calls = []\n"
            f"hook = layer.{silent[0]}\n"
            f"object.__setattr__(layer, {silent[0]!r}, "
            "lambda *a, **k: calls.append(0) or hook(*a, **k))\n"
            f"{subject.training_code()}\nassert calls",
        )


def _flat_code(shapes: Any) -> str:
    if len(shapes) == 2:
        return "x"
    return f"x.reshape(-1, {shapes[0]}, {int(np.prod(shapes[1:]))})"


def documented_hooks(cls: type) -> list[str]:
    """Returns the names of the methods in the docstrings' sections "Hooks:"."""
    found: list[str] = []
    for owner in cls.__mro__:
        text = inspect.cleandoc(vars(owner).get("__doc__") or "")
        section = re.search(
            r"^Hooks:\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL
        )
        if section:
            found += re.findall(r"`([a-z]\w*)\(", section[1])
    return list(dict.fromkeys(found))


def check_wrong_input(subject: Subject) -> None:
    """The error for a wrong input shape names the layer and the shape.

    Tried: one axis less, one more, and other channels once it is built.

    Repair: set `self.input_spec`, or raise a `ValueError` in `build` with
    `self.name` and the shape.
    """
    layer = subject.run()[0]
    first = leaves(subject.inputs())[0].shape[1:]
    for shape, unbuilt in (
        (first[:-1], True),
        ((*first, 3), True),
        (first[:-1], False),
        ((*first[:-1], first[-1] + 1) if first else (2,), False),
    ):
        wrong = map_shapes(lambda _, shape=shape: shape, subject.shapes)
        one = subject.clone() if unbuilt else layer
        try:
            subject.call(one, subject.inputs(wrong))
        except Exception as error:
            text = str(error)
            named = subject.name in text or one.name in text
            sized = str((2, *shape)) in text or str(list((2, *shape))) in text
            loose = re.sub(r"\s", "", text)
            sized = sized or ",".join(map(str, (2, *shape))) in loose
            sized = sized or f"ndim={len(shape) + 1}" in loose
            if isinstance(error, AssertionError) or not (named and sized):
                raise subject.failure(
                    f"for inputs of the shape {(2, *shape)} it raises "
                    f"{type(error).__name__} without naming "
                    f"{'the shape' if named else 'the layer'}: {text[:200]}",
                    ("" if unbuilt else f"{subject.call_code()}\n")
                    + f"x = np.zeros({(2, *shape)}, 'float32')\n"
                    f"try:\n    {subject.call_code()}\n"
                    "except Exception as error:\n"
                    f"    assert {subject.name!r} in str(error)\n"
                    f"    assert {str((2, *shape))!r} in str(error)",
                ) from error


CHECKS = (
    check_masks,
    check_hooks,
    check_wrong_input,
)
