"""The command, called as a function, on a tenth of a second's worth of data."""

import argparse
import base64
import gzip
import os
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from keras_extras import _demo, cli, datasets
from tests.test_report import Page

FILES = {
    "samples.png",
    "confusion_matrix.png",
    "misclassified.png",
    "history.csv",
    "model.keras",
    "report.html",
}


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


def train(folder, output, *options):
    paths = ["--data", str(folder), "--output", str(output)]
    return cli.main(["train", *paths, "--epochs", "1", *options])


# --- train and demo ----------------------------------------------------------


@pytest.mark.parametrize("model", ["mlp", "convnet"])
def test_train_leaves_everything_in_the_folder(folder, tmp_path, capsys, model):
    output = tmp_path / "new" / "output"
    assert train(folder, output, "--model", model, "--batch-size", "32") == 0
    curves = f"learning_curves_{model}.png"
    assert {path.name for path in output.iterdir()} == FILES | {curves}

    printed = capsys.readouterr()
    assert "60 images to learn from and 20 to test with" in printed.out
    assert "2/2" in printed.out  # Keras's progress bar: two batches
    assert "val_accuracy" in printed.out
    assert "test accuracy" in printed.out

    history = pd.read_csv(output / "history.csv")
    assert history["model"].tolist() == [_demo.MODELS[model]]
    assert history["epoch"].tolist() == [1]

    loaded = keras.saving.load_model(output / "model.keras")
    images = datasets.load_mnist(folder, "test")[0]
    assert _demo.predict(loaded, images).shape == (20, 3)

    page = Page((output / "report.html").read_text(encoding="utf-8"))
    embedded = [base64.b64decode(link.split(",")[1]) for link in page.links]
    pictures = [path.read_bytes() for path in output.glob("*.png")]
    assert sorted(embedded) == sorted(pictures)
    assert all(png.startswith(b"\x89PNG") for png in embedded)
    assert all(image["alt"] for image in page.images)
    assert str(folder) in page.texts_of("h1")[0]


def test_the_demo_trains_both_models_on_the_sample(
    tmp_path, capsys, monkeypatch
):
    images = _demo.load_images()
    assert len(images.train_labels) == 8500
    assert len(images.test_labels) == 1500
    few = _demo.Images(*(part[:40] for part in images[:4]), images.source)
    monkeypatch.setattr(_demo, "load_images", lambda: few)

    output = tmp_path / "output"
    assert cli.main(["demo", "--epochs", "1", "--output", str(output)]) == 0
    history = pd.read_csv(output / "history.csv")
    assert history["model"].tolist() == ["MLP", "ConvNet"]
    printed = capsys.readouterr().out
    assert "MLP: test accuracy" in printed
    assert "ConvNet: test accuracy" in printed
    summary = (output / "report.html").read_text(encoding="utf-8")
    assert "MLP and ConvNet on the embedded MNIST digits" in summary


def test_the_same_seed_gives_the_same_training(folder):
    images = _demo.load_images(folder)
    histories = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        trained = _demo.train("mlp", images, epochs=1, batch_size=32)
        histories.append(trained.frame.to_dict())
    assert histories[0] == histories[1] != histories[2]


def test_without_mistakes_no_picture_of_mistakes_stays(tmp_path):
    images = _demo.load_images()
    images = _demo.Images(*(part[:5] for part in images[:4]), "five digits")
    (tmp_path / "misclassified.png").touch()
    perfect = np.eye(10)[images.test_labels]
    trained = _demo.Trained("Oracle", None, None, perfect, 1.0, 0.0)
    pictures = _demo.draw_mistakes(tmp_path, trained, images)
    assert [picture.file for picture in pictures] == ["confusion_matrix.png"]
    assert not (tmp_path / "misclassified.png").exists()


def test_a_model_that_reloads_otherwise_is_an_error(tmp_path):
    images = _demo.load_images()
    images = _demo.Images(*(part[:5] for part in images[:4]), "five digits")
    model = _demo.build_model("mlp", 10)
    wrong = np.eye(10)[images.test_labels]
    _demo.predict(model, images.test_images)
    trained = _demo.Trained("MLP", model, None, wrong, 1.0, 0.0)
    with pytest.raises(RuntimeError, match="predicts otherwise"):
        _demo.save_model(tmp_path, trained, images)


def test_unknown_model_is_refused():
    with pytest.raises(ValueError, match=r"one of \['mlp', 'convnet'\]"):
        _demo.build_model("resnet", 10)


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
        ["train", "--data", "nowhere"],
        ["train", "--data", __file__],
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
    assert train(folder, tmp_path / "output") == 1
    printed = capsys.readouterr()
    assert f"needs {package}" in printed.err
    assert "pip install" in printed.err
    assert "Training" not in printed.out


def test_stopping_is_a_failure_without_traceback(capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "train_and_report", stop)
    assert cli.main(["demo"]) == 1
    assert capsys.readouterr().err == "keras-extras: stopped\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["idx"],
        ["idx", "info"],
        ["train"],
        ["unknown"],
        ["demo", "--epochs", "0"],
        ["demo", "--epochs", "many"],
        ["demo", "--seed", "-1"],
        ["train", "--data", ".", "--model", "resnet"],
        ["train", "--data", ".", "--batch-size", "0"],
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
        (["train", "--help"], ["--data", "t10k-images-idx3-ubyte"]),
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

    found = list(options(cli._parser()))
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
