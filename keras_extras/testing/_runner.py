"""Runs the checks over a layer and says what came of it."""

import contextlib
import functools
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras

from keras_extras.testing import (
    _checks_arguments,
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
from keras_extras.testing._check import Check, checks_in
from keras_extras.testing._results import (
    CheckFailure,
    CheckResult,
    CheckResults,
    CheckSkip,
)
from keras_extras.testing._sample_shapes import SAMPLE_SHAPES
from keras_extras.testing._subject import Subject
from keras_extras.testing._traits import LayerTraits

CHECKS = checks_in(
    (
        _checks_config,
        _checks_arguments,
        _checks_saving,
        _checks_shapes,
        _checks_batches,
        _checks_numbers,
        _checks_gradients,
        _checks_state,
        _checks_weights,
        _checks_contract,
        _checks_process,
        _checks_model,
    )
)
LAYER_CHECKS = tuple(check for check in CHECKS if check.of != "models")
# A model's layers keep the promises of single layers, each for itself.
MODEL_CHECKS = tuple(check for check in CHECKS if check.of != "layers")


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
    subject = make_subject(
        "layer_checks", layer, input_shapes, traits, max_examples, backends
    )
    for check in LAYER_CHECKS:
        yield check.name, functools.partial(run_check, check, subject)


def run_check(check: Check, subject: Subject) -> None:
    """Runs a check: what the layer raises fails it, warnings do not show."""
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        try:
            check(subject)
        except CheckSkip:
            raise
        except CheckFailure as failure:
            failure.example = failure.example or _example_of_a_call(subject)
            raise
        except Exception as error:
            raise CheckFailure(
                f"{type(error).__name__}: {error}", _example_of_a_call(subject)
            ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TensorFlow from logging what it traces again and where it saves."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def call(layer: Any, x: Any) -> None:
    layer(*x, training=False)


def _example_of_a_call(subject: Subject) -> str:
    """Returns code that calls the layer; `""` if that cannot be written."""
    for shapes in (None, subject.input_shapes, SAMPLE_SHAPES[0]):
        with contextlib.suppress(Exception):  # it takes no inputs of any shape
            return subject.example(call, shapes=shapes)
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
    subject = make_subject(
        "check_layer", layer, input_shapes, traits, max_examples, backends
    )
    return check_all(
        "check_layer", LAYER_CHECKS, subject, expected_failures, on_fail
    )


def check_all(
    owner: str,
    checks: Sequence[Check],
    subject: Subject,
    expected_failures: Mapping[str, str] | None,
    on_fail: str | None,
) -> CheckResults:
    """Runs checks over a layer, for the function `owner`."""
    expected = dict(expected_failures or {})
    known = {check.name for check in checks}
    if unknown := sorted(set(expected) - known):
        raise ValueError(
            f"{owner}: expected_failures must have names of checks as "
            f"keys. Received: {unknown}. Known: {sorted(known)}."
        )
    if on_fail not in ("raise", "warn", None):
        raise ValueError(
            f"{owner}: on_fail must be 'raise', 'warn' or None. "
            f"Received: on_fail={on_fail!r}."
        )
    results = CheckResults(subject.name)
    broken: set[str] = set()
    for check in checks:
        if missing := [name for name in check.needs if name in broken]:
            reason = f"needs {missing[0]}"
            result = CheckResult(check.name, "skipped", reason)
        else:
            result = _result(check, subject, expected.get(check.name))
        results.append(result)
        blocked = result.reason.startswith("needs ")  # there is no clone
        if blocked or result.status in ("failed", "expected"):
            broken.add(check.name)
    if results.failed and on_fail == "raise":
        raise CheckFailure(str(results)) from results.failed[0].exception
    if results.failed and on_fail == "warn":
        warnings.warn(str(results), stacklevel=3)
    return results


def _result(
    check: Check, subject: Subject, expected: str | None
) -> CheckResult:
    start = time.perf_counter()
    status, reason, example, exception = "passed", "", "", None
    try:
        run_check(check, subject)
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
    return CheckResult(check.name, status, reason, example, seconds, exception)


def make_subject(
    owner: str,
    layer: Any,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    max_examples: int = 20,
    backends: Sequence[str] | None = None,
) -> Subject:
    """Returns the subject of the checks, for the function `owner`."""
    if isinstance(layer, type):
        raise TypeError(
            f"{owner}: layer must be an instance. Received the class "
            f"{layer.__name__}. Give an instance: {layer.__name__}(...)."
        )
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            f"{owner}: layer must be a keras.layers.Layer. Received: "
            f"layer={layer!r}."
        )
    if not isinstance(max_examples, int) or max_examples < 1:
        raise ValueError(
            f"{owner}: max_examples must be a positive integer. Received: "
            f"max_examples={max_examples!r}."
        )
    if traits is not None and not isinstance(traits, LayerTraits):
        raise TypeError(
            f"{owner}: traits must be LayerTraits. Received: traits={traits!r}."
        )
    subject = Subject(layer, input_shapes, traits, max_examples)
    subject.backends = _checks_process.resolve_backends(backends)
    return subject
