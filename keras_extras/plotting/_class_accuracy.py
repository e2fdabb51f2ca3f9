"""The accuracy of each class, with how sure one can be of it.

accuracy = k / n  of the n examples of a class, k of them recognized

The interval is Wilson's: all p with (k / n - p)^2 <= z^2 p (1 - p) / n. It
stays between 0 and 1, and is as wide as it must be where n is small.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._confusion import ConfusionMatrixDisplay
from keras_extras.plotting._display import (
    BLUE,
    INK,
    VERMILLION,
    Display,
    class_names_for,
    import_matplotlib,
)
from keras_extras.plotting._style import axes_grid, dress, label

_Z = 1.959964  # 95% of a normal distribution lie within
_LETTERS = 20


class ClassAccuracyDisplay(Display):
    """Accuracy of each class, the worst on top.

    A dot is the share of the examples of a class that were recognized (its
    recall), the line through it the 95% interval of Wilson: where lines
    overlap much, the order of the classes is chance. The vertical line is the
    accuracy over all examples; orange squares are worse than the whole by
    their 95% interval.

    Args:
        correct: number of recognized examples of each class.
        counts: number of examples of each class.
        class_names: one text per class. `None` means its number.

    Attributes:
        order: numbers of the classes, the worst first; those without any
            example are left out.
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.

    Raises:
        ValueError: if `correct` and `counts` do not go together.

    Examples:
        >>> display = ClassAccuracyDisplay.from_predictions(
        ...     y_true=[0, 0, 1, 1], y_pred=[0, 0, 1, 0], class_names=["a", "b"]
        ... )
        >>> display.order.tolist()
        [1, 0]
        >>> display.correct / display.counts
        array([1. , 0.5])

    References:
        E. B. Wilson, "Probable inference, the law of succession, and
        statistical inference", 1927.
    """

    correct: np.ndarray
    counts: np.ndarray

    def __init__(
        self,
        correct: Any,
        counts: Any,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.correct, self.counts = np.asarray(correct), np.asarray(counts)
        same = self.correct.shape == self.counts.shape == (self.counts.size,)
        if not same or (self.correct > self.counts).any():
            raise invalid_argument(
                self,
                "correct",
                "one number per class, at most that of counts",
                self.correct,
            )
        self.class_names: list[str] = class_names_for(
            type(self).__name__, class_names, len(self.counts)
        )
        with np.errstate(invalid="ignore"):
            accuracy = self.correct / self.counts
        seen = int((self.counts > 0).sum())
        self.order: np.ndarray = np.argsort(accuracy, kind="stable")[
            :seen
        ]  # NaN: last

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        class_names: Sequence[str] | None = None,
    ) -> "ClassAccuracyDisplay":
        """Counts how many of each class were recognized.

        Args:
            y_true: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            y_pred: predicted classes: numbers `(n,)` or probabilities
                `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            ValueError: as `ConfusionMatrixDisplay.from_predictions`.
        """
        return cls._of(
            ConfusionMatrixDisplay.from_predictions(
                y_true, y_pred, class_names=class_names
            )
        )

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any,
        y: Any,
        *,
        class_names: Sequence[str] | None = None,
    ) -> "ClassAccuracyDisplay":
        """Counts how many of each class a model recognizes.

        Args:
            model: as in `ConfusionMatrixDisplay.from_model`.
            x: its inputs, as `predict` takes them.
            y: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: as `ConfusionMatrixDisplay.from_predictions`.
        """
        return cls._of(
            ConfusionMatrixDisplay.from_model(
                model, x, y, class_names=class_names
            )
        )

    @classmethod
    def _of(cls, confusion: ConfusionMatrixDisplay) -> "ClassAccuracyDisplay":
        matrix = confusion.matrix
        return cls(matrix.diagonal(), matrix.sum(axis=1), confusion.class_names)

    def plot(
        self, ax: Any = None, *, max_classes: int = 20, **style: Any
    ) -> "ClassAccuracyDisplay":
        """Draws the accuracies.

        Args:
            ax: axes to draw on. `None` makes a figure.
            max_classes: draw at most so many, the worst.
            **style: passed to `Axes.plot` of the dots, such as `markersize=4`.

        Returns:
            The display, with `figure_` and `ax_`.

        Raises:
            ValueError: if there is no example.
            ImportError: if matplotlib is not installed.
        """
        ticker = import_matplotlib("matplotlib.ticker", self)
        order = self.order[:max_classes]
        if not order.size:
            raise invalid_argument(
                self, "counts", "of at least one example", self.counts
            )
        (ax,) = axes_grid(
            self, ax, 1, "display", cell=(5.0, 1.1 + 0.24 * len(order))
        )
        low, high = wilson_interval(self.correct[order], self.counts[order])
        overall = float(self.correct.sum() / self.counts.sum())
        accuracy = self.correct[order] / self.counts[order]
        worse = high < overall
        rows = np.arange(len(order))
        ax.axvline(overall, color=INK, linestyle=":", linewidth=1.2)
        ax.hlines(rows, low, high, color="#9A9A9A", linewidth=1.6)
        for which, look in (
            (~worse, {"marker": "o", "color": BLUE}),
            (worse, {"marker": "s", "color": VERMILLION}),
        ):
            look |= {"markersize": 6, "linestyle": "none"}
            look = self._styled("line", style, **look)
            ax.plot(accuracy[which], rows[which], **look)
        ax.set_yticks(
            rows,
            [
                f"{label(self.class_names[i], _LETTERS)} ({self.counts[i]:,})"
                for i in order
            ],
            fontsize=9,
        )
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.xaxis.set_major_formatter(
            ticker.FuncFormatter(lambda x, _: f"{100 * x:g}")
        )
        ax.xaxis.set_major_locator(
            ticker.MaxNLocator(nbins=5, steps=[1, 2, 5, 10])
        )
        ax.set_xlabel("recognized (%, 95% interval)")
        title = f"all: {overall:.1%} (dotted)"
        if len(order) < len(self.order):
            title = f"{len(order)} worst of {len(self.order)} classes\n{title}"
        ax.set_title(title, fontsize=10, color=INK)
        dress(ax)
        ax.grid(visible=False, axis="y")
        self._drawn(ax, ax.figure)
        return self


def wilson_interval(k: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of the 95% interval of the share k / n."""
    k, n = np.asarray(k, dtype="float64"), np.asarray(n, dtype="float64")
    middle = (k + _Z**2 / 2) / (n + _Z**2)
    half = _Z * np.sqrt(k * (n - k) / n + _Z**2 / 4) / (n + _Z**2)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
