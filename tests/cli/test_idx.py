"""The commands `keras-extras idx ...`, on thirty digits."""

import csv
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
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


# --- nothing is lost without a word -------------------------------------------


@given(
    labels=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
    dtype=st.sampled_from(["uint8", "uint16", "int32"]),
    channels=st.sampled_from([(), (1,), (2,), (3,), (4,)]),
)
@settings(max_examples=15)
def test_folders_give_back_labels_and_images(labels, dtype, channels):
    if dtype != "uint8" and channels:
        channels = (1,)
    most = 255 if dtype == "uint8" else 65_535
    random = np.random.default_rng(0)
    images = random.integers(0, most, (len(labels), 2, 3, *channels), dtype)
    images.flat[0] = most
    if channels == (1,):
        images = images[..., 0]  # a channel that PNG does not know
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/a.npz", images, labels)
        write_idx(f"{folder}/y", np.array(labels, "int32"))
        np.save(f"{folder}/x.npy", images)
        given = ("--labels", f"{folder}/y")
        assert run("convert", f"{folder}/x.npy", f"{folder}/png/", *given) == 0
        back = ("--labels", f"{folder}/z.idx")
        assert run("convert", f"{folder}/png", f"{folder}/b.npy", *back) == 0
        again = np.load(f"{folder}/b.npy")
        np.testing.assert_array_equal(again, images)
        assert again.dtype == ("uint8" if dtype == "uint8" else "uint16")
        assert read_idx(f"{folder}/z.idx").tolist() == labels
        if dtype == "uint8" or not channels:
            assert run("convert", f"{folder}/b.npy", f"{folder}/c.idx") == 0
            assert run("convert", f"{folder}/c.idx", f"{folder}/d/") == 0
            assert run("convert", f"{folder}/d/", f"{folder}/e.npy") == 0
            np.testing.assert_array_equal(np.load(f"{folder}/e.npy"), images)


@given(
    data=arrays(
        st.sampled_from(
            ["uint8", "int8", "int16", "int32", "float32", "float64"]
        ),
        st.tuples(st.integers(1, 4), st.integers(1, 3)),
        unique=False,
    ),
    form=st.sampled_from(["csv", "npy", "npz", "NPY", "NPZ", "CSV", "idx.gz"]),
    labels=st.sampled_from(["int8", "int32", "float64", None]),
)
@settings(max_examples=30)
def test_every_other_form_gives_back_the_array(data, form, labels):
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/x", f"{folder}/a.{form}"
        write_idx(source, data)
        to, back = [], []
        if labels and form.lower() in ("csv", "npz"):
            values = np.arange(-1, len(data) - 1).astype(labels)
            values = values / 3 if labels == "float64" else values
            write_idx(f"{folder}/y", values)
            to, back = ["--labels", f"{folder}/y"], ["--labels", f"{folder}/z"]
        assert run("convert", source, target, *to) == 0
        assert sorted(os.listdir(folder)) == sorted(
            ["x", f"a.{form}", *(["y"] if to else [])]
        )
        if form.lower() == "csv":
            back += ["--dtype", data.dtype.name, "--shape", str(data.shape[1])]
        assert run("convert", target, f"{folder}/again", *back) == 0
        again = read_idx(f"{folder}/again")
        np.testing.assert_array_equal(again, data)
        assert again.dtype == data.dtype
        if to:
            np.testing.assert_array_equal(read_idx(f"{folder}/z"), values)


def png(path, pixels, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(pixels))
    picture.convert(options.pop("mode", picture.mode)).save(
        path, format="PNG", **options
    )


def deep_color(path):
    """Writes a PNG of one pixel with 16 bits in each of three colors."""

    def chunk(kind, data):
        checked = kind + data
        return (
            struct.pack(">I", len(data))
            + checked
            + struct.pack(">I", zlib.crc32(checked))
        )

    Path(path).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">3H", 1, 2, 3)))
        + chunk(b"IEND", b"")
    )


def make_sources():
    """Writes what the refusals below begin from."""
    rows = np.zeros((3, 2, 2), "uint8")
    write_idx("x", rows)
    write_idx("float", rows.astype("float32"))
    write_idx("negative", rows.astype("int16") - 1)
    write_idx("y", np.array([-1, 5, 3], "int8"))
    write_idx("yf", np.array([0.5, 1.5, 0.5], "float32"))
    np.save("big.npy", np.array([2**31]))
    np.save("bool.npy", np.zeros((3, 2, 2), bool))
    np.save("none.npy", np.zeros((0, 2, 2), "uint8"))
    np.savez("wide.npz", np.zeros((1, 1)), np.array([2**53 + 1]))
    np.savez("xy.npz", rows, np.arange(3))
    for name in ("1", "01"):
        png(f"twice/{name}/0.png", rows[0])
        png(f"mixed/{name[-1:]}x/0.png", rows[0])
    png("mixed/7/0.png", rows[0])
    png("huge/2147483648/0.png", rows[0])
    png("depths/0.png", rows[0])
    png("depths/1.png", rows[0].astype("uint16"))
    Path("deep").mkdir()
    deep_color("deep/0.png")
    Path("full").mkdir()
    png("full/0.png", rows[0])
    png(
        "moving/0.png",
        rows[0],
        save_all=True,
        append_images=[Image.fromarray(rows[0] + 1)],
    )
    Path("cut").mkdir()
    Path("cut/0.png").write_bytes(Path("full/0.png").read_bytes()[:40])
    Path("empty.npy").touch()
    Path("text.npz").write_text("hello")
    Path("head.npy").write_bytes(Path("big.npy").read_bytes()[:60])
    Path("cut.npz").write_bytes(Path("xy.npz").read_bytes()[:200])
    Path("a.npz").write_bytes(Path("big.npy").read_bytes())
    Path("a.npy").write_bytes(Path("xy.npz").read_bytes())
    Path("empty.csv").touch()
    Path("names.csv").write_text("label,pixel\n")
    Path("far.csv").write_text("4294967301,1\n")
    Path("words.csv").write_text("a,b\n1,2\n3,x\n")
    Path("inf.csv").write_text("1,inf\n")
    Path("much.csv").write_text("1,1e300\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("yf out.idx --labels x", "holds one array. Leave out --labels"),
        ("x out.npy --labels y", "holds one array. Leave out --labels"),
        ("x out/ --labels yf", "called by whole numbers; these labels are"),
        ("float out/", "PNG files hold uint8 images"),
        ("negative out/", "PNG files hold uint8 images"),
        ("none.npy out/", "PNG files hold uint8 images"),
        ("bool.npy out/", "PNG files hold uint8 images"),
        ("none.npy out.csv", "is no table"),
        ("bool.npy out.csv", "cannot hold bool"),
        ("bool.npy out.idx", "array.dtype must be"),
        ("big.npy out.idx", "array.dtype must be"),
        ("wide.npz out.idx --labels out.y", "this name stands for none"),
        ("x full/", "is not empty"),
        ("x full", "is not empty"),
        ("x .", "the folder you are in"),
        ("x out.jpg", "this name stands for none of the forms"),
        ("x out.csv.gz", "this name stands for none of the forms"),
        ("x out.npy.gz", "this name stands for none of the forms"),
        ("xy.npz out.idx --labels out.txt", "this name stands for none"),
        ("xy.npz out.idx --labels out.idx", "cannot hold data and labels"),
        ("xy.npz out.jpg --labels out", "this name stands for none"),
        ("twice out.idx --labels out", "several subfolders are the same label"),
        ("mixed out.idx --labels out", "are numbers, which are their labels"),
        ("huge out.idx --labels out", "labels from 2147483648 to"),
        ("far.csv out.idx --labels out", "labels from 4294967301 to"),
        ("depths out.npy", "expected uint8, shape (2, 2), as in 0.png, found"),
        ("deep out.npy", "of 16-bit colors Pillow reads 8 bits"),
        ("moving out.npy", "it is animated"),
        ("cut out.npy", "not read as a PNG image"),
        ("empty.npy out.idx", "not a .npy file, or damaged"),
        ("head.npy out.idx", "not a .npy file, or damaged"),
        ("text.npz out.idx", "not an .npz archive, or damaged"),
        ("cut.npz out.idx", "not an .npz archive, or damaged"),
        ("a.npz out.idx", "not an .npz archive, or damaged"),
        ("a.npy out.idx", "not a .npy file, or damaged"),
        ("empty.csv out.idx", "expected lines of numbers, found none"),
        ("names.csv out.idx", "expected lines of numbers, found none"),
        ("words.csv out.idx", "could not convert string 'x'"),
        ("inf.csv out.idx", "column 2: expected a whole number"),
        ("much.csv out.idx --dtype float32", "found 1e+300"),
    ],
)  # fmt: skip
def test_what_would_be_lost_is_refused_before_it_is_written(
    words, reason, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    make_sources()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run("convert", *words.split()) == 1
    printed = capsys.readouterr()
    assert reason in printed.err
    assert len(printed.err.splitlines()) == 1
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert after == before


def test_no_dtype_of_csv_holds_both(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((1, 1)))
    np.save("y.npy", np.array([2**53 + 1]))
    assert run("convert", "x.npy", "a.csv", "--labels", "y.npy") == 1
    assert "no dtype of a table holds both" in capsys.readouterr().err
    np.save("x.npy", np.zeros((1, 1), "float32"))
    np.save("y.npy", np.array([2**24 + 1]))
    assert run("convert", "x.npy", "a.csv", "--labels", "y.npy") == 0
    assert Path("a.csv").read_text() == f"{2**24 + 1},0\n"


def test_pictures_are_read_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    gray = np.array([[0, 300], [65535, 7]], "uint16")
    png("a/10.PNG", gray)
    png("a/9.png", gray + 1)
    png("a/.9.png", np.zeros((7, 7), "uint8"))  # hidden: a draft, or Apple's
    Path("a/notes.txt").touch()
    assert run("convert", "a", "a.npy") == 0
    assert "a: left out 1 that are no images" in capsys.readouterr().err
    read = np.load("a.npy")
    assert read.dtype == np.uint16
    assert read.tolist() == [(gray + 1).tolist(), gray.tolist()]

    pixels = np.arange(4, dtype="uint8").reshape(2, 2)
    for mode, channels in (("LA", 2), ("RGBA", 4), ("P", 3)):
        png(f"{mode}/0.png", np.stack([pixels] * 3, -1), mode=mode)
        assert run("convert", mode, f"{mode}.npy") == 0
        assert np.load(f"{mode}.npy").shape == (1, 2, 2, channels)
    png("one/0.png", pixels > 1)
    png("clear/0.png", pixels, transparency=3)
    for name in ("one", "clear"):
        assert run("convert", name, f"{name}.npy") == 0
    assert np.load("one.npy").tolist() == [[[0, 0], [255, 255]]]
    assert np.load("clear.npy")[0].tolist() == [
        [[0, 255], [1, 255]],
        [[2, 255], [3, 0]],
    ]


def test_words_are_said_with_their_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("dog", "cat"):
        png(f"pets/{name}/0.png", np.zeros((2, 2), "uint8"))
    png("pets/0.png", np.zeros((2, 2), "uint8"))
    (tmp_path / "pets" / ".cache").mkdir()
    assert run("convert", "pets", "x", "--labels", "y") == 0
    printed = capsys.readouterr()
    assert "labels: 0 cat, 1 dog\n" in printed.out
    assert "left out 1" in printed.err
    assert read_idx("y").tolist() == [0, 1]


def test_a_folder_that_is_empty_is_filled(digits, tmp_path):
    (tmp_path / "out").mkdir()
    assert run("convert", "images-idx3-ubyte", "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 30
    assert not list(tmp_path.glob(".*"))


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
    assert run("head", "images-idx3-ubyte", "--output", "a.jpg") == 1
    assert "the picture is PNG" in capsys.readouterr().err


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
