"""Checks of what a layer promises in words: masks, hooks, errors."""

import inspect
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import is_shape
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import is_float, leaves


@check()
def check_masks(subject: Subject) -> None:
    """A mask comes out as declared, and fits the output.

    With `supports_masking = True` the mask of the time steps comes out as
    `compute_mask` says; without, none does, unless sublayers hand on the very
    one that came in.

    Repair: set `self.supports_masking = True` in `__init__`; override
    `compute_mask` if the layer changes the time axis.
    """
    shapes = subject.shapes
    time_steps = is_shape(shapes) and len(shapes) >= 2
    if not time_steps or not is_float(subject.traits.input_dtype):
        raise CheckSkip("masks are for inputs with time steps")
    layer = subject.clone()
    for show in (
        mask_fits_the_output,
        mask_is_that_of_compute_mask
        if layer.supports_masking
        else mask_is_the_one_that_came,
    ):
        subject.verify(
            show, action="with a mask of the time steps it", layer=layer
        )


class Masked(keras.layers.Layer):
    """Masks the second half of the time steps."""

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = keras.ops.arange(inputs.shape[1]) < inputs.shape[1] // 2
        return keras.ops.broadcast_to(mask, inputs.shape[:2])


class Spy(keras.layers.Layer):
    """Keeps the mask that comes with its inputs."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.seen = None if mask is None else np.copy(mask)
        return inputs


def mask_fits_the_output(layer: Any, x: Any) -> None:
    masked: Any = Masked()(keras.tree.flatten(x)[0])
    output = keras.tree.flatten(layer(masked, training=False))[0]
    spy = Spy()
    spy(output)
    if spy.seen is not None:
        shape = tuple(output.shape)
        assert spy.seen.shape == shape[: spy.seen.ndim], (
            f"the mask that comes out, {spy.seen.shape}, does not fit the "
            f"output, {shape}"
        )


def mask_is_that_of_compute_mask(layer: Any, x: Any) -> None:
    masked: Any = Masked()(keras.tree.flatten(x)[0])
    given = Masked().compute_mask(masked)
    output = keras.tree.flatten(layer(masked, training=False))[0]
    spy = Spy()
    spy(output)
    expected = keras.tree.flatten(layer.compute_mask(masked, given))
    seen = [] if spy.seen is None else [spy.seen]
    same = len(seen) == len([mask for mask in expected[:1] if mask is not None])
    assert same and all(map(np.array_equal, seen, map(np.copy, expected))), (  # noqa: PT018
        "the mask that comes out is not that of compute_mask"
    )
    assert seen or output.shape[:2] != given.shape, (
        "supports_masking is True and the time steps stay, but the mask is lost"
    )


def mask_is_the_one_that_came(layer: Any, x: Any) -> None:
    masked: Any = Masked()(keras.tree.flatten(x)[0])
    given = Masked().compute_mask(masked)
    spy = Spy()
    spy(keras.tree.flatten(layer(masked, training=False))[0])
    # Sublayers may let it through; Keras itself passes none on.
    assert spy.seen is None or np.array_equal(spy.seen, np.copy(given)), (
        "another mask comes out, though supports_masking is False"
    )


@check()
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
    for name in names:
        subject.verify(hook_is_called, layer=subject.clone(), name=name)


def hook_is_called(layer: Any, x: Any, name: str) -> None:
    assert hasattr(layer, name), f"the documented hook {name} does not exist"
    calls = []
    hook = getattr(layer, name)

    def spy(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return hook(*args, **kwargs)

    object.__setattr__(layer, name, spy)
    layer(*x, training=False)
    layer(*x, training=True)
    assert calls, f"the documented hook {name} is not called"


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


@check(of="layers")
def check_wrong_input(subject: Subject) -> None:
    """The error for a wrong input shape names the layer and the shape.

    Tried: one axis less, one more, and other channels once it is built.

    Repair: set `self.input_spec`, or raise a `ValueError` in `build` with
    `self.name` and the shape.
    """
    first = leaves(subject.inputs())[0].shape[1:]
    for shape, build in (
        (first[:-1], False),
        ((*first, 3), False),
        (first[:-1], True),
        ((*first[:-1], first[-1] + 1) if first else (2,), True),
    ):
        subject.verify(
            error_names_layer_and_shape,
            layer=None if build else subject.clone(),
            wrong=(2, *shape),
            build=build,
        )


def error_names_layer_and_shape(
    layer: Any, x: Any, wrong: tuple[int, ...], build: bool
) -> None:
    if build:
        layer(*x, training=False)
    x_wrong: Any = keras.tree.map_structure(
        lambda leaf: np.resize(leaf, wrong), x
    )
    try:
        layer(*x_wrong, training=False)
    except Exception as error:
        text, kind = str(error), type(error)
        named = type(layer).__name__ in text or layer.name in text
        sizes = ",".join(map(str, wrong)), f"ndim={len(wrong)}"
        sized = any(size in re.sub(r"\s", "", text) for size in sizes)
        fine = named and sized and kind is not AssertionError
        assert fine, (
            f"for inputs of the shape {wrong} it raises "
            f"{kind.__name__} without naming "
            f"{'the shape' if named else 'the layer'}: {text[:200]}"
        )
