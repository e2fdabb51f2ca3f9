"""Checks of weights: when they come, what they are called, what moves them."""

import contextlib
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import is_float


@check()
def check_building_twice(subject: Subject) -> None:
    """Building a built layer changes nothing: no weight is added or drawn anew.

    An error is harmless too.

    Repair: let `build` only create weights; set no values there.
    """
    known = subject.full_shapes(batch=2)
    subject.verify(
        building_again_keeps_variables, layer=subject.built(), symbolic=known
    )
    if subject.traits.deterministic:
        subject.verify(
            building_again_keeps_outputs,
            gap="building again changes the outputs:",
            layer=subject.built(),
            symbolic=known,
        )


def building_again_keeps_variables(layer: Any, x: Any, shape: Any) -> None:
    layer(*x, training=False)
    before = [np.copy(variable) for variable in layer.variables]
    with contextlib.suppress(Exception):  # it may refuse
        layer.build(*shape)
    assert len(layer.variables) == len(before), (
        f"building again makes {len(layer.variables)} variables out of "
        f"{len(before)}"
    )
    for variable, value in zip(layer.variables, before, strict=True):
        assert np.array_equal(np.copy(variable), value, equal_nan=True), (
            f"building again changes {variable.path!r}"
        )


def building_again_keeps_outputs(
    layer: Any, x: Any, shape: Any, atol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    with contextlib.suppress(Exception):  # it may refuse
        layer.build(*shape)
    actual = to_numpy(layer(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check(needs=CLONED)
def check_weights_come_with_build(subject: Subject) -> None:
    """All weights exist once the layer is built; a call adds none.

    A model that is loaded is built, not called: later weights stay random.

    Repair: `add_weight` and `sublayer.build(shape)` in `build`.
    """
    if isinstance(subject.inputs(), tuple):
        raise CheckSkip("its build takes several shapes")
    layer = subject.clone()
    if layer.built and layer.weights:
        raise CheckSkip("it is built when it is made")
    subject.verify(
        build_makes_all_weights,
        action="build or a call",
        layer=layer,
        symbolic=subject.full_shapes(batch=2),
    )


def build_makes_all_weights(layer: Any, x: Any, shape: Any) -> None:
    called = type(layer).from_config(layer.get_config())
    called(*x, training=False)
    layer.build(*shape)
    made, wanted = (
        sorted(tuple(weight.shape) for weight in part.weights)
        for part in (layer, called)
    )
    assert made == wanted, (
        f"build makes {len(made)} weights, a call makes {len(wanted)}"
    )


@check(needs=CLONED)
def check_weight_paths(subject: Subject) -> None:
    """Paths of weights are unique, and the same in every clone.

    But for the number that Keras appends to the name of a sublayer that was
    given none.

    Repair: give each weight and each sublayer a name of its own.
    """
    subject.verify(paths_are_unique)
    subject.verify(paths_are_those_of_a_clone, layer=subject.clone())


def paths_are_unique(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    paths = [weight.path for weight in layer.weights]
    for path in paths:
        once = paths.count(path) == 1
        assert once, f"two weights have the path {path!r}"


def paths_are_those_of_a_clone(layer: Any, x: Any) -> None:
    twin = type(layer).from_config(layer.get_config())
    paths = []
    for part in (layer, twin):
        part(*x, training=False)
        # Without the number that Keras appends to names.
        paths.append(
            [re.sub(r"_\d+(?=/)", "", weight.path) for weight in part.weights]
        )
    for pair in zip(*paths, strict=True):
        assert pair[0] == pair[1], f"a clone has other paths: {pair}"


@check()
def check_losses(subject: Subject) -> None:
    """Losses are numbers, no sums over the batch; each regularizer counts once.

    Repair: hand regularizers to `add_weight(regularizer=...)`, and do not add
    their penalty again with `add_loss`; give `add_loss` a mean over the batch.
    """
    subject.verify(losses_are_numbers)
    if subject.layer.activity_regularizer is None:  # Keras sums it up
        subject.verify(losses_are_means)
    names = [
        name
        for name in subject.config
        if name.endswith("_regularizer") and name != "activity_regularizer"
    ]
    if not names:
        raise CheckSkip("it has no regularizers")
    for name in names:
        layer = subject.clone(**{name: keras.regularizers.L2(0.5)})
        subject.verify(
            penalty_counts_once, layer=subject.built(layer=layer), name=name
        )


def losses_are_numbers(layer: Any, x: Any) -> None:
    layer(*x, training=True)
    for loss in layer.losses:
        shape = tuple(loss.shape)
        assert shape == (), f"it adds a loss of the shape {shape}, no number"


def losses_are_means(layer: Any, x: Any) -> None:
    totals = []
    for repeats in (1, 2, 3):
        x_now: Any = keras.tree.map_structure(
            lambda leaf: np.concatenate([leaf] * repeats),  # noqa: B023
            x,
        )
        layer(*x_now, training=False)
        totals.append(float(sum(layer.losses)))
    grows = totals[2] - totals[1], totals[1] - totals[0]
    sums = abs(grows[0]) > 1e-6 and np.isclose(*grows, 1e-3)
    assert not sums, (
        f"its loss grows with the batch: the same samples give {totals[0]:.4g},"
        f" twice {totals[1]:.4g}"
    )


def penalty_counts_once(layer: Any, x: Any, name: str) -> None:
    layer(*x, training=False)
    penalized = [
        weight
        for weight in layer.trainable_weights
        if weight.regularizer or f"{weight.name}_regularizer" == name
    ]
    expected = sum(0.5 * np.sum(np.copy(item) ** 2) for item in penalized)
    totals = []
    for _ in range(2):
        layer(*x, training=False)
        totals.append(float(sum(layer.losses)))
    assert np.allclose(totals, expected, 1e-3, 1e-3), (
        f"{name} adds {totals[0]:.4g} after one call and {totals[1]:.4g} after "
        f"two, where its weights give {expected:.4g}"
    )


@check()
def check_freezing(subject: Subject) -> None:
    """With `trainable=False` a training step changes no weight.

    Repair: do not assign to weights in `call`, except to statistics that are
    updated `if training and self.trainable`.
    """
    layer = subject.built()
    if not layer.weights:
        raise CheckSkip("it has no weights")
    subject.verify(frozen_has_no_trainable_weights, layer=layer)
    if not is_float(subject.traits.input_dtype):
        raise CheckSkip("its inputs have no gradients")
    subject.verify(frozen_keeps_its_weights, layer=layer)


def frozen_has_no_trainable_weights(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    layer.trainable = False
    # An outer model trains the weights that say so, whatever the layer says.
    outer = [weight for weight in layer.weights if weight.trainable]
    for weight in [*layer.trainable_weights, *outer]:
        raise AssertionError(f"{weight.path!r} stays trainable")


def frozen_keeps_its_weights(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    layer.trainable = False
    before = [np.copy(weight) for weight in layer.weights]
    # All that a training step does with weights which are not trainable.
    layer(*x, training=True)
    for weight, value in zip(layer.weights, before, strict=True):
        assert np.array_equal(np.copy(weight), value), (
            f"frozen, in a training step it changes {weight.path!r}"
        )


@check(needs=CLONED)
def check_stateless_call(subject: Subject) -> None:
    """`stateless_call` gives the outputs of a call, and changes no variable.

    JAX code trains with it.

    Repair: keep state in variables only; see `check_python_state`.
    """
    subject.require_deterministic()
    subject.verify(
        stateless_call_is_a_call,
        gap="stateless_call with other weights gives",
        layer=subject.built(),
        mode=subject.mode(),
    )
    subject.verify(
        stateless_call_keeps_variables,
        layer=subject.built(),
        mode=subject.mode(),
    )


def stateless_call_is_a_call(
    layer: Any, x: Any, mode: dict[str, bool], atol: float, to_numpy: Any
) -> None:
    twin = type(layer).from_config(layer.get_config())
    for part in (layer, twin):
        part(*x, training=False)
    # With weights that the layer does not have: they must be those handed in.
    given = [2 * weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]
    x_tensors: Any = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    outputs, _ = layer.stateless_call(given, others, *x_tensors, **mode)
    variables = [*twin.trainable_variables, *twin.non_trainable_variables]
    for weight, value in zip(variables, [*given, *others], strict=True):
        weight.assign(value)
    expected = to_numpy(twin(*x, training=False))
    np.testing.assert_allclose(to_numpy(outputs), expected, 1e-4, atol)


def stateless_call_keeps_variables(
    layer: Any, x: Any, mode: dict[str, bool]
) -> None:
    layer(*x, training=False)
    before = [np.copy(variable) for variable in layer.variables]
    given = [2 * weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]
    x_tensors: Any = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    layer.stateless_call(given, others, *x_tensors, **mode)
    for variable, value in zip(layer.variables, before, strict=True):
        assert np.array_equal(np.copy(variable), value, equal_nan=True), (
            f"stateless_call changes the variable {variable.path!r}"
        )
