import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from keras_extras.plotting import (
    ActivationFunctionsDisplay,
    ClassAccuracyDisplay,
    ConfusionMatrixDisplay,
    DecisionBoundaryDisplay,
    HistogramDisplay,
    HistoryDisplay,
    ImagesDisplay,
    LearningRateDisplay,
    PrecisionRecallDisplay,
    RocDisplay,
    RunsDisplay,
)
from keras_extras.plotting._display import class_names_for

LONG = "a name that is much too long for the margin of a picture"
DISPLAYS = {
    "activation functions": lambda: ActivationFunctionsDisplay(
        [0, 1], {LONG: [0, 1]}, {LONG: [1, 1]}
    ),
    "boundary": lambda: DecisionBoundaryDisplay(
        [0, 1],
        [0, 1],
        np.full((2, 2, 2), 0.5),
        points=[[0.5, 0.5]],
        labels=[1],
        class_names=["a", LONG],
    ),
    "class accuracy": lambda: ClassAccuracyDisplay([1, 2], [3, 3], ["a", LONG]),
    "histogram": lambda: HistogramDisplay.from_arrays({LONG: [1, 2, np.nan]}),
    "learning rate": lambda: LearningRateDisplay([1, 2], [0.1, 0.001]),
    "precision recall": lambda: PrecisionRecallDisplay(
        {LONG: ([0, 1], [1, 0.5])}, {LONG: 0.75}
    ),
    "roc": lambda: RocDisplay({LONG: ([0, 1], [0, 1])}, {LONG: 0.5}),
    "runs": lambda: RunsDisplay.from_histories({LONG: {"loss": [2.0, 1.0]}}),
    "history": lambda: HistoryDisplay([1, 2], {"loss": [2.0, 1.0]}),
    "images": lambda: ImagesDisplay(np.zeros((1, 4, 4)), ["zero"]),
    "confusion": lambda: ConfusionMatrixDisplay([[3, 1], [0, 2]]),
}
every_display = pytest.mark.parametrize("make", DISPLAYS.values(), ids=DISPLAYS)


@every_display
def test_plot_returns_the_display_with_its_figure(make):
    display = make()
    assert display.plot() is display
    axes = np.atleast_1d(display.ax_)
    assert all(axis.figure is display.figure_ for axis in axes)


@every_display
def test_plot_draws_on_given_axes(make):
    figure, axis = plt.subplots()
    display = make().plot(ax=axis)
    assert display.figure_ is figure
    assert np.atleast_1d(display.ax_)[0] is axis
    plt.close(figure)


@every_display
def test_a_notebook_shows_the_picture(make):
    png = make()._repr_png_()
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    assert min(picture.size) > 100


@every_display
def test_a_notebook_does_not_show_a_figure_of_somebody_else_twice(make):
    figure, axis = plt.subplots()
    assert make().plot(ax=axis)._repr_png_() is None
    plt.close(figure)


@every_display
def test_drawing_twice_gives_two_figures(make):
    display = make()
    first = display.plot().figure_
    assert display.plot().figure_ is not first


@every_display
def test_nothing_is_cut_off(make):
    """The picture has an empty border, so no text leaves it."""
    pixels = np.asarray(
        Image.open(io.BytesIO(make()._repr_png_())).convert("L")
    )
    border = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    assert all((side == 255).all() for side in border)


@every_display
@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_error_says_how_to_install_it(make):
    display = make()  # holds numbers only
    with pytest.raises(ImportError, match=r"pip install 'keras-extras\[plot\]"):
        display.plot()


# --- names of classes --------------------------------------------------------


def test_class_names():
    assert class_names_for("who", None, 3) == ["0", "1", "2"]
    assert class_names_for("who", ("a", "b", "c"), 2) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="who: class_names must be one name"):
        class_names_for("who", ["a"], 2)
