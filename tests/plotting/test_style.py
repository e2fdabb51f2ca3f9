import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from keras_extras.plotting import HistoryDisplay
from keras_extras.plotting._style import (
    axes_grid,
    label,
    series_style,
    significant,
    spread,
    wants_log,
)


def test_28_series_differ_without_their_marker_or_their_color():
    looks = [series_style(number) for number in range(28)]
    assert len({(one["color"], one["linestyle"]) for one in looks}) == 28
    neighbors = itertools.pairwise(looks)
    assert all(a["linestyle"] != b["linestyle"] for a, b in neighbors)
    assert len({one["marker"] for one in looks[:11]}) == 11


heights = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(heights, st.floats(0.001, 0.2))
def test_spread_positions_stand_apart_in_their_order(wanted, gap):
    moved = spread(wanted, gap, 1.0)
    assert moved.min() >= 0
    assert moved.max() <= 1 + 1e-9
    room = min(gap, 1 / max(len(wanted) - 1, 1))
    assert (np.diff(np.sort(moved)) >= room - 1e-9).all()
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(moved[order]) > 0).all()


def test_spread_moves_nothing_that_stands_apart():
    wanted = [0.9, 0.1, 0.5]
    np.testing.assert_allclose(spread(wanted, 0.3, 1.0), wanted)


@given(heights)
def test_no_other_positions_are_nearer(wanted):
    gap = 0.05
    moved = spread(wanted, gap, 1.0)
    order = np.argsort(wanted, kind="stable")
    cost = np.sum((moved - wanted) ** 2)
    for seed in range(5):  # any other allowed positions, in the same order
        rng = np.random.default_rng(seed)
        steps = gap + rng.dirichlet(np.ones(len(wanted) + 1)) * (
            1 - gap * (len(wanted) - 1)
        )
        other = np.empty(len(wanted))
        other[order] = np.cumsum(steps)[:-1] - gap
        assert cost <= np.sum((other - wanted) ** 2) + 1e-9


@given(st.text(st.sampled_from("ab cdé…"), max_size=40), st.integers(3, 30))
def test_shortened_keeps_both_ends(text, letters):
    short = label(text, letters)
    assert len(short) <= letters
    if len(text) > letters:
        left, right = short.split("…", 1) if "…" not in text else ("", "")
        assert text.startswith(left)
        assert text.endswith(right)
    else:
        assert short == text


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1, 21], True),
        ([1, 20], False),
        ([0, 21], False),
        ([-1, 21], False),
        ([np.nan, 1, np.inf], False),
        ([], False),
    ],
)
def test_a_log_scale_is_for_what_spans_much(values, log):
    assert wants_log(values) is log


def test_significant():
    assert significant(0.0012345) == "0.00123"
    assert significant(99999.0) == "99999"
    assert significant(float("nan")) == "nan"


@pytest.mark.parametrize(
    ("count", "columns", "shape"),
    [(1, None, (1, 1)), (4, None, (2, 2)), (5, None, (2, 3)), (5, 1, (5, 1))],
)
def test_a_new_grid_has_rows_of_equal_length(count, columns, shape):
    axes = axes_grid(
        HistoryDisplay([], {}),
        None,
        count,
        "x",
        num_columns=columns,
        max_columns=3,
    )
    assert len(axes) == count
    assert axes[0].get_subplotspec().get_gridspec().get_geometry() == shape
    assert not any(one.axison for one in axes[0].figure.axes[count:])


def test_given_axes_are_used_and_counted():
    given = Figure().subplots(1, 3)
    axes = axes_grid(HistoryDisplay([], {}), given, 2, "metric")
    assert list(axes) == list(given[:2])
    with pytest.raises(ValueError, match="ax must be 4 axes, one per metric"):
        axes_grid(HistoryDisplay([], {}), given, 4, "metric")
