"""Checks of gradients: finite, everywhere, and the derivatives."""

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    gradients,
    is_float,
    leaves,
    numbers,
    to_numpy,
)


def check_gradients_are_finite(subject: Subject) -> None:
    """No gradient is NaN or infinite, at usual inputs and at zero.

    At zero, norms and roots have no derivative, and `where` does not hide it:
    the gradient of what is not chosen is still computed, and 0 * inf is NaN.

    Repair: put a small number under the root, or give `where` an argument
    that is harmless on both sides.
    """
    layer, inputs, outputs = _ready(subject)
    zeros = keras.tree.map_structure(np.zeros_like, inputs)
    for values, words, code in (
        (inputs, "usual inputs", "x"),
        (zeros, "inputs of zero", "keras.tree.map_structure(np.zeros_like, x)"),
    ):
        of_inputs, of_weights = _gradients(subject, layer, values, outputs)
        bad = [
            name
            for name, gradient in (
                *((f"input {i}", g) for i, g in enumerate(of_inputs)),
                *of_weights.items(),
            )
            if not np.isfinite(gradient).all()
        ]
        if bad:
            raise subject.failure(
                f"at {words} the gradient of {bad[0]} is not finite",
                _gradient_code(subject, code)
                + "assert all(np.isfinite(g).all() for g in "
                "[*of_inputs, *of_weights.values()])",
            )


def check_gradients_reach_weights(subject: Subject) -> None:
    """Every trainable weight gets a gradient that is not zero.

    A weight without one never learns: it is not used, or the path to it is
    cut by a comparison, a cast to integers or NumPy.

    Repair: use the weight in `call`, or make it `trainable=False`.
    """
    layer, _inputs, outputs = _ready(subject)
    if not layer.trainable_weights:
        raise CheckSkip("it has no trainable weights")
    missing = {weight.path for weight in layer.trainable_weights}
    for training, seed in ((False, 0), (True, 1), (True, 2)):
        values = subject.inputs(batch=4, seed=seed)
        outputs = subject.call(layer, values)
        _, of_weights = _gradients(subject, layer, values, outputs, training)
        missing -= {path for path, value in of_weights.items() if np.any(value)}
        if not missing:
            return
    raise subject.failure(
        f"no gradient reaches the trainable weight {min(missing)!r}",
        _gradient_code(subject, "x")
        + "assert all(np.any(g) for g in of_weights.values())",
    )


def check_gradients_are_derivatives(subject: Subject) -> None:
    """Gradients equal central differences, in float64 where there is one.

    Of inputs and of weights, each along random directions. A layer that
    declares `differentiable=False` must really be different.

    Repair: a hand-written gradient, a `stop_gradient`, or an operation that
    leaves its path (NumPy, a cast to integers).
    """
    subject.require_deterministic()
    layer, _, _ = _ready(subject)
    wrong = _wrong_slopes(subject, seed=0)
    if wrong and subject.traits.differentiable:
        # Other inputs too: the first may lie at a kink, as relu has.
        again = _wrong_slopes(subject, seed=4)
        wrong = {path: wrong[path] for path in wrong if path in again}
    if subject.traits.differentiable and wrong:
        path, words = next(iter(wrong.items()))
        index = (
            [one.path for one in layer.trainable_weights].index(path)
            if path
            else None
        )
        raise subject.failure(words, _slope_code(subject, index))
    if not subject.traits.differentiable and not wrong:
        raise subject.failure(
            "it declares differentiable=False, but its gradients are the "
            "derivatives",
            _slope_code(subject, None)
            + "\nraise AssertionError('the gradient is the slope')",
        )


def _wrong_slopes(subject: Subject, seed: int) -> dict[str, str]:
    """Returns what is wrong, by the path of the weight; `""`: the inputs."""
    layer = subject.run()[0]
    inputs = subject.inputs(seed=seed)
    outputs = subject.call(layer, inputs)
    # float32 where the constructor takes no dtype, and on JAX.
    double = keras.backend.backend() != "jax" and "dtype" in subject.config
    if double and is_float(subject.traits.input_dtype):
        twin = subject.clone_with_dtype("float64")
        wide = keras.tree.map_structure(
            lambda leaf: leaf.astype("float64"), inputs
        )
        try:
            subject.call(twin, wide)
            twin.set_weights([to_numpy(one) for one in layer.weights])
            outputs = subject.call(twin, wide)
            layer, inputs = twin, wide
        except Exception:  # no float64 in this layer: another check says so
            double = False
    else:
        double = False
    # Steps, each with the rounding it must allow for. The coarse ones also in
    # float64: Keras's matmul on torch (3.15) rounds to float32 there.
    steps = ((1e-2, 2e-2), (2e-3, 2e-2), (4e-2, 2e-2))
    if double:
        steps = ((1e-5, 1e-4), (1e-3, 2e-3), *steps)
    cotangents = _cotangents(outputs)
    of_inputs, of_weights = _gradients(subject, layer, inputs, outputs)
    generator = np.random.default_rng(2)

    def loss(values):
        # As tensors: the torch backend makes float32 of float64 arrays.
        values = keras.tree.map_structure(
            lambda leaf: keras.ops.convert_to_tensor(leaf, str(leaf.dtype)),
            values,
        )
        got = numbers(subject.call(layer, values, training=False))
        floats = [leaf for leaf in got if leaf.dtype.kind == "f"]
        return sum(
            float(np.sum(leaf.astype("float64") * cotangent))
            for leaf, cotangent in zip(floats, cotangents, strict=True)
        )

    def compare(name, told, shift):
        """`shift(t)`: the loss when moved by t along the direction."""
        for h, tolerance in steps:
            slope = (shift(h) - shift(-h)) / (2 * h)
            scale = max(1.0, abs(slope), abs(told))
            if abs(slope - told) <= tolerance * scale:
                return ""
        return f"the gradient of {name} is {told:.6g} along a direction in " + (
            f"which the outputs change by {slope:.6g}"
        )

    wrong = {}
    if of_inputs:
        direction = [
            generator.normal(size=leaf.shape)
            for leaf in leaves(inputs)
            if is_float(leaf.dtype)
        ]
        told = sum(
            float(np.sum(one * two))
            for one, two in zip(of_inputs, direction, strict=True)
        )

        def shift_inputs(amount):
            moves = iter(direction)
            return loss(
                keras.tree.map_structure(
                    lambda leaf: (
                        (leaf + amount * next(moves)).astype(leaf.dtype)
                        if is_float(leaf.dtype)
                        else leaf
                    ),
                    inputs,
                )
            )

        wrong[""] = compare("the inputs", told, shift_inputs)
    for weight in layer.trainable_weights:
        value = to_numpy(weight)
        move = generator.normal(size=value.shape)
        told = float(np.sum(of_weights[weight.path] * move))

        def shift_weight(amount, weight=weight, value=value, move=move):
            weight.assign((value + amount * move).astype(value.dtype))
            result = loss(inputs)
            weight.assign(value)
            return result

        wrong[weight.path] = compare(weight.path, told, shift_weight)
    return {path: words for path, words in wrong.items() if words}


def _slope_code(subject: Subject, index: int | None) -> str:
    """Compares the gradient of the inputs, or of one weight, with slopes."""
    if index is None:
        head = (
            "told = sum(np.sum(one * two) for one, two in "
            "zip(of_inputs, direction))\n\n"
            "def at(step):\n"
            "    y = keras.tree.pack_sequence_as(x, [\n"
            "        (one + step * move).astype(one.dtype) for one, move in\n"
            "        zip(keras.tree.flatten(x), direction)])\n"
            f"    return total({subject.call_code(inputs='y')})\n\n"
        )
        of = "of_inputs"
    else:
        head = (
            "told = np.sum(gradient * direction[0])\n\n"
            "def at(step):\n"
            "    weight.assign(value + step * direction[0])\n"
            f"    return total({subject.call_code()})\n\n"
        )
        of = "[gradient]"
    return (
        _gradient_code(subject, "x") + "def total(outputs):\n"
        "    return sum(float(keras.ops.sum(keras.ops.multiply(one, two)))\n"
        "               for one, two in\n"
        "               zip(keras.tree.flatten(outputs), cotangents))\n\n"
        + (
            ""
            if index is None
            else f"weight = layer.trainable_weights[{index}]\n"
            "value = keras.ops.convert_to_numpy(weight)\n"
            "gradient = of_weights[weight.path]\n"
        )
        + "generator = np.random.default_rng(2)\n"
        f"direction = [generator.normal(size=one.shape) for one in {of}]\n"
        + head
        + "slope = (at(1e-2) - at(-1e-2)) / 2e-2\n"
        "np.testing.assert_allclose(told, slope, rtol=0.02, atol=0.02)"
    )


def _ready(subject: Subject):
    layer, inputs, outputs = subject.run()
    if not any(is_float(leaf.dtype) for leaf in leaves(outputs)):
        raise CheckSkip("its outputs are not floats")
    if not layer.trainable_weights and not is_float(subject.traits.input_dtype):
        raise CheckSkip("neither weights nor inputs have gradients")
    return layer, inputs, outputs


def _cotangents(outputs) -> list[np.ndarray]:
    generator = np.random.default_rng(1)
    return [
        generator.uniform(0.5, 1.5, leaf.shape)
        for leaf in leaves(outputs)
        if is_float(leaf.dtype)
    ]


def _gradients(subject, layer, inputs, outputs, training=False):
    return gradients(
        lambda one, values: subject.call(one, values, training=training),
        layer,
        inputs,
        _cotangents(outputs),
    )


def _gradient_code(subject: Subject, inputs: str) -> str:
    return (
        "from keras_extras.testing import gradients\n\n"
        f"x = {inputs}\n"
        f"outputs = {subject.call_code()}\n"
        "generator = np.random.default_rng(1)\n"
        "cotangents = [\n"
        "    generator.uniform(0.5, 1.5, one.shape).astype('float32')\n"
        "    for one in keras.tree.flatten(outputs)]\n"
        "of_inputs, of_weights = gradients(\n"
        f"    lambda layer, x: {subject.call_code()}, layer, x, cotangents)\n"
    )


CHECKS = (
    check_gradients_are_finite,
    check_gradients_reach_weights,
    check_gradients_are_derivatives,
)
