"""How well scores tell classes apart, whatever the threshold.

ROC: true positive rate over false positive rate; AUC, the area below it.
Precision-recall: precision over recall; AP, the mean precision by recall.

With more than two classes, each is told from all the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import (
    GRAY,
    Display,
    class_names_for,
)
from keras_extras.plotting._style import (
    axes_grid,
    dress,
    label,
    legend,
    series_style,
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
    ) -> None:
        self.curves: dict[str, tuple[np.ndarray, np.ndarray]] = {
            str(name): (np.asarray(across), np.asarray(up))
            for name, (across, up) in curves.items()
        }
        self.areas: dict[str, float] = {
            str(name): float(area) for name, area in areas.items()
        }
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
        """Computes the curves.

        Args:
            y_true: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            y_score: score of class 1 of two, `(n,)` or `(n, 1)`, the higher
                the more likely; or probabilities `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            ValueError: if lengths differ, scores are `NaN`, or no class has
                examples both in and outside of it.
        """
        owner = cls.__name__
        true = _probabilities.class_numbers(owner, "y_true", y_true)
        scores = np.asarray(y_score, dtype="float64")
        if scores.ndim == 2 and scores.shape[1] > 1:
            scores = _probabilities.class_probabilities(
                owner, "y_score", scores
            )
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
            model: Keras model with one output, `(n, 1)`; or `(n, classes)`:
                probabilities, or logits if the loss has `from_logits=True`.
            x: its inputs, as `predict` takes them.
            y: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            class_names: one text per class. `None` means its number.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: as `from_predictions`.
        """
        outputs = _probabilities.predicted(cls.__name__, model, x)
        if outputs.ndim == 2 and outputs.shape[1] > 1:
            outputs = _probabilities.probabilities(
                cls.__name__, model, outputs.astype("float64")
            )
        return cls.from_predictions(y, outputs, class_names=class_names)

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
        self.lines_: dict[Any, Any] = {}
        worst_first = sorted(self.curves, key=self.areas.__getitem__)
        for number, name in enumerate(worst_first):
            look = series_style(number) | {"marker": "", "linewidth": 1.6}
            look |= {
                "label": f"{label(name, _LETTERS)}: {self.areas[name]:.3f}",
                "zorder": 3,
            }
            if number >= _MAX_NAMED:
                look = {"color": "#C4C4C4", "linewidth": 0.8, "zorder": 1.5}
            look |= {"drawstyle": self._steps}
            (self.lines_[name],) = ax.plot(
                *self.curves[name], **self._styled("line", style, **look)
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
    def _one(
        cls, labels: np.ndarray, scores: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        right, wrong = _counts(labels, scores)
        across, up = wrong / wrong[-1], right / right[-1]
        area = float(np.diff(across) @ (up[1:] + up[:-1]) / 2)
        # What lies on a straight line between its neighbors is not drawn.
        bends = (np.diff(right, 2) != 0) | (np.diff(wrong, 2) != 0)
        kept = np.concatenate([[True], bends, [True]])
        return (across[kept], up[kept]), area


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
    def _one(
        cls, labels: np.ndarray, scores: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        right, wrong = _counts(labels, scores)
        right, wrong = right[1:], wrong[1:]
        recall, precision = right / right[-1], right / (right + wrong)
        area = float(np.diff(recall, prepend=0) @ precision)
        # From all that are called positive to none of them.
        recall = np.concatenate([recall[::-1], [0.0]])
        precision = np.concatenate([precision[::-1], [1.0]])
        # Of points with one recall, the ends of the line are enough.
        rise = np.diff(recall) != 0
        kept = np.concatenate([[True], rise[:-1] | rise[1:], [True]])
        return (recall[kept], precision[kept]), area

    def _free_corner(self) -> str:
        good = np.mean([*self.areas.values()]) > 0.5
        return "lower left" if good else "upper right"

    def _draw_chance(self, ax: Any) -> None:
        if self.prevalence is not None:
            ax.axhline(self.prevalence, color=GRAY, linestyle=":", linewidth=1)


def _counts(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many are called positive by each threshold, from the highest.

    Returns:
        true and false positives, from none to all; a step per distinct score.
    """
    order = np.argsort(-scores, kind="stable")
    labels, scores = np.asarray(labels, "int64")[order], scores[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    right = np.cumsum(labels)[last]
    both = np.stack([right, last + 1 - right])
    right, wrong = np.concatenate([np.zeros((2, 1), "int64"), both], axis=1)
    return right, wrong
