"""The sections of the page, each a function that yields its parts.

A section that has nothing to show says so in a sentence, or yields nothing.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_extras.reports import _page
from keras_extras.reports._outcome import Classes, Numbers
from keras_extras.reports._pictures import first_of_each

# Beyond this many classes the tables by class hide the rest of the page.
_MAX_CLASSES = 100

_HOW_TO_READ = (
    "Training values are means over an epoch in which the model was still "
    "changing, with dropout on if there is any; validation values are those "
    "of the model at its end. So validation may well look better at first."
)


def curves(histories: Sequence[tuple[str, Any]]) -> Iterator[str]:
    """Draws each metric of each model, a metric on the same scale for all.

    Args:
        histories: name of the model, and its DataFrame or `None`.
    """
    from keras_extras.plotting import HistoryDisplay

    histories = [
        (name, frame)
        for name, frame in histories
        if frame is not None and len(frame) and len(frame.columns)
    ]
    yield _page.heading("Learning")
    if not histories:
        yield _page.paragraph("There is no record of the training.")
        return
    limits: dict[str, list[float]] = {}
    drawn = []
    for name, frame in histories:
        title = name if len(histories) > 1 else None
        numbers = frame.select_dtypes("number")
        groups = HistoryDisplay.from_history(numbers).groups
        for metric, columns in groups.items():
            values = numbers[columns].to_numpy(dtype="float64")
            if not np.isfinite(values).any():
                continue
            display = HistoryDisplay.from_history(
                numbers, metrics=[metric], name=title
            ).plot()
            limits.setdefault(metric, []).extend(display.ax_[0].get_ylim())
            drawn.append((name, metric, numbers[columns], display))
    pictures = []
    for name, metric, part, display in drawn:
        display.ax_[0].set_ylim(min(limits[metric]), max(limits[metric]))
        last = ", ".join(
            f"{column} {part[column].iloc[-1]:.4g}" for column in part
        )
        pictures.append(
            _page.picture(
                _png(display),
                alt=f"{metric} of {name} over {len(part)} epochs. At the "
                f"end: {last}.",
            )
        )
    yield _page.beside(pictures, caption=_HOW_TO_READ)


def confusions(test: Classes, names: list[str]) -> Iterator[str]:
    from keras_extras.plotting import ConfusionMatrixDisplay

    yield _page.heading("Which class is taken for which")
    if len(names) > _MAX_CLASSES:
        yield _page.paragraph(f"With {len(names)} classes, left out.")
        return
    display = ConfusionMatrixDisplay.from_predictions(
        test.true, test.guess, class_names=names
    ).plot()
    yield _page.picture(
        _png(display),
        alt=f"Confusion matrix: {test.right:,} of {len(test.true):,} right.",
        caption="Right answers stand on the blue diagonal; the darker a cell "
        "beside it, the more often the class of its row was taken for that of "
        "its column.",
    )
    yield _page.table(
        ["class", "examples", "recall", "precision"],
        test.by_class(names),
        caption="Recall: of the examples of a class, the share that was "
        "predicted as it. Precision: of the examples predicted as a class, the "
        "share that belongs to it; empty if there is none.",
    )


def mistakes(
    test: Classes, names: list[str], pictures: Any, max_images: int
) -> Iterator[str]:
    yield _page.heading("What it gets wrong")
    found = test.mistakes[:max_images]
    if not len(found):
        yield _page.paragraph("Nothing, on this data.")
        return
    total = len(test.mistakes)
    shown = (
        f"all {total:,}"
        if total <= max_images
        else f"{max_images} of {total:,}"
    )
    how = (
        f"Mistakes, {shown}, those first in which the model is most sure. "
        f'"{test.caption(found[0], names)}" reads: taken for the first, '
        "labeled as the second; in parentheses the probability that the model "
        "gave to its answer. Some turn out to be wrong labels."
    )
    if pictures is not None:
        yield _page.tiles(
            pictures[found],
            [test.caption(one, names) for one in found],
            caption=how,
        )
        return
    yield _page.table(
        ["example", "predicted", "true", "probability"],
        [
            (
                int(one),
                names[test.guess[one]],
                names[test.true[one]],
                float(test.probabilities[one].max()),
            )
            for one in found
        ],
        caption=f"Mistakes, {shown}, those first in which the model is most "
        "sure. Examples are numbered from 0. The data are no pictures, so "
        "none are shown.",
    )


def examples(test: Classes, names: list[str], pictures: Any) -> Iterator[str]:
    if pictures is None:
        return
    first = first_of_each(test.true, len(names))
    yield _page.heading("One of each class")
    yield _page.tiles(
        pictures[first],
        [names[test.true[one]] for one in first],
        caption="The first test example of each class, and its label.",
    )


def worst(test: Numbers) -> Iterator[str]:
    """Shows the largest errors of a regression."""
    errors = np.abs(test.true - test.guess)
    example, value = np.unravel_index(
        np.argsort(-errors, axis=None, kind="stable")[:10], errors.shape
    )
    several = errors.shape[1] > 1
    yield _page.heading("Where it is most wrong")
    yield _page.table(
        ["example", *["value"] * several, "predicted", "true", "error"],
        [
            (
                int(one),
                *[int(which)] * several,
                float(test.guess[one, which]),
                float(test.true[one, which]),
                float(errors[one, which]),
            )
            for one, which in zip(example, value, strict=True)
        ],
        caption="The ten largest errors. The model predicts numbers, not "
        "classes, so there is no confusion matrix. Examples are counted from "
        "0.",
    )


def layers(model: Any, title: str, x: Any) -> Iterator[str]:
    """Shows the model as a drawing and its layers as a table.

    Args:
        model: any Keras model.
        title: heading of the section.
        x: its inputs, which say their shape where the model does not.
    """
    from keras_extras.inspection import summary_frame
    from keras_extras.plotting import ArchitectureDisplay

    shape = (None, *x.shape[1:]) if hasattr(x, "shape") else None
    yield _page.heading(title)
    try:
        display = ArchitectureDisplay.from_model(model, shape).plot()
        frame: Any = summary_frame(model, shape)
    except Exception:  # whatever a foreign `call` does without real tensors
        printed: list[str] = []
        model.summary(
            line_length=78, print_fn=lambda text, **_: printed.append(text)
        )
        yield _page.lines("\n".join(printed))
        return
    top = frame[frame["depth"] == 0]
    yield _page.picture(
        _png(display),
        alt="Drawing of: " + ", ".join(top["class"]) + ".",
        kind="drawing",
    )
    rows = [
        (
            row["name"],
            row["class"],
            _shape(row["output_shape"]),
            _count(row["parameters"]),
            _count(row["multiply_adds"]),
        )
        for _, row in top.iterrows()
    ]
    total = [_count(top[key].sum()) for key in ("parameters", "multiply_adds")]
    trained = int(top["trainable"].sum())
    yield _page.table(
        ["layer", "kind", "output shape", "parameters", "multiply-adds"],
        [*rows, ("together", "", "", *total)],
        caption=f"{trained:,} of the parameters are trained. Multiply-adds are "
        "for one example.",
        kind="layers",
    )


def _shape(shape: Any) -> str:
    """Words the shape of one example: "28 x 28 x 1"."""
    if not isinstance(shape, tuple):
        return str(shape)
    return " x ".join("?" if one is None else str(one) for one in shape[1:])


def _count(number: Any) -> Any:
    return "" if number != number else int(number)  # NaN: not known


def epochs(name: str, frame: Any) -> Iterator[str]:
    """Shows the history as a table, a line per epoch."""
    if frame is None or not len(frame):
        return
    yield _page.heading(f"Epoch by epoch{': ' if name else ''}{name}")
    yield _page.table(
        [frame.index.name or "epoch", *map(str, frame.columns)],
        [(epoch, *row) for epoch, *row in frame.itertuples()],
        caption="As Keras logged it.",
    )


def _png(display: Any) -> bytes:
    file = io.BytesIO()
    display.figure_.savefig(file, format="png")
    return file.getvalue()
