"""Messages in the terminal and the log, and what a notebook is."""

import sys
import types

import keras
import pytest

from keras_extras.callbacks import _output


def test_messages_go_to_the_log_if_keras_does_not_print(capsys, caplog):
    _output.say("one")
    keras.config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="keras_extras"):
            _output.say("two")
    finally:
        keras.config.enable_interactive_logging()
    assert capsys.readouterr().out == "one\n"
    assert [record.message for record in caplog.records] == ["two"]


@pytest.mark.parametrize("kernel", [True, False])
def test_a_notebook_is_told_by_its_kernel(monkeypatch, kernel):
    shell = types.SimpleNamespace(**({"kernel": 1} if kernel else {}))
    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: shell
    part = types.ModuleType("IPython.display")
    part.display = object()
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", part)
    assert _output.ipython_display() is (part.display if kernel else None)
