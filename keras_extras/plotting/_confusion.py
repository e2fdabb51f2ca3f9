"""The confusion matrix: which class was taken for which.

matrix[t, p] = number of examples of true class t predicted as p
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import (
    BLUE,
    INK,
    Display,
    class_names_for,
    import_matplotlib,
)
from keras_extras.plotting._style import label

# Beyond this many classes numbers do not fit into the cells, and the names of
# some classes are left out.
_MAX_NUMBERED = 20
_LETTERS = 16
# Sizes of the numbers in points, and how wide a digit is in such units.
_SIZES = (9.0, 8.0, 7.0, 6.0)
_DIGIT = 0.62

Normalize = Literal["true", "pred", "all"] | None


class ConfusionMatrixDisplay(Display):
    """A confusion matrix in which the mistakes can be seen.

    Errors are colored by a scale of their own, from nothing to the largest
    error. The diagonal does not take part in it, since there the many right
    answers would leave all errors pale: its cells have one even tint. Cells
    without any example stay white, and their zero is muted. Counts are written
    as they are, fractions in percent.

    Args:
        matrix: square array; row = true class, column = predicted class.
        class_names: one text per class. `None` means its number.
        normalize: what the numbers are fractions of: `"true"` (of their row),
            `"pred"` (of their column), `"all"`, or `None` if they are counts.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.
        image_: the colored image of the errors, after `plot`.
        text_: array of the numbers' texts, after `plot`; `None` if there are
            more than 20 classes, or cells too small for a number, and none
            are written.

    Raises:
        ValueError: if `matrix` is not square or `normalize` unknown.

    Examples:
        >>> display = ConfusionMatrixDisplay([[8, 2], [0, 9]]).plot()
        >>> display.text_[0, 1].get_text()
        '2'
    """

    _decimals = 1

    def __init__(
        self,
        matrix: Any,
        class_names: Sequence[str] | None = None,
        *,
        normalize: Normalize = None,
    ) -> None:
        self.matrix: np.ndarray = np.asarray(matrix)
        if self.matrix.ndim != 2 or len(set(self.matrix.shape)) != 1:
            raise invalid_argument(
                self, "matrix", "a square array", self.matrix.shape
            )
        _check_normalize(normalize)
        self.class_names: list[str] = class_names_for(
            "ConfusionMatrixDisplay", class_names, len(self.matrix)
        )
        self.normalize = normalize

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        class_names: Sequence[str] | None = None,
        normalize: Normalize = None,
    ) -> "ConfusionMatrixDisplay":
        """Counts which class was taken for which.

        Args:
            y_true: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            y_pred: predicted classes: numbers `(n,)` or probabilities
                `(n, classes)`.
            class_names: one text per class; sets the number of classes. By
                default there are as many as the largest number or the columns
                of `y_true` and `y_pred` say.
            normalize: divide by the sum of each row (`"true"`: fractions of a
                true class; the diagonal is its recall), of each column
                (`"pred"`; the diagonal is its precision) or of everything
                (`"all"`). A row or column without examples becomes `NaN`.

        Raises:
            ValueError: if `y_true` and `y_pred` differ in length, or hold
                something else than classes.

        Examples:
            >>> ConfusionMatrixDisplay.from_predictions(
            ...     y_true=[0, 0, 1], y_pred=[0, 1, 1], normalize="true"
            ... ).matrix
            array([[0.5, 0.5],
                   [0. , 1. ]])
        """
        return cls._counted(
            _probabilities.class_numbers(cls.__name__, "y_true", y_true),
            _probabilities.class_numbers(cls.__name__, "y_pred", y_pred),
            max(_columns(y_true), _columns(y_pred)),
            class_names,
            normalize,
        )

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any,
        y: Any,
        *,
        class_names: Sequence[str] | None = None,
        normalize: Normalize = None,
    ) -> "ConfusionMatrixDisplay":
        """Counts which class a model takes for which.

        Args:
            model: Keras model with one output, `(n, classes)`, of which the
                largest is the class; or `(n, 1)`: the probability of class 1,
                or its logit if the loss has `from_logits=True`.
            x: its inputs, as `predict` takes them.
            y: true classes: numbers `(n,)` or one-hot `(n, classes)`.
            class_names: as in `from_predictions`.
            normalize: as in `from_predictions`.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: as `from_predictions`.

        Examples:
            >>> model = keras.Sequential([keras.layers.Activation("sigmoid")])
            >>> x = np.array([[-2.0], [-1.0], [1.0]])
            >>> ConfusionMatrixDisplay.from_model(model, x, y=[0, 1, 1]).matrix
            array([[1, 0],
                   [1, 1]])
        """
        outputs = _probabilities.predicted(cls.__name__, model, x)
        return cls._counted(
            _probabilities.class_numbers(cls.__name__, "y", y),
            _probabilities.classes(cls.__name__, model, outputs),
            max(_columns(outputs), _columns(y), 2),
            class_names,
            normalize,
        )

    @classmethod
    def _counted(
        cls,
        true: np.ndarray,
        guess: np.ndarray,
        columns: int,
        class_names: Sequence[str] | None,
        normalize: Normalize,
    ) -> "ConfusionMatrixDisplay":
        _check_normalize(normalize)
        if len(true) != len(guess):
            raise invalid_argument(
                cls.__name__,
                "y_pred",
                f"one prediction for each of the {len(true)} of y_true",
                guess,
                context=f"There are {len(guess)}.",
            )
        largest = int(max(true.max(initial=-1), guess.max(initial=-1)))
        count = max(largest + 1, columns, len(class_names or ()))
        matrix = np.zeros((count, count), dtype="int64")
        np.add.at(matrix, (true, guess), 1)
        if normalize is not None:
            axis = {"true": 1, "pred": 0, "all": None}[normalize]
            total = matrix.sum(axis=axis, keepdims=True)
            with np.errstate(invalid="ignore"):
                matrix = matrix / total
        return cls(matrix, class_names, normalize=normalize)

    def plot(
        self, ax: Any = None, *, colorbar: bool = True, **style: Any
    ) -> "ConfusionMatrixDisplay":
        """Draws the matrix.

        Args:
            ax: axes to draw on. `None` makes a figure.
            colorbar: draw the scale of the errors.
            **style: passed to `Axes.imshow`, such as `cmap="viridis"`.

        Returns:
            The display, with `figure_`, `ax_`, `image_` and `text_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        patches = import_matplotlib("matplotlib.patches", self)
        ticker = import_matplotlib("matplotlib.ticker", self)
        classes = len(self.matrix)
        if ax is None:
            side = min(max(0.42 * classes + 1.2, 3.2), 6.2)
            figure = self._new_figure(
                side + 0.7 * colorbar, side, layout="compressed"
            )
            ax = figure.subplots()

        errors = np.ma.masked_invalid(self.matrix.astype("float64"))
        errors = np.ma.masked_equal(errors, 0)  # white
        errors[np.diag_indices(classes)] = np.ma.masked
        largest = float(errors.max()) if errors.count() else 0.0
        # A handful of errors is few, and must not look like the end of a scale.
        top = max(largest, 5 if self.normalize is None else 0.01)
        look = self._styled("image", style, cmap="YlOrBr", vmin=0, vmax=top)
        self.image_: Any = ax.imshow(errors, **look)
        for i in range(classes):
            ax.add_patch(
                patches.Rectangle(
                    (i - 0.5, i - 0.5),
                    1,
                    1,
                    facecolor="#DCE9F2",
                    edgecolor="none",
                )
            )
        self._dress(ax)
        size = self._size(ax)
        self.text_: np.ndarray | None = (
            None if size is None else self._write(ax, size)
        )
        if colorbar:
            bar = ax.figure.colorbar(
                self.image_, ax=ax, fraction=0.046, pad=0.03, shrink=0.8
            )
            bar.outline.set_visible(False)
            bar.set_label("errors " + self._unit())
            bar.locator = ticker.MaxNLocator(
                nbins=6, integer=self.normalize is None
            )
            if self.normalize is not None:
                bar.formatter = ticker.FuncFormatter(
                    lambda x, _: f"{100 * x:g}"
                )
            bar.update_ticks()
        self._drawn(ax, ax.figure)
        return self

    def _unit(self) -> str:
        return {
            None: "(count)",
            "true": "(% of the true class)",
            "pred": "(% of the predicted class)",
            "all": "(% of all)",
        }[self.normalize]

    def _size(self, ax: Any) -> float | None:
        """Returns the size, in points, of numbers that fit into the cells."""
        classes = len(self.matrix)
        if classes > _MAX_NUMBERED:
            return None
        box = ax.get_window_extent()
        # Names and a color bar will take a fifth of a figure that is ours.
        share = 0.8 if self._owns_figure else 1.0
        cell = share * min(box.width, box.height) / max(classes, 1)
        points = 72 * cell / ax.figure.dpi
        for self._decimals in (1, 0):  # of percentages
            longest = max(
                (len(self._number(value)) for value in self.matrix.flat),
                default=1,
            )
            for size in _SIZES:
                if longest * _DIGIT * size < points:
                    return size
        return None

    def _write(self, ax: Any, size: float) -> np.ndarray:
        """Writes the number into each cell, readable on its color."""
        texts = np.empty(self.matrix.shape, dtype=object)
        for (row, column), value in np.ndenumerate(self.matrix):
            ink = INK
            if row == column:
                ink = BLUE
            elif not value > 0:  # zero or NaN
                ink = "#C8C8C8"
            else:
                red, green, blue, _ = self.image_.to_rgba(value)
                if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5:
                    ink = "white"
            texts[row, column] = ax.text(
                column,
                row,
                self._number(value),
                ha="center",
                va="center",
                fontsize=size,
                color=ink,
                weight="bold" if row == column else "normal",
            )
        return texts

    def _number(self, value: Any) -> str:
        if np.isnan(value):
            return "-"
        if self.normalize is None:
            return f"{value:,}"
        if not self._decimals and 0 < value < 0.005:
            return "<1"
        return "0" if value == 0 else f"{100 * value:.{self._decimals}f}"

    def _dress(self, ax: Any) -> None:
        classes = len(self.matrix)
        step = -(-classes // _MAX_NUMBERED)
        ticks = np.arange(0, classes, step)
        names = [label(self.class_names[tick], _LETTERS) for tick in ticks]
        size = 9 if classes <= 12 else 8
        turned = max(map(len, names), default=0) > 3
        ax.set_xticks(
            ticks,
            names,
            rotation=45 if turned else 0,
            ha="right" if turned else "center",
            rotation_mode="anchor",
            fontsize=size,
        )
        ax.set_yticks(ticks, names, fontsize=size)
        ax.tick_params(length=0)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        ax.spines[:].set_visible(False)
        ax.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="#EBEBEB", linewidth=0.6)
        ax.tick_params(which="minor", length=0)
        if self.normalize is None:
            total, right = int(self.matrix.sum()), int(np.trace(self.matrix))
            share = f" ({right / total:.1%})" if total else ""
            ax.set_title(
                f"{right:,} of {total:,} right{share}", fontsize=11, color=INK
            )


def _columns(values: Any) -> int:
    shape = np.shape(values)
    return shape[1] if len(shape) == 2 and shape[1] > 1 else 0


def _check_normalize(normalize: Any) -> None:
    if normalize not in (None, "true", "pred", "all"):
        raise invalid_argument(
            "ConfusionMatrixDisplay",
            "normalize",
            "'true', 'pred', 'all' or None",
            normalize,
        )
