"""The page of a training: what came out, how it was learned, with what.

    report = result + learning + mistakes + examples + model + settings + epochs

Each section is a function that returns parts of the page, or nothing if the
model or the data has nothing to say there: a regression has no confusion
matrix, vectors are no pictures. What is left out is told in a sentence.
"""

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._files import replaced
from keras_extras.reports import _page
from keras_extras.reports._outcome import (
    Classes,
    Numbers,
    Outcome,
    labels_for,
    outcome,
    share_interval,
)
from keras_extras.reports._pictures import as_pictures
from keras_extras.reports._sections import (
    confusions,
    curves,
    epochs,
    examples,
    layers,
    mistakes,
    worst,
)
from keras_extras.reports._settings import training_settings, versions


class _Trained(NamedTuple):
    name: str
    model: Any
    frame: Any  # a DataFrame, a line per epoch, or None
    test: Outcome
    train: Outcome
    measured: dict[str, float]  # by `evaluate`, if compiled


def report(
    model: Any,
    history: Any,
    data: tuple[Any, Any],
    path: str | os.PathLike[str] = "report.html",
    *,
    title: str | None = None,
    author: str | None = None,
    text: str | None = None,
    settings: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    images: Any = None,
    train_data: tuple[Any, Any] | None = None,
    compare_with: Mapping[str, tuple[Any, Any]] | None = None,
    batch_size: int = 256,
    max_images: int = 24,
) -> Path:
    """Writes what a training came to as one HTML page that needs nothing else.

    The page holds the result on test data, the learning curves, the confusion
    matrix, the examples that it got wrong, the model with its layers, the
    settings and versions, and the history epoch by epoch. It has no script, and
    asks nothing of any network.

    Any Keras model will do. For a classifier (class numbers or one-hot labels;
    softmax, sigmoid or logits) all of it is there. For a regression, errors in
    the unit of the targets and the worst predictions take the place of the
    confusion matrix. A model with several outputs is told by what its own
    `evaluate` says.

    Args:
        model: a trained Keras model.
        history: what `fit` returned, a `HistoryRecorder`, a dict or a
            DataFrame, as `history_frame` takes or returns it; `None` if there
            is none.
        data: inputs and labels of the test, `(x, y)`. Nobody can check that
            the model was not trained on them.
        path: where to write the page. A file that is there is replaced.
        title: what the page is called. `None` makes one of the model's name.
        author: who hands it in.
        text: what the author has to say; lines stay lines.
        settings: name -> value of what the model does not know, such as
            `{"Batch size": 64, "Seed": 0}`.
        class_names: one text per class. `None` means its number.
        images: what `x` looks like, `(n, height, width)` or
            `(n, height, width, channels)`, where `x` is something else, such
            as rows of 784 numbers. `None`: `x`, if its shape is that of
            pictures.
        train_data: `(x, y)` of the training: adds the result on it, measured
            after the training.
        compare_with: name -> `(model, history)` of others that were tested
            with the same data; adds their results and curves.
        batch_size: examples per step when predicting.
        max_images: show at most so many mistakes.

    Returns:
        The path of the page.

    Raises:
        TypeError: if `data` is no pair, or labels are no numbers.
        ValueError: if inputs and labels, or labels and outputs, do not fit; or
            if the inputs of `train_data` are those of `data`.
        ImportError: if matplotlib or pandas is not installed.

    Examples:
        >>> from keras_extras.reports import report
        >>> x, y = np.random.default_rng(0).random((32, 4)), np.arange(32) % 2
        >>> model = keras.Sequential([keras.layers.Dense(2, "softmax")])
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> history = model.fit(x, y, verbose=0)
        >>> report(model, history, data=(x, y), path="report.html").name
        'report.html'
    """
    path = Path(path).expanduser()
    x, y = _pair("data", data)
    if train_data is not None:
        train_data = _pair("train_data", train_data)
        if _same(train_data[0], x):
            raise invalid_argument(
                "report",
                "train_data",
                "other inputs than those of data",
                type(x).__name__,
                context="A test on what a model learned from tells nothing.",
                fix="Keep examples back for data, or leave train_data out.",
            )
    name = title or f"A training of {model.name}"
    taken = model.name in (compare_with or {})
    own_name = "this model" if taken else model.name
    all_trained = [
        _measured(one, *pair, (x, y), train_data, batch_size)
        for one, pair in {
            own_name: (model, history),
            **(compare_with or {}),
        }.items()
    ]
    first = all_trained[0]
    pictures = as_pictures(x if images is None else images, images is not None)
    names = _names(class_names, first.test)
    said = [f"By {author}" if author else "", text or ""]
    parts = [
        *(_page.paragraph(words) for words in said if words),
        *_result(all_trained),
        *curves([(one.name, one.frame) for one in all_trained]),
    ]
    if isinstance(first.test, Classes):
        parts += confusions(first.test, names)
        parts += mistakes(first.test, names, pictures, max_images)
        parts += examples(first.test, names, pictures)
    elif isinstance(first.test, Numbers):
        parts += worst(first.test)
    else:
        parts.append(
            _page.paragraph(
                "The model's outputs are not compared with the labels one by "
                "one here: that needs one output, and labels of its shape or "
                "of a class each."
            )
        )
    for one in all_trained:
        own = "The model" if one is first else f"The model: {one.name}"
        parts += layers(one.model, own, x)
    parts += _settings(first, settings)
    for one in all_trained:
        parts += epochs(one.name if len(all_trained) > 1 else "", one.frame)
    summary = _summary(first)
    if len(all_trained) > 1:
        summary = f"{first.name}: {summary}"
    with replaced(path, "w", encoding="utf-8") as file:
        file.write(_page.page(name, summary, parts))
    return path


def _pair(argument: str, data: Any) -> tuple[Any, Any]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise invalid_argument(
            "report",
            argument,
            "a pair of arrays (x, y)",
            type(data).__name__,
            error=TypeError,
        )
    return data[0], data[1]


def _same(one: Any, other: Any) -> bool:
    """Returns whether two inputs are one object, or equal arrays."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(one[key], other[key]) for key in one
        )
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return False


def _measured(
    name: str, model: Any, history: Any, test: Any, train: Any, batch_size: int
) -> _Trained:
    from keras_extras.history import history_frame

    frame = history
    if history is not None and not hasattr(history, "columns"):
        frame = history_frame(history)
    result = outcome(model, test[0], test[1], batch_size)
    measured = {}
    if getattr(model, "compiled", False):
        values = model.evaluate(
            test[0],
            labels_for(model.loss, result, test[1]),
            batch_size=batch_size,
            verbose=0,
            return_dict=True,
        )
        measured = {key: float(np.mean(one)) for key, one in values.items()}
    return _Trained(
        name=str(name),
        model=model,
        frame=frame,
        test=result,
        train=None
        if train is None
        else outcome(model, train[0], train[1], batch_size),
        measured=measured,
    )


def _names(class_names: Sequence[str] | None, test: Outcome) -> list[str]:
    if not isinstance(test, Classes):
        return []
    names = [str(name) for name in class_names or range(test.num_classes)]
    if len(names) < test.num_classes:
        raise invalid_argument(
            "report",
            "class_names",
            f"one name for each of the {test.num_classes} classes",
            names,
        )
    return names[: max(test.num_classes, 2)]


def _summary(one: _Trained) -> str:
    """Says the result in a sentence."""
    test = one.test
    if isinstance(test, Classes):
        low, high = share_interval(test.right, len(test.true))
        return (
            f"{test.accuracy:.1%} of {len(test.true):,} test examples are "
            f"classified right. From that many examples, the true accuracy is "
            f"between {low:.1%} and {high:.1%} (95% confidence)."
        )
    if isinstance(test, Numbers):
        return (
            f"On {len(test.true):,} test examples, predictions are off by "
            f"{test.mean_error:.4g} on average."
        )
    values = ", ".join(f"{key} {one:.4g}" for key, one in one.measured.items())
    return f"On the test data: {values or 'not measured'}."


def _right(test: Any) -> list[Any]:
    return [test.accuracy, test.right, len(test.true) - test.right]


def _errors(test: Any) -> list[Any]:
    return [test.mean_error, test.root_error, test.explained]


def _nothing(test: Any) -> list[Any]:
    return []


def _result(trained: Sequence[_Trained]) -> Iterator[str]:
    """Says how well each model does, on test data and on training data."""
    first = trained[0].test
    columns, again, values = ["model"], "", _nothing
    if isinstance(first, Classes):
        columns += ["test accuracy", "right", "wrong"]
        again, values = "training accuracy", _right
    elif isinstance(first, Numbers):
        columns += ["mean error", "root mean squared", "R²"]
        again, values = "training: mean error", _errors
    with_train = bool(again) and trained[0].train is not None
    columns += [again] * with_train
    own = {"accuracy", "compile_metrics"} if isinstance(first, Classes) else ()
    measured = [key for key in trained[0].measured if key not in own]
    columns += [f"test {key}" for key in measured] + ["parameters"]
    rows = [
        [
            one.name,
            *(values(one.test) if type(one.test) is type(first) else ()),
            *(values(one.train)[:1] if with_train else ()),
            *(one.measured.get(key, float("nan")) for key in measured),
            one.model.count_params(),
        ]
        for one in trained
        if type(one.test) is type(first)
    ]
    caption = "Measured on the data that was given as test data."
    if with_train:
        what = "accuracy" if isinstance(first, Classes) else "error"
        caption += (
            f" Training {what}: of the finished model, on the training data."
        )
    if len(rows) == 1:  # reads better down than across
        yield _page.pairs(
            zip(columns[1:], rows[0][1:], strict=True), caption=caption
        )
    else:
        yield _page.table(columns, rows, caption=caption)
    numbers = first.guess if isinstance(first, Numbers) else None
    if isinstance(first, Classes):
        numbers = first.probabilities
    if numbers is not None and np.isnan(numbers).any():
        yield _page.paragraph(
            "Some predictions are not numbers (NaN): the training has "
            "diverged, and the result says nothing else."
        )


def _settings(
    one: _Trained, settings: Mapping[str, Any] | None
) -> Iterator[str]:
    count = 0 if one.frame is None else len(one.frame)
    yield _page.heading("Settings")
    yield _page.pairs(
        [
            *training_settings(one.model, count),
            *((str(key), value) for key, value in (settings or {}).items()),
            *([("Test examples", len(one.test.true))] if one.test else []),
            *versions(),
            ("Written", datetime.date.today().isoformat()),
        ],
        caption="How it was trained, and with what.",
    )
