"""Rows in front of definitions; the rows themselves are in `test_fast`."""

from typing import NamedTuple

import keras
import pytest

from keras_extras import ops
from keras_extras.ops import _operation as operation


class Plan(NamedTuple):
    factor: int


@pytest.fixture
def scale(monkeypatch):
    """A definition, without rows at first."""
    monkeypatch.setattr(operation, "ROWS", {})

    @operation.planned("scale")
    def scale(plan, inputs):
        return inputs * plan.factor

    return scale


def test_a_definition_runs_where_no_row_takes_the_plan(scale):
    assert scale(Plan(3), 2) == 6
    row = operation.Row("scale", lambda plan: plan.factor > 5, lambda *_: "row")
    operation.ROWS["scale"].append(row)
    assert scale(Plan(3), 2) == 6
    assert scale(Plan(6), 2) == "row"
    assert scale.__wrapped__(Plan(6), 2) == 12


def test_the_first_row_that_takes_a_plan_runs(scale):
    for name in "first", "second":
        operation.ROWS["scale"].append(
            operation.Row("scale", lambda plan: True, lambda *_, n=name: n)
        )
    assert scale(Plan(1), 2) == "first"


def test_symbolic_tensors_have_the_definition(scale):
    operation.ROWS["scale"].append(
        operation.Row("scale", lambda plan: True, lambda *_: "row")
    )
    inputs = keras.KerasTensor((None, 2))
    assert scale(Plan(3), inputs).shape == (None, 2)


def test_the_function_without_rows_has_the_signature_of_the_other():
    with_rows = {name for name, rows in operation.ROWS.items() if rows}
    for name in with_rows & set(ops.__all__):
        function = getattr(ops, name)
        assert function.__wrapped__.__doc__ == function.__doc__
