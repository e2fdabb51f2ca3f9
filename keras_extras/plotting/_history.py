"""Learning curves: one picture per metric, training beside validation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_extras._errors import wrong
from keras_extras.plotting._display import (
    BLUE,
    INK,
    VERMILLION,
    Display,
    import_matplotlib,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More markers than this hide the line that they mark.
_MAX_MARKERS = 20


class HistoryDisplay(Display):
    """Learning curves of a training, one axes per metric.

    A metric and its `val_` counterpart share one axes: training is a solid
    line with round markers, validation a dashed line with square ones, so the
    two differ without color too. An epoch in which a metric was not logged
    (`NaN`) has no marker, and the line passes it straight.

    Args:
        epochs: epoch number of each value, shape `(n,)`.
        curves: metric name -> values, each of shape `(n,)`, `NaN` where the
            metric was not logged.
        name: what was trained; becomes the title.

    Attributes:
        groups: metric name -> the names of its curves in `curves`.
        figure_: the figure, after `plot`.
        ax_: array of one axes per metric, after `plot`.
        lines_: curve name -> its line, after `plot`.

    Raises:
        ValueError: if a curve does not have one value per epoch.

    Examples:
        >>> curves = {"loss": [0.9, 0.4, 0.3], "val_loss": [0.8, 0.5, 0.45]}
        >>> display = HistoryDisplay(epochs=[1, 2, 3], curves=curves).plot()
        >>> display.groups
        {'loss': ['loss', 'val_loss']}
        >>> display.lines_["val_loss"].get_linestyle()
        '--'
    """

    def __init__(
        self,
        epochs: Sequence[int] | np.ndarray,
        curves: Mapping[str, Any],
        *,
        name: str | None = None,
    ):
        self.epochs = np.asarray(epochs)
        self.curves = {
            str(metric): np.asarray(values, dtype="float64")
            for metric, values in curves.items()
        }
        self.name = name
        for metric, values in self.curves.items():
            if self.epochs.ndim != 1 or values.shape != self.epochs.shape:
                raise wrong(
                    "HistoryDisplay",
                    f"curves[{metric!r}]",
                    "one value for each of the epochs",
                    values,
                    context=f"Shapes: {values.shape} for epochs of shape "
                    f"{self.epochs.shape}.",
                )
        self.groups: dict[str, list[str]] = {}
        for metric in self.curves:
            group = metric.removeprefix("val_")
            self.groups.setdefault(group, []).append(metric)

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        metrics: Sequence[str] | None = None,
        name: str | None = None,
    ) -> "HistoryDisplay":
        """Makes the display of a table of metrics.

        Args:
            history: a DataFrame indexed by epoch, with one column per metric,
                as `keras_extras.callbacks.history_frame` returns; or a dict of
                equally long columns, whose epochs are 1, 2, 3, ...
            metrics: which metrics to show, and in what order, each with its
                `val_` counterpart. `None` means all, the loss first.
            name: what was trained; becomes the title.

        Raises:
            TypeError: if `history` is neither.
            ValueError: if a metric is not in it, or columns differ in length.

        Examples:
            >>> table = {"loss": [2.0, 1.0], "accuracy": [0.5, 0.75]}
            >>> display = HistoryDisplay.from_history(table)
            >>> display.epochs.tolist(), list(display.groups)
            ([1, 2], ['loss', 'accuracy'])
        """
        if not (isinstance(history, Mapping) or hasattr(history, "columns")):
            raise wrong(
                cls.__name__,
                "history",
                "a DataFrame indexed by epoch, or a dict of columns",
                history,
                fix="Pass keras_extras.callbacks.history_frame(history).",
                error=TypeError,
            )
        curves = {column: history[column] for column in history}
        if isinstance(history, Mapping):
            length = max((len(curve) for curve in curves.values()), default=0)
            epochs = np.arange(1, length + 1)
        else:
            epochs = np.asarray(history.index)
        display = cls(epochs, curves, name=name)
        if metrics is None:
            metrics = sorted(display.groups, key=lambda name: name != "loss")
        return display._only(metrics)

    def _only(self, metrics: Sequence[str]) -> "HistoryDisplay":
        for metric in metrics:
            if metric not in self.groups:
                raise wrong(
                    type(self).__name__,
                    "metrics",
                    f"names out of {list(self.groups)}",
                    metrics,
                )
        curves = {
            curve: self.curves[curve]
            for metric in metrics
            for curve in self.groups[metric]
        }
        return type(self)(self.epochs, curves, name=self.name)

    def plot(self, ax: Any = None, **style: Any) -> "HistoryDisplay":
        """Draws the curves.

        Args:
            ax: array of as many axes as `groups`, or one axes if there is one
                group. `None` makes a figure with the metrics side by side.
            **style: passed to every `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `lines_`.

        Raises:
            ValueError: if there is nothing to draw, or too few axes.
            ImportError: if matplotlib is not installed.
        """
        ticker = import_matplotlib("matplotlib.ticker", self)
        if not self.groups or not self.epochs.size:
            raise wrong(self, "curves", "at least one metric", self.curves)
        if ax is None:
            count = len(self.groups)
            figure = self._new_figure(min(3.6 * count, 14.4), 2.9)
            ax = figure.subplots(1, count, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < len(self.groups):
            raise wrong(
                self, "ax", f"{len(self.groups)} axes, one per metric", ax
            )

        axes = axes[: len(self.groups)]
        self.lines_ = {}
        for axis, (metric, curves) in zip(
            axes, self.groups.items(), strict=True
        ):
            for curve in curves:
                self._draw(axis, curve, style)
            self._dress(axis, metric)
            axis.xaxis.set_major_locator(
                ticker.MaxNLocator(
                    nbins=8, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]
                )
            )
        self._drawn(axes, axes[0].figure)
        return self

    def _draw(self, axis: "Axes", curve: str, style: dict[str, Any]) -> None:
        logged = ~np.isnan(self.curves[curve])
        validation = curve.startswith("val_")
        look = {
            "color": VERMILLION if validation else BLUE,
            "linestyle": "--" if validation else "-",
            "marker": "s" if validation else "o",
            "markersize": 4,
            "markerfacecolor": "white" if validation else BLUE,
            "markevery": max(1, -(-int(logged.sum()) // _MAX_MARKERS)),
            "linewidth": 1.6,
            "label": "validation" if validation else "training",
        }
        (self.lines_[curve],) = axis.plot(
            self.epochs[logged],
            self.curves[curve][logged],
            **{**look, **style},
        )

    def _dress(self, axis: "Axes", metric: str) -> None:
        if self.name is not None:
            axis.set_title(self.name, fontsize=11, color=INK)
        axis.set_xlabel("epoch")
        unit = " (fraction)" if metric.endswith("accuracy") else ""
        axis.set_ylabel(metric + unit)
        axis.grid(color="#E4E4E4", linewidth=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        if len(self.groups[metric]) > 1:
            axis.legend(frameon=False, fontsize=9)
