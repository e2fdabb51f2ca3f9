"""The picture of a learning-rate range test: loss over learning rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import (
    BLUE,
    GRAY,
    INK,
    VERMILLION,
    Display,
    import_matplotlib,
)
from keras_extras.plotting._style import dress, legend


class LearningRateFinderDisplay(Display):
    """Losses of single batches over the learning rate of their step.

    The losses are gray dots, the smoothed ones a line. The axis of the loss
    ends a little above where the test began, so that the explosion at the end
    does not flatten the rest; what lies above is cut off.

    Args:
        learning_rates: the rates, shape `(n,)`.
        losses: the loss of each batch, shape `(n,)`.
        smoothed_losses: the same, smoothed; `None` draws no line.
        suggestion: a learning rate to be marked.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.
        points_: the gray dots, after `plot`.
        line_: the line, after `plot`; `None` without smoothed losses.
        mark_: the mark of the suggestion, after `plot`; `None` without one.

    Raises:
        ValueError: if there is not one loss for each rate, or none at all.

    Examples:
        >>> display = LearningRateFinderDisplay(
        ...     [1e-3, 1e-2, 1e-1], [1.0, 0.5, 2.0], suggestion=1e-2
        ... ).plot()
        >>> display.ax_.get_xscale()
        'log'
    """

    line_: Any
    points_: Any

    def __init__(
        self,
        learning_rates: Sequence[float] | np.ndarray,
        losses: Sequence[float] | np.ndarray,
        *,
        smoothed_losses: Sequence[float] | np.ndarray | None = None,
        suggestion: float | None = None,
    ) -> None:
        self.learning_rates: np.ndarray = np.asarray(
            learning_rates, dtype="float64"
        )
        self.losses: np.ndarray = self._one_each("losses", losses)
        self.smoothed_losses: np.ndarray | None = (
            None
            if smoothed_losses is None
            else self._one_each("smoothed_losses", smoothed_losses)
        )
        self.suggestion = suggestion

    def _one_each(self, argument: str, values: Any) -> np.ndarray:
        array = np.asarray(values, dtype="float64")
        if array.ndim != 1 or array.shape != self.learning_rates.shape:
            raise invalid_argument(
                self,
                argument,
                f"one for each of the {self.learning_rates.size} learning "
                "rates",
                values,
            )
        if not np.isfinite(array).any():
            raise invalid_argument(
                self,
                argument,
                "at least one finite number",
                values,
                fix="Give the LearningRateFinder to a fit first.",
            )
        return array

    def plot(self, ax: Any = None, **style: Any) -> "LearningRateFinderDisplay":
        """Draws the losses.

        Args:
            ax: axes to draw on. `None` makes a figure.
            **style: passed to the `Axes.plot` of the smoothed losses, such as
                `linewidth=3`.

        Returns:
            The display, with `figure_`, `ax_`, `points_`, `line_`, `mark_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        import_matplotlib("matplotlib", self)
        if ax is None:
            ax = self._new_figure(5.0, 3.2).subplots()
        (self.points_,) = ax.plot(
            self.learning_rates,
            self.losses,
            linestyle="",
            marker="o",
            markersize=3,
            color=GRAY,
            alpha=0.6,
            label="one batch",
        )
        self.line_ = self.mark_ = None
        if self.smoothed_losses is not None:
            look = self._styled(
                "line", style, color=BLUE, linewidth=2.0, label="smoothed"
            )
            (self.line_,) = ax.plot(
                self.learning_rates, self.smoothed_losses, **look
            )
        if self.suggestion is not None:
            self._mark(ax, self.suggestion)
        ax.set_xscale("log")
        ax.set_ylim(*self._limits())
        ax.set_xlabel("learning rate (log scale)")
        ax.set_ylabel("loss of a batch")
        dress(ax)
        legend(ax, frameon=False)
        self._drawn(ax, ax.figure)
        return self

    def _mark(self, ax: Any, rate: float) -> None:
        self.mark_: Any = ax.axvline(
            rate,
            color=VERMILLION,
            linestyle="--",
            linewidth=1.4,
            label=f"suggested: {rate:.1e}",
        )
        if self.smoothed_losses is not None:
            height = np.interp(
                np.log(rate), np.log(self.learning_rates), self.smoothed_losses
            )
            ax.plot(
                [rate],
                [height],
                marker="D",
                markersize=7,
                color=VERMILLION,
                markeredgecolor=INK,
                linestyle="",
            )

    def _limits(self) -> tuple[float, float]:
        """Returns the ends of the loss axis."""
        curve = self.smoothed_losses
        curve = self.losses if curve is None else curve
        finite = curve[np.isfinite(curve)]
        lowest = min(finite.min(), np.nanmin(self._shown()))
        # What came before the minimum is what one looks at.
        highest = finite[: int(finite.argmin()) + 1].max()
        if highest == finite.min():  # it only rose
            highest = finite.max()
        room = 0.25 * ((highest - lowest) or abs(highest) or 1.0)
        return lowest - 0.2 * room, highest + room

    def _shown(self) -> np.ndarray:
        return np.where(np.isfinite(self.losses), self.losses, np.nan)
