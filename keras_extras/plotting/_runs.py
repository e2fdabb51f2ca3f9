"""Learning curves of several runs on the same axes, named where they end.

Runs that repeat each other become one line, their mean, in a band:

mean(epoch) +- std(epoch), or from the least to the largest
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import GRAY, Display
from keras_extras.plotting._history import (
    HistoryDisplay,
    Mode,
    with_unit,
)
from keras_extras.plotting._style import (
    axes_grid,
    dress,
    label,
    line_width,
    series_style,
    spread,
    whole_ticks,
)

# More names than this do not fit beside an axes.
_MAX_NAMED = 12
_MAX_MARKERS = 8
_LETTERS = 20

Band = Literal["range", "std"]


class RunsDisplay(Display):
    """Learning curves of several runs, one axes per metric.

    Runs differ by color, line style and marker, and each line bears its name
    where it ends. A ring marks the best epoch of each. Beyond the first 12
    runs, the others are gray lines without a name behind them.

    Of repeated runs the mean is drawn, over the epochs that all of them have.

    Args:
        histories: name -> list of the `HistoryDisplay`s of one run or,
            repeated, of several.
        columns: which columns to draw, one axes each. `None` means each metric
            that all runs have, of validation where they have it.
        band: what is shaded around the mean of repeated runs: `"range"`, from
            the least to the largest, or `"std"`, one standard deviation
            (n - 1) each way.

    Attributes:
        columns: the names of the columns, one axes each.
        figure_: the figure, after `plot`.
        ax_: array of one axes per column, after `plot`.
        lines_: (column, name of the run) -> its line, after `plot`.

    Raises:
        ValueError: if there is no run, or a column that not all runs have.

    Examples:
        >>> display = RunsDisplay.from_histories(
        ...     {
        ...         "sgd": {"loss": [2.0, 1.0], "val_loss": [2.1, 1.5]},
        ...         "adam": {"loss": [1.0, 0.5], "val_loss": [1.2, 0.9]},
        ...     }
        ... ).plot()
        >>> sorted(display.lines_)
        [('val_loss', 'adam'), ('val_loss', 'sgd')]
    """

    def __init__(
        self,
        histories: Mapping[str, Sequence[HistoryDisplay]],
        *,
        columns: Sequence[str] | None = None,
        band: Band = "range",
    ) -> None:
        self.histories: dict[str, list[HistoryDisplay]] = {
            str(name): list(repeats) for name, repeats in histories.items()
        }
        every = [
            history
            for repeats in self.histories.values()
            for history in repeats
        ]
        if not every or not all(self.histories.values()):
            raise invalid_argument(
                self, "histories", "at least one run for each name", histories
            )
        if band not in ("range", "std"):
            raise invalid_argument(self, "band", "'range' or 'std'", band)
        self.band: Band = band
        common = [
            curve
            for curve in every[0].curves
            if all(curve in history.curves for history in every)
        ]
        if columns is None:
            columns = [
                column for column in common if f"val_{column}" not in common
            ]
        for curve in columns:
            if curve not in common:
                raise invalid_argument(
                    self,
                    "columns",
                    f"columns that all runs have, out of {common}",
                    list(columns),
                )
        self.columns: list[str] = list(columns)

    @classmethod
    def from_histories(
        cls,
        histories: Mapping[str, Any],
        *,
        columns: Sequence[str] | None = None,
        band: Band = "range",
        monitor: str | None = None,
        mode: Mode = "auto",
    ) -> "RunsDisplay":
        """Makes the display of what several `fit`s recorded.

        Args:
            histories: name of a run -> its history, as
                `HistoryDisplay.from_history` takes it; or a list of such,
                which repeat each other.
            columns: as in the constructor.
            band: as in the constructor.
            monitor: the column whose best epoch is marked. `None` means
                `"val_loss"`, where there is one.
            mode: `"min"`, `"max"` or `"auto"`, as in `HistoryDisplay`.

        Raises:
            TypeError: if `histories` is no dict, or one of them no history.
            ValueError: as the constructor.
        """
        if not isinstance(histories, Mapping):
            raise invalid_argument(
                cls.__name__,
                "histories",
                "a dict of name -> history",
                histories,
                error=TypeError,
            )
        metrics = None
        if columns is not None:
            metrics = [*dict.fromkeys(c.removeprefix("val_") for c in columns)]
        runs = {}
        for name, repeats in histories.items():
            if not isinstance(repeats, list | tuple):
                repeats = [repeats]
            runs[name] = [
                HistoryDisplay.from_history(
                    history,
                    metrics=metrics,
                    name=str(name),
                    monitor=monitor,
                    mode=mode,
                )
                for history in repeats
            ]
        return cls(runs, columns=columns, band=band)

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "RunsDisplay":
        """Draws all runs.

        Args:
            ax: array of as many axes as `columns`, or one axes if there is one
                column. `None` makes a figure.
            num_columns: axes per row of a new figure. `None` means one, which
                leaves room for the names.
            **style: passed to every `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `lines_`.

        Raises:
            ValueError: if there is nothing to draw, or too few axes.
            ImportError: if matplotlib is not installed.
        """
        if not self.columns:
            raise invalid_argument(
                self, "columns", "at least one column", self.columns
            )
        axes = axes_grid(
            self,
            ax,
            len(self.columns),
            "column",
            num_columns=num_columns or 1,
            cell=(5.4, 2.8),
        )
        self.lines_: dict[Any, Any] = {}
        for axis, curve in zip(axes, self.columns, strict=True):
            named = []
            for number, (name, repeats) in enumerate(self.histories.items()):
                line = self._draw(axis, curve, number, repeats, style)
                self.lines_[curve, name] = line
                if number < _MAX_NAMED:
                    more = len(repeats) > 1
                    text = label(name, _LETTERS)
                    text += f"\nmean of {len(repeats)}" if more else ""
                    named.append((text, line))
            axis.set_xlabel("epoch")
            axis.set_ylabel(with_unit(curve.replace("val_", "validation ")))
            dress(axis)
            whole_ticks(self, axis)
            _name_ends(axis, named)
        self._drawn(axes, axes[0].figure)
        return self

    def _draw(
        self,
        axis: Any,
        curve: str,
        number: int,
        repeats: Sequence[HistoryDisplay],
        style: dict[str, Any],
    ) -> Any:
        epochs, values = _together(curve, repeats)
        look = series_style(number)
        look |= {"linewidth": line_width(epochs), "markersize": 4.5}
        look["zorder"] = 3
        look["markevery"] = max(1, -(-len(epochs) // _MAX_MARKERS))
        if number >= _MAX_NAMED:
            look = {"color": "#C4C4C4", "linewidth": 0.8, "zorder": 1.5}
        (line,) = axis.plot(
            epochs, values.mean(axis=0), **self._styled("line", style, **look)
        )
        if len(repeats) > 1:
            axis.fill_between(
                epochs,
                *_band(values, self.band),
                color=look["color"],
                alpha=0.18,
                linewidth=0,
            )
        elif number < _MAX_NAMED:
            best = epochs == repeats[0].best_epoch
            axis.plot(
                epochs[best],
                values[0][best],
                marker="o",
                markersize=9,
                markerfacecolor="none",
                markeredgecolor=line.get_color(),
                linestyle="none",
                zorder=4,
            )
        return line


def _together(
    curve: str, repeats: Sequence[HistoryDisplay]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the epochs that all have, and values `(run, epoch)`."""
    logged = [
        {
            epoch: value
            for epoch, value in zip(
                history.epochs, history.curves[curve], strict=True
            )
            if not np.isnan(value)
        }
        for history in repeats
    ]
    epochs = sorted(set(logged[0]).intersection(*logged[1:]))
    values = [[history[epoch] for epoch in epochs] for history in logged]
    return np.asarray(epochs), np.asarray(values, dtype="float64")


def _band(values: np.ndarray, band: Band) -> tuple[np.ndarray, np.ndarray]:
    if band == "range":
        return values.min(axis=0), values.max(axis=0)
    mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
    return mean - std, mean + std


def _name_ends(axis: Any, named: Sequence[tuple[str, Any]]) -> None:
    """Writes each name right of the axes, as near to its line's end as fits."""
    axis.set_ylim(axis.get_ylim())  # the names stand by these limits
    axis.set_xlim(axis.get_xlim())
    to_axes = axis.transData + axis.transAxes.inverted()
    ends, texts = [], []
    for text, line in named:
        points = np.column_stack(line.get_data())
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            text += " (no value)"
            points = [(axis.get_xlim()[1], axis.get_ylim()[0])]
        ends.append(to_axes.transform(points[-1]))
        texts.append(text)
    inches = axis.get_window_extent().height / axis.figure.dpi
    lines = max(text.count("\n") + 1 for text in texts)
    gap = 9 * 1.25 * lines / (72 * inches)
    heights = spread([end[1] for end in ends], gap, 1.0)
    for (_, line), end, height, text in zip(
        named, ends, heights, texts, strict=True
    ):
        axis.plot(
            [end[0], 1.005, 1.035],
            [end[1], height, height],
            color=GRAY,
            linewidth=0.6,
            transform=axis.transAxes,
            clip_on=False,
            zorder=1,
        )
        axis.plot(
            [1.035, 1.055, 1.075],
            [height] * 3,
            color=line.get_color(),
            linestyle=line.get_linestyle(),
            marker=line.get_marker(),
            markevery=[1],
            markersize=4.5,
            linewidth=1.6,
            transform=axis.transAxes,
            clip_on=False,
        )
        axis.text(
            1.09,
            height,
            text,
            fontsize=9,
            va="center",
            linespacing=1.0,
            transform=axis.transAxes,
        )
