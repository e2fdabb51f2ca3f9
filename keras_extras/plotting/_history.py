"""Learning curves: one picture per metric, training beside validation.

best epoch = arg min over epochs of val_loss  (or max, of an accuracy)
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import BLUE, INK, VERMILLION, Display
from keras_extras.plotting._style import (
    SERIES,
    axes_grid,
    drawable,
    dress,
    label,
    legend,
    line_width,
    significant,
    wants_log,
    whole_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More markers than this hide the line that they mark.
_MAX_MARKERS = 20
# What is logged beside the metrics; drawn if asked for by name.
_NO_METRICS = {
    "epoch",
    "run",
    "step",
    "learning_rate",
    "seconds",
    "epoch_seconds",
    "train_seconds",
    "step_seconds",
    "examples_per_second",
    "peak_memory_bytes",
}

Mode = Literal["auto", "min", "max"]


class HistoryDisplay(Display):
    """Learning curves of a training, one axes per metric.

    A metric and its `val_` counterpart share one axes: training is a solid
    line with round markers, validation a dashed line with square ones, so the
    two differ without color too. What `FairMetrics` logs under `fair_` stands
    with them, dash-dotted with triangles: the training data as the validation
    data are taken, at the end of the epoch. An epoch in which a metric was not
    logged (`NaN`) has no marker, and the line passes it straight. The best
    epoch is a dotted line through all axes, with the value of each metric in
    it.

    Args:
        epochs: epoch number of each value, shape `(n,)`.
        curves: metric name -> values, each of shape `(n,)`, `NaN` where the
            metric was not logged.
        name: what was trained; becomes the title.
        best_epoch: number of the epoch to mark. `None` marks none.
        unit: what `epochs` counts: `"epoch"` or `"step"`, a batch.

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
        best_epoch: int | None = None,
        unit: str = "epoch",
    ) -> None:
        self.epochs: np.ndarray = np.asarray(epochs)
        self.curves: dict[str, np.ndarray] = {
            str(metric): np.asarray(values, dtype="float64")
            for metric, values in curves.items()
        }
        self.name = name
        self.best_epoch = best_epoch
        self.unit = unit
        for metric, values in self.curves.items():
            if self.epochs.ndim != 1 or values.shape != self.epochs.shape:
                raise invalid_argument(
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
            if group.removeprefix("fair_") in self.curves:
                group = group.removeprefix("fair_")
            self.groups.setdefault(group, []).append(metric)

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        metrics: Sequence[str] | None = None,
        name: str | None = None,
        monitor: str | None = None,
        mode: Mode = "auto",
    ) -> "HistoryDisplay":
        """Makes the display of what `fit` recorded.

        Args:
            history: a `HistoryRecorder`, the path of its file, the `History`
                that `fit` returns, or a table: a DataFrame indexed by epoch
                (or with a column `epoch`) or by step with one column per
                metric, as `keras_extras.history.history_frame` returns; or
                a dict of equally long columns, whose epochs are 1, 2, 3, ...
            metrics: which metrics to show, and in what order, each with its
                `val_` counterpart. `None` means all, the loss first, without
                times and learning rates.
            name: what was trained; becomes the title.
            monitor: the column whose best epoch is marked. `None` means
                `"val_loss"`, and no mark where there is none.
            mode: whether the best is the smallest (`"min"`) or the largest
                (`"max"`). `"auto"` asks `keras_extras.history.metric_direction`
                for it; of a metric that it does not know, no epoch is marked.

        Raises:
            TypeError: if `history` is none of these.
            ValueError: if a metric is not in it, or columns differ in length.

        Examples:
            >>> table = {"loss": [2.0, 1.0, 0.9], "val_loss": [1.5, 1.2, 1.4]}
            >>> display = HistoryDisplay.from_history(table)
            >>> display.epochs.tolist(), list(display.groups)
            ([1, 2, 3], ['loss'])
            >>> display.best_epoch
            2
        """
        unit, epochs, curves = history_columns(cls.__name__, history)
        display = cls(epochs, curves, name=name, unit=unit)
        best = best_epoch(cls.__name__, display, monitor, mode)
        if metrics is None:
            shown = [name for name in display.groups if name not in _NO_METRICS]
            metrics = sorted(shown, key=lambda name: name != "loss")
        return display._only(metrics, best)

    def _only(
        self, metrics: Sequence[str], best: int | None
    ) -> "HistoryDisplay":
        for metric in metrics:
            if metric not in self.groups:
                raise invalid_argument(
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
        return type(self)(
            self.epochs,
            curves,
            name=self.name,
            best_epoch=best,
            unit=self.unit,
        )

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "HistoryDisplay":
        """Draws the curves.

        Args:
            ax: array of as many axes as `groups`, or one axes if there is one
                group. `None` makes a figure.
            num_columns: axes per row of a new figure. `None` means at most
                two; 1 reads best on a phone.
            **style: passed to every `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `lines_`.

        Raises:
            ValueError: if there is nothing to draw, or too few axes.
            ImportError: if matplotlib is not installed.
        """
        if not self.groups or not self.epochs.size:
            raise invalid_argument(
                self, "curves", "at least one metric", self.curves
            )
        axes = axes_grid(
            self, ax, len(self.groups), "metric", num_columns=num_columns
        )
        self.lines_: dict[Any, Any] = {}
        for axis, (metric, curves) in zip(
            axes, self.groups.items(), strict=True
        ):
            for curve in curves:
                self._draw(axis, curve, style)
            self._mark_best(axis, curves)
            self._dress(axis, metric)
        self._drawn(axes, axes[0].figure)
        return self

    def _draw(self, axis: "Axes", curve: str, style: dict[str, Any]) -> None:
        logged = ~np.isnan(self.curves[curve])
        look = {
            **_look(curve, curve not in self.groups),
            "markersize": 4,
            "markevery": max(1, -(-int(logged.sum()) // _MAX_MARKERS)),
            "linewidth": line_width(self.epochs),
        }
        (self.lines_[curve],) = axis.plot(
            self.epochs[logged],
            drawable(self.curves[curve][logged]),
            **self._styled("line", style, **look),
        )

    def _mark_best(self, axis: "Axes", curves: Sequence[str]) -> None:
        if self.best_epoch is None:
            return
        text = f"best {self.unit}: {self.best_epoch}"
        here = np.flatnonzero(self.epochs == self.best_epoch)
        curve = curves[-1] if len(curves) == 1 else max(curves, key=_is_val)
        value = float(self.curves[curve][here[-1]]) if here.size else np.nan
        if np.isfinite(value):
            text += f" ({significant(value)})"
            axis.plot(
                self.best_epoch,
                drawable(value),
                marker="o",
                markersize=10,
                markerfacecolor="none",
                markeredgecolor=INK,
                linestyle="none",
            )
        axis.axvline(
            self.best_epoch, color=INK, linestyle=":", linewidth=1, label=text
        )

    def _dress(self, axis: "Axes", metric: str) -> None:
        if self.name is not None:
            axis.set_title(label(self.name), fontsize=11, color=INK)
        axis.set_xlabel(unit_label(self.unit))
        axis.set_ylabel(with_unit(metric))
        values = [self.curves[curve] for curve in self.groups[metric]]
        if metric == "learning_rate" and wants_log(values):
            axis.set_yscale("log")
        dress(axis)
        whole_ticks(self, axis)
        if len(axis.get_legend_handles_labels()[1]) > 1:
            legend(axis)


def history_columns(
    owner: str, history: Any, *, details: bool = False
) -> tuple[str, np.ndarray, dict[str, np.ndarray]]:
    """Returns the unit, epochs and columns of whatever `fit` recorded.

    Args:
        owner: name of the display, for the error.
        history: as `HistoryDisplay.from_history` takes it.
        details: whether what a recorder measured besides is wanted too.

    Raises:
        TypeError: if it is no history.
    """
    if not (isinstance(history, Mapping) or hasattr(history, "columns")):
        history = _frame_of(owner, history, details)
    names = getattr(history, "columns", history)
    curves = {str(column): history[column] for column in names}
    unit = getattr(getattr(history, "index", None), "name", None)
    if isinstance(history, Mapping):
        length = max((len(curve) for curve in curves.values()), default=0)
        epochs: Any = np.arange(1, length + 1)
    else:
        epochs = getattr(history, "index", None)  # pandas; polars has none
    if unit != "step":
        unit = "epoch"
        epochs = curves.get("epoch", epochs)
    if epochs is None:
        epochs = np.arange(1, len(history) + 1)
    curves.pop("epoch", None)
    return unit, np.asarray(epochs), curves


def unit_label(unit: str) -> str:
    """Returns what an axis of epochs or steps is called."""
    return "step (batches)" if unit == "step" else unit


def _frame_of(owner: str, history: Any, details: bool) -> Any:
    from keras_extras.history import history_frame

    try:
        return history_frame(history, details=details)
    except TypeError:
        raise invalid_argument(
            owner,
            "history",
            "a HistoryRecorder, what fit returned, a DataFrame indexed by "
            "epoch, or a dict of columns",
            history,
            fix="Pass keras_extras.history.history_frame(history).",
            error=TypeError,
        ) from None


def best_epoch(
    owner: str, display: HistoryDisplay, monitor: str | None, mode: Mode
) -> int | None:
    """Returns the epoch in which `monitor` was best, the first of equals.

    `None` if there is no choice, or nothing says what is better.

    Raises:
        ValueError: if there is no such column, or `mode` is unknown.
    """
    from keras_extras.history import metric_direction

    if mode not in ("auto", "min", "max"):
        raise invalid_argument(owner, "mode", "'auto', 'min' or 'max'", mode)
    if monitor is None:
        monitor = "val_loss"
        if monitor not in display.curves:
            return None
    if monitor not in display.curves:
        known = f"a name out of {list(display.curves)}"
        raise invalid_argument(owner, "monitor", known, monitor)
    values = display.curves[monitor]
    values = np.where(np.isfinite(values), values, np.nan)
    if np.isfinite(values).sum() < 2:
        return None  # with one epoch there is no choice
    direction = metric_direction(monitor) if mode == "auto" else mode
    if direction is None:
        return None
    found = np.nanargmax(values) if direction == "max" else np.nanargmin(values)
    return display.epochs[found].item()


def with_unit(metric: str) -> str:
    """Returns the name of a metric with its unit, for an axis."""
    unit = " (fraction)" if metric.endswith("accuracy") else ""
    return label(metric) + unit


def _look(curve: str, beside: bool) -> dict[str, Any]:
    """Returns how a curve differs from the others of its group."""
    if curve.startswith("val_"):
        return {
            "color": VERMILLION,
            "linestyle": "--",
            "marker": "s",
            "markerfacecolor": "white",
            "label": "validation",
        }
    if curve.startswith("fair_") and beside:
        return {
            "color": SERIES[2],
            "linestyle": "-.",
            "marker": "^",
            "label": "training, at epoch end",
        }
    return {
        "color": BLUE,
        "linestyle": "-",
        "marker": "o",
        "label": "training",
    }


def _is_val(curve: str) -> bool:
    return curve.startswith("val_")
