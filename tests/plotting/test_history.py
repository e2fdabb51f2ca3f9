import math

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from keras_extras.callbacks import HistoryRecorder
from keras_extras.plotting import HistoryDisplay

NAN = math.nan

FRAME = pd.DataFrame(
    {
        "accuracy": [0.5, 0.6, 0.7, 0.8],
        "loss": [4.0, 3.0, 2.0, 1.0],
        "val_accuracy": [NAN, 0.55, NAN, 0.75],
        "val_loss": [NAN, 3.5, NAN, 1.5],
    },
    index=pd.Index([3, 4, 5, 6], name="epoch"),
)


def numbers(length):
    value = st.floats(-1e6, 1e6) | st.just(NAN)
    return st.lists(value, min_size=length, max_size=length)


def legends(display):
    return [
        [text.get_text() for text in axis.get_legend().get_texts()]
        for axis in display.plot().ax_
    ]


@given(st.data(), st.integers(1, 40), st.integers(0, 100))
def test_drawn_numbers_are_the_given_ones(data, length, first):
    names = ["loss", "val_loss", "mae"]
    frame = pd.DataFrame(
        {name: data.draw(numbers(length)) for name in names},
        index=range(first, first + length),
    )
    lines = HistoryDisplay.from_history(frame).plot().lines_
    assert set(lines) == set(names)
    for name in names:
        logged = frame[name].dropna()
        assert lines[name].get_xdata().tolist() == logged.index.tolist()
        # Smaller ones are 0 on the paper.
        expected = pytest.approx(logged.tolist(), rel=0, abs=1e-250)
        assert lines[name].get_ydata().tolist() == expected


def test_loss_stands_beside_accuracy():
    display = HistoryDisplay.from_history(FRAME).plot()
    assert display.groups == {
        "loss": ["loss", "val_loss"],
        "accuracy": ["accuracy", "val_accuracy"],
    }
    labels = [axis.get_ylabel() for axis in display.ax_]
    assert labels == ["loss", "accuracy (fraction)"]
    left, right = (axis.get_position() for axis in display.ax_)
    assert left.x1 < right.x0
    assert left.y0 == right.y0


def test_training_and_validation_differ_without_color():
    lines = HistoryDisplay.from_history(FRAME).plot().lines_
    assert lines["loss"].get_linestyle() == "-"
    assert lines["val_loss"].get_linestyle() == "--"
    markers = {lines[name].get_marker() for name in ("loss", "val_loss")}
    assert len(markers - {"", "None", None}) == 2


def test_the_legend_tells_them_apart():
    assert legends(HistoryDisplay.from_history(FRAME)) == [
        ["training", "validation", "best epoch: 6 (1.5)"],
        ["training", "validation", "best epoch: 6 (0.75)"],
    ]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 50, 1000])
def test_epochs_are_whole_numbers(length):
    display = HistoryDisplay([*range(1, length + 1)], {"loss": [1.0] * length})
    (axis,) = display.plot().ax_
    low, high = axis.get_xlim()
    ticks = [tick for tick in axis.get_xticks() if low <= tick <= high]
    assert ticks
    assert len(ticks) <= 10
    assert all(tick == round(tick) for tick in ticks)
    assert axis.get_xlabel() == "epoch"


def test_a_single_metric_needs_no_legend():
    display = HistoryDisplay.from_history({"loss": [2.0, 1.0]}, name="MLP")
    (axis,) = display.plot().ax_
    assert axis.get_legend() is None
    assert axis.get_title() == "MLP"


def test_fair_metrics_stand_with_the_others():
    table = {"loss": [2, 1], "val_loss": [1, 2], "fair_loss": [1, 1]}
    display = HistoryDisplay.from_history(table).plot()
    assert display.groups == {"loss": [*table]}
    assert legends(display)[0][:3] == [
        "training",
        "validation",
        "training, at epoch end",
    ]
    styles = {line.get_linestyle() for line in display.lines_.values()}
    assert len(styles) == 3
    alone = HistoryDisplay.from_history({"fair_loss": [1, 1]}).plot()
    assert alone.lines_["fair_loss"].get_linestyle() == "-"


def test_validation_alone_is_drawn_as_validation():
    display = HistoryDisplay.from_history({"val_loss": [2.0, 1.0]}).plot()
    assert display.groups == {"loss": ["val_loss"]}
    assert display.lines_["val_loss"].get_linestyle() == "--"


def test_metrics_choose_and_order():
    display = HistoryDisplay.from_history(FRAME, metrics=["accuracy"])
    assert display.groups == {"accuracy": ["accuracy", "val_accuracy"]}
    display = HistoryDisplay.from_history(FRAME, metrics=["accuracy", "loss"])
    assert list(display.groups) == ["accuracy", "loss"]


def test_style_goes_to_every_line():
    lines = HistoryDisplay.from_history(FRAME).plot(linewidth=5).lines_
    assert {line.get_linewidth() for line in lines.values()} == {5}


def test_axes_left_over_are_untouched():
    axes = Figure().subplots(1, 3)
    display = HistoryDisplay.from_history(FRAME).plot(ax=axes)
    assert list(display.ax_) == list(axes[:2])
    assert not axes[2].lines


def test_the_table_is_not_changed():
    before = FRAME.copy()
    HistoryDisplay.from_history(FRAME).plot()
    pd.testing.assert_frame_equal(FRAME, before)


def test_two_metrics_stand_in_a_row_and_three_in_two():
    for count, shape in ((2, (1, 2)), (3, (2, 2))):
        table = {f"metric{number}": [1.0, 2.0] for number in range(count)}
        axes = HistoryDisplay.from_history(table).plot().ax_
        grid = axes[0].get_subplotspec().get_gridspec()
        assert grid.get_geometry() == shape


# --- the best epoch ----------------------------------------------------------

values = st.floats(-100, 100) | st.sampled_from([NAN, math.inf, -math.inf])


@given(
    st.lists(values, min_size=2, max_size=8), st.sampled_from(["min", "max"])
)
def test_best_epoch(losses, mode):
    display = HistoryDisplay.from_history(
        pd.DataFrame({"val_loss": losses}, index=range(5, 5 + len(losses))),
        mode=mode,
    )
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < 2:
        assert display.best_epoch is None
    else:
        best = min(finite) if mode == "min" else max(finite)
        assert display.best_epoch == 5 + losses.index(best)


@pytest.mark.parametrize(
    ("monitor", "mode", "epoch"),
    [
        ("loss", "auto", 3),
        ("val_accuracy", "auto", 2),
        ("accuracy", "min", 1),
        (None, "auto", None),  # no val_loss
    ],
)
def test_monitor_chooses_what_is_best(monitor, mode, epoch):
    table = {
        "loss": [3.0, 2.0, 1.0],
        "accuracy": [0.1, 0.8, 0.9],
        "val_accuracy": [0.1, 0.8, 0.7],
    }
    display = HistoryDisplay.from_history(table, monitor=monitor, mode=mode)
    assert display.best_epoch == epoch


def test_the_best_epoch_is_a_line_and_a_ring_in_every_axes():
    table = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.0, 2.0]}
    table |= {"mae": [0.5, 0.4, 0.3]}
    display = HistoryDisplay.from_history(table).plot()
    for axis, value in zip(display.ax_, [1.0, 0.4], strict=True):
        *_, ring, line = axis.lines
        assert list(line.get_xdata()) == [2, 2]
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (2, value)
    assert HistoryDisplay([1, 2], {"val_loss": [2, 1]}).best_epoch is None


def test_the_monitored_metric_need_not_be_drawn():
    display = HistoryDisplay.from_history(FRAME, metrics=["accuracy"])
    assert display.best_epoch == 6
    assert list(display.plot().lines_) == ["accuracy", "val_accuracy"]


# --- what fit recorded -------------------------------------------------------


def test_recorders_and_histories_are_taken_as_they_are():
    recorder = HistoryRecorder()
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(loss="mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    history = model.fit(
        x, y, epochs=3, initial_epoch=1, verbose=0, callbacks=[recorder]
    )
    losses = history.history["loss"]
    for one in (recorder, history):
        display = HistoryDisplay.from_history(one)
        assert display.curves["loss"].tolist() == losses
        assert display.epochs.tolist() == [2, 3]


def test_a_table_by_step_is_drawn_by_step():
    table = pd.DataFrame(
        {"epoch": [1, 1, 2], "loss": [3.0, 2.0, 1.0]},
        index=pd.Index([1, 2, 3], name="step"),
    )
    display = HistoryDisplay.from_history(table).plot()
    assert display.lines_["loss"].get_xdata().tolist() == [1, 2, 3]
    assert display.ax_[0].get_xlabel() == "step (batches)"


@pytest.mark.parametrize("library", ["dict", "pandas", "polars"])
def test_a_column_of_epochs_is_no_metric(library):
    table = {"epoch": [4, 5], "loss": [2.0, 1.0], "learning_rate": [0.1, 0.1]}
    if library != "dict":
        table = pytest.importorskip(library).DataFrame(table)
    display = HistoryDisplay.from_history(table)
    assert display.epochs.tolist() == [4, 5]
    assert list(display.groups) == ["loss"]
    rates = HistoryDisplay.from_history(table, metrics=["learning_rate"])
    assert list(rates.groups) == ["learning_rate"]


# --- errors ------------------------------------------------------------------


def test_what_is_no_table_is_refused_with_advice():
    with pytest.raises(TypeError, match="history_frame"):
        HistoryDisplay.from_history([1.0, 2.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: HistoryDisplay([1, 2], {"loss": [1.0]}),
        lambda: HistoryDisplay([1], {"loss": [[1.0]]}),
        lambda: HistoryDisplay([[1]], {"loss": [[1.0]]}),
        lambda: HistoryDisplay.from_history({"a": [1.0, 2.0], "loss": [1.0]}),
    ],
)
def test_one_value_per_epoch(make):
    with pytest.raises(ValueError, match=r"curves\['loss'\] must be one value"):
        make()


@pytest.mark.parametrize("metric", ["los", "val_loss"])
def test_unknown_metrics_are_refused_with_the_known(metric):
    with pytest.raises(ValueError, match=r"out of \['accuracy', 'loss'\]"):
        HistoryDisplay.from_history(FRAME, metrics=[metric])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"monitor": "los"}, "monitor must be a name out of .*'val_loss'"),
        ({"mode": "most"}, "mode must be 'auto', 'min' or 'max'"),
    ],
    ids=["monitor", "mode"],
)
def test_what_cannot_be_best_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        HistoryDisplay.from_history(FRAME, **arguments)


def test_too_few_axes_are_refused():
    with pytest.raises(ValueError, match="2 axes, one per metric"):
        HistoryDisplay.from_history(FRAME).plot(ax=Figure().subplots())


@pytest.mark.parametrize("table", [{}, {"loss": []}, FRAME[:0]])
def test_nothing_to_draw_is_refused(table):
    with pytest.raises(ValueError, match="at least one metric"):
        HistoryDisplay.from_history(table).plot()


def test_all_missing_is_an_empty_line():
    display = HistoryDisplay.from_history({"loss": [1.0], "val_loss": [NAN]})
    assert not np.size(display.plot().lines_["val_loss"].get_ydata())


@pytest.mark.parametrize(
    "metric",
    [
        "auc_1",
        "precision_1",
        "r2_score",
        "mean_io_u",
        "cosine_similarity",
        "fbeta_score",
    ],
)
def test_what_is_better_when_larger_is_known(metric):
    history = {"loss": [3, 2, 1], f"val_{metric}": [0.1, 0.9, 0.5]}
    display = HistoryDisplay.from_history(history, monitor=f"val_{metric}")
    assert display.best_epoch == 2


def test_of_an_unknown_metric_no_epoch_is_best():
    history = {"loss": [3, 2, 1], "my_number": [0.1, 0.9, 0.5]}
    display = HistoryDisplay.from_history(history, monitor="my_number")
    assert display.best_epoch is None
    told = HistoryDisplay.from_history(history, monitor="my_number", mode="max")
    assert told.best_epoch == 2


def test_the_largest_and_smallest_numbers_are_drawn():
    curves = {
        "loss": [1e308, -1e308],
        "tiny": [5e-324, 0.0],
        "acc": [np.inf, 1],
    }
    display = HistoryDisplay([1, 2], curves, best_epoch=1).plot()
    display.figure_.canvas.draw()
