"""The command line: exit codes, help, and what stands on stderr."""

import argparse
import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_extras import cli, datasets
from keras_extras.cli import _main, _training


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "mlp", "--data", "nowhere"],
        ["train", "mlp", "--data", __file__],
        ["demo", "--output", os.path.join(__file__, "below")],
    ],
)
def test_a_failure_is_one_line_and_1(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 1
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("keras-extras: ")
    assert "Traceback" not in printed.err
    assert list(tmp_path.iterdir()) == []


def test_stopping_is_a_failure_without_traceback(capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_training, "train_and_report", stop)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "keras-extras: stopped\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (AttributeError("no files"), "AttributeError: no files"),
        (MemoryError("1 TiB"), "MemoryError: 1 TiB"),
        (OverflowError(), "OverflowError:"),
        (ValueError("two\nlines"), "two lines"),
        (OSError(), "OSError"),
    ],
)
def test_whatever_happens_is_one_line(error, line, capsys, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(_training, "train_and_report", fail)
    assert cli.main(["demo"]) == 1
    assert capsys.readouterr().err == f"keras-extras: {line}\n"
    monkeypatch.setenv("KERAS_EXTRAS_TRACEBACK", "1")
    with pytest.raises(type(error)):
        cli.main(["demo"])


COMMAND = [sys.executable, "-m", "keras_extras"]
NUMPY = {**os.environ, "KERAS_BACKEND": "numpy"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("words", [["idx", "info"] + ["x"] * 3000, ["--help"]])
def test_a_reader_that_goes_ends_it_quietly(words, tmp_path):
    datasets.write_idx(tmp_path / "x", np.zeros(3, "uint8"))
    hear, said = os.pipe()
    os.close(hear)  # as `head` does when it has enough
    process = subprocess.run(
        [*COMMAND, *words],
        stdout=said,
        stderr=subprocess.PIPE,
        env={**NUMPY, "PYTHONPATH": os.getcwd()},
        cwd=tmp_path,
    )
    os.close(said)
    assert process.stderr == b""
    # argparse itself says nothing of a help that nobody reads.
    assert process.returncode in ((0, 141) if "--help" in words else (141,))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    "words",
    [
        "idx info pipe",
        "idx head pipe",
        "idx convert pipe x",
        "idx convert pipe.npy x",
        "idx convert pipe.csv x",
        "idx convert real pipe",
        "idx convert real pipe.npz",
        "history plot pipe.jsonl",
    ],
)
def test_a_named_pipe_is_refused(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    datasets.write_idx("real", np.zeros((2, 3, 3), "uint8"))
    for end in ("", ".npy", ".npz", ".csv", ".jsonl"):
        os.mkfifo(f"pipe{end}")
    assert cli.main(words.split()) == 1
    printed = capsys.readouterr()
    assert "is a named pipe" in printed.err
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["history"],
        ["history", "plot"],
        ["idx"],
        ["idx", "info"],
        ["train"],
        ["unknown"],
        ["demo", "--epochs", "0"],
        ["demo", "--epochs", "many"],
        ["demo", "--seed", "-1"],
        ["train", "resnet"],
        ["train", "mlp", "--backend", "theano"],
        ["train", "mlp", "--batch-size", "0"],
    ],
)
def test_a_wrong_command_line_is_2(argv, capsys):
    assert cli.main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "usage: keras-extras" in printed.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--help"], ["examples:", "Exit codes", "demo", "train", "idx"]),
        (["demo", "--help"], ["report.html", "--epochs", "--seed"]),
        (["train", "--help"], ["--data", "--list", "t10k-images-idx3-ubyte"]),
        (["idx", "info", "--help"], ["FILE", "compression"]),
        (["--version"], ["keras-extras 0."]),
    ],
)
def test_help_is_0_and_fits_into_80_columns(argv, words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(argv) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert all(word in printed.out for word in words)
    assert all(len(line) <= 80 for line in printed.out.splitlines())


def test_every_option_has_a_help():
    def options(parser):
        for action in parser._actions:
            yield action
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    yield from options(below)

    found = list(options(_main.make_parser()))
    assert len(found) > 10
    assert all(
        action.help or isinstance(action, argparse._SubParsersAction)
        for action in found
    )


def test_python_m_is_the_command():
    process = subprocess.run(
        [sys.executable, "-m", "keras_extras", "idx", "info", "missing"],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "keras-extras: " in process.stderr
    assert "missing" in process.stderr
    assert "Traceback" not in process.stderr


def test_idx_info(tmp_path, capsys):
    array = np.arange(-3, 3, dtype="int16").reshape(2, 3)
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    datasets.write_idx(plain.with_suffix(""), array)
    plain.with_suffix("").rename(plain)  # its name lies
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert cli.main(["idx", "info", str(plain), str(packed)]) == 0
    size = packed.stat().st_size
    assert capsys.readouterr().out == (
        f"{plain}\n  dtype   int16\n  shape   (2, 3)\n  data    12 bytes\n"
        "  file    24 bytes, plain\n  values  -3 to 2\n"
        f"{packed}\n  dtype   int16\n  shape   (2, 3)\n  data    12 bytes\n"
        f"  file    {size} bytes, packed\n  values  -3 to 2\n"
    )


def test_idx_info_goes_on_after_a_bad_file(tmp_path, capsys):
    good, bad = tmp_path / "good", tmp_path / "bad"
    datasets.write_idx(good, np.zeros((0, 2), "uint8"))
    bad.write_bytes(b"no idx")
    paths = [str(bad), str(tmp_path / "missing"), str(good)]
    assert cli.main(["idx", "info", *paths]) == 1
    printed = capsys.readouterr()
    assert "shape   (0, 2)" in printed.out
    first, second = printed.err.splitlines()
    assert first.startswith("keras-extras: ")
    assert str(bad) in first
    assert "missing" in second
