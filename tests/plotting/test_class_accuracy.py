import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.plotting import ClassAccuracyDisplay
from keras_extras.plotting._class_accuracy import wilson_interval

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1)


@given(pairs)
def test_worst_class_first(pairs):
    true, guess = zip(*pairs, strict=True)
    display = ClassAccuracyDisplay.from_predictions(true, guess)
    found = [display.correct[i] / display.counts[i] for i in display.order]
    expected = {
        number: np.mean([g == number for t, g in pairs if t == number])
        for number in set(true)
    }
    assert sorted(display.order) == sorted(expected)
    assert found == sorted(expected.values())
    assert [expected[i] for i in display.order] == found


@given(
    st.integers(1, 1000).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.just(n))
    )
)
def test_the_interval_holds_what_the_data_do_not_contradict(drawn):
    k, n = drawn
    low, high = wilson_interval(k, n)
    for p in np.linspace(0, 1, 101):
        inside = low + 1e-9 <= p <= high - 1e-9
        outside = p < low - 1e-9 or p > high + 1e-9
        surprise = (k / n - p) ** 2 - 1.959964**2 * p * (1 - p) / n
        assert not inside or surprise <= 1e-9
        assert not outside or surprise >= -1e-9


def drawn(display):
    (axis,) = np.atleast_1d(display.ax_)
    names = [label.get_text() for label in axis.get_yticklabels()]
    dots = {
        float(y): float(x)
        for line in axis.lines[1:]
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }
    return names, [dots[row] for row in range(len(names))]


def test_names_counts_and_dots():
    display = ClassAccuracyDisplay(
        [9, 5, 0], [10, 10, 0], ["cat", "dog", "eel"]
    ).plot()
    assert drawn(display) == (["dog (10)", "cat (10)"], [0.5, 0.9])
    assert display.ax_.get_title() == "all: 70.0% (dotted)"


def test_only_what_is_surely_worse_is_marked():
    display = ClassAccuracyDisplay([100, 75, 60], [100, 100, 100]).plot()
    _, right, worse = display.ax_.lines
    assert worse.get_ydata().tolist() == [0]
    assert worse.get_marker() != right.get_marker()
    assert right.get_ydata().tolist() == [1, 2]


def test_of_many_classes_the_worst_are_shown():
    display = ClassAccuracyDisplay(np.arange(100), np.full(100, 100)).plot()
    names, dots = drawn(display)
    assert names[0] == "0 (100)"
    assert dots == [number / 100 for number in range(20)]
    assert "20 worst of 100" in display.ax_.get_title()


def test_a_model_is_asked_for_its_predictions():
    model = keras.Sequential([keras.layers.Activation("sigmoid")])
    x = np.array([[-3.0], [-1.0], [2.0], [4.0]])
    display = ClassAccuracyDisplay.from_model(model, x, [0, 1, 1, 1])
    assert display.correct.tolist() == [1, 2]
    assert display.counts.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ClassAccuracyDisplay([2], [1]), "correct must be one number"),
        (lambda: ClassAccuracyDisplay([1], [1, 2]), "correct must be"),
        (lambda: ClassAccuracyDisplay([1], [1], []), "class_names must be"),
        (lambda: ClassAccuracyDisplay([0], [0]).plot(), "at least one example"),
    ],
    ids=["more", "shape", "names", "none"],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
