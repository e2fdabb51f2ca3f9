"""How series look, never told apart by color alone, and where names stand.

The n-th series has the n-th color of Okabe & Ito and the n-th line style and
marker of lists of other lengths, so that 28 series differ, in gray too.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._text import printable
from keras_extras.plotting._display import (
    BLUE,
    INK,
    VERMILLION,
    Display,
    import_matplotlib,
)

# Okabe & Ito without their yellow, which is too pale for a line on white.
SERIES = [BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK]
LINE_STYLES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p"]

# A scale is logarithmic if its largest number is so many times the least.
_LOG_FROM = 20.0


def series_style(number: int) -> dict[str, Any]:
    """Returns color, line style and marker of the `number`-th series."""
    return {
        "color": SERIES[number % len(SERIES)],
        "linestyle": LINE_STYLES[number % len(LINE_STYLES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def line_width(values: Any) -> float:
    """Returns the width of a line in points: thin, if it is long and rough."""
    return 1.6 if len(values) <= 200 else 1.0


def dress(axis: Any) -> None:
    """Gives an axes the pale grid and the open frame of the house."""
    axis.grid(color="#E4E4E4", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def legend(axis: Any, **style: Any) -> None:
    """Adds a legend that lets what it covers shine through."""
    style = {"fontsize": 9, "framealpha": 0.4, "edgecolor": "none", **style}
    axis.legend(**style)


def whole_ticks(display: Display, axis: Any) -> None:
    """Puts the ticks of the horizontal axis on whole numbers, eight at most."""
    ticker = import_matplotlib("matplotlib.ticker", display)
    axis.xaxis.set_major_locator(
        ticker.MaxNLocator(
            nbins=8, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]
        )
    )


def label(text: object, letters: int = 60, *, width: int = 0) -> str:
    r"""Returns text from outside as matplotlib draws it, letter by letter.

    Dollars are no formulas, what cannot be printed is replaced, and the middle
    of a long text is left out: names of runs and classes often begin alike, so
    the end stays too.

    Args:
        text: anything.
        letters: how many there may be.
        width: letters per line; 0 makes one line.

    Examples:
        >>> label("mobilenet-learning-rate-0.01", 15)
        'mobilen…te-0.01'
        >>> print(label("$a_$"))
        \$a_\$
    """
    text = printable(text)
    if len(text) > letters:
        left = letters // 2
        text = f"{text[:left]}…{text[len(text) - (letters - left - 1) :]}"
    if width:
        text = textwrap.fill(text, width)
    if text.startswith("_"):  # a legend would leave it out
        text = f" {text}"
    return text.replace("$", r"\$")


def axes_grid(
    display: Display,
    ax: Any,
    count: int,
    per: str,
    *,
    num_columns: int | None = None,
    max_columns: int = 2,
    cell: tuple[float, float] = (3.1, 2.6),
) -> np.ndarray:
    """Returns `count` axes: those given, or new ones in a grid.

    Args:
        display: the display that draws.
        ax: one axes, an array of them, or `None` for a new figure.
        count: how many are needed; more that are there stay untouched.
        per: what an axes is for, for the error: `"metric"`.
        num_columns: of a new figure. `None` means as few rows as at most
            `max_columns` give, equally long.
        max_columns: see `num_columns`.
        cell: width and height of one axes of a new figure, in inches.

    Raises:
        ValueError: if `ax` holds too few.
    """
    if ax is None:
        rows = -(-count // (num_columns or max_columns))
        columns = num_columns or -(-count // rows)
        figure = display._new_figure(columns * cell[0], rows * cell[1])
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[count:]:
            axis.set_axis_off()
        return axes[:count]
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) < count:
        raise invalid_argument(
            display, "ax", f"{count} axes, one per {per}", ax
        )
    return axes[:count]


def drawable(values: Any) -> np.ndarray:
    """Returns finite numbers so that matplotlib's arithmetic has room.

    It subtracts the ends of an axis, and divides by the difference.
    """
    values = np.asarray(values, "float64")
    near = np.where(abs(values) < 1e-250, 0, np.clip(values, -1e250, 1e250))
    return np.where(np.isfinite(values), near, values)


def wants_log(values: Any) -> bool:
    """Returns whether positive numbers span enough for a log scale."""
    values = np.asarray(values, dtype="float64")
    values = values[np.isfinite(values)]
    return bool(
        values.size
        and values.min() > 0
        and values.max() > _LOG_FROM * values.min()
    )


def spread(positions: Sequence[float], gap: float, top: float) -> np.ndarray:
    """Moves positions as little as possible until all are `gap` apart.

    The least sum of squared moves: with what the gaps take subtracted, the
    positions, sorted, need only not fall, which is an isotonic regression.

    Args:
        positions: where the labels would stand best, from 0 to `top`.
        gap: least distance of two.
        top: largest position allowed. If they do not fit between 0 and it,
            the gap is made smaller.
    """
    order = np.argsort(positions, kind="stable")
    count = len(order)
    if count > 1:
        gap = min(gap, top / (count - 1))
    steps = gap * np.arange(count)
    wanted = np.asarray(positions, dtype="float64")[order] - steps
    level = isotonic(wanted, [1.0] * count)
    room = max(top - gap * max(count - 1, 0), 0.0)
    moved = np.empty(count)
    moved[order] = np.clip(level, 0.0, room) + steps
    return moved


def isotonic(values: Iterable[float], weights: Iterable[float]) -> list[float]:
    """Returns numbers that never fall, nearest to `values` by least squares.

    Neighbors that would fall are moved as one block, to their mean.

    Args:
        values: the numbers.
        weights: how much each insists on its place, above 0.

    Examples:
        >>> isotonic([1, 3, 1, 4], [1, 1, 1, 1])
        [1.0, 2.0, 2.0, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for mean, weight in zip(values, weights, strict=True):
        mean, length = float(mean), 1
        while blocks and blocks[-1][0] > mean:
            left, more, count = blocks.pop()
            mean = (mean * weight + left * more) / (weight + more)
            weight, length = weight + more, length + count
        blocks.append((mean, weight, length))
    return [mean for mean, _, length in blocks for _ in range(length)]


def significant(value: float, digits: int = 3) -> str:
    """Returns a number for a caption: `digits` digits, no exponent if short.

    Examples:
        >>> significant(0.98765), significant(12345.6), significant(1.2e-7)
        ('0.988', '12346', '1.2e-07')
    """
    if math.isfinite(value) and 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"
