"""Runs the checks over a layer and says what came of it."""

import contextlib
import functools
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras

from keras_extras.testing import (
    _checks_batches,
    _checks_config,
    _checks_contract,
    _checks_gradients,
    _checks_model,
    _checks_numbers,
    _checks_process,
    _checks_saving,
    _checks_shapes,
    _checks_state,
    _checks_weights,
)
from keras_extras.testing._results import (
    CheckFailure,
    CheckResult,
    CheckResults,
    CheckSkip,
)
from keras_extras.testing._sample_shapes import SAMPLE_SHAPES, is_shape
from keras_extras.testing._subject import Subject
from keras_extras.testing._traits import LayerTraits

# The order in which they run: what others rest on comes first.
CHECKS: tuple[Callable[[Subject], None], ...] = (
    *_checks_config.CHECKS[:1],
    *_checks_shapes.CHECKS[:1],
    *_checks_config.CHECKS[1:],
    *_checks_saving.CHECKS,
    *_checks_shapes.CHECKS[1:],
    *_checks_batches.CHECKS,
    *_checks_numbers.CHECKS,
    *_checks_gradients.CHECKS,
    *_checks_state.CHECKS,
    *_checks_weights.CHECKS,
    *_checks_contract.CHECKS,
    *_checks_process.CHECKS,
)
# Promises of single layers: a model's layers keep them, each for itself.
_OF_LAYERS = (
    "check_data_formats",
    "check_dtype_policies",
    "check_gradients_are_derivatives",
    "check_half_precision_is_finite",
    "check_wrong_input",
)
MODEL_CHECKS = (
    *(check for check in CHECKS if check.__name__ not in _OF_LAYERS),
    *_checks_model.CHECKS,
)
# Without these, no other check can say anything.
NEEDED = tuple(check.__name__ for check in CHECKS[:2])


def layer_checks(
    layer: keras.Layer,
    *,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    max_examples: int = 20,
    backends: Sequence[str] | None = None,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields the checks of a layer: name, and a function to call.

    The function returns `None` if the promise is kept, raises `AssertionError`
    with what is wrong if not, and `CheckSkip` where the promise does not
    apply.

    Args:
        layer: the layer, not built; it is never called, its clones are.
        input_shapes: see `check_layer`.
        traits: see `check_layer`.
        max_examples: see `check_layer`.
        backends: see `check_layer`.

    Yields:
        `(name, function)`.

    Examples:
        >>> checks = dict(
        ...     keras_extras.testing.layer_checks(keras.layers.Dense(2))
        ... )
        >>> checks["check_clone"]()
    """
    options = (input_shapes, traits, max_examples, backends)
    yield from checks_of("layer_checks", CHECKS, layer, options)


def checks_of(
    who: str,
    checks: Sequence[Callable[[Subject], None]],
    layer: keras.Layer,
    options: tuple,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields checks of a layer, for the function that is called `who`."""
    subject = _subject(who, layer, *options)
    for check in checks:
        yield check.__name__, functools.partial(_quietly, check, subject)


def _quietly(check: Callable[[Subject], None], subject: Subject) -> None:
    """Runs a check: what the layer raises fails it, warnings do not show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check(subject)
        except CheckSkip:
            raise
        except CheckFailure as failure:
            failure.example = failure.example or _example_of(subject)
            raise
        except Exception as error:
            raise CheckFailure(
                f"{type(error).__name__}: {error}", _example_of(subject)
            ) from error


def _example_of(subject: Subject) -> str:
    """Returns code that calls the layer; `""` if that cannot be written."""
    with contextlib.suppress(Exception):
        return subject.example(subject.call_code())
    with contextlib.suppress(Exception):  # it takes no inputs of any shape
        shapes = subject.input_shapes or SAMPLE_SHAPES[0]
        several = isinstance(shapes, tuple) and not is_shape(shapes)
        return subject.example(f"layer({'*' if several else ''}x)", shapes)
    return ""


def check_layer(
    layer: keras.Layer,
    *,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_fail: str | None = "raise",
    max_examples: int = 20,
    backends: Sequence[str] | None = None,
) -> CheckResults:
    """Checks that a layer keeps the promises that Keras layers make.

    For any `keras.layers.Layer`, of this library or not: whether it can be
    cloned and saved, whether its shapes are true, its gradients right, its
    numbers the same compiled, in half precision and on another backend, and
    so on; "What each check means" in the documentation lists them. hypothesis
    and pytest are not needed.

    Args:
        layer: the layer, not built; it is never called, its clones are.
        input_shapes: shape of one sample without the batch, `(28, 28, 1)`; a
            list or dict of shapes for one structured input; a tuple of shapes
            for several positional arguments of `call`. `None`: usual shapes
            are tried until the layer takes one.
        traits: what the layer claims about itself. `None`: the class
            attribute `traits`, or the usual claims.
        expected_failures: for names of checks, the reason why they fail. One
            that passes all the same counts as failed: the reason is outdated.
        on_fail: `"raise"` an `AssertionError` with the whole table at the
            end, `"warn"`, or `None` to only return the results.
        max_examples: int >= 1. Input shapes tried per check.
        backends: names of the backends, each in its own process, on which the
            numbers must be the same. `None`: all that are installed. `()`:
            none, and no check that starts a process, which saves most of the
            time.

    Returns:
        A list of `CheckResult` that prints as a table.

    Raises:
        AssertionError: if a check failed and `on_fail="raise"`.
        ValueError: if an argument is not what it must be.
        TypeError: if `layer` is not a Keras layer.

    Examples:
        >>> results = keras_extras.testing.check_layer(
        ...     keras.layers.Dense(3), backends=()
        ... )
        >>> {result.status for result in results} <= {"passed", "skipped"}
        True

    References:
        The form is that of scikit-learn's `check_estimator`.
    """
    return check_all(
        "check_layer",
        CHECKS,
        layer,
        (input_shapes, traits, max_examples, backends),
        expected_failures,
        on_fail,
    )


def check_all(
    who: str,
    checks: Sequence[Callable[[Subject], None]],
    layer: keras.Layer,
    options: tuple,
    expected_failures: Mapping[str, str] | None,
    on_fail: str | None,
) -> CheckResults:
    """Runs checks over a layer, for the function that is called `who`."""
    expected = dict(expected_failures or {})
    known = {check.__name__ for check in checks}
    if unknown := sorted(set(expected) - known):
        raise ValueError(
            f"{who}: expected_failures must have names of checks as "
            f"keys. Received: {unknown}. Known: {sorted(known)}."
        )
    if on_fail not in ("raise", "warn", None):
        raise ValueError(
            f"{who}: on_fail must be 'raise', 'warn' or None. "
            f"Received: on_fail={on_fail!r}."
        )
    found = checks_of(who, checks, layer, options)
    results = run(type(layer).__name__, found, expected)
    if results.failed and on_fail == "raise":
        raise CheckFailure(str(results)) from results.failed[0].exception
    if results.failed and on_fail == "warn":
        warnings.warn(str(results), stacklevel=3)
    return results


def run(
    title: str,
    checks: Iterator[tuple[str, Callable[[], None]]],
    expected: Mapping[str, str],
) -> CheckResults:
    """Runs checks one after the other."""
    results = CheckResults(title)
    broken = ""
    for name, check in checks:
        if broken:
            result = CheckResult(name, "skipped", f"needs {broken}")
        else:
            result = _run_one(name, check, expected.get(name))
        results.append(result)
        if result.status in ("failed", "expected") and name in NEEDED:
            broken = name
    return results


def _run_one(
    name: str, check: Callable[[], None], expected: str | None
) -> CheckResult:
    start = time.perf_counter()
    status, reason, example, exception = "passed", "", "", None
    try:
        check()
    except CheckSkip as skip:
        status, reason = "skipped", str(skip)
    except CheckFailure as failure:
        status, reason, exception = "failed", str(failure), failure
        example = failure.example
    if expected is not None:
        if status == "failed":
            status, reason = "expected", f"{expected} ({reason})"
        elif status == "passed":
            status = "failed"
            reason = f"passes, though it is expected to fail: {expected}"
    seconds = time.perf_counter() - start
    return CheckResult(name, status, reason, example, seconds, exception)


def _subject(
    who, layer, input_shapes, traits, max_examples, backends
) -> Subject:
    if isinstance(layer, type):
        raise TypeError(
            f"{who}: layer must be an instance. Received the class "
            f"{layer.__name__}. Give an instance: {layer.__name__}(...)."
        )
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            f"{who}: layer must be a keras.layers.Layer. Received: "
            f"layer={layer!r}."
        )
    if not isinstance(max_examples, int) or max_examples < 1:
        raise ValueError(
            f"{who}: max_examples must be a positive integer. Received: "
            f"max_examples={max_examples!r}."
        )
    if traits is not None and not isinstance(traits, LayerTraits):
        raise TypeError(
            f"{who}: traits must be LayerTraits. Received: traits={traits!r}."
        )
    subject = Subject(layer, input_shapes, traits, max_examples)
    subject.backends = _checks_process.resolve_backends(backends)
    return subject
