from collections import Counter

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from keras_extras.plotting import ConfusionMatrixDisplay

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1)
MATRIX = [[90, 2, 0], [7, 80, 1], [0, 0, 1000]]


def texts(display):
    return [[text.get_text() for text in row] for row in display.text_]


# --- definition --------------------------------------------------------------


@given(pairs)
def test_counts(pairs):
    true, guess = zip(*pairs, strict=True)
    matrix = ConfusionMatrixDisplay.from_predictions(true, guess).matrix
    assert matrix.shape == (max(true + guess) + 1,) * 2
    counted = Counter(pairs)
    for (row, column), count in np.ndenumerate(matrix):
        assert count == counted[row, column]


@given(pairs, st.sampled_from(["true", "pred", "all"]))
def test_fractions(pairs, normalize):
    true, guess = zip(*pairs, strict=True)
    matrix = ConfusionMatrixDisplay.from_predictions(
        true, guess, normalize=normalize
    ).matrix
    counted = Counter(pairs)
    for (row, column), fraction in np.ndenumerate(matrix):
        of = {
            "true": true.count(row),
            "pred": guess.count(column),
            "all": len(pairs),
        }[normalize]
        if of:
            assert fraction == counted[row, column] / of
        else:
            assert np.isnan(fraction)


def test_probabilities_and_one_hot_rows_are_classes():
    one_hot = [[1, 0, 0], [0, 1, 0]]
    probabilities = [[0.2, 0.7, 0.1], [0.1, 0.8, 0.1]]
    display = ConfusionMatrixDisplay.from_predictions(one_hot, probabilities)
    assert display.matrix.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_class_names_set_the_number_of_classes():
    display = ConfusionMatrixDisplay.from_predictions(
        [0], [0], class_names=["a", "b", "c"]
    )
    assert display.matrix.shape == (3, 3)


# --- what is drawn -----------------------------------------------------------


def test_written_numbers_are_the_given_ones():
    display = ConfusionMatrixDisplay(MATRIX).plot()
    assert texts(display) == [
        ["90", "2", "0"],
        ["7", "80", "1"],
        ["0", "0", "1,000"],
    ]
    for (row, column), text in np.ndenumerate(display.text_):
        assert text.get_position() == (column, row)


def test_fractions_are_written_in_percent():
    display = ConfusionMatrixDisplay.from_predictions(
        [0, 0, 0, 1], [0, 0, 1, 1], normalize="true", class_names="abc"
    ).plot()
    assert texts(display) == [
        ["66.7", "33.3", "0"],
        ["0", "100.0", "0"],
        ["-", "-", "-"],
    ]


def test_errors_have_a_color_scale_of_their_own():
    display = ConfusionMatrixDisplay(MATRIX).plot()
    shown = display.image_.get_array()
    assert shown.mask.tolist() == [
        [True, False, True],
        [False, True, False],
        [True, True, True],
    ]
    assert display.image_.get_clim() == (0, 7)
    assert shown.compressed().tolist() == [2, 7, 1]


def test_few_errors_do_not_look_like_many():
    display = ConfusionMatrixDisplay([[5, 1], [0, 5]]).plot()
    assert display.image_.get_clim() == (0, 5)


def test_zeros_are_muted_and_every_other_number_is_readable():
    from matplotlib.colors import to_rgb

    def brightness(color):
        return float(np.dot(to_rgb(color), [0.299, 0.587, 0.114]))

    matrix = np.arange(100).reshape(10, 10)
    matrix[matrix % 7 == 0] = 0
    display = ConfusionMatrixDisplay(matrix).plot()
    for (row, column), text in np.ndenumerate(display.text_):
        ground = 0.9
        if row != column and matrix[row, column]:
            ground = brightness(display.image_.to_rgba(matrix[row, column])[:3])
        contrast = abs(brightness(text.get_color()) - ground)
        if matrix[row, column]:
            assert contrast > 0.3
        elif row != column:
            assert contrast < 0.25


def test_axes_say_what_they_are():
    display = ConfusionMatrixDisplay(MATRIX, ["cat", "dog", "eel"]).plot()
    axis = display.ax_
    assert axis.get_xlabel() == "predicted class"
    assert axis.get_ylabel() == "true class"
    for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "eel"]
    assert axis.get_title() == "1,170 of 1,180 right (99.2%)"
    assert display.figure_.axes[1].get_ylabel() == "errors (count)"


def test_many_classes_have_no_numbers_and_fewer_ticks():
    display = ConfusionMatrixDisplay(np.eye(47, dtype=int)).plot()
    assert display.text_ is None
    assert len(display.ax_.get_xticks()) <= 20


def test_numbers_that_do_not_fit_are_left_out():
    matrix = np.full((20, 20), 7)
    assert ConfusionMatrixDisplay(matrix).plot().text_.shape == (20, 20)
    display = ConfusionMatrixDisplay(matrix * 1_000_000).plot()
    assert display.text_ is None
    small = Figure(figsize=(2, 2)).subplots()
    assert ConfusionMatrixDisplay(np.eye(12)).plot(ax=small).text_ is None


def test_percentages_lose_their_decimals_before_they_are_left_out():
    matrix = np.full((20, 20), 0.004)
    matrix[0, 1], matrix[0, 2], matrix[0, 3] = 0.0, 0.026, 0.98
    display = ConfusionMatrixDisplay(matrix, normalize="true").plot()
    assert texts(display)[0][:4] == ["<1", "0", "3", "98"]


@pytest.mark.parametrize("classes", [2, 9, 20])
def test_numbers_stay_in_their_cells(classes):
    display = ConfusionMatrixDisplay(np.full((classes, classes), 123)).plot()
    display.figure_.draw_without_rendering()
    cell = display.ax_.get_window_extent().width / classes
    for text in display.text_.flat:
        assert text.get_window_extent().width <= cell


def test_long_names_are_shortened():
    names = ["a very long name of a class, the first", "b"]
    display = ConfusionMatrixDisplay(np.eye(2), names).plot()
    first, _ = (label.get_text() for label in display.ax_.get_yticklabels())
    assert len(first) <= 16
    assert first.startswith("a very")
    assert first.endswith("first")


def test_a_model_is_asked_for_its_predictions():
    model = keras.Sequential([keras.layers.Activation("sigmoid")])
    x = np.array([[-3.0], [-1.0], [2.0], [4.0]])
    display = ConfusionMatrixDisplay.from_model(
        model, x, [0, 1, 1, 1], normalize="true"
    )
    np.testing.assert_allclose(display.matrix, [[1, 0], [1 / 3, 2 / 3]])
    logits = keras.Sequential([keras.layers.Rescaling(5.0)])
    display = ConfusionMatrixDisplay.from_model(
        logits, np.eye(3, dtype="float32"), [0, 1, 1]
    )
    assert display.matrix.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_the_color_bar_can_be_left_out():
    display = ConfusionMatrixDisplay(MATRIX).plot(colorbar=False)
    assert display.figure_.axes == [display.ax_]


def test_style_goes_to_imshow():
    display = ConfusionMatrixDisplay(MATRIX).plot(cmap="viridis", vmax=50)
    assert display.image_.get_cmap().name == "viridis"
    assert display.image_.get_clim() == (0, 50)


# --- errors ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ConfusionMatrixDisplay([[1, 2]]), "matrix must be a square"),
        (lambda: ConfusionMatrixDisplay([1, 2]), "matrix must be a square"),
        (
            lambda: ConfusionMatrixDisplay([[1]], normalize="rows"),
            "normalize must be 'true', 'pred', 'all' or None",
        ),
        (
            lambda: ConfusionMatrixDisplay.from_predictions(
                [0], [0], normalize=True
            ),
            "normalize must be",
        ),
        (lambda: ConfusionMatrixDisplay(MATRIX, ["a"]), "class_names must be"),
        (
            lambda: ConfusionMatrixDisplay.from_predictions([0, 1], [0]),
            "y_pred must be one prediction for each of the 2 .* There are 1",
        ),
        (
            lambda: ConfusionMatrixDisplay.from_predictions([0.5], [0]),
            "y_true must be class numbers",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
