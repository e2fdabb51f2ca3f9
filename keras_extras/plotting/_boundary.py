"""What a model of two inputs says everywhere on the plane.

color(x1, x2) = arg max over classes of p(class | x1, x2), the paler the
nearer its probability is to chance, 1 / classes
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import (
    INK,
    Display,
    class_names_for,
    import_matplotlib,
)
from keras_extras.plotting._style import (
    MARKERS,
    SERIES,
    axes_grid,
    label,
    legend,
)

_PALE = 0.08  # share of color where all classes are equally likely
_FULL = 0.55  # where one is certain, so that points can still be seen
_MAX_LEGEND = 10
_LETTERS = 16


class DecisionBoundaryDisplay(Display):
    """Regions of the plane by predicted class, with the examples on them.

    The color is the predicted class, strong where the model is sure; dark
    lines are the boundaries. Examples have the color and the marker of their
    true class; those that the model gets wrong are ringed.

    Args:
        x1: first input along the grid, shape `(m,)`, rising.
        x2: second input along the grid, shape `(n,)`, rising.
        probabilities: of each class at each point, `(n, m, classes)`.
        points: examples to draw, `(examples, 2)`, or `None`.
        labels: true class of each example, as numbers or one-hot rows.
        wrong: one bool per example, true where it is to be ringed, or `None`.
        class_names: one text per class. `None` means its number.
        feature_names: names of the two inputs, for the axes.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.
        image_: the colored plane, after `plot`.

    Raises:
        ValueError: if the shapes do not go together.

    Examples:
        >>> x1, x2 = np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])
        >>> probabilities = np.full((3, 2, 2), 0.5)
        >>> display = DecisionBoundaryDisplay(x1, x2, probabilities).plot()
        >>> display.ax_.get_xlabel()
        'x1'
    """

    x1: np.ndarray
    x2: np.ndarray

    def __init__(
        self,
        x1: Any,
        x2: Any,
        probabilities: Any,
        *,
        points: Any = None,
        labels: Any = None,
        wrong: Any = None,
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] = ("x1", "x2"),
    ) -> None:
        self.x1, self.x2 = np.asarray(x1), np.asarray(x2)
        self.probabilities: np.ndarray = np.asarray(
            probabilities, dtype="float64"
        )
        shape = (len(self.x2), len(self.x1))
        if self.probabilities.shape[:-1] != shape:
            raise _misfit(
                "probabilities",
                f"of shape {shape} + (classes,)",
                self.probabilities.shape,
            )
        owner = type(self).__name__
        none = np.empty((0, 2))
        self.points: np.ndarray = none if points is None else np.asarray(points)
        self.labels: np.ndarray = _probabilities.class_numbers(
            owner, "labels", () if labels is None else labels
        )
        count = len(self.points)
        self.wrong: np.ndarray = np.asarray(
            np.zeros(count) if wrong is None else wrong, dtype=bool
        )
        if self.points.shape != (count, 2):
            raise _misfit("points", "of shape (n, 2)", self.points.shape)
        if not count == len(self.labels) == len(self.wrong):
            raise _misfit(
                "labels", f"one for each of {count} points", len(self.labels)
            )
        classes = max(
            self.probabilities.shape[-1], int(self.labels.max(initial=-1)) + 1
        )
        self.class_names: list[str] = class_names_for(
            owner, class_names, classes
        )
        self.feature_names: tuple[str, ...] = tuple(feature_names)

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any,
        y: Any,
        *,
        resolution: int = 150,
        margin: float = 0.1,
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] = ("x1", "x2"),
    ) -> "DecisionBoundaryDisplay":
        """Asks a model for its prediction on a grid around the examples.

        Args:
            model: Keras model of two inputs and one output: probabilities
                `(n, classes)`, or the probability of class 1, `(n, 1)`; or
                logits, if the loss has `from_logits=True`.
            x: examples, `(n, 2)`.
            y: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            resolution: points of the grid along each axis.
            margin: how far the grid goes beyond the examples, as a share of
                their range.
            class_names: one text per class. `None` means its number.
            feature_names: names of the two inputs.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: if the examples do not have two features.

        Examples:
            >>> model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
            >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
            >>> display = DecisionBoundaryDisplay.from_model(
            ...     model, x, y=[0, 1], resolution=10
            ... )
            >>> display.probabilities.shape
            (10, 10, 2)
        """
        owner = cls.__name__
        points = np.asarray(x)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise _misfit(
                "x",
                "examples of two features, (n, 2)",
                points.shape,
                fix="Choose two features, or train on two components.",
            )
        low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
        around = margin * np.where(high > low, high - low, 1.0)
        x1, x2 = np.linspace(low - around, high + around, resolution).T
        grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)
        both = np.concatenate([grid, points]).astype(points.dtype)
        if both.dtype.kind not in "f":
            both = np.concatenate([grid, points]).astype("float32")
        outputs = _probabilities.predicted(owner, model, both, batch_size=4096)
        found = _probabilities.class_probabilities(
            owner, "model", outputs, model
        )
        labels = _probabilities.class_numbers(owner, "y", y)
        at_points = _probabilities.classes(owner, model, outputs[len(grid) :])
        if len(labels) != len(points):
            raise _misfit(
                "y", f"one class for each of {len(points)}", len(labels)
            )
        return cls(
            x1,
            x2,
            found[: len(grid)].reshape(len(x2), len(x1), -1),
            points=points,
            labels=labels,
            wrong=at_points != labels,
            class_names=class_names,
            feature_names=feature_names,
        )

    def plot(self, ax: Any = None, **style: Any) -> "DecisionBoundaryDisplay":
        """Draws regions, boundaries and examples.

        Args:
            ax: axes to draw on. `None` makes a figure.
            **style: passed to every `Axes.plot` of examples, such as
                `markersize=3`.

        Returns:
            The display, with `figure_`, `ax_` and `image_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        colors = import_matplotlib("matplotlib.colors", self)
        (ax,) = axes_grid(self, ax, 1, "display", cell=(5.0, 3.8))
        table = np.array(
            [
                colors.to_rgb(SERIES[number % len(SERIES)])
                for number in range(len(self.class_names))
            ]
        )
        winner = self.probabilities.argmax(axis=-1)
        chance = 1 / self.probabilities.shape[-1]
        sure = (self.probabilities.max(axis=-1) - chance) / (1 - chance)
        share = (_PALE + (_FULL - _PALE) * np.nan_to_num(sure))[..., None]
        plane = share * table[winner] + (1 - share)
        ends = (self.x1[0], self.x1[-1], self.x2[0], self.x2[-1])
        self.image_: Any = ax.imshow(
            np.clip(plane, 0, 1),
            origin="lower",
            extent=ends,
            aspect="auto",
            interpolation="bilinear",
        )
        for number in np.unique(winner)[1:]:
            margin = self.probabilities[..., number] - np.delete(
                self.probabilities, number, axis=-1
            ).max(axis=-1)
            ax.contour(
                self.x1, self.x2, margin, [0.0], colors=INK, linewidths=1.0
            )
        self._examples(ax, style)
        ax.set_xlim(ends[:2])
        ax.set_ylim(ends[2:])
        ax.set_xlabel(label(self.feature_names[0]))
        ax.set_ylabel(label(self.feature_names[1]))
        ax.spines[["top", "right"]].set_visible(False)
        self._drawn(ax, ax.figure)
        return self

    def _examples(self, ax: Any, style: dict[str, Any]) -> None:
        count = len(self.points)
        many = count > 200
        size = 5.5 if not many else 4.0 if count <= 1000 else 3.0
        present = np.unique(self.labels)
        for number in present:
            chosen = self.labels == number
            look = {
                "linestyle": "none",
                "marker": MARKERS[number % len(MARKERS)],
                "markersize": size,
                "color": SERIES[number % len(SERIES)],
                "markeredgecolor": "white",
                "markeredgewidth": 0.3 if many else 0.6,
                "label": label(self.class_names[number], _LETTERS),
            }
            ax.plot(
                *self.points[chosen].T, **self._styled("line", style, **look)
            )
        if self.wrong.any():
            ax.plot(
                *self.points[self.wrong].T,
                linestyle="none",
                marker="o",
                markersize=size + (2.5 if many else 5),
                markeredgewidth=0.6 if many else 1.0,
                markerfacecolor="none",
                markeredgecolor=INK,
                label=f"wrong ({self.wrong.mean():.0%})",
            )
        if present.size <= _MAX_LEGEND and present.size:
            legend(
                ax,
                loc="center left",
                bbox_to_anchor=(1.0, 0.5),
                title="true class",
                title_fontsize=9,
                markerscale=5.5 / size,
            )


def _misfit(
    argument: str, allowed: str, received: Any, fix: str = ""
) -> Exception:
    return invalid_argument(
        "DecisionBoundaryDisplay", argument, allowed, received, fix=fix
    )
