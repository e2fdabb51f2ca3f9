"""What a model makes of held-out examples: classes, numbers, or neither.

    classes   outputs (n, k) of class numbers (n,) or one-hot rows (n, k);
              outputs (n, 1) of labels that are all 0 or 1
    numbers   outputs and targets of one shape
    neither   anything else; only what `evaluate` says can be told

The kind is read from the arrays, not from the loss, so it is found for models
that were compiled with a loss of their own, or not at all. The loss is asked
only whether outputs are logits. Without an answer, outputs (n, 1) outside of
[0, 1] are numbers, and of (n, k) the classes are known, but no probabilities.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument


class Classes(NamedTuple):
    """True and predicted class of each example.

    Args:
        true: class numbers, `(n,)`.
        guess: predicted class numbers, `(n,)`.
        probabilities: `(n, columns)`, or `None` if they are not known.
        columns: how many numbers the model gives of each example.
    """

    true: np.ndarray
    guess: np.ndarray
    probabilities: np.ndarray | None
    columns: int

    @property
    def right(self) -> int:
        """Number of right answers."""
        return int(np.sum(self.true == self.guess))

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / len(self.true)

    @property
    def num_classes(self) -> int:
        """Number of classes that there are or could be predicted."""
        largest = int(max(self.true.max(), self.guess.max())) + 1
        return max(largest, self.columns, 2)

    @property
    def mistakes(self) -> np.ndarray:
        """Positions of the wrong answers, those most sure first, if known."""
        found = np.flatnonzero(self.true != self.guess)
        if self.probabilities is None:
            return found
        sure = self.probabilities.max(axis=1)[found]
        return found[np.argsort(-sure, kind="stable")]

    def caption(self, position: int, names: list[str]) -> str:
        """Describes an answer: "9, not 4 (98%)"."""
        true, guess = self.true[position], self.guess[position]
        text = names[guess] + (f", not {names[true]}" if true != guess else "")
        if self.probabilities is None:
            return text
        return f"{text} ({self.probabilities[position].max():.0%})"

    def by_class(self, names: list[str]) -> Iterable[tuple]:
        """Yields class, examples, recall and precision, `NaN` where 0 / 0."""
        for number, name in enumerate(names):
            is_true, is_guess = self.true == number, self.guess == number
            both = int(np.sum(is_true & is_guess))
            yield (
                name,
                int(is_true.sum()),
                both / is_true.sum() if is_true.any() else math.nan,
                both / is_guess.sum() if is_guess.any() else math.nan,
            )


class Numbers(NamedTuple):
    """Targets and predictions, `(n, values)`."""

    true: np.ndarray
    guess: np.ndarray

    @property
    def mean_error(self) -> float:
        """Mean distance between prediction and target, in their unit."""
        return float(np.mean(np.abs(self.true - self.guess)))

    @property
    def root_error(self) -> float:
        """Root of the mean squared distance, in their unit."""
        return float(np.sqrt(np.mean((self.true - self.guess) ** 2)))

    @property
    def explained(self) -> float:
        """Share of the targets' variance that is explained, R squared."""
        spread = np.sum((self.true - self.true.mean(axis=0)) ** 2)
        left = np.sum((self.true - self.guess) ** 2)
        return float(1 - left / spread) if spread else math.nan


Outcome = Classes | Numbers | None


def outcome(model: Any, x: Any, y: Any, batch_size: int) -> Outcome:
    """Predicts, and finds out what was predicted.

    Args:
        model: any Keras model.
        x: its inputs: an array, or a list or dict of arrays.
        y: class numbers, one-hot rows or other targets, one per example.
        batch_size: examples per step.
    """
    outputs = model.predict(x, batch_size=batch_size, verbose=0)
    several = not isinstance(outputs, np.ndarray) and len(outputs) > 1
    if several or isinstance(y, dict):
        return None
    outputs = _probabilities.single_output("report", outputs)
    true = np.asarray(y)
    if len(true) != len(outputs) or not len(true):
        raise invalid_argument(
            "report",
            "data",
            "inputs and as many labels, at least one",
            (len(outputs), len(true)),
        )
    if true.dtype.kind not in "biuf":
        raise invalid_argument(
            "report",
            "data[1]",
            "class numbers 0, 1, 2, ..., one-hot rows, or other numbers",
            true[:3],
            fix="Number the classes, and pass their names as class_names.",
            error=TypeError,
        )
    outputs = outputs.astype("float64")
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    labels = _class_numbers(true, outputs)
    result = None if labels is None else _classes(model, labels, outputs)
    if result is not None:
        return result
    if true.size == outputs.size:
        flat = (len(true), -1)
        return Numbers(
            true.astype("float64").reshape(flat), outputs.reshape(flat)
        )
    return None


def labels_for(loss: Any, result: Outcome, y: Any) -> Any:
    """Returns class labels in the form that the loss takes.

    So a model that learned from one-hot rows can be shown with numbers, and
    the other way round.
    """
    name = str(getattr(loss, "name", loss) or "")
    if not isinstance(result, Classes) or result.columns == 1:
        return y
    if "sparse_categorical" in name:
        return result.true
    if "categorical" in name:
        return np.eye(result.columns, dtype="float32")[result.true]
    return y


def share_interval(right: int, total: int) -> tuple[float, float]:
    """Returns what shares a count is compatible with, at 95 percent.

    References:
        Wilson, "Probable inference, the law of succession, and statistical
        inference", J. Am. Stat. Assoc. 22 (1927).
    """
    z = 1.959964
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = (
        z
        * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
        / (1 + z * z / total)
    )
    # Where no or all are right, rounding would put an end beside the share.
    return min(max(middle - half, 0.0), share), max(
        min(middle + half, 1.0), share
    )


def _class_numbers(true: np.ndarray, outputs: np.ndarray) -> Any:
    """Returns the class of each example, or `None` if these are no classes."""
    if outputs.ndim != 2:
        return None
    if outputs.shape[1] > 1 and true.shape == outputs.shape:
        one_hot = np.isin(true, (0, 1)).all() and (true.sum(axis=1) == 1).all()
        return true.argmax(axis=1) if one_hot else None
    if true.size != len(true):
        return None
    labels = true.reshape(-1)
    limit = 2 if outputs.shape[1] == 1 else outputs.shape[1]
    if np.isin(labels, np.arange(limit)).all():
        return labels.astype("int64")
    if limit > 2 and true.dtype.kind in "biu":
        raise invalid_argument(
            "report",
            "data[1]",
            f"class numbers from 0 to {limit - 1}, as the model has {limit} "
            "outputs",
            (int(labels.min()), int(labels.max())),
            context="Received are the smallest and the largest.",
        )
    return None


def _classes(
    model: Any, labels: np.ndarray, outputs: np.ndarray
) -> Classes | None:
    """Returns classes; `None` of one column that holds other numbers.

    Of several columns of any numbers the largest is known all the same, but no
    probability.
    """
    try:
        found = _probabilities.class_probabilities(
            "report", "outputs", outputs, model
        )
    except ValueError:
        if outputs.shape[1] == 1:
            return None
        found = None
    guess = _probabilities.classes("report", model, outputs)
    return Classes(labels, guess, found, outputs.shape[1])
