"""The learning rate of each epoch or step, recorded or planned."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import BLUE, INK, Display
from keras_extras.plotting._history import history_columns, unit_label
from keras_extras.plotting._style import (
    axes_grid,
    dress,
    label,
    line_width,
    wants_log,
    whole_ticks,
)

_MAX_MARKERS = 20
_MAX_POINTS = 1000  # of a schedule: more than a picture has columns of pixels


class LearningRateDisplay(Display):
    """The curve of the learning rate.

    The scale is logarithmic if the largest rate is more than 20 times the
    smallest. Rates that stay for whole epochs are drawn as steps.

    Args:
        positions: epoch or step of each rate, shape `(n,)`.
        learning_rates: the rates, shape `(n,)`, `NaN` where unknown.
        unit: what positions count: `"epoch"` or `"step"`.
        name: of the schedule or run; becomes the title.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.
        line_: the curve, after `plot`.

    Raises:
        ValueError: if there is not one rate for each position.

    Examples:
        >>> display = LearningRateDisplay([1, 2, 3], [0.1, 0.1, 0.001]).plot()
        >>> display.ax_.get_yscale()
        'log'
    """

    line_: Any

    def __init__(
        self,
        positions: Sequence[float] | np.ndarray,
        learning_rates: Sequence[float] | np.ndarray,
        *,
        unit: str = "epoch",
        name: str | None = None,
    ) -> None:
        self.positions: np.ndarray = np.asarray(positions)
        self.learning_rates: np.ndarray = np.asarray(
            learning_rates, dtype="float64"
        )
        shapes = {self.positions.shape, self.learning_rates.shape}
        if len(shapes) != 1 or self.positions.ndim != 1:
            raise invalid_argument(
                self,
                "learning_rates",
                "one rate for each of the positions",
                self.learning_rates,
            )
        self.unit = unit
        self.name = name

    @classmethod
    def from_history(
        cls, history: Any, *, name: str | None = None
    ) -> "LearningRateDisplay":
        """Takes the column `learning_rate` of what `fit` recorded.

        Args:
            history: as `HistoryDisplay.from_history` takes it. A
                `HistoryRecorder` records the rate, and so do Keras's
                `LearningRateScheduler` and `ReduceLROnPlateau`. For the rate
                of each step, pass the frame of
                `history_frame(recorder, by="step", details=True)`.
            name: of the run; becomes the title.

        Raises:
            TypeError: if it is no history.
            ValueError: if there is no such column.

        Examples:
            >>> display = LearningRateDisplay.from_history(
            ...     {"loss": [2.0, 1.0], "learning_rate": [0.1, 0.05]}
            ... )
            >>> display.learning_rates.tolist()
            [0.1, 0.05]
        """
        owner = cls.__name__
        unit, epochs, curves = history_columns(owner, history)
        if "learning_rate" not in curves:  # no callback logged it
            unit, epochs, curves = history_columns(owner, history, details=True)
        if "learning_rate" not in curves:
            raise invalid_argument(
                owner,
                "history",
                "a history with a column 'learning_rate'",
                list(curves),
                fix="Record the training with "
                "fit(..., callbacks=[HistoryRecorder()]).",
            )
        return cls(epochs, curves["learning_rate"], unit=unit, name=name)

    @classmethod
    def from_schedule(
        cls, schedule: Any, num_steps: int, *, name: str | None = None
    ) -> "LearningRateDisplay":
        """Asks a schedule for the rates of the steps from 0.

        Args:
            schedule: a `keras.optimizers.schedules.LearningRateSchedule`, or
                any function of the number of a step.
            num_steps: how many steps (batches) to draw. Of very many, 1000
                evenly spaced ones are asked for.
            name: of the schedule; becomes the title. `None` means that of
                its class.

        Raises:
            TypeError: if `schedule` cannot be called.
            ValueError: if `num_steps` is not positive.

        Examples:
            >>> schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
            >>> display = LearningRateDisplay.from_schedule(schedule, 101)
            >>> display.learning_rates[[0, 50]].round(6).tolist()
            [0.1, 0.05]
        """
        if not callable(schedule):
            raise invalid_argument(
                cls.__name__,
                "schedule",
                "a LearningRateSchedule or a function of the step",
                schedule,
                error=TypeError,
            )
        if num_steps < 1:
            raise invalid_argument(
                cls.__name__, "num_steps", "at least 1", num_steps
            )
        points = min(num_steps, _MAX_POINTS)
        steps = np.linspace(0, num_steps - 1, points).round().astype("int64")
        rates = _rates(schedule, steps)
        if name is None:
            name = getattr(schedule, "__name__", type(schedule).__name__)
        return cls(steps, rates, unit="step", name=name)

    def plot(self, ax: Any = None, **style: Any) -> "LearningRateDisplay":
        """Draws the curve.

        Args:
            ax: axes to draw on. `None` makes a figure.
            **style: passed to `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `line_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        (ax,) = axes_grid(self, ax, 1, "display", cell=(4.6, 2.6))
        known = np.isfinite(self.learning_rates)
        per_epoch = self.unit == "epoch"
        look = {"color": BLUE, "linewidth": line_width(self.positions)}
        if per_epoch:  # the rate is that of the epoch that ends here
            look |= {"drawstyle": "steps-mid"}
            if known.sum() <= _MAX_MARKERS:
                look |= {"marker": "o", "markersize": 4}
        (self.line_,) = ax.plot(
            self.positions[known],
            self.learning_rates[known],
            **self._styled("line", style, **look),
        )
        if wants_log(self.learning_rates[known]):
            ax.set_yscale("log")
        elif known.any() and self.learning_rates[known].min() >= 0:
            ax.set_ylim(bottom=0)
        if self.name is not None:
            ax.set_title(label(self.name), fontsize=11, color=INK)
        ax.set_xlabel(unit_label(self.unit))
        ax.set_ylabel("learning rate")
        dress(ax)
        whole_ticks(self, ax)
        self._drawn(ax, ax.figure)
        return self


def _rates(schedule: Any, steps: np.ndarray) -> np.ndarray:
    """Returns the rate of each step."""
    import keras

    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        # All at once, since JAX compiles a schedule anew for each number.
        try:
            found = keras.ops.vectorized_map(
                schedule, keras.ops.convert_to_tensor(steps, "int32")
            )
            return np.asarray(keras.ops.convert_to_numpy(found))
        except Exception:  # a condition that is no tensor; then one by one
            pass
    rates = [keras.ops.convert_to_numpy(schedule(int(step))) for step in steps]
    return np.asarray(rates, dtype="float64").reshape(-1)
