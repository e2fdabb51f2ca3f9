"""The check of public types leaves out Keras's bases, and nothing else."""

import pytest

from tools import verify_types

MISSING = 'Type annotation for parameter "x" is missing'


def report_of(message, severity="error", **place):
    """Returns a report as pyright's, with one message about one name."""
    diagnostic = {"severity": severity, "message": message, **place}
    symbol = {"name": "keras_extras.Thing", "diagnostics": [diagnostic]}
    return {
        "generalDiagnostics": [],
        "typeCompleteness": {
            "symbols": [symbol],
            "exportedSymbolCounts": {
                "withKnownType": 3,
                "withAmbiguousType": 0,
                "withUnknownType": 1,
            },
            "completenessScore": 0.75,
        },
    }


@pytest.mark.parametrize(
    "message",
    [
        "Type of base class unknown",
        "Type of metaclass unknown",
        'Type of base class "keras_extras.layers._base.Layer" is partially '
        "unknown\n  Its base is unknown",
    ],
)
def test_bases_that_keras_does_not_type_are_left_out(message):
    assert list(verify_types.problems(report_of(message, file=""))) == []


@pytest.mark.parametrize(
    "message",
    [
        MISSING,
        "Return type annotation is missing",
        'Type of base class "builtins.list" is partially unknown',
        'Type unknown for variable "keras_extras.thing"',
    ],
)
def test_other_errors_are_problems(message):
    found = list(verify_types.problems(report_of(message, file="")))
    assert found == [f"keras_extras.Thing: {message}"]


def test_a_problem_is_one_line_that_says_where():
    report = report_of(
        f"{MISSING}\n  and more",
        file="/a/thing.py",
        range={"start": {"line": 6, "character": 4}},
    )
    found = list(verify_types.problems(report))
    assert found == [f"/a/thing.py:7:5: keras_extras.Thing: {MISSING}"]


def test_warnings_are_no_problems():
    report = report_of("No docstring found", severity="warning")
    assert list(verify_types.problems(report)) == []


def test_errors_about_no_name_are_problems():
    report = report_of("No docstring found", severity="warning")
    report["generalDiagnostics"] = [
        {"severity": "error", "message": "No py.typed file found"}
    ]
    found = list(verify_types.problems(report))
    assert found == ["keras_extras: No py.typed file found"]


@pytest.mark.parametrize(
    ("message", "code"), [(MISSING, 1), ("Type of metaclass unknown", 0)]
)
def test_the_exit_code_says_whether_there_are_problems(
    message, code, monkeypatch, capsys
):
    monkeypatch.setattr(
        verify_types, "verify", lambda: report_of(message, file="")
    )
    assert verify_types.main() == code
    output = capsys.readouterr().out
    assert "3 of 4 public symbols have a known type (score 75.0%)" in output
    assert (MISSING in output) == bool(code)
