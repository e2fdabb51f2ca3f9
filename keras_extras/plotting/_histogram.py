"""How the numbers of a layer are distributed: weights, or activations.

share of a bin = numbers in it / all numbers of the array

Exact zeros, of which ReLU makes most of its outputs, would flatten all other
bars; they are counted apart, and so are NaN and infinity.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import BLUE, INK, VERMILLION, Display
from keras_extras.plotting._style import (
    axes_grid,
    dress,
    label,
    significant,
)

_LETTERS = 26
_MAX_PANELS = 24


class Bars(NamedTuple):
    """The histogram of one array, and what it does not show.

    Args:
        counts: numbers per bin, shape `(n,)`.
        edges: edges of the bins, shape `(n + 1,)`.
        size: how many numbers the array has.
        mean: mean of its finite numbers.
        std: standard deviation of its finite numbers.
        zeros: how many are exactly 0, and in no bin.
        not_finite: how many are NaN or infinite, and in no bin.
    """

    counts: np.ndarray
    edges: np.ndarray
    size: int
    mean: float
    std: float
    zeros: int
    not_finite: int


class HistogramDisplay(Display):
    """Histograms of several arrays, one axes each.

    Above each stand mean and standard deviation; what is not in the bars is
    said in words: the share of exact zeros, and in red the number of values
    that are NaN or infinite. A dotted line marks the mean.

    Args:
        histograms: name -> its counts and edges, as `Bars`.
        quantity: what the numbers are, for the axes: `"weight"`.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: array of one axes per histogram, after `plot`.

    Raises:
        ValueError: if there is none.

    Examples:
        >>> display = HistogramDisplay.from_arrays({"a": [0, 0, 1, 2, 2, 3]})
        >>> bars = display.histograms["a"]
        >>> bars.zeros, int(bars.counts.sum()), round(bars.mean, 3)
        (2, 4, 1.333)
    """

    def __init__(
        self, histograms: Mapping[str, Bars], *, quantity: str = "value"
    ) -> None:
        self.histograms: dict[str, Bars] = {
            str(name): histogram for name, histogram in histograms.items()
        }
        self.quantity = quantity
        if not self.histograms:
            raise invalid_argument(
                self, "histograms", "at least one", histograms
            )

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, Any],
        *,
        num_bins: int = 40,
        quantity: str = "value",
    ) -> "HistogramDisplay":
        """Counts the numbers of each array.

        Args:
            arrays: name -> array of any shape, such as the activations that
                `keras_extras.inspection.activations` returns.
            num_bins: bars per array, from its least to its largest number;
                fewer for fewer than 400 numbers.
            quantity: what the numbers are, for the axes.

        Raises:
            TypeError: if `arrays` is no dict.
            ValueError: if there is none, or `num_bins` is not positive.
        """
        if not isinstance(arrays, Mapping):
            raise invalid_argument(
                cls.__name__,
                "arrays",
                "a dict of name -> array",
                type(arrays).__name__,
                error=TypeError,
            )
        if num_bins < 1:
            raise invalid_argument(
                cls.__name__, "num_bins", "at least 1", num_bins
            )
        return cls(
            {name: _bars(array, num_bins) for name, array in arrays.items()},
            quantity=quantity,
        )

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any = None,
        *,
        layers: Any = None,
        num_bins: int = 40,
    ) -> "HistogramDisplay":
        """Counts the weights of a model, or the activations of its layers.

        Args:
            model: Keras model or layer.
            x: inputs of the model. `None` shows its weights; with inputs, the
                outputs of its layers are shown.
            layers: which layers to show: a list of names; with `x`, as
                `inspection.activations` takes it. `None` means all.
            num_bins: bars per array, as in `from_arrays`.

        Raises:
            ValueError: if the model has no weights yet, or no such layer.

        Examples:
            >>> model = keras.Sequential([keras.layers.Dense(4, name="first")])
            >>> model.build((None, 3))
            >>> [*HistogramDisplay.from_model(model).histograms]
            ['first/kernel', 'first/bias']
        """
        if x is None:
            arrays = _chosen(cls.__name__, _weights(model), layers)
        else:
            from keras_extras import inspection

            arrays = _single(inspection.activations(model, x, layers))
        if not arrays:
            raise invalid_argument(
                cls.__name__,
                "model",
                "one that has weights",
                getattr(model, "name", model),
                fix="Build it: call it on data, or model.build(input_shape).",
            )
        return cls.from_arrays(
            arrays,
            num_bins=num_bins,
            quantity="weight" if x is None else "activation",
        )

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "HistogramDisplay":
        """Draws the histograms.

        Args:
            ax: array of as many axes as histograms, or one axes. `None` makes
                a figure; of more than 24 histograms it shows the first 24.
            num_columns: axes per row of a new figure. `None` means at most 3.
            **style: passed to `Axes.stairs`, such as `color="black"`.

        Returns:
            The display, with `figure_` and `ax_`.

        Raises:
            ValueError: if there are too few axes.
            ImportError: if matplotlib is not installed.
        """
        shown = [*self.histograms.items()]
        if ax is None:
            shown = shown[:_MAX_PANELS]
        axes = axes_grid(
            self,
            ax,
            len(shown),
            "histogram",
            num_columns=num_columns,
            max_columns=3,
            cell=(2.2, 1.9) if len(shown) > 1 else (4.6, 2.8),
        )
        for axis, (name, bars) in zip(axes, shown, strict=True):
            self._draw(axis, name, bars, style)
        if len(shown) < len(self.histograms):
            axes[0].figure.suptitle(
                f"the first {len(shown)} of {len(self.histograms)}", fontsize=10
            )
        self._drawn(axes, axes[0].figure)
        return self

    def _draw(
        self, axis: Any, name: str, bars: Bars, style: dict[str, Any]
    ) -> None:
        share = 100 * bars.counts / max(bars.size, 1)
        look = self._styled("patch", style, fill=True, color=BLUE)
        axis.stairs(share, bars.edges, **look)
        axis.axvline(bars.mean, color=INK, linestyle=":", linewidth=1)
        axis.margins(x=0.02)
        axis.set_ylim(0, 1.08 * share.max(initial=0) or 100)
        axis.set_title(
            f"{label(name, _LETTERS)}\n"
            f"{significant(bars.mean, 2)} ± {significant(bars.std, 2)}",
            fontsize=9,
            color=INK,
        )
        notes = []
        if bars.zeros:
            notes.append(f"{bars.zeros / bars.size:.0%} zeros")
        if bars.not_finite:
            notes.append(f"{bars.not_finite:,} not finite")
        axis.text(
            0.98,
            0.97,
            "\n".join(notes),
            transform=axis.transAxes,
            ha="right",
            va="top",
            fontsize=8,
            color=VERMILLION if bars.not_finite else INK,
            weight="bold" if bars.not_finite else "normal",
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1},
        )
        axis.set_xlabel(label(self.quantity), fontsize=9)
        axis.set_ylabel("share (%)", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.locator_params(axis="x", nbins=4)
        axis.locator_params(axis="y", nbins=4)
        dress(axis)


def _bars(array: Any, num_bins: int) -> Bars:
    values = np.asarray(array).astype("float64").ravel()
    finite = values[np.isfinite(values)]
    counted = finite[finite != 0]
    ends = (counted.min(), counted.max()) if counted.size else (0.0, 0.0)
    if ends[0] == ends[1]:  # a bar must have a width
        ends = (ends[0] - 0.5, ends[1] + 0.5)
    few = max(5, round(2 * counted.size**0.5))
    counts, edges = np.histogram(counted, min(num_bins, few), range=ends)
    return Bars(
        counts,
        edges,
        size=values.size,
        mean=float(finite.mean()) if finite.size else 0.0,
        std=float(finite.std()) if finite.size else 0.0,
        zeros=finite.size - counted.size,
        not_finite=values.size - finite.size,
    )


def _weights(model: Any) -> dict[str, np.ndarray]:
    """Returns the weights by path, without the parts that all share."""
    import keras

    arrays = {}
    for weight in model.weights:
        if "seed_generator" in weight.path:
            continue
        value = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        arrays[weight.path] = value
    first = {path.partition("/")[0] for path in arrays}
    if len(first) == 1 and all(path.count("/") > 1 for path in arrays):
        arrays = {path.partition("/")[2]: a for path, a in arrays.items()}
    return arrays


def _chosen(
    owner: str, arrays: dict[str, np.ndarray], layers: Any
) -> dict[str, np.ndarray]:
    """Returns the weights whose path has one of `layers` in it."""
    if layers is None:
        return arrays
    wanted = {layers} if isinstance(layers, str) else set(layers)
    chosen = {
        path: array
        for path, array in arrays.items()
        if wanted & {path, *path.split("/")}
    }
    if not chosen:
        raise invalid_argument(
            owner, "layers", f"names out of {[*arrays]}", layers
        )
    return chosen


def _single(outputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns one array per output: a layer may have a list or dict of them."""
    arrays = {}
    for name, output in outputs.items():
        if isinstance(output, list | tuple):
            output = dict(enumerate(output))
        if isinstance(output, Mapping):
            inner = _single({f"{name}[{key}]": output[key] for key in output})
            arrays.update(inner)
        else:
            arrays[name] = output
    return arrays
