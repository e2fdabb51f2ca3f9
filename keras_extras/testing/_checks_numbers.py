"""Checks of dtypes and of numbers that are hard to hold."""

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    difference,
    is_float,
    leaves,
    numbers,
    to_numpy,
)

POLICIES = (
    "float64",
    "float16",
    "bfloat16",
    "mixed_float16",
    "mixed_bfloat16",
)
FACTORS = (20, 300)


def check_dtype_policies(subject: Subject) -> None:
    """Every dtype policy is obeyed: weights, outputs, and near numbers.

    Weights have the policy's variable dtype, outputs its compute dtype: one
    float32 constant in `call` makes all that follows float32, silently.

    Repair: make constants with the dtype of the input
    (`keras.ops.cast(value, x.dtype)`), or as Python numbers; no NumPy arrays
    in arithmetic with tensors.
    """
    _require_floats(subject)
    layer, inputs, outputs = subject.run()
    unable = []
    for name in POLICIES:
        if name == "float64" and keras.backend.backend() == "jax":
            continue  # JAX has no float64 unless the process is switched
        twin = subject.clone_with_dtype(name)
        head = (
            f"config = layer.get_config() | {{'dtype': {name!r}}}\n"
            f"layer = {subject.name}.from_config(config)\n"
            f"outputs = {subject.call_code()}\n"
        )
        body = (
            head + "for one in keras.tree.flatten(outputs):\n"
            "    dtype = keras.backend.standardize_dtype(one.dtype)\n"
            "    assert dtype == layer.compute_dtype"
        )
        try:
            subject.call(twin, inputs)
            values = [to_numpy(weight) for weight in layer.weights]
            twin.set_weights(values)
            got = subject.call(twin, inputs)
        except Exception as error:
            if _has_no_kernel(error):
                unable.append(name)
                continue
            raise subject.failure(
                f"policy {name} raises {type(error).__name__}: "
                f"{str(error)[:200]}",
                body,
            ) from error
        for weight in twin.weights:
            if is_float(weight.dtype) and weight.dtype not in (
                twin.variable_dtype,
                "float32",
            ):
                raise subject.failure(
                    f"policy {name}: the weight {weight.name} is "
                    f"{weight.dtype}, not {twin.variable_dtype}",
                    head + "for one in layer.weights:\n"
                    "    assert one.dtype == layer.variable_dtype",
                )
        for usual, leaf in zip(leaves(outputs), leaves(got), strict=True):
            dtype = keras.backend.standardize_dtype(leaf.dtype)
            wanted = {twin.compute_dtype}
            if name == "float64" and not _keeps_float64():
                wanted.add("float32")
            if is_float(usual.dtype) and dtype not in wanted:
                raise subject.failure(
                    f"policy {name}: the output is {dtype}, not "
                    f"{twin.compute_dtype}",
                    body,
                )
        if (
            not subject.traits.deterministic
            or not subject.traits.differentiable
        ):
            continue  # rounding may fall to the other side
        coarse = "float32" if name == "float64" else name.split("_")[-1]
        if words := difference(got, outputs, coarse):
            raise subject.failure(
                f"policy {name} gives other numbers than float32: {words}",
                f"expected = {subject.array_code()}\n"
                "weights = layer.get_weights()\n"
                f"config = layer.get_config() | {{'dtype': {name!r}}}\n"
                f"layer = {subject.name}.from_config(config)\n"
                f"{subject.call_code()}\nlayer.set_weights(weights)\n"
                f"got = {subject.array_code()}\n"
                "np.testing.assert_allclose(\n"
                "    got.astype('float32'), expected, atol=0.1)",
            )
    if len(unable) == len(POLICIES):
        raise CheckSkip(f"the backend has no kernel for {unable}")


def _keeps_float64() -> bool:
    """Tells whether Keras keeps to float64; 3.15 does not on torch."""
    one = keras.ops.ones((1, 1), "float64")
    dtype = keras.ops.matmul(one, one).dtype
    return keras.backend.standardize_dtype(dtype) == "float64"


def _has_no_kernel(error: Exception) -> bool:
    """Tells whether the framework lacks the operation in that dtype."""
    text = f"{type(error).__name__} {error}".lower()
    return any(
        words in text
        for words in (
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


def check_half_precision_is_finite(subject: Subject) -> None:
    """What is finite in float32 and fits into float16 is finite there too.

    Inputs are 20 and 300 times larger than usual: exponentials and squares of
    them overflow in float16.

    Repair: subtract the maximum before `exp`, scale before squaring, or
    compute that step in float32.
    """
    _require_floats(subject)
    subject.require_deterministic()
    if subject.traits.input_range != (-1.0, 1.0):
        raise CheckSkip("its inputs have a range of their own")
    layer, inputs, _ = subject.run()
    twin = subject.clone_with_dtype("mixed_float16")
    try:
        subject.call(twin, inputs)
        twin.set_weights([to_numpy(weight) for weight in layer.weights])
    except Exception as error:
        if _has_no_kernel(error):
            raise CheckSkip("the backend has no float16 kernel") from None
        raise
    for factor in FACTORS:
        large = keras.tree.map_structure(
            lambda leaf, factor=factor: factor * leaf, inputs
        )
        try:
            full = numbers(subject.call(layer, large))
        except Exception:
            raise CheckSkip("it takes no large inputs") from None
        found = _overflows(numbers(subject.call(twin, large)), full)
        if found is not None:
            raise subject.failure(
                "in mixed_float16 the output overflows where float32 gives "
                f"{found:.4g}",
                "config = layer.get_config() | {'dtype': 'mixed_float16'}\n"
                f"half = {subject.name}.from_config(config)\n"
                f"{subject.call_code()}, {subject.call_code('half')}\n"
                "half.set_weights(layer.get_weights())\n"
                "x = keras.tree.map_structure(\n"
                f"    lambda leaf: {factor} * leaf, x)\n"
                f"full = {subject.array_code()}\n"
                f"half = {subject.array_code('half')}\n"
                "assert np.isfinite(half[np.abs(full) < 3e4]).all()",
            )


def _overflows(halves: list, fulls: list) -> float | None:
    """Returns the first number that is finite in float32 only."""
    for half, full in zip(halves, fulls, strict=True):
        fits = np.isfinite(full) & (np.abs(full) < 3e4)
        lost = fits & ~np.isfinite(half)
        if half.dtype.kind == "f" and lost.any():
            return float(full[lost][0])
    return None


def check_nan(subject: Subject) -> None:
    """A sample of NaN gives NaN, and only in its own outputs.

    A layer that turns NaN into numbers hides that training has diverged.

    Repair: compare with care: `maximum` and `max` of the backends do not all
    hand NaN on; declare `propagates_nan=False` if the layer clips on purpose.
    """
    _require_floats(subject)
    layer, inputs, outputs = subject.run()
    if not all(is_float(leaf.dtype) for leaf in leaves(outputs)):
        raise CheckSkip("its outputs are not floats")
    if not subject.traits.batch_independent:
        raise CheckSkip("its samples depend on each other by declaration")

    def poison(leaf):
        leaf = leaf.copy()
        leaf[:1] = np.nan
        return leaf

    got = numbers(subject.call(layer, keras.tree.map_structure(poison, inputs)))
    came = any(np.isnan(leaf[:1]).any() for leaf in got)
    head = (
        "def poison(leaf):\n    leaf = leaf.copy()\n    leaf[:1] = np.nan\n"
        "    return leaf\n\n"
        "x = keras.tree.map_structure(poison, x)\n"
        f"outputs = {subject.array_code()}\n"
    )
    if came != subject.traits.propagates_nan:
        raise subject.failure(
            "a sample of NaN gives numbers"
            if subject.traits.propagates_nan
            else "it declares propagates_nan=False, but NaN comes through",
            head + f"assert np.isnan(outputs[:1]).any() == "
            f"{subject.traits.propagates_nan}",
        )
    if any(np.isnan(leaf[1:]).any() for leaf in got):
        raise subject.failure(
            "the NaN of one sample comes out in another one",
            head + "assert not np.isnan(outputs[1:]).any()",
        )


def _require_floats(subject: Subject) -> None:
    if not is_float(subject.traits.input_dtype):
        raise CheckSkip("its inputs are not floats")


CHECKS = (
    check_dtype_policies,
    check_half_precision_is_finite,
    check_nan,
)
