"""A grid of images, each with its label and what a model made of it."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras._errors import wrong
from keras_extras.plotting._display import (
    INK,
    VERMILLION,
    Display,
    class_names_for,
    class_numbers,
    import_matplotlib,
)

_CELL_INCHES = 1.15  # wide enough for the caption "9, not 4 (98%)"
_CAPTION_LETTERS = 15


class ImagesDisplay(Display):
    """A grid of captioned images; mistakes are marked.

    A wrong prediction is told by its caption ("9, not 4"), and besides by a
    colored caption and frame.

    Args:
        images: `(n, height, width)` or `(n, height, width, channels)` with 1,
            3 or 4 channels. `uint8` is shown from 0 to 255. Floats are shown
            from the smallest to the largest value of all images, colored ones
            as they are if all lie in [0, 1].
        captions: one text per image, or `None`.
        wrong: one bool per image, true where it is to be marked, or `None`.

    Attributes:
        figure_: the figure, after `plot`.
        ax_: array of one axes per image, after `plot`.

    Raises:
        ValueError: if the shapes do not fit.

    Examples:
        >>> images = np.zeros((2, 28, 28), "uint8")
        >>> display = ImagesDisplay(images, ["four", "nine"]).plot()
        >>> [axes.get_title() for axes in display.ax_]
        ['four', 'nine']
    """

    def __init__(
        self,
        images: Any,
        captions: Sequence[str] | None = None,
        *,
        wrong: Any = None,
    ):
        self.images = _checked_images(images)
        count = len(self.images)
        self.captions = _one_each("captions", captions, count, "")
        self.wrong = np.asarray(_one_each("wrong", wrong, count, False), bool)

    @classmethod
    def from_predictions(
        cls,
        images: Any,
        labels: Any,
        predictions: Any = None,
        *,
        class_names: Sequence[str] | None = None,
        only_wrong: bool = False,
        max_images: int = 24,
    ) -> "ImagesDisplay":
        """Captions images with their labels and predictions.

        Captions read "4 (98%)" where the prediction is right, "9, not 4 (98%)"
        where it is wrong; the percentage is the probability of the predicted
        class and is there if probabilities are given.

        Args:
            images: all images, as in the constructor.
            labels: true class of each: numbers `(n,)` or one-hot
                `(n, classes)`.
            predictions: class numbers `(n,)` or probabilities `(n, classes)`;
                `None` shows the labels alone.
            class_names: text for each class. `None` means its number.
            only_wrong: keep the wrong ones only, those first in which the
                model was most confident.
            max_images: show at most so many, the first ones.

        Raises:
            ValueError: if numbers of images, labels and predictions differ, or
                `only_wrong` is asked for without predictions.

        Examples:
            >>> images = np.zeros((2, 28, 28))
            >>> probabilities = [[0.1, 0.9], [0.2, 0.8]]
            >>> ImagesDisplay.from_predictions(
            ...     images, [1, 0], probabilities
            ... ).captions
            ['1 (90%)', '1, not 0 (80%)']
        """
        who = cls.__name__
        images = _checked_images(images)
        true = class_numbers(who, "labels", labels)
        guess = true
        if predictions is not None:
            guess = class_numbers(who, "predictions", predictions)
        elif only_wrong:
            raise wrong(who, "predictions", "given if only_wrong=True", None)
        if not len(images) == len(true) == len(guess):
            raise wrong(
                who,
                "predictions" if len(images) == len(true) else "labels",
                f"one for each of the {len(images)} images",
                len(guess) if len(images) == len(true) else len(true),
            )

        confidence = _confidence(predictions)
        order = np.arange(len(images))
        if only_wrong:
            order = np.flatnonzero(guess != true)
            if confidence is not None:
                surest = np.argsort(-confidence[order], kind="stable")
                order = order[surest]
        order = order[:max_images]

        classes = int(max(true.max(initial=-1), guess.max(initial=-1))) + 1
        names = class_names_for(who, class_names, classes)
        captions = []
        for i in order:
            caption = names[guess[i]]
            if guess[i] != true[i]:
                caption += f", not {names[true[i]]}"
            if confidence is not None:
                caption += f" ({confidence[i]:.0%})"
            captions.append(caption)
        return cls(images[order], captions, wrong=(guess != true)[order])

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "ImagesDisplay":
        """Draws the grid.

        Args:
            ax: array of at least as many axes as images; those left over are
                blanked. `None` makes a figure.
            num_columns: images per row of a new figure. `None` means 8, or
                fewer if there are fewer images.
            **style: passed to every `Axes.imshow`, such as `cmap="gray_r"` for
                dark ink on white paper.

        Returns:
            The display, with `figure_` and `ax_`.

        Raises:
            ValueError: if there are more images than axes, or none at all.
            ImportError: if matplotlib is not installed.
        """
        import_matplotlib("matplotlib", self)
        count = len(self.images)
        if not count:
            raise wrong(self, "images", "at least one image", self.images)
        if ax is None:
            columns = num_columns or min(count, 8)
            rows = -(-count // columns)
            height, width = self.images.shape[1:3]
            cell = _CELL_INCHES * min(max(height / width, 0.5), 2.0)
            lines = max(_wrapped(text).count("\n") for text in self.captions)
            figure = self._new_figure(
                columns * _CELL_INCHES, rows * (cell + 0.15 * lines + 0.2)
            )
            ax = figure.subplots(rows, columns, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < count:
            raise wrong(self, "ax", f"{count} axes, one per image", ax)

        shown, limits = _for_imshow(self.images)
        style = {"cmap": "gray", **limits, **style}
        for i, axis in enumerate(axes[:count]):
            axis.imshow(shown[i], **style)
            self._dress(axis, i)
        for axis in axes[count:]:
            axis.set_axis_off()
        self._drawn(axes[:count], axes[0].figure)
        return self

    def _dress(self, axis: Any, i: int) -> None:
        color = VERMILLION if self.wrong[i] else INK
        weight = "bold" if self.wrong[i] else "normal"
        axis.set_title(
            _wrapped(self.captions[i]),
            fontsize=8,
            pad=3,
            color=color,
            weight=weight,
        )
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_color(VERMILLION if self.wrong[i] else "#D0D0D0")
            spine.set_linewidth(1.6 if self.wrong[i] else 0.6)


def _checked_images(images: Any) -> np.ndarray:
    array = np.asarray(images)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3, 4)):
        return array
    raise wrong(
        "ImagesDisplay",
        "images",
        "an array of shape (n, height, width) or (n, height, width, channels) "
        "with 1, 3 or 4 channels",
        array.shape,
    )


def _one_each(argument: str, values: Any, count: int, default: Any) -> list:
    if values is None:
        return [default] * count
    if len(values) != count:
        raise wrong(
            "ImagesDisplay",
            argument,
            f"one for each of the {count} images",
            list(values),
        )
    return list(values)


def _wrapped(caption: str) -> str:
    return textwrap.fill(caption, _CAPTION_LETTERS)


def _confidence(predictions: Any) -> np.ndarray | None:
    """Returns the largest probability of each row, if these are rows."""
    array = np.asarray(predictions)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.max(axis=1)
    return None


def _for_imshow(images: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Returns the images as matplotlib takes them, and the gray scale."""
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.dtype == np.uint8:
        return images, {"vmin": 0, "vmax": 255}
    images = images.astype("float32")
    low, high = float(images.min()), float(images.max())
    if images.ndim == 4 and (low < 0 or high > 1):
        images = (images - low) / ((high - low) or 1.0)
    return images, {"vmin": low, "vmax": high if high > low else low + 1}
