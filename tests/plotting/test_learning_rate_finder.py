"""The picture of the range test: what is drawn, and where it ends."""

import numpy as np
import pytest

from keras_extras.plotting import LearningRateFinderDisplay

RATES = np.geomspace(1e-5, 1, 20)
LOSSES = np.concatenate([np.linspace(2, 1, 17), [3, 50, np.inf]])


def test_points_line_and_mark():
    display = LearningRateFinderDisplay(
        RATES, LOSSES, smoothed_losses=LOSSES + 0.5, suggestion=1e-3
    )
    assert display.plot(linewidth=3) is display
    np.testing.assert_array_equal(display.points_.get_xdata(), RATES)
    np.testing.assert_array_equal(display.points_.get_ydata(), LOSSES)
    np.testing.assert_array_equal(display.line_.get_ydata(), LOSSES + 0.5)
    assert display.line_.get_linewidth() == 3
    assert display.mark_.get_xdata()[0] == 1e-3
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "learning rate (log scale)"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["one batch", "smoothed", "suggested: 1.0e-03"]


def test_the_explosion_does_not_flatten_the_rest():
    for smoothed in (None, LOSSES):
        display = LearningRateFinderDisplay(
            RATES, LOSSES, smoothed_losses=smoothed
        ).plot()
        low, high = display.ax_.get_ylim()
        assert 0.8 < low < 1
        assert 2 < high < 2.5


@pytest.mark.parametrize(
    "losses",
    [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [np.inf, 1.0, np.nan], [0, 0, 0]],
)
def test_limits_of_strange_losses(losses):
    display = LearningRateFinderDisplay([0.1, 0.2, 0.3], losses).plot()
    low, high = display.ax_.get_ylim()
    finite = np.array(losses)[np.isfinite(losses)]
    assert low < finite.min() <= finite.max() < high


def test_axes_of_others_are_used():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    display = LearningRateFinderDisplay(RATES, LOSSES).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.mark_ is None
    assert display.line_ is None


@pytest.mark.parametrize(
    ("losses", "smoothed", "words"),
    [
        ([1.0], None, "losses must be one for each of the 2 learning rates"),
        ([1, 2], [1], "smoothed_losses must be one for each"),
        ([np.nan, np.inf], None, "losses must be at least one finite number"),
    ],
)
def test_wrong_numbers_are_refused(losses, smoothed, words):
    with pytest.raises(ValueError, match=words):
        LearningRateFinderDisplay([0.1, 0.2], losses, smoothed_losses=smoothed)


def test_nothing_is_refused_with_a_hint():
    with pytest.raises(ValueError, match="Give the LearningRateFinder to a"):
        LearningRateFinderDisplay([], [])


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_error_says_how_to_install_it():
    display = LearningRateFinderDisplay(RATES, LOSSES)
    with pytest.raises(ImportError, match=r"keras-extras\[plot\]"):
        display.plot()
