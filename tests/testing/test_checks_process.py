import importlib.util

import keras
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from keras_extras.testing._checks_process import BACKENDS, resolve_backends
from tests.testing.broken import Simple, Weighted
from tests.testing.broken_numbers import OtherOnEachBackend, with_settings

HERE = keras.backend.backend()


def test_none_is_every_backend_that_is_installed():
    found = resolve_backends(None)
    assert HERE in found
    assert all(importlib.util.find_spec(name) for name in found)
    assert resolve_backends(()) == ()


@pytest.mark.parametrize(
    "check",
    [
        "check_saving_in_a_fresh_process",
        "check_backends",
        "check_data_parallel",
    ],
)
def test_without_backends_no_process_is_started(check):
    with pytest.raises(CheckSkip):
        dict(layer_checks(Simple(), backends=()))[check]()


def test_a_local_class_is_in_no_other_process():
    class Local(Simple):
        pass

    checks = dict(layer_checks(Local(), backends=[HERE]))
    with pytest.raises(CheckSkip, match="put it into a module"):
        checks["check_saving_in_a_fresh_process"]()


@pytest.mark.full
def test_a_layer_is_the_same_in_other_processes():
    checks = dict(layer_checks(Weighted()))
    for name in (
        "check_saving_in_a_fresh_process",
        "check_backends",
        "check_data_parallel",
    ):
        checks[name]()


@pytest.mark.full
def test_the_last_line_of_the_other_process_is_told():
    checks = dict(layer_checks(with_settings(), backends=[HERE]))
    with pytest.raises(CheckFailure, match="special"):
        checks["check_saving_in_a_fresh_process"]()


@pytest.mark.full
def test_the_backend_that_differs_is_told():
    other = "jax" if HERE != "jax" else "torch"
    checks = dict(layer_checks(OtherOnEachBackend(), backends=[other]))
    with pytest.raises(CheckFailure, match=f"{other} against {HERE}"):
        checks["check_backends"]()


def test_the_names_of_backends():
    assert BACKENDS == ("tensorflow", "jax", "torch")
