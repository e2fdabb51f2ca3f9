"""What a model makes of held-out examples: classes, numbers, or neither.

    classes   outputs (n, k) of class numbers (n,) or one-hot rows (n, k);
              outputs (n, 1) of labels that are all 0 or 1
    numbers   outputs and targets of one shape
    neither   anything else; only what `evaluate` says can be told

The kind is read from the arrays, not from the loss, so it is found for models
that were compiled with a loss of their own, or not at all. The loss is asked
only whether outputs are logits, since these may look like probabilities.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from keras_extras._errors import invalid_argument


class Classes(NamedTuple):
    """True and predicted class of each example, and the probabilities."""

    true: np.ndarray
    guess: np.ndarray
    probabilities: np.ndarray

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
        return max(largest, self.probabilities.shape[1])

    @property
    def mistakes(self) -> np.ndarray:
        """Positions of the wrong answers, those most sure first."""
        wrong_ones = np.flatnonzero(self.true != self.guess)
        sure = self.probabilities.max(axis=1)[wrong_ones]
        return wrong_ones[np.argsort(-sure, kind="stable")]

    def caption(self, position: int, names: list[str]) -> str:
        """Words one answer: "9, not 4 (98%)"."""
        true, guess = self.true[position], self.guess[position]
        words = names[guess] + (f", not {names[true]}" if true != guess else "")
        return f"{words} ({self.probabilities[position].max():.0%})"

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
    if not isinstance(outputs, np.ndarray) or isinstance(y, dict):
        return None  # several outputs
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
    if labels is not None:
        return _classes(labels, outputs, getattr(model, "loss", None))
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
    if not isinstance(result, Classes) or result.probabilities.shape[1] < 3:
        return y  # one sigmoid and two softmaxes look alike here
    if "sparse_categorical" in name:
        return result.true
    if "categorical" in name:
        return np.eye(result.probabilities.shape[1], dtype="float32")[
            result.true
        ]
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


def _classes(labels: np.ndarray, outputs: np.ndarray, loss: Any) -> Classes:
    """Makes probabilities of the outputs, which may be logits."""
    slack = 1e-2  # rounding in half precision
    told, one_by_one = _logits(loss)
    if told or outputs.min() < -slack or outputs.max() > 1 + slack:
        if one_by_one or outputs.shape[1] == 1:
            outputs = 1 / (1 + np.exp(-np.clip(outputs, -500, 500)))
        else:
            outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            outputs /= outputs.sum(axis=1, keepdims=True)
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
        return Classes(labels, (outputs[:, 1] > 0.5).astype("int64"), outputs)
    return Classes(labels, outputs.argmax(axis=1), outputs)


def _logits(loss: Any) -> tuple[bool, bool]:
    """Returns whether a loss takes logits, and whether each by itself."""
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    # Losses that are given by name, or are functions, take probabilities.
    config = getattr(loss, "get_config", dict)()
    told = bool(config.get("from_logits", False))
    return told, told and type(loss).__name__.startswith("Binary")
