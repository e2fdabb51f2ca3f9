"""Checks of what a layer promises in words: masks, hooks, errors."""

import inspect
import re
import traceback
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import is_shape
from keras_extras.testing._subject import Subject, as_arguments
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


@check()
def check_masked_steps(subject: Subject) -> None:
    """Masked time steps do not count: they do not change what comes out else.

    For layers whose `call` takes a `mask`. What comes out without the axis of
    time is what comes out of the other steps alone: a mean is theirs.

    Repair: divide by the number of steps that the mask leaves; before a
    maximum or a softmax, put a large negative number where the mask is false.
    """
    shapes = subject.shapes
    if "mask" not in inspect.signature(subject.layer.call).parameters:
        raise CheckSkip("its call takes no mask")
    if (
        not is_shape(shapes)
        or len(shapes) != 2
        or not is_float(subject.traits.input_dtype)
    ):
        raise CheckSkip("masks are for inputs with time steps")
    subject.require_deterministic()
    layer, inputs, _ = subject.run()
    mask = keras.ops.ones(inputs.shape[:2], "bool")
    try:
        outputs = leaves(layer(inputs, mask=mask, **subject.mode()))
    except Exception:
        raise CheckSkip("its mask is not one of time steps") from None
    gap = "with other numbers in the masked steps it gives"
    # Shifted too: a maximum over negative numbers is not that with zeros.
    summed_up = all(
        len(leaf.shape) < 3 or leaf.shape[1] == 1 for leaf in outputs
    )
    if not summed_up and any(leaf.shape[:2] != mask.shape for leaf in outputs):
        raise CheckSkip("its outputs have other time steps")
    part = slice(None), slice(shapes[0] // 2)
    try:
        layer(inputs[part], mask=mask[part], **subject.mode())
    except Exception:  # its weights are for so many steps
        summed_up = False
    for shift in (0, -2):
        subject.verify(masked_steps_are_ignored, gap=gap, shift=shift)
        if summed_up:
            gap = "with masked steps it gives another output than without:"
            subject.verify(masked_steps_do_not_count, gap=gap, shift=shift)


def masked_steps_are_ignored(
    layer: Any, x: Any, x_other: Any, shift: int, atol: float, to_numpy: Any
) -> None:
    valid, others = keras.tree.flatten((x, x_other))
    steps = valid.shape[1] // 2
    others = np.concatenate([valid[:, :steps], others[:, steps:]], 1)
    mask = keras.ops.ones(valid.shape[:2], "bool")
    mask = keras.ops.cumsum(mask, 1) <= steps
    expected = to_numpy(layer(valid + shift, mask=mask, training=False))
    actual = to_numpy(layer(others + shift, mask=mask, training=False))
    if actual.shape[:2] == mask.shape:
        actual, expected = actual[:, :steps], expected[:, :steps]
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def masked_steps_do_not_count(
    layer: Any, x: Any, shift: int, atol: float, to_numpy: Any
) -> None:
    data = keras.tree.flatten(x)[0] + shift
    steps = data.shape[1] // 2
    mask = keras.ops.ones(data.shape[:2], "bool")
    mask = keras.ops.cumsum(mask, 1) <= steps
    actual = to_numpy(layer(data, mask=mask, training=False))
    shorter, mask = data[:, :steps], mask[:, :steps]
    expected = to_numpy(layer(shorter, mask=mask, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, 3 * atol)


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
        layer = None if build else subject.clone()
        values = {"wrong": (2, *shape), "build": build}
        try:
            subject.verify(error_names_layer_and_shape, layer=layer, **values)
        except CheckFailure:
            if not _comes_from_a_sublayer(subject, **values):
                raise


def _comes_from_a_sublayer(subject: Subject, **values: Any) -> bool:
    """Returns whether another layer raises the error."""
    filters = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        inputs = as_arguments(subject.inputs())
        error_names_layer_and_shape(subject.clone(), inputs, **values)
    except AssertionError as error:
        raised = error.__context__ or error
        frames = traceback.walk_tb(raised.__traceback__)
        owners = [frame.f_locals.get("self") for frame, _ in frames]
        return any(
            isinstance(owner, keras.layers.Layer)
            and not isinstance(owner, subject.cls)
            for owner in owners
        )
    finally:
        if filters:
            keras.config.enable_traceback_filtering()
    return False


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
