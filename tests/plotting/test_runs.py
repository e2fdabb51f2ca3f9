import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from keras_extras.history import history_frame
from keras_extras.plotting import HistoryDisplay, RunsDisplay

NAN = float("nan")
SGD = {"loss": [4.0, 3.0, 2.0], "val_loss": [4.0, 2.0, 3.0], "mae": [1, 1, 1]}
ADAM = {"loss": [3.0, 2.0], "val_loss": [3.5, 2.5], "mae": [2, 2]}


def names(axis):
    return [text.get_text() for text in axis.texts]


def test_each_run_is_a_line_in_each_axes():
    display = RunsDisplay.from_histories({"sgd": SGD, "adam": ADAM}).plot()
    assert display.columns == ["val_loss", "mae"]
    assert set(display.lines_) == {
        (curve, run) for curve in display.columns for run in ("sgd", "adam")
    }
    line = display.lines_["val_loss", "adam"]
    assert line.get_xdata().tolist() == [1, 2]
    assert line.get_ydata().tolist() == [3.5, 2.5]
    labels = [axis.get_ylabel() for axis in display.ax_]
    assert labels == ["validation loss", "mae"]


def test_histories_may_be_of_any_kind():
    histories = {"frame": history_frame(SGD), "dict": SGD}
    display = RunsDisplay.from_histories(histories)
    for (one,) in display.histories.values():
        assert one.curves["loss"].tolist() == SGD["loss"]


def test_every_line_bears_its_name_without_overlap():
    histories = {f"run {number}": SGD for number in range(12)}
    display = RunsDisplay.from_histories(histories, columns=["loss"]).plot()
    (axis,) = display.ax_
    assert names(axis) == list(histories)
    display.figure_.draw_without_rendering()
    boxes = sorted(
        (text.get_window_extent() for text in axis.texts), key=lambda b: b.y0
    )
    width, height = display.figure_.bbox.width, display.figure_.bbox.height
    for below, above in itertools.pairwise(boxes):
        assert below.y1 <= above.y0 + 1
    assert all(0 <= b.x0 < b.x1 <= width for b in boxes)
    assert all(0 <= b.y0 < b.y1 <= height for b in boxes)


def test_names_stand_in_the_order_of_the_ends():
    histories = {"high": {"loss": [1, 9]}, "low": {"loss": [9, 1]}}
    (axis,) = RunsDisplay.from_histories(histories).plot().ax_
    high, low = (text.get_position()[1] for text in axis.texts)
    assert high > low


def test_runs_beyond_the_twelfth_are_gray_and_nameless():
    histories = {f"run {number}": SGD for number in range(14)}
    display = RunsDisplay.from_histories(histories, columns=["loss"]).plot()
    (axis,) = display.ax_
    assert len(axis.texts) == 12
    colors = [line.get_color() for line in display.lines_.values()]
    assert colors[12] == colors[13]
    assert colors[12] not in colors[:12]


def test_a_ring_marks_the_best_epoch():
    (axis,) = (
        RunsDisplay.from_histories({"sgd": SGD}, columns=["val_loss"])
        .plot()
        .ax_
    )
    rings = [line for line in axis.lines if line.get_linestyle() == "None"]
    (ring,) = [one for one in rings if one.get_markerfacecolor() == "none"]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (2, 2.0)


def test_a_run_that_diverged_keeps_its_name():
    histories = {"good": {"loss": [2.0, 1.0]}, "bad": {"loss": [NAN, NAN]}}
    (axis,) = RunsDisplay.from_histories(histories).plot().ax_
    assert names(axis) == ["good", "bad (no value)"]


values = st.lists(st.floats(-100, 100), min_size=3, max_size=3)


@given(
    st.lists(values, min_size=2, max_size=4), st.sampled_from(["range", "std"])
)
def test_repeated_runs_are_their_mean_in_a_band(losses, band):
    histories = {"sgd": [{"loss": one} for one in losses]}
    display = RunsDisplay.from_histories(histories, band=band).plot()
    means = [sum(column) / len(column) for column in zip(*losses, strict=True)]
    line = display.lines_["loss", "sgd"]
    np.testing.assert_allclose(line.get_ydata(), means, atol=1e-9)
    (axis,) = display.ax_
    (shade,) = axis.collections
    corners = shade.get_paths()[0].vertices
    for epoch, column in enumerate(zip(*losses, strict=True), 1):
        ends = corners[corners[:, 0] == epoch, 1]
        half = np.std(column, ddof=1)
        low, high = min(column), max(column)
        if band == "std":
            low, high = means[epoch - 1] - half, means[epoch - 1] + half
        np.testing.assert_allclose(
            [ends.min(), ends.max()], [low, high], atol=1e-9
        )
    assert names(axis) == [f"sgd\nmean of {len(losses)}"]


def test_the_mean_is_over_epochs_that_all_have():
    display = RunsDisplay.from_histories(
        {"both": [SGD, ADAM]}, columns=["loss"]
    )
    line = display.plot().lines_["loss", "both"]
    assert line.get_xdata().tolist() == [1, 2]
    assert line.get_ydata().tolist() == [3.5, 2.5]


def test_runs_share_given_axes():
    axes = Figure().subplots(1, 3)
    display = RunsDisplay.from_histories({"a": SGD}).plot(ax=axes)
    assert list(display.ax_) == list(axes[:2])
    assert not axes[2].lines


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: RunsDisplay({}), ValueError, "at least one run"),
        (lambda: RunsDisplay({"a": []}), ValueError, "at least one run"),
        (
            lambda: RunsDisplay.from_histories({"a": SGD}, band="sem"),
            ValueError,
            "band must be 'range' or 'std'",
        ),
        (
            lambda: RunsDisplay(
                {"a": [HistoryDisplay([1], {"loss": [1]})]}, columns=["mae"]
            ),
            ValueError,
            r"out of \['loss'\]",
        ),
        (
            lambda: RunsDisplay.from_histories(
                {"a": {"loss": [1]}, "b": {"mae": [1]}}
            ).plot(),
            ValueError,
            "at least one column",
        ),
        (
            lambda: RunsDisplay.from_histories([SGD]),
            TypeError,
            "a dict of name -> history",
        ),
        (
            lambda: RunsDisplay.from_histories({"a": 3}),
            TypeError,
            "history_frame",
        ),
    ],
    ids=["none", "empty", "band", "column", "disjoint", "list", "number"],
)
def test_what_does_not_fit_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
