"""Activation functions beside their derivatives.

f'(x) is drawn as the central difference (f(x + h) - f(x - h)) / (2 h)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import BLUE, INK, VERMILLION, Display
from keras_extras.plotting._style import axes_grid, dress, label, legend

# Keras computes in single precision: with this step, rounding and curvature
# err by about 1e-5 each, far less than a pixel.
_STEP = 1e-2
_POINTS = 600  # even, so that a kink at 0 lies between two of them
_LETTERS = 24
_FLAT = 0.02
_COMMON = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")


class ActivationFunctionsDisplay(Display):
    """Functions (solid) and their derivatives (dashed), one axes each.

    All axes have the same scales. Where the function saturates, its derivative
    stays below 0.02 and a unit hardly learns: that part is shaded.

    Args:
        x: inputs, shape `(n,)`.
        values: name -> f(x), each `(n,)`.
        derivatives: name -> f'(x), each `(n,)`.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: array of one axes per function, after `plot`.
        lines_: name -> lines of the function and its derivative, after
            `plot`.

    Raises:
        ValueError: if the shapes do not go together.

    Examples:
        >>> display = ActivationFunctionsDisplay.from_functions(
        ...     ["tanh", keras.ops.square], low=-1, high=1
        ... )
        >>> [*display.values]
        ['tanh', 'square']
        >>> float(display.derivatives["square"][-1].round(3))
        2.0
    """

    def __init__(
        self,
        x: Any,
        values: Mapping[str, Any],
        derivatives: Mapping[str, Any],
    ) -> None:
        self.x: np.ndarray = np.asarray(x)
        self.values: dict[str, np.ndarray] = _arrays(values)
        self.derivatives: dict[str, np.ndarray] = _arrays(derivatives)
        arrays = [*self.values.values(), *self.derivatives.values()]
        if (
            not arrays
            or self.values.keys() != self.derivatives.keys()
            or any(array.shape != (self.x.size,) for array in arrays)
        ):
            raise invalid_argument(
                self,
                "derivatives",
                f"one array of {self.x.size} numbers for each of values",
                {name: a.shape for name, a in self.derivatives.items()},
            )

    @classmethod
    def from_functions(
        cls,
        functions: Sequence[Any] = _COMMON,
        *,
        low: float = -5.0,
        high: float = 5.0,
    ) -> "ActivationFunctionsDisplay":
        """Evaluates functions and their derivatives.

        Args:
            functions: names that Keras knows, functions of a tensor, or
                activation layers.
            low: smallest input.
            high: largest input.

        Raises:
            ValueError: if a name is unknown, `high` is not above `low`, or a
                function does not work on each number by itself (softmax).
        """
        import keras

        owner = cls.__name__
        if not high > low:
            raise invalid_argument(owner, "high", f"above low={low}", high)
        x = np.linspace(low, high, _POINTS)

        def evaluate(function: Any, x: np.ndarray) -> np.ndarray:
            tensor = keras.ops.convert_to_tensor(x.reshape(-1, 2), "float32")
            found = keras.ops.convert_to_numpy(function(tensor))
            return np.asarray(found, dtype="float64").reshape(-1)

        values, derivatives = {}, {}
        for given in [functions] if isinstance(functions, str) else functions:
            try:
                function = keras.activations.get(given)
            except ValueError:
                known = "names that Keras knows, or functions of a tensor"
                raise invalid_argument(
                    owner, "functions", known, given
                ) from None
            name = _name(given)
            values[name] = evaluate(function, x)
            # The same numbers, each in a row with another one.
            apart = np.roll(evaluate(function, np.roll(x, 1)), -1)
            if not np.allclose(values[name], apart, atol=1e-5, equal_nan=True):
                raise invalid_argument(
                    owner,
                    "functions",
                    "functions of each number by itself",
                    name,
                    context="It looks at all units of a layer at once.",
                )
            rise = evaluate(function, x + _STEP) - evaluate(function, x - _STEP)
            derivatives[name] = rise / (2 * _STEP)
        return cls(x, values, derivatives)

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "ActivationFunctionsDisplay":
        """Draws the functions.

        Args:
            ax: array of as many axes as functions, or one axes. `None` makes
                a figure.
            num_columns: axes per row of a new figure. `None` means at most 3.
            **style: passed to every `Axes.plot`, such as `linewidth=2`.

        Returns:
            The display, with `figure_`, `ax_` and `lines_`.

        Raises:
            ValueError: if there are too few axes.
            ImportError: if matplotlib is not installed.
        """
        axes = axes_grid(
            self,
            ax,
            len(self.values),
            "function",
            num_columns=num_columns,
            max_columns=3,
            cell=(2.1, 2.1) if len(self.values) > 1 else (4.2, 2.8),
        )
        low, high = self._limits()
        self.lines_: dict[Any, Any] = {}
        for position, (axis, name) in enumerate(
            zip(axes, self.values, strict=True)
        ):
            slope = self.derivatives[name]
            axis.axhline(0, color=INK, linewidth=0.7)
            axis.axvline(0, color=INK, linewidth=0.7)
            axis.fill_between(
                self.x,
                0,
                1,
                where=_saturated(slope),
                transform=axis.get_xaxis_transform(),
                color="#ECECEC",
                linewidth=0,
                zorder=0,
            )
            (value,) = axis.plot(
                self.x,
                self.values[name],
                **self._styled(
                    "line", style, color=BLUE, linewidth=1.8, label="f(x)"
                ),
            )
            (dashed,) = axis.plot(
                self.x,
                slope,
                **self._styled(
                    "line",
                    style,
                    color=VERMILLION,
                    linestyle="--",
                    linewidth=1.6,
                    label="f'(x)",
                ),
            )
            self.lines_[name] = (value, dashed)
            axis.set_ylim(low, high)
            axis.set_xlim(self.x[0], self.x[-1])
            axis.set_title(label(name, _LETTERS), fontsize=10, color=INK)
            axis.set_xlabel("x", fontsize=9)
            axis.tick_params(labelsize=8)
            dress(axis)
            if position == 0:
                legend(axis, loc="upper left", handlelength=1.6)
        self._drawn(axes, axes[0].figure)
        return self

    def _limits(self) -> tuple[float, float]:
        """Returns common ends: all of the curves, but at most 3 above 0."""
        arrays = [*self.values.values(), *self.derivatives.values()]
        finite = np.concatenate(arrays)
        finite = finite[np.isfinite(finite)]
        low = max(float(finite.min(initial=0.0)), -3.0)
        high = min(float(finite.max(initial=0.0)), 3.0)
        around = 0.06 * (high - low or 1.0)
        return low - around, high + around


def _arrays(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        str(name): np.asarray(array, dtype="float64")
        for name, array in arrays.items()
    }


def _saturated(slope: np.ndarray) -> np.ndarray:
    """Returns from where on, towards either end, the slope stays near 0."""
    flat = np.abs(slope) < _FLAT
    left = np.cumprod(flat).astype(bool)
    right = np.cumprod(flat[::-1]).astype(bool)[::-1]
    return left | right


def _name(function: Any) -> str:
    if isinstance(function, str):
        return function
    name = getattr(function, "__name__", None) or getattr(
        function, "name", None
    )
    return name or type(function).__name__
