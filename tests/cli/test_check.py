"""The command `check`."""

import sys

import pytest

from keras_extras import cli


def test_check_prints_a_table(capsys):
    words = "keras.layers:Dense(3, activation='tanh')"
    assert cli.main(["check", words, "--quick", "--shape", "4"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Dense: ")
    assert "passed   check_clone" in printed
    assert "no process is started" in printed


def test_check_fails_for_a_broken_layer(capsys, tmp_path, monkeypatch):
    (tmp_path / "home_made.py").write_text(
        "import keras\n\n\n"
        "class Forgetful(keras.layers.Layer):\n"
        "    def __init__(self, factor=2.0, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.factor = factor\n\n"
        "    def call(self, inputs):\n"
        "        return inputs * self.factor\n\n"
        "    def get_config(self):\n"
        "        return super(Forgetful, self).get_config() | {}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert cli.main(["check", "home_made:Forgetful(3.0)", "--quick"]) == 1
    printed = capsys.readouterr().out
    assert "failed" in printed
    assert "factor" in printed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("keras.layers", "has no colon"),
        ("keras.layers:Dense(", "is not MODULE:LAYER"),
        ("keras.layers:Dense(open('x'))", "with plain values"),
        ("keras.layers:Dance", "keras.layers has no Dance"),
        ("keras.layers:Dense", "cannot be made"),
        ("no_such_module:Dense", "No module named"),
    ],
)
def test_check_says_what_is_wrong(words, reason, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert cli.main(["check", words]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("what", ["os:getcwd", "math:pi", "keras:layers"])
def test_what_is_no_layer_is_named(what, capsys):
    assert cli.main(["check", what]) == 1
    printed = capsys.readouterr()
    assert "is no Keras layer or model, but a" in printed.err
    assert len(printed.err.splitlines()) == 1
