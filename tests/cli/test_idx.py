"""The commands `keras-extras idx ...`, on thirty digits."""

import csv

import numpy as np
import pytest
from PIL import Image

from keras_extras import cli
from keras_extras.datasets import load_mnist, read_idx, write_idx


def run(*words):
    return cli.main(["idx", *map(str, words)])


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Thirty images and labels, without an 8 among them, in this folder."""
    monkeypatch.chdir(tmp_path)
    images, labels = load_mnist("train")
    few = np.flatnonzero(labels != 8)[:30]
    write_idx("images-idx3-ubyte", images[few])
    write_idx("labels-idx1-ubyte", labels[few])
    return images[few], labels[few]


@pytest.mark.parametrize(
    "form", ["a.npz", "a.csv", "folder/", "a.npy", "a.idx", "a.gz"]
)
@pytest.mark.parametrize("labeled", [False, True])
def test_images_survive_every_form(form, labeled, digits, capsys):
    alone = form in ("a.npy", "a.idx", "a.gz")
    given = ["--labels", "labels-idx1-ubyte"] if labeled and not alone else []
    taken = ["--labels", "again-labels"] if given else []
    shape = ["--shape", "28,28"] if form == "a.csv" else []

    assert run("convert", "images-idx3-ubyte", form, *given) == 0
    assert run("convert", form, "again", *taken, *shape) == 0
    images, labels = digits
    np.testing.assert_array_equal(read_idx("again"), images)
    if given:
        np.testing.assert_array_equal(read_idx("again-labels"), labels)
    assert "again: uint8, shape (30, 28, 28)" in capsys.readouterr().out


def test_other_programs_read_what_is_written(digits):
    images, labels = digits
    for form in ("a.npz", "a.csv", "folder/"):
        run(
            "convert",
            "images-idx3-ubyte",
            form,
            "--labels",
            "labels-idx1-ubyte",
        )
    with np.load("a.npz") as archive:
        np.testing.assert_array_equal(archive["x"], images)
        np.testing.assert_array_equal(archive["y"], labels)
    with open("a.csv", newline="") as file:
        rows = [[int(word) for word in row] for row in csv.reader(file)]
    assert rows[3] == [labels[3], *images[3].ravel()]
    with Image.open(f"folder/{labels[3]}/03.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), images[3])


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "int8"])
def test_numbers_survive_csv(dtype, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    array = (np.arange(-6, 6).reshape(4, 3) / 0.7).astype(dtype)
    write_idx("a", array)
    assert run("convert", "a", "a.csv") == 0
    assert run("convert", "a.csv", "b", "--dtype", dtype) == 0
    np.testing.assert_array_equal(read_idx("b"), array)
    assert read_idx("b").dtype == dtype


def test_csv_with_names_of_columns_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("label,p0,p1\n7,1,2\n9,3,4\n")
    assert run("convert", "a.csv", "b", "--labels", "c") == 0
    assert read_idx("b").tolist() == [[1, 2], [3, 4]]
    assert read_idx("c").tolist() == [7, 9]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["a.csv", "b"], "line 2, column 3: expected a whole number from 0"),
        (["a.csv", "b", "--shape", "2,2", "--dtype", "int32"], "found 3. If"),
        (["folder", "b"], "has the classes cat, dog; name a file"),
        (["empty/", "b"], "expected PNG files, found none"),
        (["two.npz", "b"], "expected 1 arrays, found p, q"),
        (["a.npy", "b/"], "PNG files hold uint8 images"),
        (["web", "b"], "a web page (HTML or XML)"),
        (["a.npy", "c.csv", "--labels", "three"], "one number for each item"),
        (["objects.npy", "b"], "allow_pickle=False"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_converted_is_named(
    words, reason, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("1,2,3\n4,5,256\n")
    (tmp_path / "web").write_text("<html>")
    np.save("a.npy", np.zeros((2, 2)))
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    np.savez("two.npz", p=np.zeros(1), q=np.zeros(1))
    write_idx("three", np.zeros(3, "uint8"))
    (tmp_path / "empty").mkdir()
    for kind in ("cat", "dog"):
        (tmp_path / "folder" / kind).mkdir(parents=True)
    assert run("convert", *words) == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-extras: ")
    assert reason in error
    assert not (tmp_path / "b").exists() or (tmp_path / "b").is_dir()


def test_classes_that_are_words_are_numbered_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for index, kind in enumerate(("dog", "cat", "dog")):
        (tmp_path / "pets" / kind).mkdir(parents=True, exist_ok=True)
        pixels = np.full((2, 3, 3), index, "uint8")
        Image.fromarray(pixels).save(f"pets/{kind}/{index}.png")
    assert run("convert", "pets", "x", "--labels", "y") == 0
    assert read_idx("y").tolist() == [1, 0, 1]
    assert read_idx("x").shape == (3, 2, 3, 3)
    Image.fromarray(np.zeros((5, 5), "uint8")).save("pets/cat/9.png")
    assert run("convert", "pets", "z", "--labels", "y") == 1


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_head_draws_the_first_images(dtype, digits, capsys):
    write_idx("some.gz", digits[0].astype(dtype))
    assert run("head", "some.gz", "--count", "12", "--output", "p.png") == 0
    assert "p.png: the first 12 of 30 images" in capsys.readouterr().out
    with Image.open("p.png") as picture:
        page = np.asarray(picture)
    assert page.shape == (2 * 60, 10 * 60)  # each pixel twice
    np.testing.assert_array_equal(page[2:58:2, 62:118:2], digits[0][1])
    np.testing.assert_array_equal(page[62:118:2, 62:118:2], digits[0][11])


def test_head_of_labels_is_refused(digits, capsys):
    assert run("head", "labels-idx1-ubyte") == 1
    assert "Labels have no picture" in capsys.readouterr().err
    assert run("head", "images-idx3-ubyte", "--count", "0") == 2


def test_verify_reads_every_file_and_compares_counts(digits, capsys, tmp_path):
    assert run("verify", ".") == 0
    assert capsys.readouterr().out.count("ok   ") == 2

    write_idx("t10k-images.idx3-ubyte.gz", digits[0])
    write_idx("t10k-labels.idx1-ubyte", digits[1][:29])
    whole = (tmp_path / "images-idx3-ubyte").read_bytes()
    (tmp_path / "cut-images-idx3-ubyte").write_bytes(whole[:-1])
    assert run("verify", ".") == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("ok   ") for line in lines) == 4
    bad = [line for line in lines if line.startswith("BAD  ")]
    assert len(bad) == 2
    assert "cut-images-idx3-ubyte: " in bad[0]
    assert "cut short or damaged" in bad[0]
    assert "29 labels for 30 images in t10k-images.idx3-ubyte.gz" in bad[1]


def test_verify_of_a_folder_without_files_fails(tmp_path, capsys):
    assert run("verify", tmp_path) == 1
    assert "found none" in capsys.readouterr().err
    assert run("verify", tmp_path / "missing") == 1
