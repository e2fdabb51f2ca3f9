"""The command, called as a function, on a tenth of a second's worth of data."""

import argparse
import gzip
import os
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from keras_extras import callbacks, cli, datasets
from keras_extras.cli import _main, _recipes, _train
from keras_extras.history import read_history
from tests.reports.test_page import Page

FILES = {"history.csv", "model.keras", "report.html"}


@pytest.fixture
def folder(tmp_path):
    """A folder of IDX files: 60 + 20 digits, three classes of them."""
    for kind, prefix, count in (("train", "train", 60), ("test", "t10k", 20)):
        images, labels = datasets.load_mnist(kind=kind)
        few = np.flatnonzero(labels < 3)[:count]
        images_path = tmp_path / f"{prefix}-images-idx3-ubyte"
        images, labels = images[few], labels[few]
        # The same image under two labels: no model gets both right.
        images[1], labels[1] = images[0], (labels[0] + 1) % 3
        datasets.write_idx(images_path, images)
        datasets.write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", labels)
    return tmp_path


def train(folder, output, name, *options):
    paths = ["--data", str(folder), "--output", str(output)]
    return cli.main(["train", name, *paths, "--epochs", "1", *options])


# --- train and demo ----------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp-15", "mlp-3-4-4-1"])
def test_train_leaves_everything_in_the_folder(folder, tmp_path, capsys, name):
    output = tmp_path / "new" / "output"
    assert train(folder, output, name, "--batch-size", "27") == 0
    record = f"{name}.jsonl"
    assert {path.name for path in output.iterdir()} == FILES | {record}
    (run,) = read_history(output / record).runs
    assert run["metadata"] == {"recipe": name, "seed": 0}

    printed = capsys.readouterr()
    assert (
        "60 training images, of which a part validates, and 20 to test with"
        in printed.out
    )
    assert "2/2" in printed.out  # Keras's progress bar: two batches of 54
    assert "val_accuracy" in printed.out
    assert "test accuracy" in printed.out

    history = pd.read_csv(output / "history.csv")
    assert history["model"].tolist() == [name]
    assert history["epoch"].tolist() == [1]

    loaded = keras.saving.load_model(output / "model.keras")
    images = _train.load_images(folder)
    one = _recipes.recipe(name)
    data = _train.prepare(one, images, data_format=None, seed=0)
    outputs = loaded.predict(data.test[0], verbose=0)
    assert outputs.shape == (20, 3 if name == "mlp-15" else 1)

    page = Page((output / "report.html").read_text(encoding="utf-8"))
    assert page.texts_of("h1") == [f"{name} on {folder.name}"]
    assert f"{name}: {one.title}" in page.texts_of("td")
    assert all(image["alt"] for image in page.images)
    assert str(tmp_path) not in "".join(text for _, text in page.texts)
    if name == "mlp-3-4-4-1":  # "1, not other" and "other, not 1"
        rows = [text for text in page.texts_of("th") if text in ("other", "1")]
        assert rows[:2] == ["other", "1"]
        assert "not 1, not" not in "".join(text for _, text in page.texts)


def test_the_demo_trains_both_models_on_the_sample(
    tmp_path, capsys, monkeypatch
):
    images = _train.load_images()
    assert len(images.train_labels) == 8500
    assert len(images.test_labels) == 1500
    few = _train.Images(*(part[:40] for part in images[:4]), images.source)
    monkeypatch.setattr(_train, "load_images", lambda: few)

    output = tmp_path / "output"
    assert cli.main(["demo", "--epochs", "1", "--output", str(output)]) == 0
    history = pd.read_csv(output / "history.csv")
    assert history["model"].tolist() == ["mlp", "convnet"]
    printed = capsys.readouterr().out
    assert "mlp: test accuracy" in printed
    assert "convnet: test accuracy" in printed
    page = Page((output / "report.html").read_text(encoding="utf-8"))
    assert page.texts_of("h1") == [
        "mlp and convnet on the embedded MNIST digits"
    ]
    assert "The model: mlp" in page.texts_of("h2")


def test_train_lists_the_recipes(capsys):
    assert cli.main(["train", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == len(_recipes.RECIPES)
    for line, (name, one) in zip(lines, _recipes.RECIPES.items(), strict=True):
        words = line.split()
        assert name in words
        assert str(one.epochs) in words
        assert len(line) <= 80


def test_another_backend_is_another_process(capsys, monkeypatch):
    """Keras has chosen its own by then, so the command is run again."""
    active = keras.backend.backend()
    other = "torch" if active != "torch" else "jax"
    ran = []

    def run(words, env):
        ran.append((words[1:], env["KERAS_BACKEND"]))
        return subprocess.CompletedProcess(words, 3)

    monkeypatch.setattr(subprocess, "run", run)
    argv = ["train", "mnist-512", "--backend", other, "--epochs", "2"]
    assert cli.main(argv) == 3
    assert ran == [(["-m", "keras_extras", *argv], other)]

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(argv) == 1
    assert f"'keras-extras[{other}]'" in capsys.readouterr().err


def test_a_model_that_reloads_otherwise_is_an_error(tmp_path, monkeypatch):
    model = _train.make_model("mlp-15", 10, (784,))
    x = np.ones((5, 784), "float32")
    data = _train.Data(*[(x, np.zeros(5, "int32"))] * 3)
    trained = _train.Trained("mlp-15", model, None, data, 1.0, 0.0)
    _train.save_model(tmp_path, trained)
    other = _train.make_model("mlp-15", 10, (784,))
    monkeypatch.setattr(keras.saving, "load_model", lambda path: other)
    with pytest.raises(RuntimeError, match="predicts otherwise"):
        _train.save_model(tmp_path, trained)


# --- history plot ------------------------------------------------------------


@pytest.fixture
def record(tmp_path):
    """The record of two epochs, with two metrics."""
    recorder = callbacks.HistoryRecorder(tmp_path / "run.jsonl")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((4, 1))
    model.fit(x, x, epochs=2, verbose=0, callbacks=[recorder])
    return tmp_path / "run.jsonl"


def test_history_plot(record, capsys):
    picture = record.with_suffix(".svg")
    argv = ["history", "plot", str(record), "-o", str(picture)]
    assert cli.main([*argv, "--metrics", "mae"]) == 0
    assert capsys.readouterr().out == f"{picture}\n"
    drawn = picture.read_text()
    assert "<!-- mae -->" in drawn
    assert "<!-- loss -->" not in drawn


def test_history_plot_says_what_is_wrong(record, capsys):
    argv = ["history", "plot", str(record)]
    assert cli.main([*argv, "--metrics", "f1"]) == 1
    assert "out of ['loss', 'mae']" in capsys.readouterr().err
    assert cli.main(["history", "plot", "missing.jsonl"]) == 1
    assert "missing.jsonl" in capsys.readouterr().err


# --- idx info ----------------------------------------------------------------


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
        f"  file    {size} bytes, gzip\n  values  -3 to 2\n"
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


# --- exit codes --------------------------------------------------------------


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


@pytest.mark.parametrize("package", ["matplotlib", "pandas"])
def test_a_missing_package_is_told_before_training(
    package, folder, tmp_path, capsys, monkeypatch
):
    for name in [*sys.modules]:
        if name.partition(".")[0] == package:
            monkeypatch.setitem(sys.modules, name, None)
    assert train(folder, tmp_path / "output", "mlp") == 1
    printed = capsys.readouterr()
    assert f"needs {package}" in printed.err
    assert "pip install" in printed.err
    assert "Training" not in printed.out


def test_stopping_is_a_failure_without_traceback(capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_train, "train_and_report", stop)
    assert cli.main(["demo"]) == 1
    assert capsys.readouterr().err == "keras-extras: stopped\n"


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

    found = list(options(_main._parser()))
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


# --- check -------------------------------------------------------------------


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
