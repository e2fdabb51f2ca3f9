"""What all displays share: their figure, their colors, their class numbers.

A display makes a plain `matplotlib.figure.Figure`, without `pyplot`: nothing
is registered globally, so nothing leaks when a training draws a thousand
pictures, no window system is needed, and no setting is changed. The price is
that `plt.show()` does not know the figure; a notebook shows the display all
the same (`_repr_png_`), and who wants a window passes `ax` from
`plt.subplots()`.
"""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_extras._errors import import_optional, invalid_argument

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito, "Color universal design", 2008: told apart by color-blind eyes.
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GRAY = "#8C8C8C"
INK = "#262626"


class Display:
    """Base of the displays: holds the figure and shows it in a notebook.

    Attributes:
        figure_: the `matplotlib.figure.Figure`, after `plot`.
        ax_: what was drawn on: an `Axes` or an array of them, after `plot`.
    """

    ax_: Any
    figure_: "Figure"
    _owns_figure = False

    def plot(self, ax: Any = None) -> "Display":
        """Draws, and returns the display itself."""
        raise NotImplementedError  # each display draws itself

    def _new_figure(
        self, width: float, height: float, layout: str = "constrained"
    ) -> "Figure":
        """Makes a figure of this size, in inches."""
        figure = import_matplotlib("matplotlib.figure", self)
        self._owns_figure = True
        return figure.Figure(figsize=(width, height), dpi=120, layout=layout)

    def _drawn(self, ax: Any, figure: Any) -> None:
        self.ax_, self.figure_ = ax, figure

    def _repr_png_(self) -> bytes | None:
        if not hasattr(self, "figure_"):
            self.plot()
        if not self._owns_figure:
            return None  # whoever made the figure shows it
        file = io.BytesIO()
        self.figure_.savefig(file, format="png")
        return file.getvalue()


def import_matplotlib(module: str, owner: object) -> Any:
    """Imports a module of matplotlib, or says how to install it."""
    return import_optional(module, extra="plot", owner=type(owner).__name__)


def class_numbers(owner: str, argument: str, values: Any) -> np.ndarray:
    """Returns one class number per example, as integers.

    Args:
        owner: name of the display, for the error.
        argument: name of the argument, for the error.
        values: class numbers, `(n,)` or `(n, 1)`; or probabilities or one-hot
            rows, `(n, classes)`, of which the largest column is taken.

    Raises:
        ValueError: if they are neither.
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(axis=1)
    if array.ndim == 2:
        array = array[:, 0]
    whole = array.ndim == 1 and array.dtype.kind in "biuf"
    if whole:
        whole = bool(np.all(np.equal(np.mod(array, 1), 0) & (array >= 0)))
    if not whole:
        raise invalid_argument(
            owner,
            argument,
            "class numbers 0, 1, 2, ... of shape (n,), "
            "or probabilities of shape (n, classes)",
            array,
            context=f"Its shape is {array.shape}.",
            fix="For one sigmoid output, pass probabilities > 0.5.",
        )
    return array.astype("int64")


def class_names_for(
    owner: str, class_names: Any, num_classes: int
) -> list[str]:
    """Returns the names of the classes as text; their numbers by default.

    Raises:
        ValueError: if there are fewer names than classes.
    """
    if class_names is None:
        return [str(number) for number in range(num_classes)]
    names = [str(name) for name in class_names]
    if len(names) < num_classes:
        raise invalid_argument(
            owner,
            "class_names",
            f"one name for each of the {num_classes} classes",
            names,
        )
    return names
