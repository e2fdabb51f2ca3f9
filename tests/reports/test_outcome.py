"""What was predicted, told from arrays; accuracies against scikit-learn."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.reports._outcome import (
    Classes,
    Numbers,
    labels_for,
    outcome,
    share_interval,
)

RNG = np.random.default_rng(3)
Y = np.arange(12) % 3
PROBABILITIES = RNG.dirichlet(np.ones(3), 12)


class Fixed:
    """A model that predicts what it was made with."""

    def __init__(self, outputs, loss=None):
        self.outputs, self.loss = outputs, loss

    def predict(self, x, **options):
        return self.outputs


def found(outputs, y):
    return outcome(Fixed(outputs), None, y, 4)


@pytest.mark.parametrize(
    "y",
    [Y, Y[:, None], np.eye(3)[Y], Y.astype("float32"), Y.tolist()],
    ids=["numbers", "column", "one-hot", "floats", "list"],
)
def test_labels_of_each_form_are_classes(y):
    result = found(PROBABILITIES, y)
    assert isinstance(result, Classes)
    assert np.array_equal(result.true, Y)
    assert np.array_equal(result.guess, PROBABILITIES.argmax(axis=1))
    assert np.allclose(result.probabilities, PROBABILITIES)
    assert result.accuracy == np.mean(PROBABILITIES.argmax(axis=1) == Y)


def test_of_numbers_that_may_be_logits_the_largest_is_known():
    result = found(9 * np.log(PROBABILITIES), Y)
    assert result.probabilities is None
    assert np.array_equal(result.guess, PROBABILITIES.argmax(axis=1))
    assert result.caption(0, ["a", "b", "c"])[-1] != ")"
    assert np.array_equal(
        result.mistakes, np.flatnonzero(result.guess != result.true)
    )


@pytest.mark.parametrize("logits", [False, True])
def test_one_output_is_two_classes(logits):
    outputs = np.array([[0.2], [0.7], [0.9], [0.4]])
    given = np.log(outputs / (1 - outputs)) if logits else outputs
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model = Fixed(given, loss if logits else None)
    result = outcome(model, None, [0, 1, 0, 1], 4)
    assert result.guess.tolist() == [0, 1, 1, 0]
    assert np.allclose(result.probabilities[:, 1], outputs[:, 0])
    assert result.num_classes == 2


@pytest.mark.parametrize("form", ["loss", "list", "dict"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_logits_that_look_like_probabilities_are_told_by_the_loss(
    outputs, form
):
    losses = keras.losses
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    if outputs == 1:
        loss = losses.BinaryCrossentropy(from_logits=True)
    given = {"loss": loss, "list": [loss], "dict": {"out": loss}}[form]
    logits = PROBABILITIES[:, :outputs]  # all from 0 to 1
    result = outcome(Fixed(logits, given), None, Y % (outputs + 1) % 3, 4)
    if outputs == 1:
        expected = keras.ops.sigmoid(logits)
        found = result.probabilities[:, 1:]
        assert np.all(result.guess == 1)  # each logit is above 0
    else:
        expected, found = keras.ops.softmax(logits), result.probabilities
    expected = keras.ops.convert_to_numpy(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_binary_loss_of_several_logits_takes_each_by_itself():
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    result = outcome(Fixed(PROBABILITIES, loss), None, np.eye(3)[Y], 4)
    expected = 1 / (1 + np.exp(-PROBABILITIES))
    np.testing.assert_allclose(result.probabilities, expected)


def test_one_number_of_a_loss_that_tells_nothing_is_no_class():
    result = found(np.array([[1.2], [-0.1]]), [1, 0])  # of a regression
    assert isinstance(result, Numbers)


def test_other_numbers_are_a_regression():
    y = np.array([1.5, -2.0, 0.25])
    result = found(np.array([[1.0], [-2.0], [0.5]]), y)
    assert isinstance(result, Numbers)
    assert result.mean_error == pytest.approx(0.25)
    assert result.root_error == pytest.approx(math.sqrt((0.25 + 0.0625) / 3))
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.r2_score(result.true, result.guess)
    assert result.explained == pytest.approx(expected)


def test_several_outputs_are_not_compared():
    assert found([PROBABILITIES, PROBABILITIES], [Y, Y]) is None
    assert found(np.zeros((2, 4, 4, 5)), np.zeros((2, 4, 4))) is None


@pytest.mark.parametrize(
    ("outputs", "y", "words", "error"),
    [
        (PROBABILITIES, Y[:5], r"\(12, 5\)", ValueError),
        (PROBABILITIES, Y + 1, "class numbers from 0 to 2", ValueError),
        (PROBABILITIES, ["a"] * 12, "class_names", TypeError),
    ],
)
def test_labels_that_do_not_fit_are_refused(outputs, y, words, error):
    with pytest.raises(error, match=words):
        found(outputs, y)


@pytest.mark.parametrize("y", [Y, np.eye(3)[Y]], ids=["numbers", "one-hot"])
def test_the_loss_gets_the_labels_it_takes(y):
    result = found(PROBABILITIES, y)
    one_hot = keras.losses.CategoricalCrossentropy()
    for loss, expected in (
        ("sparse_categorical_crossentropy", Y),
        (one_hot, np.eye(3)[Y]),
        ("mse", y),
    ):
        assert np.array_equal(labels_for(loss, result, y), expected)


def test_recall_and_precision_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    result = found(PROBABILITIES, Y)
    rows = list(result.by_class(["a", "b", "c", "never"]))
    options = {"average": None, "labels": [0, 1, 2], "zero_division": np.nan}
    for column, function in (
        (2, metrics.recall_score),
        (3, metrics.precision_score),
    ):
        expected = function(result.true, result.guess, **options)
        assert np.allclose([row[column] for row in rows[:3]], expected)
        assert math.isnan(rows[3][column])


def test_mistakes_begin_with_the_most_confident():
    result = found(np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2]]), [1, 1, 0])
    assert result.mistakes.tolist() == [1, 0]
    assert result.caption(1, ["no", "yes"]) == "no, not yes (90%)"
    assert result.caption(2, ["no", "yes"]) == "no (80%)"


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_share(total, data):
    right = data.draw(st.integers(0, total))
    low, high = share_interval(right, total)
    assert -1e-12 <= low <= right / total <= high <= 1 + 1e-12
    # Its ends are the shares from which `right` is 1.96 deviations away.
    for end in (low, high):
        distance = (right / total - end) ** 2
        assert distance * total == pytest.approx(
            1.959964**2 * end * (1 - end), abs=1e-9
        )
