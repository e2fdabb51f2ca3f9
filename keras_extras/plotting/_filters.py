"""The kernels of a convolution, as small pictures."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._gray import finite
from keras_extras.plotting._display import INK, Display, import_matplotlib
from keras_extras.plotting._style import label

_CELL_INCHES = 0.62
_MAX_COLUMNS = 10


class FiltersDisplay(Display):
    """The filters of a convolution over images, one small picture each.

    Filters over one channel are colored from negative (blue) over zero (white)
    to positive (red), by one scale for all, so that strong and weak filters
    can be told apart; it ends where 2% of the weights are larger. Filters over
    three channels are shown as colors: gray is zero. Filters over more have no
    picture; choose one channel.

    Args:
        kernel: `(height, width, channels, filters)`, with 1 or 3 channels.
        name: which layer it is; becomes the title.

    Attributes:
        limit: where the scale ends: it goes from -limit to limit.
        figure_: the figure, after `plot`.
        ax_: array of one axes per filter shown, after `plot`.
        images_: the pictures, after `plot`.

    Raises:
        ValueError: if the kernel does not have that shape.

    Examples:
        >>> kernel = np.array([[1.0, 0.0, -1.0]] * 3).reshape(3, 3, 1, 1)
        >>> display = FiltersDisplay(kernel).plot()
        >>> display.limit, len(display.ax_)
        (1.0, 1)
    """

    def __init__(self, kernel: Any, *, name: str | None = None) -> None:
        self.kernel: np.ndarray = np.asarray(kernel, "float64")
        shape = self.kernel.shape
        if len(shape) != 4 or shape[2] not in (1, 3) or not self.kernel.size:
            raise invalid_argument(
                self,
                "kernel",
                "an array (height, width, 1 or 3 channels, filters)",
                shape,
                fix="Of more channels, choose one: kernel[:, :, :1].",
            )
        self.name = name
        # One outlier among hundreds of weights would make all others pale.
        weights = np.abs(finite(self.kernel))
        self.limit: float = (
            float(np.quantile(weights, 0.98)) if weights.size else 0.0
        )

    @classmethod
    def from_layer(
        cls, layer: Any, *, channel: int | None = None
    ) -> "FiltersDisplay":
        """Makes the display of a built convolution layer.

        Args:
            layer: a layer with a kernel `(height, width, channels, filters)`,
                such as `Conv2D`.
            channel: the input channel to show; `None` shows all, of which
                there may be 1 or 3.

        Raises:
            ValueError: if the layer has no such kernel, or no such channel.
        """
        from keras import ops

        kernel = getattr(layer, "kernel", None)
        if kernel is None or len(kernel.shape) != 4:
            raise invalid_argument(
                cls.__name__,
                "layer",
                "a built layer with a kernel over images, such as Conv2D",
                type(layer).__name__,
            )
        values = np.array(ops.convert_to_numpy(ops.cast(kernel, "float32")))
        if channel is not None:
            if not 0 <= channel < values.shape[2]:
                raise invalid_argument(
                    cls.__name__,
                    "channel",
                    f"from 0 to {values.shape[2] - 1}",
                    channel,
                )
            values = values[:, :, channel : channel + 1]
        return cls(values, name=layer.name)

    @classmethod
    def from_model(
        cls, model: Any, *, channel: int | None = None
    ) -> "FiltersDisplay":
        """Makes the display of the first convolution of a model.

        Args:
            model: a built model; of nested ones, the first layer inside.
            channel: as in `from_layer`.

        Raises:
            ValueError: if no layer has a kernel over images.
        """
        for layer in all_layers(model):
            kernel = getattr(layer, "kernel", None)
            if len(getattr(kernel, "shape", ())) == 4:
                return cls.from_layer(layer, channel=channel)
        raise invalid_argument(
            cls.__name__,
            "model",
            "a built model with a convolution over images",
            type(model).__name__,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        max_filters: int = 64,
        num_columns: int | None = None,
        **style: Any,
    ) -> "FiltersDisplay":
        """Draws the filters.

        Args:
            ax: array of axes, one per filter. `None` makes a figure.
            max_filters: show at most so many, the first ones.
            num_columns: filters side by side; `None` chooses, at most 10.
            **style: passed to `Axes.imshow`, such as `cmap="PuOr"`.

        Returns:
            The display, with `figure_`, `ax_` and `images_`.

        Raises:
            ValueError: if there are too few axes.
            ImportError: if matplotlib is not installed.
        """
        import_matplotlib("matplotlib", self)
        count = min(self.kernel.shape[-1], max_filters)
        if ax is None:
            ax = self._grid(count, num_columns)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < count:
            raise invalid_argument(
                self, "ax", f"{count} axes, one per filter", len(axes)
            )
        limit = self.limit or 1.0
        look = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
        self.images_: list[Any] = []
        for number, axis in enumerate(axes):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_color("#B0B0B0")
            if number >= count:
                axis.set_axis_off()
                continue
            picture = self.kernel[..., number]
            if picture.shape[-1] == 3:
                picture = np.clip(0.5 + picture / (2 * limit), 0, 1)
                picture = np.nan_to_num(picture, nan=0.5)
            else:
                picture = picture[..., 0]
            self.images_.append(
                axis.imshow(picture, **self._styled("image", style, **look))
            )
        figure = axes[0].figure
        if self._owns_figure:
            self._dress(figure, axes)
        self._drawn(axes[:count], figure)
        return self

    def _grid(self, count: int, num_columns: int | None) -> np.ndarray:
        columns = num_columns or min(_MAX_COLUMNS, round(1.6 * count**0.5))
        columns = max(1, min(columns, count))
        rows = -(-count // columns)
        gray = self.kernel.shape[2] == 1
        figure = self._new_figure(
            max(2.6, _CELL_INCHES * columns + 0.9 * gray),
            _CELL_INCHES * rows + 0.45,
        )
        return figure.subplots(rows, columns, squeeze=False)

    def _dress(self, figure: Any, axes: np.ndarray) -> None:
        shape = self.kernel.shape
        size = "\N{MULTIPLICATION SIGN}".join(map(str, shape[:2]))
        shown = len(self.images_)
        of = f"{shown} of {shape[-1]}" if shown < shape[-1] else f"{shown}"
        title = f"{of} filters, {size}"
        if self.name is not None:
            title = f"{label(self.name)}: {title}"
        figure.suptitle(title, fontsize=11, color=INK)
        if shape[2] == 1:
            larger = (np.abs(self.kernel) > self.limit).any()
            bar = figure.colorbar(
                self.images_[0],
                ax=list(axes),
                shrink=0.9,
                pad=0.02,
                extend="both" if larger else "neither",
            )
            bar.outline.set_visible(False)
            bar.set_label("weight")


def all_layers(layer: Any) -> Iterator[Any]:
    """Yields the layers inside of a model, or of a layer, in their order."""
    for sublayer in getattr(layer, "layers", None) or getattr(
        layer, "_layers", ()
    ):
        yield sublayer
        yield from all_layers(sublayer)
