"""Each section of the page, read back as text."""

import keras
import numpy as np
import pandas as pd
import pytest

import keras_extras
from keras_extras.reports import _sections as sections
from keras_extras.reports._outcome import Classes, Numbers
from tests.reports.test_page import Page

NAMES = ["cat", "dog <3>"]
TEST = Classes(
    np.array([0, 1, 1, 0]),
    np.array([0, 0, 1, 1]),
    np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]),
)
PICTURES = np.arange(4 * 6, dtype="uint8").reshape(4, 2, 3)


def page(parts):
    return Page("\n".join(parts))


def test_curves_have_a_picture_per_model_and_metric():
    frame = pd.DataFrame(
        {"loss": [2.0, 1.0], "val_loss": [3.0, 4.0], "f1": [0.1, 0.2]},
        index=pd.Index([1, 2], name="epoch"),
    )
    frame["note"] = ["text", "is no curve"]
    frame["never"] = np.nan
    read = page(sections.curves([("a", frame), ("b", frame), ("c", None)]))
    alts = [image["alt"] for image in read.images]
    assert alts == [
        "loss of a over 2 epochs. At the end: loss 1, val_loss 4.",
        "f1 of a over 2 epochs. At the end: f1 0.2.",
        "loss of b over 2 epochs. At the end: loss 1, val_loss 4.",
        "f1 of b over 2 epochs. At the end: f1 0.2.",
    ]


@pytest.mark.parametrize("frame", [None, pd.DataFrame()], ids=["none", "empty"])
def test_without_a_history_a_sentence_says_so(frame):
    read = page(sections.curves([("a", frame)]))
    assert read.texts_of("p") == ["There is no record of the training."]
    assert list(sections.epochs("", frame)) == []


def test_epochs_show_every_number():
    frame = pd.DataFrame({"loss": [2.0, np.nan]}, index=[3, 4])
    read = page(sections.epochs("a", frame))
    assert read.texts_of("h2") == ["Epoch by epoch: a"]
    assert read.texts_of("th") == ["epoch", "loss", "3", "4"]
    assert read.texts_of("td") == ["2.0000"]


def test_confusions_count_and_tell_each_class():
    read = page(sections.confusions(TEST, NAMES))
    assert read.images[0]["alt"] == "Confusion matrix: 2 of 4 right."
    assert read.texts_of("td") == ["2", "0.5000", "0.5000"] * 2
    many = [str(number) for number in range(101)]
    assert page(sections.confusions(TEST, many)).images == []


def test_mistakes_are_pictures_or_lines():
    read = page(sections.mistakes(TEST, NAMES, PICTURES, 24))
    words = ["dog <3>, not cat (70%)", "cat, not dog <3> (60%)"]
    assert [image["alt"] for image in read.images] == words
    assert "Mistakes, all 2," in read.texts_of("p")[-1]

    read = page(sections.mistakes(TEST, NAMES, None, 1))
    assert read.images == []
    assert read.texts_of("td") == ["dog <3>", "cat", "0.7000"]
    assert "Mistakes, 1 of 2," in read.texts_of("figcaption")[0]


def test_without_mistakes_a_sentence_says_so():
    perfect = TEST._replace(guess=TEST.true)
    read = page(sections.mistakes(perfect, NAMES, PICTURES, 24))
    assert read.texts_of("p") == ["Nothing, on this data."]


def test_examples_need_pictures():
    read = page(sections.examples(TEST, NAMES, PICTURES))
    assert [image["alt"] for image in read.images] == NAMES
    assert list(sections.examples(TEST, NAMES, None)) == []


def test_worst_begins_with_the_largest_error():
    test = Numbers(np.array([[0.0], [5.0]]), np.array([[1.0], [2.5]]))
    read = page(sections.worst(test))
    assert read.texts_of("th") == [
        "example", "predicted", "true", "error", "1", "0",
    ]  # fmt: skip
    assert read.texts_of("td") == [
        "2.5000", "5.0000", "2.5000", "1.0000", "0.0000", "1.0000",
    ]  # fmt: skip


def test_layers_are_drawn_and_counted():
    model = keras.Sequential(
        [
            keras.Input((6, 5, 1)),
            keras.layers.Conv2D(2, 3),  # 20 parameters; 4 * 3 * 2 * 9 products
            keras.layers.Flatten(),
            keras.layers.Dense(3),  # 24 * 3 + 3
        ]
    )
    x = np.zeros((7, 6, 5, 1))
    read = page(sections.layers(model, "The model", x))
    assert read.images[0]["alt"] == "Drawing of: Conv2D, Flatten, Dense."
    cells = read.texts_of("td")
    assert cells[:4] == ["Conv2D", "4 x 3 x 2", "20", "216"]
    assert cells[-2:] == ["95", "288"]
    assert "95 of the parameters are trained." in read.texts_of("figcaption")[0]
    text = "\n".join(sections.layers(model, "The model", x))
    assert '<figure class="drawing">' in text
    assert '<table class="layers">' in text


def test_a_model_that_cannot_be_traced_is_printed(monkeypatch):
    def fail(*args):
        raise TypeError("a tensor is needed here")

    monkeypatch.setattr(keras_extras.inspection, "summary_frame", fail)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    read = page(sections.layers(model, "The model", np.zeros((1, 2))))
    assert "Total params: 9" in read.texts_of("pre")[0]
    assert read.images == []
