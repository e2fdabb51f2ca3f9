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
from keras_extras.testing._tools import arrays, is_float, leaves


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
    subject.verify(
        mask_is_true,
        action="with a mask of the time steps it",
        layer=subject.clone(),
    )


class Masked(keras.layers.Layer):
    """Masks the second half of the time steps."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        batch, steps = inputs.shape[:2]
        mask = np.tile(np.arange(steps) < steps // 2, (batch, 1))
        return keras.ops.convert_to_tensor(mask)


class Spy(keras.layers.Layer):
    """Keeps the mask that comes with its inputs."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.seen = arrays(mask)
        return inputs


def mask_is_true(layer: Any, x: Any) -> None:
    source, spy = Masked(), Spy()
    masked: Any = source(keras.tree.flatten(x)[0])
    given = source.compute_mask(masked)
    output = keras.tree.flatten(layer(masked, training=False))[0]
    spy(output)
    shape = tuple(output.shape)
    for mask in spy.seen:
        assert mask.shape == shape[: mask.ndim], (
            f"the mask that comes out, {mask.shape}, does not fit the output, "
            f"{shape}"
        )
    if layer.supports_masking:
        expected = arrays(layer.compute_mask(masked, given))[:1]
        same = len(spy.seen) == len(expected)
        same = same and all(map(np.array_equal, spy.seen, expected))
        assert same, "the mask that comes out is not that of compute_mask"
        kept = shape[:2] == tuple(given.shape)
        assert spy.seen or not kept, (
            "supports_masking is True and the time steps stay, but the mask is "
            "lost"
        )
    for mask in [] if layer.supports_masking else spy.seen:
        # Sublayers may let it through; Keras itself passes none on.
        assert np.array_equal(mask, arrays(given)[0]), (
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
