"""What the channels of a layer see in one image."""

from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._gray import finite, unit
from keras_extras.plotting._display import INK, Display, import_matplotlib
from keras_extras.plotting._filters import all_layers
from keras_extras.plotting._style import label

_CELL_INCHES = 0.85
_MAX_COLUMNS = 8


class FeatureMapsDisplay(Display):
    """The output of a layer for one image, one small picture per channel.

    All channels have one scale, so that a channel that finds nothing is dark;
    with `each=True` in `plot`, each is shown from its smallest to its largest
    value. A channel that is zero everywhere is marked with "0": of ReLU, it is
    dead for this image.

    Args:
        maps: `(height, width, channels)`.
        image: the image itself, `(height, width)` or
            `(height, width, 1 or 3)`; shown first. `None` shows none.
        name: which layer it is; becomes the title.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: array of one axes per channel shown, after `plot`; with an image
            before them, that of the image is the first.
        images_: the pictures of the channels, after `plot`.

    Raises:
        ValueError: if `maps` or `image` does not have that shape.

    Examples:
        >>> maps = np.arange(32.0).reshape(4, 4, 2)
        >>> display = FeatureMapsDisplay(maps, name="conv").plot()
        >>> len(display.images_)
        2
    """

    def __init__(
        self, maps: Any, image: Any = None, *, name: str | None = None
    ) -> None:
        self.maps: np.ndarray = np.asarray(maps, "float64")
        if self.maps.ndim != 3 or not self.maps.size:
            raise invalid_argument(
                self,
                "maps",
                "an array (height, width, channels)",
                self.maps.shape,
            )
        self.image: np.ndarray | None = (
            None if image is None else picture_of(self, image)
        )
        self.name = name

    @classmethod
    def from_model(
        cls, model: Any, image: Any, layer: Any = None
    ) -> "FeatureMapsDisplay":
        """Runs a model on one image and takes the output of a layer.

        Args:
            model: any built model with one input.
            image: one input of the model, without the batch:
                `(height, width, channels)`.
            layer: name, path, layer or class; of several, the first. `None`
                means the first whose output has places and more channels than
                one.

        Raises:
            ValueError: if the layer is not there or has no such output.
        """
        from keras_extras.inspection import activations

        image = np.asarray(image)
        found = activations(model, image[None], layer)
        for name, output in found.items():
            if np.ndim(output) == 4 and (layer is not None or _is_map(output)):
                shown = channels_last(model, image)
                fits = shown.ndim == 2 or shown.shape[-1] in (1, 3)
                return cls(
                    channels_last(model, output[0]),
                    shown if fits else None,
                    name=name,
                )
        raise invalid_argument(
            cls.__name__,
            "layer",
            "one with an output (height, width, channels) for each image",
            layer,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        max_maps: int = 32,
        num_columns: int = _MAX_COLUMNS,
        each: bool = False,
        **style: Any,
    ) -> "FeatureMapsDisplay":
        """Draws the channels.

        Args:
            ax: array of axes, one per channel, and one before them for the
                image if there is one. `None` makes a figure.
            max_maps: show at most so many channels, the first ones.
            num_columns: pictures side by side.
            each: give each channel a scale of its own.
            **style: passed to `Axes.imshow`, such as `cmap="magma"`.

        Returns:
            The display, with `figure_`, `ax_` and `images_`.

        Raises:
            ValueError: if there are too few axes.
            ImportError: if matplotlib is not installed.
        """
        import_matplotlib("matplotlib", self)
        count = min(self.maps.shape[-1], max_maps)
        first = self.image is not None
        if ax is None:
            rows = -(-(count + first) // num_columns)
            columns = -(-(count + first) // rows)  # rows of one length
            figure = self._new_figure(
                max(2.6, _CELL_INCHES * columns + 0.8 * (not each)),
                (_CELL_INCHES + 0.18) * rows + 0.4,
            )
            ax = figure.subplots(rows, columns, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < count + first:
            raise invalid_argument(
                self, "ax", f"{count + first} axes", len(axes)
            )
        shown = self.maps[..., :count]
        look: dict[str, Any] = {"cmap": "viridis"}
        if not each:
            numbers = finite(shown)
            top = numbers.max() if numbers.size else 0.0
            look |= {"vmin": numbers.min(initial=0), "vmax": top}
        for axis in axes:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        if first:
            axes[0].imshow(self.image, cmap="gray")
            axes[0].set_title("image", fontsize=8, color=INK, pad=2)
        self.images_: list[Any] = []
        for number in range(count):
            axis = axes[number + first]
            channel = shown[..., number]
            picture = axis.imshow(
                channel, **self._styled("image", style, **look)
            )
            self.images_.append(picture)
            zero = ": 0" if not channel.any() else ""
            axis.set_title(f"{number}{zero}", fontsize=8, color=INK, pad=2)
        for axis in axes[count + first :]:
            axis.set_axis_off()
        if self._owns_figure:
            self._dress(axes, count, each)
        self._drawn(axes[: count + first], axes[0].figure)
        return self

    def _dress(self, axes: np.ndarray, count: int, each: bool) -> None:
        figure, channels = axes[0].figure, self.maps.shape[-1]
        of = f"{count} of {channels}" if count < channels else f"{channels}"
        size = "\N{MULTIPLICATION SIGN}".join(map(str, self.maps.shape[:2]))
        title = f"{of} channels, {size}"
        if self.name is not None:
            title = f"{label(self.name)}: {title}"
        figure.suptitle(title, fontsize=11, color=INK)
        if not each:
            bar = figure.colorbar(
                self.images_[0], ax=list(axes), shrink=0.9, pad=0.02
            )
            bar.outline.set_visible(False)
            bar.set_label("activation")


def picture_of(owner: Any, image: Any) -> np.ndarray:
    """Returns an image as matplotlib shows it: values from 0 to 1.

    Raises:
        ValueError: if it is no image.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    color = image.ndim == 3 and image.shape[-1] == 3
    if not image.size or not (image.ndim == 2 or color):
        raise invalid_argument(
            owner,
            "image",
            "(height, width) or (height, width, 1 or 3)",
            image.shape,
        )
    return unit(image)


def channels_last(model: Any, images: np.ndarray) -> np.ndarray:
    """Moves channels to the end, if the model has them before the places."""
    first = any(
        getattr(layer, "data_format", "") == "channels_first"
        for layer in all_layers(model)
    )
    return np.moveaxis(images, -3, -1) if first and images.ndim > 2 else images


def _is_map(output: np.ndarray) -> bool:
    return min(output.shape[1:]) > 1
