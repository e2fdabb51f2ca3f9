"""How a check declares what it needs, and in which order checks run."""

import types

import pytest

from keras_extras.testing._check import Check, check, checks_in
from keras_extras.testing._runner import CHECKS, LAYER_CHECKS, MODEL_CHECKS


def named(name, needs=()):
    def function(subject):
        """Keeps it.

        Repair: nothing.
        """

    function.__name__ = name
    return Check(function, needs, "both")


def test_what_is_needed_comes_first_and_the_rest_as_it_is_written():
    module = types.SimpleNamespace(
        a=named("a", needs=("c",)), b=named("b"), c=named("c", needs=("d",))
    )
    more = types.SimpleNamespace(d=named("d"), other=3)
    assert [each.name for each in checks_in([module, more])] == list("dcab")


def test_a_name_that_no_check_has_is_an_error():
    with pytest.raises(KeyError, match="nobody"):
        checks_in([types.SimpleNamespace(a=named("a", needs=("nobody",)))])


def test_each_check_comes_after_what_it_needs():
    names = [each.name for each in CHECKS]
    assert names[:2] == ["check_clone", "check_call"]
    for each in CHECKS:
        before = names[: names.index(each.name)]
        assert set(each.needs) <= set(before), each.name


def test_a_check_says_what_it_is_for():
    assert {each.of for each in LAYER_CHECKS} == {"layers", "both"}
    assert {each.of for each in MODEL_CHECKS} == {"models", "both"}
    assert set(CHECKS) == {*LAYER_CHECKS, *MODEL_CHECKS}


def test_the_decorator_keeps_name_and_docstring():
    @check(needs=("check_clone",), of="models")
    def check_nothing(subject):
        """It does nothing."""

    assert check_nothing.name == "check_nothing"
    assert check_nothing.doc == "It does nothing."
    assert (check_nothing.needs, check_nothing.of) == (
        ("check_clone",),
        "models",
    )
