"""A map of numbers over each image: saliency, Grad-CAM."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._gray import finite
from keras_extras.plotting._display import INK, Display, import_matplotlib
from keras_extras.plotting._feature_maps import channels_last, picture_of
from keras_extras.plotting._style import label

_CELL_INCHES = 1.5


class HeatmapDisplay(Display):
    """Images beside the same images with a heatmap over them.

    Each heatmap goes from zero to its own largest value: what is compared is
    the places of one image, since the size of a gradient says nothing across
    images. The map may be coarser than the image; it is laid over all of it.

    Args:
        images: `(n, height, width)` or `(n, height, width, 1 or 3)`.
        heatmaps: `(n, rows, columns)`, not negative.
        captions: one text per image, or `None`.
        name: what the maps are; becomes the title and the label of the scale.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: array `(2, n)` of axes: above the images, below with the maps;
            after `plot`.
        images_: the pictures of the maps, after `plot`.

    Raises:
        ValueError: if the shapes do not fit.

    Examples:
        >>> images, heatmaps = np.zeros((2, 8, 8)), np.ones((2, 3, 3))
        >>> display = HeatmapDisplay(images, heatmaps, ["a", "b"]).plot()
        >>> display.ax_.shape
        (2, 2)
    """

    def __init__(
        self,
        images: Any,
        heatmaps: Any,
        captions: Sequence[str] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self.heatmaps: np.ndarray = np.asarray(heatmaps, "float64")
        if self.heatmaps.ndim != 3 or not self.heatmaps.size:
            raise invalid_argument(
                self,
                "heatmaps",
                "an array (n, rows, columns)",
                self.heatmaps.shape,
            )
        if len(images) != len(self.heatmaps):
            raise invalid_argument(
                self,
                "images",
                f"{len(self.heatmaps)} images, one per heatmap",
                len(images),
            )
        self.images: list[np.ndarray] = [
            picture_of(self, image) for image in images
        ]
        self.captions: list[str] | Sequence[str] = (
            [""] * len(images) if captions is None else captions
        )
        if len(self.captions) != len(images):
            raise invalid_argument(
                self, "captions", "one text per image", captions
            )
        self.name = name

    @classmethod
    def from_saliency(
        cls, model: Any, images: Any, target: Any = None, **kwargs: Any
    ) -> "HeatmapDisplay":
        """Shows which pixels the score of a class depends on.

        Args:
            model: any built model.
            images: its inputs.
            target: as in `keras_extras.inspection.saliency`.
            **kwargs: its other arguments, such as `num_copies=25`.
        """
        from keras_extras.inspection import saliency

        found = saliency(model, images, target, **kwargs)
        return cls(
            channels_last(model, np.asarray(images)), found, name="saliency"
        )

    @classmethod
    def from_grad_cam(
        cls, model: Any, images: Any, layer: Any = None, target: Any = None
    ) -> "HeatmapDisplay":
        """Shows which places of a layer speak for a class.

        Args:
            model: any built model.
            images: its inputs.
            layer: as in `keras_extras.inspection.grad_cam`.
            target: as there.
        """
        from keras_extras.inspection import grad_cam

        found = grad_cam(model, images, layer, target)
        return cls(
            channels_last(model, np.asarray(images)), found, name="Grad-CAM"
        )

    def plot(
        self, ax: Any = None, *, alpha: float = 0.9, **style: Any
    ) -> "HeatmapDisplay":
        """Draws the images, and below them the images with their maps.

        Args:
            ax: array of twice as many axes as images: first those of the
                images, then those of the maps. `None` makes a figure.
            alpha: opacity of the maps where they are largest, from 0 to 1.
            **style: passed to `Axes.imshow` of the maps.

        Returns:
            The display, with `figure_`, `ax_` and `images_`.

        Raises:
            ValueError: if there are too few axes.
            ImportError: if matplotlib is not installed.
        """
        import_matplotlib("matplotlib", self)
        count = len(self.images)
        if ax is None:
            figure = self._new_figure(
                max(2.6, _CELL_INCHES * count + 0.95),
                2 * _CELL_INCHES + 0.6,
                layout="compressed",
            )
            ax = figure.subplots(2, count, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < 2 * count:
            raise invalid_argument(self, "ax", f"{2 * count} axes", len(axes))
        axes = axes[: 2 * count].reshape(2, count)
        self.images_: list[Any] = []
        for number, image in enumerate(self.images):
            height, width = image.shape[:2]
            # Below, the image is pale, and shows where the map is near zero.
            for axis, shown in zip(
                axes[:, number], (image, 0.3 + 0.4 * image), strict=True
            ):
                axis.imshow(shown, cmap="gray", vmin=0, vmax=1)
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            heatmap = self.heatmaps[number]
            heatmap = heatmap / (finite(heatmap).max(initial=0) or 1.0)
            heatmap = np.nan_to_num(heatmap, posinf=1, neginf=0)
            look = {
                "cmap": "inferno",
                "vmin": 0,
                "vmax": 1,
                "alpha": alpha * np.clip(heatmap, 0, 1) ** 0.5,
                "interpolation": "bilinear",
                "extent": (-0.5, width - 0.5, height - 0.5, -0.5),
            }
            self.images_.append(
                axes[1, number].imshow(
                    heatmap, **self._styled("image", style, **look)
                )
            )
            axes[0, number].set_title(
                label(self.captions[number]), fontsize=9, color=INK
            )
        if self._owns_figure:
            bar = axes[0, 0].figure.colorbar(
                self.images_[0], ax=list(axes[1]), shrink=0.9, pad=0.02
            )
            bar.outline.set_visible(False)
            bar.solids.set_alpha(1)
            bar.set_label("of the largest", fontsize=9)
            axes[0, 0].figure.suptitle(
                None if self.name is None else label(self.name),
                fontsize=11,
                color=INK,
            )
        self._drawn(axes, axes[0, 0].figure)
        return self
