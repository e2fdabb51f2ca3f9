"""Checks of dtypes and of numbers that are hard to hold."""

from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import difference, is_float, leaves

# Each with the rounding that two ways to the same number may differ by, of the
# largest number in the result: some hundred units of the last place.
POLICIES = {
    "float64": 1e-4,
    "float16": 0.02,
    "bfloat16": 0.1,
    "mixed_float16": 0.02,
    "mixed_bfloat16": 0.1,
}
# Of the inputs. At zero, an epsilon that is zero in float16 saves nothing.
FACTORS = (20, 300, 0)
# Positive, and many: no sum cancels.
POSITIVE, STEPS = 3000, 64


@check(of="layers")
def check_dtype_policies(subject: Subject) -> None:
    """Every dtype policy is obeyed: weights, outputs, and near numbers.

    Weights have the policy's variable dtype, outputs its compute dtype: one
    float32 constant in `call` makes all that follows float32, silently.

    Repair: make constants with the dtype of the input
    (`keras.ops.cast(value, x.dtype)`), or as Python numbers; no NumPy arrays
    in arithmetic with tensors.
    """
    _require_floats(subject)
    if "dtype" in subject.config:
        subject.verify(policy_is_taken, layer=subject.layer, policy="float16")
    unable = []
    for policy, tolerance in POLICIES.items():
        if policy == "float64" and keras.backend.backend() == "jax":
            continue  # JAX has no float64 unless the process is switched
        twin: Any = subject.clone_with_dtype(policy)
        allowed = [twin.compute_dtype]
        if policy == "float64" and not _keeps_float64():
            allowed.append("float32")
        action = f"policy {policy}"
        try:
            subject.verify(weights_obey_the_policy, action=action, layer=twin)
            subject.verify(
                outputs_obey_the_policy,
                action=action,
                layer=twin,
                allowed=allowed,
            )
            # Where the layer rounds, a number may fall to the other side.
            if subject.traits.deterministic and subject.traits.differentiable:
                subject.verify(
                    policies_agree,
                    action=action,
                    gap=f"{action} gives other numbers than float32:",
                    twin=twin,
                    rtol=tolerance,
                )
        except CheckFailure as failure:
            if not _has_no_kernel(failure):
                raise
            unable.append(policy)
    if len(unable) == len(POLICIES):
        raise CheckSkip(f"the backend has no kernel for {unable}")


def policy_is_taken(layer: Any, policy: str) -> None:
    twin = type(layer).from_config(layer.get_config() | {"dtype": policy})
    name = twin.dtype_policy.name
    assert name == policy, (
        f"made with dtype={policy!r} it has the policy {name}"
    )


def weights_obey_the_policy(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    for weight in layer.weights:
        if "float" in weight.dtype and weight.dtype != "float32":
            assert weight.dtype == layer.variable_dtype, (
                f"policy {layer.dtype_policy.name}: the weight {weight.name} "
                f"is {weight.dtype}, not {layer.variable_dtype}"
            )


def outputs_obey_the_policy(layer: Any, x: Any, allowed: list[str]) -> None:
    for output in keras.tree.flatten(layer(*x, training=False)):
        if output is None:
            continue
        dtype = keras.backend.standardize_dtype(output.dtype)
        assert "float" not in dtype or dtype in allowed, (
            f"policy {layer.dtype_policy.name}: the output is {dtype}, not "
            f"{allowed[0]}"
        )


def policies_agree(
    layer: Any, x: Any, twin: Any, rtol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    twin(*x, training=False)
    twin.set_weights(layer.get_weights())
    actual = to_numpy(twin(*x, training=False)).astype("float32")
    atol = rtol * np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(actual, expected, rtol, atol)


def _keeps_float64() -> bool:
    """Returns whether Keras keeps to float64; 3.15 does not on torch."""
    ones = keras.ops.ones((1, 1), "float64")
    product: Any = keras.ops.matmul(ones, ones)
    return keras.backend.standardize_dtype(product.dtype) == "float64"


def _has_no_kernel(failure: CheckFailure) -> bool:
    """Returns whether the framework lacks the operation in that dtype."""
    error = failure.__cause__
    text = f"{type(error).__name__} {error}".lower()
    return not isinstance(error, AssertionError) and any(
        phrase in text
        for phrase in (
            "not implemented for",
            "could not find device for node",
            "no opkernel",
            "notfounderror",
            "unsupported dtype",
            "is not in the list of allowed values",
            "has invalid type",
            "not supported",
        )
    )


@check(of="layers")
def check_half_precision_is_finite(subject: Subject) -> None:
    """What is finite in float32 and fits into float16 is finite there too.

    Inputs are 20 and 300 times larger than usual, positive and many, and zero:
    exponentials, squares and sums overflow in float16, and an epsilon below
    3e-8 is zero there.

    Repair: subtract the maximum before `exp`, scale before squaring, use a
    larger epsilon, or compute that step in float32.
    """
    _require_floats(subject)
    subject.require_deterministic()
    if subject.traits.input_range != (-1.0, 1.0):
        raise CheckSkip("its inputs have a range of their own")
    shapes = subject.shapes
    longer = map_shapes(
        lambda shape: (STEPS, *shape[1:]) if len(shape) > 1 else shape, shapes
    )
    try:
        subject.run(longer)
    except Exception:  # its number of steps is fixed
        longer = shapes
    for factor, positive, sizes in (
        *((factor, False, shapes) for factor in FACTORS),
        (POSITIVE, True, longer),
    ):
        layer, inputs, _ = subject.run(sizes)
        large = keras.tree.map_structure(
            lambda leaf, factor=factor: factor * leaf, inputs
        )
        try:
            subject.call(layer, large)
        except Exception:
            raise CheckSkip("it takes no large inputs") from None
        try:
            subject.verify(
                half_is_finite,
                half=subject.clone_with_dtype("mixed_float16"),
                shapes=sizes,
                factor=factor,
                positive=positive,
            )
        except CheckFailure as failure:
            if _has_no_kernel(failure):
                raise CheckSkip("the backend has no float16 kernel") from None
            raise


def half_is_finite(
    layer: Any,
    x: Any,
    half: Any,
    factor: int,
    to_numpy: Any,
    positive: bool = False,
) -> None:
    layer(*x, training=False)
    half(*x, training=False)
    half.set_weights(layer.get_weights())
    x_large: Any = keras.tree.map_structure(
        lambda leaf: factor * (abs(leaf) if positive else leaf), x
    )
    expected = to_numpy(layer(*x_large, training=False))
    actual = to_numpy(half(*x_large, training=False))
    lost = (np.abs(expected) < 3e4) & ~np.isfinite(actual)
    assert not lost.any(), (
        "in mixed_float16 the output is not finite where float32 gives "
        f"{expected[lost][0]:.4g}"
    )


@check()
def check_nan(subject: Subject) -> None:
    """A sample of NaN gives NaN, only in its own outputs, and none comes else.

    A layer that turns NaN into numbers hides that training has diverged; one
    that gives NaN with its initial weights never trains.

    Repair: compare with care: `maximum` and `max` of the backends do not all
    hand NaN on; declare `propagates_nan=False` if the layer clips on purpose.
    """
    _require_floats(subject)
    if not all(is_float(leaf.dtype) for leaf in leaves(subject.run()[2])):
        raise CheckSkip("its outputs are not floats")
    if not subject.traits.batch_independent:
        raise CheckSkip("its samples depend on each other by declaration")
    subject.verify(numbers_give_numbers, layer=subject.clone())
    layer, _, outputs = subject.run()
    others = subject.call(layer, subject.inputs(seed=1))
    if subject.traits.deterministic and not difference(outputs, others):
        raise CheckSkip("its outputs do not depend on the numbers it gets")
    propagates = subject.traits.propagates_nan
    subject.verify(nan_gives_nan, propagates=propagates)
    subject.verify(nan_stays_in_its_sample)


def numbers_give_numbers(layer: Any, x: Any, to_numpy: Any) -> None:
    nan = np.isnan(to_numpy(layer(*x, training=False))).any()
    assert not nan, "with its initial weights it gives NaN"


def nan_gives_nan(layer: Any, x: Any, propagates: bool) -> None:
    for leaf in keras.tree.flatten(x):
        leaf[:1] = np.nan
    outputs = keras.tree.flatten(layer(*x, training=False))
    sums: list[Any] = [
        keras.ops.sum(leaf[:1]) for leaf in outputs if leaf is not None
    ]
    found = any(map(np.isnan, map(float, sums)))
    assert found or not propagates, "a sample of NaN gives numbers"
    assert propagates or not found, (
        "it declares propagates_nan=False, but NaN comes through"
    )


def nan_stays_in_its_sample(layer: Any, x: Any, to_numpy: Any) -> None:
    for leaf in keras.tree.flatten(x):
        leaf[:1] = np.nan
    others = to_numpy(layer(*x, training=False))[1:]
    spread = np.isnan(others).any()
    assert not spread, "the NaN of one sample comes out in another one"


def _require_floats(subject: Subject) -> None:
    if not is_float(subject.traits.input_dtype):
        raise CheckSkip("its inputs are not floats")
