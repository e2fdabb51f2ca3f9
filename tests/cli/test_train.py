"""`demo` and `train`, on a tenth of a second's worth of data."""

import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from keras_extras import cli, datasets
from keras_extras.cli import _recipes, _training
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
    images = _training.load_images(folder)
    one = _recipes.find_recipe(name)
    data = _training.prepare(one, images, data_format=None, seed=0)
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
    images = _training.load_images()
    assert len(images.train_labels) == 8500
    assert len(images.test_labels) == 1500
    few = _training.Images(*(part[:40] for part in images[:4]), images.source)
    monkeypatch.setattr(_training, "load_images", lambda: few)

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
