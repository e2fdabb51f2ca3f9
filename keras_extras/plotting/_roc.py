"""How well scores tell classes apart, whatever the threshold.

ROC: true positive rate over false positive rate; AUC, the area below it.
Precision-recall: precision over recall; AP, the mean precision by recall.

With more than two classes, each is told from all the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_extras._errors import import_optional, invalid_argument
from keras_extras.plotting._display import (
    GRAY,
    Display,
    class_names_for,
    class_numbers,
)
from keras_extras.plotting._outputs import class_probabilities, predicted
from keras_extras.plotting._style import (
    axes_grid,
    dress,
    legend,
    series_style,
    shortened,
)

# More curves than this, and only the worst have a name and a color.
_MAX_NAMED = 10
_LETTERS = 18


class ScoreCurvesDisplay(Display):
    """Base of the two displays: curves in the unit square, with their areas.

    Of more than 10 curves the 10 with the smallest areas have colors and names,
    the others are gray.

    Args:
        curves: name -> its points, two arrays (horizontal, vertical).
        areas: name -> the area below its curve, from 0 to 1.
        prevalence: share of positive examples, or `None` if there are several
            classes.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.
        lines_: name -> its line, after `plot`.

    Raises:
        ValueError: if there is no curve, or one without area.

    Hooks:
        `_one(labels, scores)`: the points and the area of one class.
    """

    _labels = ("", "")  # of the two axes
    _area = ""
    _steps = "default"  # how points are joined

    def __init__(
        self,
        curves: Mapping[str, tuple[Any, Any]],
        areas: Mapping[str, float],
        *,
        prevalence: float | None = None,
    ):
        self.curves = {
            str(name): (np.asarray(across), np.asarray(up))
            for name, (across, up) in curves.items()
        }
        self.areas = {str(name): float(area) for name, area in areas.items()}
        self.prevalence = prevalence
        if not self.curves or self.curves.keys() != self.areas.keys():
            raise invalid_argument(
                self,
                "areas",
                "one number for each curve, of which there is at least one",
                dict(areas),
                context=f"Curves: {[*self.curves]}.",
            )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        class_names: Sequence[str] | None = None,
    ) -> Any:
        """Computes the curves with scikit-learn.

        Args:
            y_true: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            y_score: score of class 1 of two, `(n,)` or `(n, 1)`, the higher
                the more likely; or probabilities or logits `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            ValueError: if lengths differ, scores are `NaN`, or no class has
                examples both in and outside of it.
            ImportError: if scikit-learn is not installed.
        """
        owner = cls.__name__
        true = class_numbers(owner, "y_true", y_true)
        scores = np.asarray(y_score, dtype="float64")
        if scores.ndim == 2 and scores.shape[1] > 1:
            scores = class_probabilities(owner, "y_score", scores)
        elif scores.size == len(true):
            scores = scores.reshape(-1, 1)  # any numbers: only ranks count
        count = int(true.max(initial=-1)) + 1
        columns = max(scores.shape[-1], 2)
        if scores.ndim != 2 or len(scores) != len(true) or count > columns:
            raise invalid_argument(
                owner,
                "y_score",
                f"a row for each of the {len(true)} examples of y_true, with "
                f"one score, or one for each of {max(count, 2)} classes",
                np.shape(y_score),
            )
        if np.isnan(scores).any():
            raise invalid_argument(
                owner,
                "y_score",
                "numbers",
                f"{int(np.isnan(scores).any(axis=1).sum())} rows with NaN",
            )
        names = class_names_for(owner, class_names, columns)
        if columns == 2:  # the other class has the same curve, mirrored
            wanted = {names[1]: (true == 1, scores[:, -1])}
        else:
            wanted = {
                names[number]: (true == number, scores[:, number])
                for number in range(columns)
            }
        found = {
            name: cls._one(labels, score)
            for name, (labels, score) in wanted.items()
            if 0 < labels.sum() < len(labels)
        }
        if not found:
            raise invalid_argument(
                owner,
                "y_true",
                "examples of at least two classes",
                np.unique(true).tolist(),
            )
        return cls(
            {name: points for name, (points, _) in found.items()},
            {name: area for name, (_, area) in found.items()},
            prevalence=float((true == 1).mean()) if columns == 2 else None,
        )

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any,
        y: Any,
        *,
        class_names: Sequence[str] | None = None,
    ) -> Any:
        """Computes the curves of what a model predicts.

        Args:
            model: Keras model with one output, `(n, 1)` or `(n, classes)`.
            x: its inputs, as `predict` takes them.
            y: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: as `from_predictions`.
            ImportError: if scikit-learn is not installed.
        """
        return cls.from_predictions(
            y, predicted(cls.__name__, model, x), class_names=class_names
        )

    @classmethod
    def _one(
        cls, labels: np.ndarray, scores: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        raise NotImplementedError  # each of the two computes its own

    def plot(self, ax: Any = None, **style: Any) -> Any:
        """Draws the curves.

        Args:
            ax: axes to draw on. `None` makes a figure.
            **style: passed to every `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `lines_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        (ax,) = axes_grid(self, ax, 1, "display", cell=(4.2, 4.0))
        self._draw_chance(ax)
        self.lines_ = {}
        worst_first = sorted(self.curves, key=self.areas.__getitem__)
        for number, name in enumerate(worst_first):
            look = series_style(number) | {"marker": "", "linewidth": 1.6}
            look |= {
                "label": f"{shortened(name, _LETTERS)}: {self.areas[name]:.3f}",
                "zorder": 3,
            }
            if number >= _MAX_NAMED:
                look = {"color": "#C4C4C4", "linewidth": 0.8, "zorder": 1.5}
            look |= {"drawstyle": self._steps}
            (self.lines_[name],) = ax.plot(
                *self.curves[name], **{**look, **style}
            )
        title = self._area
        if len(self.curves) > 1:
            mean = np.mean([*self.areas.values()])
            title = f"{self._area} (mean {mean:.3f})"
        if len(self.curves) > _MAX_NAMED:
            title += f"\n{_MAX_NAMED} worst of {len(self.curves)}"
        legend(ax, loc=self._free_corner(), title=title, title_fontsize=9)
        ax.set_xlabel(self._labels[0])
        ax.set_ylabel(self._labels[1])
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_aspect("equal")
        dress(ax)
        self._drawn(ax, ax.figure)
        return self

    def _free_corner(self) -> str:
        """Returns where the legend covers the least."""
        return "lower right"

    def _draw_chance(self, ax: Any) -> None:
        ax.plot([0, 1], [0, 1], color=GRAY, linestyle=":", linewidth=1)


class RocDisplay(ScoreCurvesDisplay):
    """ROC curves, with the area below each (AUC).

    AUC is the probability that a positive example has a higher score than a
    negative one: 1 is perfect, 0.5 (the dotted diagonal) is chance.

    Args:
        curves: name -> its points: false and true positive rates.
        areas: name -> its AUC.
        prevalence: share of positive examples, or `None`.

    Examples:
        >>> display = RocDisplay.from_predictions(
        ...     y_true=[0, 0, 1, 1], y_score=[0.1, 0.4, 0.35, 0.8]
        ... ).plot()
        >>> display.areas
        {'1': 0.75}
    """

    _labels = (
        "false positive rate (fraction)",
        "true positive rate (fraction)",
    )
    _area = "AUC"

    @classmethod
    def _one(cls, labels, scores):
        metrics = import_optional(
            "sklearn.metrics", extra="metrics", owner=cls.__name__
        )
        across, up, _ = metrics.roc_curve(labels, scores)
        return (across, up), metrics.auc(across, up)


class PrecisionRecallDisplay(ScoreCurvesDisplay):
    """Precision-recall curves, with the average precision of each (AP).

    It shows what ROC hides where positives are rare: how many of those that
    the model calls positive are so. Chance is the share of positives, drawn
    dotted if there is one curve.

    Args:
        curves: name -> its points: recalls and precisions.
        areas: name -> its average precision.
        prevalence: share of positive examples, or `None`.

    Examples:
        >>> display = PrecisionRecallDisplay.from_predictions(
        ...     y_true=[0, 0, 1, 1], y_score=[0.1, 0.4, 0.35, 0.8]
        ... ).plot()
        >>> round(display.areas["1"], 4)
        0.8333
    """

    _labels = ("recall (fraction)", "precision (fraction)")
    _area = "AP"
    _steps = "steps-post"

    @classmethod
    def _one(cls, labels, scores):
        metrics = import_optional(
            "sklearn.metrics", extra="metrics", owner=cls.__name__
        )
        precision, recall, _ = metrics.precision_recall_curve(
            labels, scores, drop_intermediate=True
        )
        area = metrics.average_precision_score(labels, scores)
        return (recall, precision), area

    def _free_corner(self):
        good = np.mean([*self.areas.values()]) > 0.5
        return "lower left" if good else "upper right"

    def _draw_chance(self, ax):
        if self.prevalence is not None:
            ax.axhline(self.prevalence, color=GRAY, linestyle=":", linewidth=1)
