"""Checks of what a call may read and change."""

import random
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import arrays, difference, leaves, specs


@check()
def check_training_flag(subject: Subject) -> None:
    """Without `training=True` the layer is deterministic, and learns nothing.

    Two calls give the same, and no variable changes, not in the first call
    either. In training the outputs have the same shapes. A layer that declares
    `deterministic=False` must really give different outputs.

    Repair: draw random numbers and update statistics only `if training`.
    """
    # Not the layer of `run`: after many calls its statistics stand still.
    layer = subject.built()
    subject.verify(outputs_are_those_of_training, layer=subject.built())
    modes = [{"training": False}, {"training": False}, subject.mode()]
    if subject.traits.deterministic:
        for mode in modes[1:]:
            subject.verify(
                calls_are_equal,
                gap="two calls without training give",
                layer=layer,
                mode=mode,
            )
        subject.verify(calls_change_nothing, layer=layer)
        if isinstance(subject.inputs(), tuple):
            return  # its build takes several shapes
        known = subject.full_shapes(batch=2)
        try:
            subject.clone().build(known)
        except Exception:  # of which `check_weights_come_with_build` tells
            return
        subject.verify(
            first_call_changes_nothing, layer=subject.clone(), symbolic=known
        )
    else:
        subject.verify(calls_differ, layer=layer, modes=modes)


def calls_are_equal(
    layer: Any, x: Any, mode: dict[str, bool], atol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    actual = to_numpy(layer(*x, **mode))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def calls_differ(layer: Any, x: Any, modes: list[dict[str, bool]]) -> None:
    first, *others = [arrays(layer(*x, **mode)) for mode in modes]
    same = [all(map(np.array_equal, first, other)) for other in others]
    assert not all(same), (
        "it declares deterministic=False, but two calls are equal"
    )


def calls_change_nothing(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    before = [np.copy(variable) for variable in layer.variables]
    layer(*x, training=False)
    for variable, value in zip(layer.variables, before, strict=True):
        assert np.array_equal(np.copy(variable), value, equal_nan=True), (
            f"a call without training changes the variable {variable.path!r}"
        )


def first_call_changes_nothing(layer: Any, x: Any, shape: Any) -> None:
    layer.build(*shape)
    before = [np.copy(variable) for variable in layer.variables]
    layer(*x, training=False)
    for variable, value in zip(layer.variables, before, strict=False):
        assert np.array_equal(np.copy(variable), value, equal_nan=True), (
            f"the first call without training changes {variable.path!r}"
        )


def outputs_are_those_of_training(layer: Any, x: Any) -> None:
    shapes, of_training = (
        [tuple(leaf.shape) for leaf in leaves(layer(*x, training=flag))]
        for flag in (False, True)
    )
    assert of_training == shapes, (
        f"it gives the shapes {shapes}, in training {of_training}"
    )


@check()
def check_dropout_scale(subject: Subject) -> None:
    """What dropout leaves is scaled up, so that the mean stays what it was.

    Dropout is recognized by what it does in training: a share of the outputs
    is zero, the others are those of inference times one factor.

    Repair: divide what is kept by `1 - rate`.
    """
    if not any("seed" in item.path for item in subject.run()[0].variables):
        raise CheckSkip("it has no random state")
    subject.require_deterministic()
    # Where no argument says how much is dropped, it may be a mask on purpose.
    numbers = {
        name: value
        for name, value in subject.config.items()
        if RATE.search(name) and isinstance(value, float)
    }
    rates = {name: 0.3 for name in numbers if name == "rate" or numbers[name]}
    noisy = subject.call(subject.built(), subject.inputs(), training=True)
    if specs(noisy) != specs(subject.run()[2]):
        raise CheckSkip("its outputs have another shape in training")
    subject.verify(
        kept_is_scaled_up,
        layer=subject.clone(**rates),
        batch=512,
        on_purpose=not rates,
    )


RATE = re.compile(r"(^|_)(rate|dropout|drop|prob|probability|p)$")


def kept_is_scaled_up(
    layer: Any, x: Any, on_purpose: bool, to_numpy: Any
) -> None:
    calm = to_numpy(layer(*x, training=False))
    noisy = to_numpy(layer(*x, training=True))
    usual = np.abs(calm) > 0.01
    factors = noisy[usual] / calm[usual]
    factor, share = np.max(factors, initial=0), np.mean(factors != 0)
    two_values = np.isclose(factors, 0) | np.isclose(factors, factor, 1e-3)
    if two_values.all() and 0.05 < share < 0.95:
        fine = abs(factor * share - 1) < 0.15 or (on_purpose and factor == 1)
        assert fine, (
            f"it drops {1 - share:.0%} and multiplies the rest by {factor:.3g},"
            f" not by {1 / share:.3g}"
        )


@check(needs=CLONED)
def check_seeds(subject: Subject) -> None:
    """With a seed, random layers draw the same numbers again, whatever else.

    Two clones with the same `seed` give the same sequence of outputs in
    training, though the global seeds of Python, NumPy and Keras differ.

    Repair: `self.seed_generator = keras.random.SeedGenerator(seed)` in
    `__init__`, handed as `seed=` to the functions of `keras.random`.
    """
    layer, inputs = subject.built(), subject.inputs()
    calm = arrays(subject.call(layer, inputs, training=False))
    before = arrays(layer.variables)
    first, *others = (
        arrays(subject.call(layer, inputs, training=True)) for _ in range(4)
    )
    seeded = "seed" in subject.config
    if not any(difference(first, other) for other in others):
        after = arrays(layer.variables)
        still = all(map(np.array_equal, before, after))
        if seeded and still and difference(first, calm):
            subject.verify(draws_differ)
        raise CheckSkip("it draws no random numbers")
    message = "two layers with the same seed give"
    if seeded:
        changes = {"seed": 1337}
        subject.verify(seeds_decide, gap=message, layer=layer, changes=changes)
        subject.verify(seeds_matter, batch=8)
        return
    if isinstance(subject.layer, keras.Model):
        raise CheckSkip("it has no seed; its layers may have theirs")
    if not any("seed" in variable.path for variable in layer.variables):
        try:
            subject.verify(seeds_decide, gap=message, layer=layer, changes={})
        except CheckFailure:
            pass
        else:
            raise CheckSkip("its state changes in training, not by chance")
    subject.verify(has_a_seed)


def draws_differ(layer: Any, x: Any) -> None:
    first, second = (arrays(layer(*x, training=True)) for _ in range(2))
    same = all(map(np.array_equal, first, second))
    assert not same, "each call in training draws the same numbers"


def has_a_seed(layer: Any) -> None:
    assert "seed" in layer.get_config(), (
        "it draws random numbers, but has no argument seed"
    )


def seeds_matter(layer: Any, x: Any) -> None:
    draws = []
    for seed in (1, 2, 3):
        config = layer.get_config() | {"seed": seed}
        twin = type(layer).from_config(config)
        twin(*x, training=False)
        twin.set_weights(layer.get_weights())
        draws += [arrays([twin(*x, training=True) for _ in range(3)])]
    same = [all(map(np.array_equal, draws[0], draw)) for draw in draws]
    assert not all(same), "layers with different seeds draw the same numbers"


def seeds_decide(
    layer: Any, x: Any, changes: dict[str, int], atol: float, to_numpy: Any
) -> None:
    layer(*x, training=False)
    outputs = []
    for seed in (1, 2):
        twin = type(layer).from_config(layer.get_config() | changes)
        twin(*x, training=False)
        twin.set_weights(layer.get_weights())
        keras.utils.set_random_seed(seed)
        draws = [to_numpy(twin(*x, training=True)) for _ in range(3)]
        outputs.append(np.stack(draws))
    np.testing.assert_allclose(outputs[0], outputs[1], 1e-4, atol)


@check(needs=CLONED)
def check_global_random_state(subject: Subject) -> None:
    """A layer neither sets nor uses the random state of Python and NumPy.

    What is drawn from NumPy in a call is drawn once when the layer is
    compiled, and is the same number for ever after. Who sets a global seed
    sets it for everybody.

    Repair: `keras.random` with a `SeedGenerator`.
    """
    subject.verify(making_sets_no_seed)
    subject.verify(calls_use_no_global_state, layer=subject.built())


def making_sets_no_seed(layer: Any, x: Any) -> None:
    draws = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        twin = type(layer).from_config(layer.get_config())
        twin(*x, training=False)
        draws.append({"random": random.random(), "np.random": np.random.rand()})
    for name in draws[0]:
        assert draws[0][name] != draws[1][name], (
            f"making and building it sets the seed of {name}"
        )


def calls_use_no_global_state(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    random.seed(1)
    np.random.seed(1)

    before = repr(random.getstate()), repr(np.random.get_state())
    layer(*x, training=False)
    layer(*x, training=True)
    after = repr(random.getstate()), repr(np.random.get_state())
    for name, a, b in zip(("random", "np.random"), before, after, strict=True):
        assert a == b, (
            f"a call draws from the global random state of {name}, or sets it"
        )


@check()
def check_inputs_are_untouched(subject: Subject) -> None:
    """A call changes neither its arrays nor the list or dict they came in.

    Repair: no assignment into an argument; `list(inputs)` before `pop`.
    """
    subject.verify(inputs_are_kept)


def inputs_are_kept(layer: Any, x: Any) -> None:
    before = [np.copy(leaf) for leaf in keras.tree.flatten(x)]
    x_tensors: Any = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    layer(*x, training=False)
    # As a subclass or a wrapper does, without the copies that
    # `Layer.__call__` makes of lists.
    layer.call(*x_tensors)
    for x_now in (x, x_tensors):
        after = [np.copy(leaf) for leaf in keras.tree.flatten(x_now)]
        same = len(after) == len(before)
        same = same and all(map(np.array_equal, before, after))
        assert same, "a call changes its inputs"


@check()
def check_python_state(subject: Subject) -> None:
    """A call writes no attribute.

    Compiled, `call` runs once: what it writes is then a tensor of the trace,
    or a number that never changes again.

    Repair: make state a weight (`add_weight(trainable=False)`), computed
    values local variables.
    """
    layer = subject.built()
    of_keras = set(vars(keras.layers.Layer()))
    inputs = subject.inputs()

    def state() -> dict[str, Any]:
        return {
            name: _frozen(value)
            for name, value in vars(layer).items()
            if name not in of_keras
        }

    for training in (False, True):
        before = state()
        subject.call(layer, inputs, training=training)
        for name, value in state().items():
            if name not in before or before[name] != value:
                raise subject.failure(
                    f"a call writes the attribute {name!r}",
                    attribute_is_kept,
                    name=name,
                )


def attribute_is_kept(layer: Any, x: Any, x_other: Any, name: str) -> None:
    layer(*x, training=False)
    before = repr(getattr(layer, name, None))
    layer(*x_other, training=True)
    after = repr(getattr(layer, name, None))
    assert after == before, f"a call writes the attribute {name!r}"


def _frozen(value: Any) -> Any:
    """Returns what is compared: contents of plain values, else identity."""
    if isinstance(value, int | float | str | bool | bytes | None.__class__):
        return value
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return tuple((repr(key), _frozen(item)) for key, item in value.items())
    return id(value)
