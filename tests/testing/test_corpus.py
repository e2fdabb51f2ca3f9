"""The checks catch what they are there for, and nothing else."""

import contextlib
import io

import keras
import pytest

from keras_extras.testing import (
    CheckFailure,
    _example,
    check_layer,
    layer_checks,
)
from keras_extras.testing._runner import LAYER_CHECKS
from tests.testing.broken import Noise, Regularized, Simple, Weighted
from tests.testing.broken_layers import CORPUS
from tests.testing.healthy_layers import HEALTHY

BACKEND = keras.backend.backend()
HERE = [entry for entry in CORPUS if BACKEND in entry.only]
NEEDED = ("check_clone", "check_call")
TWINS = (Simple, Weighted, Noise, Regularized)


def cases(entries):
    """Returns the entries with ids; those that start a process are `full`."""
    return [
        pytest.param(
            entry,
            id=f"{entry.cls.__name__}-{entry.check}",
            marks=pytest.mark.full if entry.backends else (),
        )
        for entry in entries
    ]


def failure_of(entry, layer):
    """Returns what the check that is meant raises, those before it pass."""
    backends = [BACKEND if name == "here" else name for name in entry.backends]
    checks = dict(
        layer_checks(
            layer,
            input_shapes=entry.input_shapes,
            traits=entry.traits,
            backends=backends,
        )
    )
    for name in NEEDED:
        if name == entry.check:
            break
        checks[name]()
    with pytest.raises(CheckFailure) as caught:
        checks[entry.check]()
    return caught.value


def run_code(code, folder):
    """Runs code to paste, in an empty namespace and folder."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(code, {})


@pytest.mark.filterwarnings("ignore")  # what Keras thinks of broken layers
@pytest.mark.parametrize("entry", cases(HERE))
def test_a_broken_layer_is_caught(entry, tmp_path):
    layer = entry.make()
    failure = failure_of(entry, layer)
    assert str(failure)
    if entry.example:
        assert_fails(failure.example, tmp_path)
    if code := healthy_example(entry, failure.example):
        run_code(code, tmp_path)


def assert_fails(code, folder):
    """Runs code to paste, which shows the failure and is complete."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        run_code(code, folder)
    assert not isinstance(caught.value, NameError | SyntaxError), code


ONE_OF_EACH = list({entry.check: entry for entry in HERE}.values())
# Their failure is about the class that is already there.
OF_THE_CLASS = ("check_registered", "check_saving_in_a_fresh_process")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", cases(ONE_OF_EACH))
def test_the_code_of_a_class_of_a_notebook_is_complete(
    entry, tmp_path, monkeypatch
):
    if not entry.example or entry.backends or entry.check in OF_THE_CLASS:
        pytest.skip("its code needs a module")
    monkeypatch.setattr(_example, "is_importable", lambda cls: False)
    known = keras.saving.get_custom_objects()
    before = dict(known)
    try:
        code = failure_of(entry, entry.make()).example
        assert f"class {entry.cls.__name__}(" in code
        assert_fails(code, tmp_path)
    finally:
        known.update(before)


def healthy_example(entry, code):
    """Returns the example with a healthy layer in place of the broken one.

    Its twin, or its parent where the code asks for nothing of its own.
    """
    if not entry.example:
        return ""
    name = entry.cls.__name__
    twin = entry.twin or entry.cls.__mro__[1]
    line = f"from {entry.cls.__module__} import {name}\n"
    if line not in code or "traits" in vars(entry.cls):
        return ""
    if entry.twin is None and (
        twin not in TWINS
        or f"layer = {name}()" not in code
        or entry.check in NEEDS_TWIN
    ):
        return ""
    return code.replace(
        line, f"from {twin.__module__} import {twin.__name__} as {name}\n"
    )


# Their examples speak of arguments, methods and shapes of the layer.
NEEDS_TWIN = {
    "check_arguments_matter",
    "check_training_reaches_layers",
    "check_config_holds_arguments",
    "check_config_is_stable",
    "check_output_shape",
    "check_batch_sizes",
    "check_hooks",
}


def test_the_corpus_is_large_and_knows_every_check():
    assert len({entry.cls for entry in CORPUS}) >= 100
    meant = {entry.check for entry in CORPUS}
    names = {check.name for check in LAYER_CHECKS}
    assert meant == names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", cases(HERE[::12]))
def test_no_other_check_crashes(entry):
    assert_report(entry, entry.make())


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", cases(HERE))
def test_no_other_check_crashes_in_full(entry):
    assert_report(entry, entry.make())


def assert_report(entry, layer):
    if entry.backends:
        pytest.skip("starts a process for each check")
    results = check_layer(
        layer,
        input_shapes=entry.input_shapes,
        traits=entry.traits,
        backends=(),
        on_fail=None,
        max_examples=1,
    )
    found = {result.check: result for result in results}
    broken = next((name for name in NEEDED if found[name].exception), None)
    if broken in (None, entry.check):
        assert found[entry.check].status == "failed", str(results)
        assert found[entry.check].reason
    for result in results:
        # What the layer itself raises, Keras words.
        assert isinstance(result.exception, CheckFailure | None) or (
            f"{type(layer).__name__}.call()" in result.reason
        ), f"{result.check}: {result.reason}"
    assert type(layer).__name__ in str(results)


@pytest.mark.parametrize(
    ("cls", "shapes"), HEALTHY, ids=[cls.__name__ for cls, _ in HEALTHY]
)
def test_a_healthy_layer_passes(cls, shapes):
    results = check_layer(
        cls(),
        input_shapes=shapes,
        backends=(),
        on_fail=None,
        max_examples=1 if BACKEND == "jax" else 3,  # each compiles
    )
    assert not results.failed, str(results)
    assert len(results) == len(LAYER_CHECKS)


@pytest.mark.full
@pytest.mark.parametrize(
    ("cls", "shapes"), HEALTHY, ids=[cls.__name__ for cls, _ in HEALTHY]
)
def test_a_healthy_layer_passes_on_all_backends(cls, shapes):
    check_layer(cls(), input_shapes=shapes)
