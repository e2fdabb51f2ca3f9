"""Checks of gradients: finite, everywhere, and the derivatives."""

import contextlib
import functools
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._subject import Subject, as_arguments
from keras_extras.testing._tools import arrays, gradients, is_float, leaves

# Step and relative error of a difference quotient, without and with float64;
# the coarse ones there too: Keras's matmul on torch (3.15) rounds to float32.
STEPS = ((1e-2, 2e-2), (2e-3, 2e-2), (4e-2, 2e-2))
STEPS_OF_DOUBLE = ((1e-5, 1e-4), (1e-3, 2e-3), *STEPS)
INPUTS = "the inputs"


def total(layer: Any, x: Any, mode: bool = False) -> Any:
    draw = np.random.default_rng(1).uniform
    found: Any = 0
    for leaf in keras.tree.flatten(layer(*x, training=mode)):
        if "float" in str(getattr(leaf, "dtype", "")):
            factor = keras.ops.cast(draw(0.5, 1.5, leaf.shape), leaf.dtype)
            found += keras.ops.sum(factor * leaf)
    return found


@check()
def check_gradients_are_finite(subject: Subject) -> None:
    """No gradient is NaN or infinite, at first, at usual inputs and at zero.

    At zero, norms and roots have no derivative, and `where` does not hide it:
    the gradient of what is not chosen is still computed, and 0 * inf is NaN.

    Repair: put a small number under the root, or give `where` an argument
    that is harmless on both sides.
    """
    _require_gradients(subject)
    for place, scale, layer in (
        ("usual inputs", 1, None),
        ("inputs of zero", 0, None),
        ("its initial weights", 1, subject.clone()),
    ):
        subject.verify(
            gradients_are_finite, layer=layer, place=place, scale=scale
        )


def gradients_are_finite(layer: Any, x: Any, place: str, scale: int) -> None:
    layer(*x, training=False)
    x_now: Any = keras.tree.map_structure(lambda leaf: scale * leaf, x)
    of_inputs, of_weights = gradients(total, layer, x_now, [np.ones(())])
    named = {f"input {i}": found for i, found in enumerate(of_inputs)}
    for name, found in (named | of_weights).items():
        finite = np.isfinite(found).all()
        assert finite, f"at {place} the gradient of {name} is not finite"


@check()
def check_gradients_reach_weights(subject: Subject) -> None:
    """Every trainable weight gets a gradient that is not zero.

    A weight without one never learns: it is not used, or the path to it is
    cut by a comparison, a cast to integers or NumPy.

    Repair: use the weight in `call`, or make it `trainable=False`.
    """
    _require_gradients(subject)
    if not subject.run()[0].trainable_weights:
        raise CheckSkip("it has no trainable weights")
    subject.verify(gradients_reach_weights, batch=8)


def gradients_reach_weights(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    missing = {weight.path for weight in layer.trainable_weights}
    for mode in (False, True, True):
        forward = functools.partial(total, mode=mode)
        _, of_weights = gradients(forward, layer, x, [np.ones(())])
        missing -= {path for path, found in of_weights.items() if found.any()}
    assert not missing, (
        f"no gradient reaches the trainable weight {min(missing)!r}"
    )


@check(of="layers")
def check_gradients_are_derivatives(subject: Subject) -> None:
    """Gradients equal central differences, in float64 where there is one.

    Of inputs and of weights, each along random directions. A layer that
    declares `differentiable=False` must really be different.

    Repair: a hand-written gradient, a `stop_gradient`, or an operation that
    leaves its path (NumPy, a cast to integers).
    """
    subject.require_deterministic()
    _require_gradients(subject)
    wrong = _wrong_slopes(subject, seed=0)
    if wrong and subject.traits.differentiable:
        # Other inputs too: the first may lie at a kink, as relu has.
        again = _wrong_slopes(subject, seed=4)
        wrong = {name: wrong[name] for name in wrong if name in again}
        for name, message in wrong.items():
            raise _failure(subject, name, message)
    elif not wrong and not subject.traits.differentiable:
        show = gradient_of_weight_is_no_slope
        values: dict[str, int] = {"index": 0}
        if is_float(subject.traits.input_dtype):
            show, values = gradient_of_inputs_is_no_slope, {}
        raise subject.failure(
            "it declares differentiable=False, but its gradients are the "
            "derivatives",
            show,
            **values,
        )


def _failure(subject: Subject, name: str, message: str) -> CheckFailure:
    """Returns the failure of one part, with the function that shows it."""
    show: Any = gradient_of_inputs_is_slope
    values: dict[str, Any] = {}
    if name != INPUTS:
        weights = subject.run()[0].trainable_weights
        index = [weight.path for weight in weights].index(name)
        show, values = gradient_of_weight_is_slope, {"index": index}
    try:
        for seed in range(5):
            subject.verify(show, seed=seed, **values)
    except CheckFailure as failure:
        return CheckFailure(message, failure.example)
    return CheckFailure(message)  # it shows in float64 only


def gradient_of_inputs_is_slope(layer: Any, x: Any, x_other: Any) -> None:
    of_inputs, _ = gradients(total, layer, x, [np.ones(())])
    actual = sum(map(np.vdot, of_inputs, keras.tree.flatten(x_other)))
    values = []
    for step in (0.01, -0.01):
        x_moved: Any = keras.tree.map_structure(
            lambda a, b, step=step: a + step * b, x, x_other
        )
        values.append(float(total(layer, x_moved)))
    expected = (values[0] - values[1]) / 0.02
    np.testing.assert_allclose(actual, expected, 0.02, 0.02)


def gradient_of_weight_is_slope(layer: Any, x: Any, index: int) -> None:
    total(layer, x)
    weight = layer.trainable_weights[index]
    _, of_weights = gradients(total, layer, x, [np.ones(())])
    value = np.copy(weight)
    move = np.random.default_rng(2).normal(size=value.shape)
    actual = np.vdot(of_weights[weight.path], move)
    values = []
    for step in (0.01, -0.01):
        weight.assign(value + step * move)
        values.append(float(total(layer, x)))
    weight.assign(value)
    expected = (values[0] - values[1]) / 0.02
    np.testing.assert_allclose(actual, expected, 0.02, 0.02)


def gradient_of_inputs_is_no_slope(layer: Any, x: Any, x_other: Any) -> None:
    differs = True
    with contextlib.suppress(AssertionError):
        gradient_of_inputs_is_slope(layer, x, x_other)
        differs = False
    assert differs, "its gradients are the derivatives"


def gradient_of_weight_is_no_slope(layer: Any, x: Any, index: int) -> None:
    differs = True
    with contextlib.suppress(AssertionError):
        gradient_of_weight_is_slope(layer, x, index)
        differs = False
    assert differs, "its gradients are the derivatives"


def _wrong_slopes(subject: Subject, seed: int) -> dict[str, str]:
    layer = subject.run()[0]
    x = as_arguments(subject.inputs(seed=seed))
    # float32 where the constructor takes no dtype, and on JAX.
    double = keras.backend.backend() != "jax" and "dtype" in subject.config
    if double and is_float(subject.traits.input_dtype):
        twin = subject.clone_with_dtype("float64")
        wide: Any = keras.tree.map_structure(
            lambda leaf: leaf.astype("float64"), x
        )
        try:
            twin(*wide, training=False)
            twin.set_weights(layer.get_weights())
            return wrong_slopes(twin, wide, STEPS_OF_DOUBLE)
        except Exception:  # no float64 in this layer: another check says so
            pass
    return wrong_slopes(layer, x, STEPS)


def wrong_slopes(layer: Any, x: Any, steps: Any) -> dict[str, str]:
    """Compares gradients with slopes, each along one random direction."""
    of_inputs, of_weights = gradients(total, layer, x, [np.ones(())])
    draw = np.random.default_rng(1).uniform
    factors = [
        draw(0.5, 1.5, leaf.shape)
        for leaf in leaves(layer(*x, training=False))
        if is_float(leaf.dtype)
    ]
    weights = layer.trainable_weights
    values = [np.array(keras.ops.convert_to_numpy(w)) for w in weights]
    inputs = keras.tree.flatten(x)
    generator = np.random.default_rng(2)

    def total_at(step: float, moves: dict[int, np.ndarray]) -> float:
        moved = [
            (array + step * moves.get(i, 0)).astype(array.dtype)
            for i, array in enumerate([*inputs, *values])
        ]
        for weight, value in zip(weights, moved[len(inputs) :], strict=True):
            weight.assign(value)
        # As tensors: the torch backend makes float32 of float64 arrays.
        tensors = [
            keras.ops.convert_to_tensor(array, str(array.dtype))
            for array in moved[: len(inputs)]
        ]
        x_now: Any = keras.tree.pack_sequence_as(x, tensors)
        outputs = [
            leaf
            for leaf in leaves(layer(*x_now, training=False))
            if is_float(leaf.dtype)
        ]
        return sum(map(np.vdot, arrays(outputs), factors))

    places = [
        i for i, array in enumerate(inputs) if "float" in str(array.dtype)
    ]
    parts = {INPUTS: dict(zip(places, of_inputs, strict=True))}
    for i, weight in enumerate(weights, len(inputs)):
        parts[weight.path] = {i: of_weights[weight.path]}
    wrong = {}
    for name, found in parts.items():
        moves = {i: generator.normal(size=found[i].shape) for i in found}
        gradient = sum(np.vdot(found[i], moves[i]) for i in found)
        slopes = []
        for step, tolerance in steps:
            slope = (total_at(step, moves) - total_at(-step, moves)) / (
                2 * step
            )
            scale = max(1, abs(slope), abs(gradient))
            slopes.append(slope)
            if abs(slope - gradient) <= tolerance * scale:
                break
        else:
            wrong[name] = (
                f"the gradient of {name} is {gradient:.6g} along a direction "
                f"in which the outputs change by {slopes[-1]:.6g}"
            )
    total_at(0, {})  # the weights as they were
    return wrong


def _require_gradients(subject: Subject) -> None:
    layer, _, outputs = subject.run()
    if not any(is_float(leaf.dtype) for leaf in leaves(outputs)):
        raise CheckSkip("its outputs are not floats")
    if not layer.trainable_weights and not is_float(subject.traits.input_dtype):
        raise CheckSkip("neither weights nor inputs have gradients")
