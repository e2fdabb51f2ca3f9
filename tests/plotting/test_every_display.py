"""What holds for every display: texts from outside, and short style names."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import plotting
from tests.plotting.architecture.test_blocks import node

# Letters that the font lacks are drawn as boxes, with a warning.
TEXTS = st.text(
    st.sampled_from("aZ_$\\{}^%&#<>\n\t\0\r\ud800\udfff 1é"), max_size=30
) | st.sampled_from(["$a_$", "$", r"\$\$", "_hidden", "x" * 5000, "$" * 99, ""])
IMAGES = np.arange(32.0).reshape(2, 4, 4)
X1 = np.array([0.0, 1.0, 2.0])
PLANE = np.stack([np.eye(3), 1 - np.eye(3)], axis=-1)
CURVE = {"loss": [2.0, 1.0, 3.0], "val_loss": [1.0, 2.0, 3.0]}


def architecture(style):
    def make(a, b):
        nodes = [
            node("Input", name=a),
            node("Dense", (8,), (0,), name=b, parameters=72),
        ]
        return plotting.ArchitectureDisplay(nodes, style=style, name=a)

    return make


DISPLAYS = {
    "activation_functions": lambda a, b: plotting.ActivationFunctionsDisplay(
        X1, {a: X1, f"{b}.": X1}, {a: X1, f"{b}.": X1}
    ),
    "boxes": architecture("boxes"),
    "volumes": architecture("volumes"),
    "boundary": lambda a, b: plotting.DecisionBoundaryDisplay(
        X1,
        X1,
        PLANE,
        points=[[0, 0], [1, 1]],
        labels=[0, 1],
        wrong=[True, False],
        class_names=[a, b],
        feature_names=[a, b],
    ),
    "class_accuracy": lambda a, b: plotting.ClassAccuracyDisplay(
        [1, 2], [2, 2], [a, b]
    ),
    "confusion": lambda a, b: plotting.ConfusionMatrixDisplay(
        [[1, 2], [3, 4]], [a, b]
    ),
    "feature_maps": lambda a, b: plotting.FeatureMapsDisplay(
        IMAGES, IMAGES[0], name=a
    ),
    "filters": lambda a, b: plotting.FiltersDisplay(
        IMAGES.reshape(4, 4, 1, 2), name=a
    ),
    "heatmap": lambda a, b: plotting.HeatmapDisplay(
        IMAGES, IMAGES, [a, b], name=a
    ),
    "histogram": lambda a, b: plotting.HistogramDisplay.from_arrays(
        {a: [1, 2], f"{b}.": [0, np.nan]}, quantity=b
    ),
    "history": lambda a, b: plotting.HistoryDisplay.from_history(
        {**CURVE, f"{a}.": [1, 2, 3]}, name=b
    ),
    "images": lambda a, b: plotting.ImagesDisplay(
        IMAGES, [a, b], wrong=[True, False]
    ),
    "learning_rate": lambda a, b: plotting.LearningRateDisplay(
        [1, 2], [0.1, 0.2], name=a
    ),
    "learning_rate_finder": lambda a, b: plotting.LearningRateFinderDisplay(
        X1 + 1, X1, smoothed_losses=X1, suggestion=2.0
    ),
    "roc": lambda a, b: plotting.RocDisplay(
        {a: (X1, X1), f"{b}.": (X1, X1)}, {a: 0.5, f"{b}.": 0.7}
    ),
    "precision_recall": lambda a, b: plotting.PrecisionRecallDisplay(
        {a: (X1, X1)}, {a: 0.5}, prevalence=0.5
    ),
    "runs": lambda a, b: plotting.RunsDisplay.from_histories(
        {a: CURVE, f"{b}.": [CURVE, CURVE]}
    ),
}
LINES = {"lw": 5, "c": "red", "ls": ":"}
PICTURE = {"cmap": "magma", "alpha": 0.5}
TITLE = {"size": 14, "c": "red"}
STYLES = {
    "histogram": {"fc": "red", "lw": 2},
    "confusion": PICTURE,
    "feature_maps": PICTURE,
    "filters": PICTURE,
    "heatmap": PICTURE,
    "images": PICTURE,
    "boxes": TITLE,
    "volumes": TITLE,
}


def test_each_display_is_in_the_list():
    listed = {type(make("a", "b")).__name__ for make in DISPLAYS.values()}
    assert listed == {*plotting.__all__} - {"ScoreCurvesDisplay"}


def draw(name, a, b):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # A figure of this size has no room for some names.
        warnings.filterwarnings("ignore", ".*layout not applied")
        display = DISPLAYS[name](a, b).plot()
        display.figure_.draw_without_rendering()
        assert display.figure_.get_size_inches().max() < 40


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_text_that_is_no_formula_can_be_drawn(name):
    draw(name, "$a_$", "\ud800" + "x" * 5000 + "\n$")


@given(name=st.sampled_from([*DISPLAYS]), a=TEXTS, b=TEXTS)
def test_any_text_can_be_drawn(name, a, b):
    draw(name, a, b)


@pytest.mark.parametrize("name", DISPLAYS)
def test_short_names_of_styles_are_the_long_ones(name):
    style = STYLES.get(name, LINES)
    display = DISPLAYS[name]("a", "b").plot(**style)
    axes = np.ravel(display.ax_)
    lines = [line for axis in axes for line in axis.lines]
    if style is LINES:
        widths = {line.get_linewidth() for line in lines}
        colors = {line.get_color() for line in lines}
        assert 5 in widths
        assert "red" in colors
    if "size" in style:
        assert axes[0].title.get_size() == 14
    if name == "histogram":
        assert axes[0].patches[0].get_facecolor()[:3] == (1, 0, 0)


@pytest.mark.parametrize("name", [n for n in DISPLAYS if n not in STYLES])
def test_two_names_of_one_property_are_refused(name):
    with pytest.raises(TypeError, match="lw"):
        DISPLAYS[name]("a", "b").plot(lw=1, linewidth=2)


def test_dollars_are_drawn_letter_by_letter():
    display = plotting.ConfusionMatrixDisplay(np.eye(1), ["$a_$"]).plot()
    display.figure_.draw_without_rendering()
    (text,) = display.ax_.get_yticklabels()
    shown, math = text._preprocess_math(text.get_text())
    assert (shown, bool(math)) == ("$a_$", False)
