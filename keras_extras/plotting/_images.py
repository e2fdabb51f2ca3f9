"""A grid of images, each with its label and what a model made of it."""

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import (
    INK,
    VERMILLION,
    Display,
    class_names_for,
    class_numbers,
    import_matplotlib,
)
from keras_extras.plotting._outputs import class_probabilities, predicted

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
            3 or 4 channels. `uint8` is shown from 0 to 255, floats from 0 to 1
            if all lie there. Others are shown from the smallest to the largest
            value of all images.
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
    ):
        self.images = _checked_images(images, data_format)
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
        images = _checked_images(images, data_format)
        true = class_numbers(owner, "labels", labels)
        guess = true
        if predictions is not None:
            guess = class_numbers(owner, "predictions", predictions)
        elif only_wrong:
            raise invalid_argument(
                owner, "predictions", "given if only_wrong=True", None
            )
        if not len(images) == len(true) == len(guess):
            raise invalid_argument(
                owner,
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
        names = class_names_for(owner, class_names, classes)
        captions = []
        for i in order:
            caption = names[guess[i]]
            if guess[i] != true[i]:
                caption += f", not {names[true[i]]}"
            if confidence is not None:
                caption += f" ({_percent(float(confidence[i]))})"
            captions.append(caption)
        return cls(images[order], captions, wrong=(guess != true)[order])

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
            model: Keras model with one output: probabilities or logits
                `(n, classes)`, or the probability of class 1, `(n, 1)`.
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
        outputs = predicted(cls.__name__, model, x)
        return cls.from_predictions(
            images,
            y,
            class_probabilities(cls.__name__, "model", outputs),
            class_names=class_names,
            only_wrong=only_wrong,
            max_images=max_images,
            data_format=data_format,
        )

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
        classes = class_numbers(cls.__name__, "labels", labels)
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
            lines = max(_wrapped(text).count("\n") for text in self.captions)
            figure = self._new_figure(
                columns * _CELL_INCHES, rows * (cell + 0.15 * lines + 0.2)
            )
            ax = figure.subplots(rows, columns, squeeze=False)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) < count:
            raise invalid_argument(
                self, "ax", f"{count} axes, one per image", ax
            )

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


def _wrapped(caption: str) -> str:
    return textwrap.fill(caption, _CAPTION_LETTERS)


def _percent(share: float) -> str:
    """Returns a share in whole percent; only certainty is 100%."""
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


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
    finite = images[np.isfinite(images)]
    low, high = 0.0, 1.0
    if finite.size and not (finite.min() >= 0 and finite.max() <= 1):
        low, high = float(finite.min()), float(finite.max())
    if images.ndim == 4:
        images = np.clip((images - low) / ((high - low) or 1.0), 0, 1)
        images = np.nan_to_num(images)
    return images, {"vmin": low, "vmax": high if high > low else low + 1}
