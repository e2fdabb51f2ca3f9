"""A grid of images, each with its label and what a model made of it."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument
from keras_extras._gray import limits, unit
from keras_extras.plotting._display import (
    INK,
    VERMILLION,
    Display,
    class_names_for,
    import_matplotlib,
)
from keras_extras.plotting._style import label

_CELL_INCHES = 1.15  # wide enough for the caption "9, not 4 (98%)"
_CAPTION_LETTERS = 15
_MAX_COLUMNS = 6  # more than these are too small to read in a column of text

DataFormat = Literal["channels_last", "channels_first"]


class ImagesDisplay(Display):
    """A grid of captioned images; mistakes are marked.

    A wrong prediction is told by its caption ("9, not 4"), and besides by a
    colored caption and frame.

    Args:
        images: `(n, height, width)` or `(n, height, width, channels)` with 1,
            3 or 4 channels. `uint8` is shown from 0 to 255, other numbers from
            0 to 1 if all lie there; from 0 to 255 if all lie there, some above
            127; else from the smallest to the largest finite value of all
            images.
        captions: one text per image, or `None`.
        wrong: one bool per image, true where it is to be marked, or `None`.
        data_format: `"channels_last"`, or `"channels_first"` for images
            `(n, channels, height, width)`.

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

    _num_columns: int | None = None

    def __init__(
        self,
        images: Any,
        captions: Sequence[str] | None = None,
        *,
        wrong: Any = None,
        data_format: DataFormat = "channels_last",
    ) -> None:
        self.images: np.ndarray = _checked_images(images, data_format)
        count = len(self.images)
        self.captions: list[Any] = _one_each("captions", captions, count, "")
        self.wrong: np.ndarray = np.asarray(
            _one_each("wrong", wrong, count, False), bool
        )

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
        data_format: DataFormat = "channels_last",
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
            data_format: as in the constructor.

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
        owner = cls.__name__
        true = _probabilities.class_numbers(owner, "labels", labels)
        guess, sure = true, None
        if predictions is not None:
            guess = _probabilities.class_numbers(
                owner, "predictions", predictions
            )
            array = np.asarray(predictions)
            if array.ndim == 2 and array.shape[1] > 1:
                sure = _probabilities.class_probabilities(
                    owner, "predictions", array
                ).max(axis=1)
        elif only_wrong:
            raise invalid_argument(
                owner, "predictions", "given if only_wrong=True", None
            )
        images = _checked_images(images, data_format)
        return cls._captioned(
            images, true, guess, sure, class_names, only_wrong, max_images
        )

    @classmethod
    def from_model(
        cls,
        model: Any,
        x: Any,
        y: Any,
        *,
        images: Any = None,
        class_names: Sequence[str] | None = None,
        only_wrong: bool = False,
        max_images: int = 24,
        data_format: DataFormat = "channels_last",
    ) -> "ImagesDisplay":
        """Captions images with what a model makes of them.

        Args:
            model: Keras model with one output: probabilities
                `(n, classes)`, or the probability of class 1, `(n, 1)`; or
                logits, if the loss has `from_logits=True`.
            x: its inputs, as `predict` takes them. All are predicted if
                `only_wrong`, else the first `max_images`.
            y: true class of each: numbers `(n,)` or one-hot `(n, classes)`.
            images: what to show in place of `x`, if that is flattened, say.
            class_names: as in `from_predictions`.
            only_wrong: as in `from_predictions`.
            max_images: as in `from_predictions`.
            data_format: as in the constructor.

        Raises:
            TypeError: if the model has several outputs.
            ValueError: as `from_predictions`.

        Examples:
            >>> mean = keras.layers.GlobalAveragePooling2D()
            >>> images = np.zeros((2, 4, 4, 3))
            >>> images[..., 1] = 0.75  # green
            >>> ImagesDisplay.from_model(
            ...     keras.Sequential([mean]), images, y=[1, 2]
            ... ).captions
            ['1 (75%)', '1, not 2 (75%)']
        """
        images = x if images is None else images
        if not only_wrong:
            x, y, images = x[:max_images], y[:max_images], images[:max_images]
        owner = cls.__name__
        outputs = _probabilities.predicted(owner, model, x)
        found = _probabilities.class_probabilities(
            owner, "model", outputs, model
        )
        return cls._captioned(
            _checked_images(images, data_format),
            _probabilities.class_numbers(owner, "labels", y),
            _probabilities.classes(owner, model, outputs),
            found.max(axis=1),
            class_names,
            only_wrong,
            max_images,
        )

    @classmethod
    def _captioned(
        cls,
        images: np.ndarray,
        true: np.ndarray,
        guess: np.ndarray,
        sure: np.ndarray | None,
        class_names: Sequence[str] | None,
        only_wrong: bool,
        max_images: int,
    ) -> "ImagesDisplay":
        """Makes captions of true and predicted classes, and how sure it is."""
        owner = cls.__name__
        if not len(images) == len(true) == len(guess):
            raise invalid_argument(
                owner,
                "predictions" if len(images) == len(true) else "labels",
                f"one for each of the {len(images)} images",
                len(guess) if len(images) == len(true) else len(true),
            )
        order = np.arange(len(images))
        if only_wrong:
            order = np.flatnonzero(guess != true)
            if sure is not None:
                order = order[np.argsort(-sure[order], kind="stable")]
        order = order[:max_images]
        largest = int(max(true.max(initial=-1), guess.max(initial=-1)))
        names = class_names_for(owner, class_names, largest + 1)
        captions = []
        for i in order:
            caption = names[guess[i]]
            if guess[i] != true[i]:
                caption += f", not {names[true[i]]}"
            if sure is not None:
                caption += f" ({_percent(float(sure[i]))})"
            captions.append(caption)
        return cls(images[order], captions, wrong=(guess != true)[order])

    @classmethod
    def from_classes(
        cls,
        images: Any,
        labels: Any,
        *,
        class_names: Sequence[str] | None = None,
        per_class: int = 1,
        data_format: DataFormat = "channels_last",
    ) -> "ImagesDisplay":
        """Takes the first images of each class, captioned with its name.

        Args:
            images: all images, as in the constructor.
            labels: class of each: numbers `(n,)` or one-hot `(n, classes)`.
            class_names: text for each class. `None` means its number.
            per_class: how many of each; several make a row per class.
            data_format: as in the constructor.

        Raises:
            ValueError: if numbers of images and labels differ.

        Examples:
            >>> images = np.zeros((4, 28, 28))
            >>> ImagesDisplay.from_classes(images, [3, 1, 1, 3]).captions
            ['1', '3']
        """
        images = _checked_images(images, data_format)
        classes = _probabilities.class_numbers(cls.__name__, "labels", labels)
        if len(images) != len(classes):
            raise invalid_argument(
                cls.__name__,
                "labels",
                f"one for each of the {len(images)} images",
                len(classes),
            )
        names = class_names_for(
            cls.__name__, class_names, int(classes.max(initial=-1)) + 1
        )
        chosen = [
            position
            for number in np.unique(classes)
            for position in np.flatnonzero(classes == number)[:per_class]
        ]
        display = cls(images[chosen], [names[classes[i]] for i in chosen])
        even = len(chosen) == per_class * len(np.unique(classes))
        display._num_columns = per_class if per_class > 1 and even else None
        return display

    def plot(
        self, ax: Any = None, *, num_columns: int | None = None, **style: Any
    ) -> "ImagesDisplay":
        """Draws the grid.

        Args:
            ax: array of at least as many axes as images; those left over are
                blanked. `None` makes a figure.
            num_columns: images per row of a new figure. `None` means at most
                6, in rows of equal length.
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
            raise invalid_argument(
                self, "images", "at least one image", self.images
            )
        if ax is None:
            columns = num_columns or self._num_columns
            if columns is None:
                columns = -(-count // -(-count // _MAX_COLUMNS))
            rows = -(-count // columns)
            height, width = self.images.shape[1:3]
            cell = _CELL_INCHES * min(max(height / width, 0.5), 2.0)
            lines = max(_caption(text).count("\n") for text in self.captions)
            figure = self._new_figure(
                columns * _CELL_INCHES, rows * (cell + 0.15 * lines + 0.2)
            )
            ax = figure.subplots(rows, columns, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < count:
            raise invalid_argument(
                self, "ax", f"{count} axes, one per image", ax
            )

        shown, (black, white) = self.images, limits(self.images)
        if shown.ndim == 4 and shown.shape[-1] > 1:
            shown = _colors(shown)
        else:  # in their own numbers, so that vmin and vmax can be given
            shown = shown.reshape(shown.shape[:3])
            shown = np.where(np.isnan(shown), black, shown)
        style = self._styled(
            "image", style, cmap="gray", vmin=black, vmax=white
        )
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
            _caption(self.captions[i]),
            fontsize=9,
            pad=3,
            color=color,
            weight=weight,
        )
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_color(VERMILLION if self.wrong[i] else "#D0D0D0")
            spine.set_linewidth(1.6 if self.wrong[i] else 0.6)


def _checked_images(images: Any, data_format: Any) -> np.ndarray:
    if data_format not in ("channels_last", "channels_first"):
        raise invalid_argument(
            "ImagesDisplay",
            "data_format",
            "'channels_last' or 'channels_first'",
            data_format,
        )
    array = np.asarray(images)
    if array.ndim == 4 and data_format == "channels_first":
        array = np.moveaxis(array, 1, -1)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3, 4)):
        return array
    swapped = array.ndim == 4 and array.shape[1] in (1, 3, 4)
    raise invalid_argument(
        "ImagesDisplay",
        "images",
        "an array of shape (n, height, width) or (n, height, width, channels) "
        "with 1, 3 or 4 channels",
        np.shape(images),
        fix="Pass data_format='channels_first'." if swapped else "",
    )


def _one_each(argument: str, values: Any, count: int, default: Any) -> list:
    if values is None:
        return [default] * count
    if len(values) != count:
        raise invalid_argument(
            "ImagesDisplay",
            argument,
            f"one for each of the {count} images",
            list(values),
        )
    return list(values)


def _caption(text: str) -> str:
    return label(text, width=_CAPTION_LETTERS)


def _percent(share: float) -> str:
    """Returns a share in whole percent; only certainty is 100%."""
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def _colors(images: np.ndarray) -> np.ndarray:
    """Returns colors as matplotlib takes them."""
    return images if images.dtype == np.uint8 else unit(images)
