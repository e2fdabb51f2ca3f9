"""Runs the checks over a layer and says what came of it."""

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
from keras_extras.testing._subject import LayerTraits, Subject

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
    yield from _checks(
        CHECKS, layer, input_shapes, traits, max_examples, backends
    )


def _checks(
    checks, layer, input_shapes, traits, max_examples, backends
) -> Iterator[tuple[str, Callable[[], None]]]:
    subject = _subject(layer, input_shapes, traits, max_examples, backends)
    for check in checks:
        yield check.__name__, functools.partial(_quietly, check, subject)


def _quietly(check: Callable[[Subject], None], subject: Subject) -> None:
    """Runs a check; what Keras warns of in its course is not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(subject)


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
    return _check(
        CHECKS,
        layer,
        (input_shapes, traits, max_examples, backends),
        expected_failures,
        on_fail,
    )


def check_model(
    model: keras.Model | type[keras.Model],
    *,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_fail: str | None = "raise",
    max_examples: int = 5,
    backends: Sequence[str] | None = None,
) -> CheckResults:
    """Checks that a model keeps the promises that Keras models make.

    Most of what `check_layer` checks, since a model is a layer: among others,
    that the real constructor arguments survive saving and loading. Besides,
    that its sublayers are built, its summary is true, and that compile, fit,
    evaluate and predict work. For sequential, functional and subclassed
    models.

    Args:
        model: the model, or its class if that needs no arguments.
        input_shapes: see `check_layer`.
        traits: see `check_layer`.
        expected_failures: see `check_layer`.
        on_fail: see `check_layer`.
        max_examples: see `check_layer`.
        backends: see `check_layer`.

    Returns:
        A list of `CheckResult` that prints as a table.

    Raises:
        AssertionError: if a check failed and `on_fail="raise"`.
        ValueError: if an argument is not what it must be.
        TypeError: if `model` is not a Keras model.

    Examples:
        >>> results = keras_extras.testing.check_model(
        ...     keras_extras.models.MLP([4], 3),
        ...     input_shapes=(5,),
        ...     backends=(),
        ... )
        >>> results.failed
        []
    """
    if isinstance(model, type) and issubclass(model, keras.Model):
        try:
            model = model()
        except TypeError as error:
            raise TypeError(
                f"check_model: {model.__name__}() cannot be made without "
                f"arguments: {error}. Give an instance."
            ) from error
    if not isinstance(model, keras.Model):
        raise TypeError(
            "check_model: model must be a keras.Model. Received: "
            f"model={model!r}."
        )
    if input_shapes is None and getattr(model, "inputs", None):
        input_shapes = _known_shapes(model)
    return _check(
        MODEL_CHECKS,
        model,
        (input_shapes, traits, max_examples, backends),
        expected_failures,
        on_fail,
    )


def _known_shapes(model: keras.Model) -> Any:
    """Returns the input shapes of a functional model; unknown sizes are 8."""
    shapes = [
        tuple(8 if size is None else size for size in tensor.shape[1:])
        for tensor in model.inputs
    ]
    return shapes[0] if len(shapes) == 1 else shapes


def _check(checks, layer, options, expected_failures, on_fail) -> CheckResults:
    expected = dict(expected_failures or {})
    known = {check.__name__ for check in checks}
    if unknown := sorted(set(expected) - known):
        raise ValueError(
            "check_layer: expected_failures must have names of checks as "
            f"keys. Received: {unknown}. Known: {sorted(known)}."
        )
    if on_fail not in ("raise", "warn", None):
        raise ValueError(
            "check_layer: on_fail must be 'raise', 'warn' or None. "
            f"Received: on_fail={on_fail!r}."
        )
    results = run(
        type(layer).__name__, _checks(checks, layer, *options), expected
    )
    report(results, on_fail)
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


def report(results: CheckResults, on_fail: str | None) -> None:
    """Raises or warns, with the whole table, if there is a failure."""
    if results.failed and on_fail == "raise":
        raise CheckFailure(str(results)) from results.failed[0].exception
    if results.failed and on_fail == "warn":
        warnings.warn(str(results), stacklevel=4)


def _run_one(
    name: str, check: Callable[[], None], expected: str | None
) -> CheckResult:
    start = time.perf_counter()
    status, reason, example, exception = "passed", "", "", None
    try:
        check()
    except CheckSkip as skip:
        status, reason = "skipped", str(skip)
    except Exception as error:
        status, reason, exception = "failed", str(error), error
        example = getattr(error, "example", "")
        if not isinstance(error, CheckFailure):
            reason = f"{type(error).__name__}: {reason}"
    if expected is not None:
        if status == "failed":
            status, reason = "expected", f"{expected} ({reason})"
        elif status == "passed":
            status = "failed"
            reason = f"passes, though it is expected to fail: {expected}"
    seconds = time.perf_counter() - start
    return CheckResult(name, status, reason, example, seconds, exception)


def parametrize_with_layer_checks(
    layers: Sequence[keras.Layer],
    *,
    expected_failures: Callable[[keras.Layer], Mapping[str, str]] | None = None,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    max_examples: int = 20,
    backends: Sequence[str] | None = (),
):
    """Makes a pytest test of each check of each layer.

    Args:
        layers: layers, not built.
        expected_failures: function from a layer to the checks that it fails,
            with reasons; these are marked `xfail(strict=True)`.
        input_shapes: see `check_layer`; for all layers.
        traits: see `check_layer`; for all layers.
        max_examples: see `check_layer`.
        backends: see `check_layer`; here none by default, since a process for
            each test takes long.

    Returns:
        A decorator for a test function with the arguments `layer` and
        `check`, which calls `check(layer)`.

    Raises:
        ImportError: if pytest is not installed.

    Examples:
        >>> @keras_extras.testing.parametrize_with_layer_checks(
        ...     [keras.layers.Dense(3), keras.layers.ReLU()]
        ... )
        ... def test_layer(layer, check):
        ...     check(layer)
    """
    try:
        import pytest
    except ImportError as cause:
        raise ImportError(
            "parametrize_with_layer_checks needs pytest, which is not "
            "installed. Install it: pip install pytest"
        ) from cause

    def as_test(check):
        def run_check(layer):
            try:
                check()
            except CheckSkip as skip:
                pytest.skip(str(skip))

        return run_check

    cases = []
    for layer in layers:
        expected = dict(expected_failures(layer) if expected_failures else {})
        for name, check in layer_checks(
            layer,
            input_shapes=input_shapes,
            traits=traits,
            max_examples=max_examples,
            backends=backends,
        ):
            marks = ()
            if name in expected:
                marks = pytest.mark.xfail(reason=expected[name], strict=True)
            cases.append(
                pytest.param(
                    layer,
                    as_test(check),
                    id=f"{layer.name}-{name}",
                    marks=marks,
                )
            )
    return pytest.mark.parametrize(("layer", "check"), cases)


def _subject(layer, input_shapes, traits, max_examples, backends) -> Subject:
    if isinstance(layer, type):
        raise TypeError(
            "check_layer: layer must be an instance. Received the class "
            f"{layer.__name__}. Give an instance: {layer.__name__}(...)."
        )
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            "check_layer: layer must be a keras.layers.Layer. Received: "
            f"layer={layer!r}."
        )
    if not isinstance(max_examples, int) or max_examples < 1:
        raise ValueError(
            "check_layer: max_examples must be a positive integer. Received: "
            f"max_examples={max_examples!r}."
        )
    if traits is not None and not isinstance(traits, LayerTraits):
        raise TypeError(
            "check_layer: traits must be LayerTraits. Received: "
            f"traits={traits!r}."
        )
    subject = Subject(layer, input_shapes, traits, max_examples)
    subject.backends = _checks_process.resolve_backends(backends)
    return subject
