import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.plotting import PrecisionRecallDisplay, RocDisplay

both = pytest.mark.parametrize("display", [RocDisplay, PrecisionRecallDisplay])

scored = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=2, max_size=30
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


@given(scored)
def test_auc_is_how_often_a_positive_stands_higher(pairs):
    labels, scores = zip(*pairs, strict=True)
    display = RocDisplay.from_predictions(labels, scores)
    wins = [
        (a > b) + (a == b) / 2
        for label, a in pairs
        if label
        for other, b in pairs
        if not other
    ]
    assert display.areas["1"] == pytest.approx(sum(wins) / len(wins))


@given(scored)
def test_points_are_the_rates_at_some_threshold(pairs):
    labels, scores = (np.array(column) for column in zip(*pairs, strict=True))
    across, up = RocDisplay.from_predictions(labels, scores).curves["1"]
    recall, precision = PrecisionRecallDisplay.from_predictions(
        labels, scores
    ).curves["1"]
    rates, pairs_of = {(0.0, 0.0)}, {(0.0, 1.0)}
    for threshold in set(scores):
        called = scores >= threshold
        true, false = (labels[called] == 1).sum(), (labels[called] == 0).sum()
        share = true / labels.sum()
        rates.add((false / (1 - labels).sum(), share))
        pairs_of.add((share, true / called.sum()))
    assert {*zip(across.tolist(), up.tolist(), strict=True)} <= rates
    assert {*zip(recall.tolist(), precision.tolist(), strict=True)} <= pairs_of


@both
def test_each_class_is_told_from_the_rest(display):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 60)
    scores = rng.dirichlet(np.ones(3), 60)
    found = display.from_predictions(true, scores, class_names="abc")
    assert [*found.areas] == ["a", "b", "c"]
    for number, name in enumerate("abc"):
        alone = display.from_predictions(true == number, scores[:, number])
        assert found.areas[name] == pytest.approx(alone.areas["1"])
    one_hot = display.from_predictions(np.eye(3)[true], scores)
    assert [*one_hot.areas.values()] == [*found.areas.values()]


@both
def test_shapes_of_two_classes(display):
    true, score = [0, 0, 1, 1, 0], np.array([0.1, 0.4, 0.35, 0.8, 0.2])
    expected = display.from_predictions(true, score).areas
    for shaped in (score[:, None], np.stack([1 - score, score], axis=1)):
        assert display.from_predictions(true, shaped).areas == expected
    named = display.from_predictions(true, score, class_names=["no", "yes"])
    assert [*named.areas] == ["yes"]
    assert named.prevalence == 0.4


@both
def test_a_model_is_asked_for_its_scores(display):
    model = keras.Sequential([keras.layers.Activation("sigmoid")])
    x, y = np.array([[-1.0], [2.0], [0.5], [3.0]]), [0, 0, 1, 1]
    found = display.from_model(model, x, y)
    assert found.areas == display.from_predictions(y, x[:, 0]).areas


@both
def test_a_class_without_examples_is_left_out(display):
    scores = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]
    assert [*display.from_predictions([0, 1, 0], scores).areas] == ["0", "1"]


@both
def test_the_legend_has_names_and_areas_worst_first(display):
    curve = ([0, 1], [0, 1])
    found = display(dict.fromkeys("ab", curve), {"a": 0.9, "b": 0.5}).plot()
    legend = found.ax_.get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["b: 0.500", "a: 0.900"]
    assert "mean 0.700" in legend.get_title().get_text()
    for name, line in found.lines_.items():
        assert line.get_xdata().tolist() == [0, 1], name


@both
def test_of_many_classes_the_worst_have_names(display):
    names = [str(number) for number in range(20)]
    areas = {name: int(name) / 20 for name in names}
    found = display(dict.fromkeys(names, ([0, 1], [0, 1])), areas).plot()
    legend = found.ax_.get_legend()
    assert len(legend.get_texts()) == 10
    assert legend.get_texts()[0].get_text() == "0: 0.000"
    assert "10 worst of 20" in legend.get_title().get_text()


def test_chance_is_drawn():
    roc = RocDisplay({"a": ([0, 1], [0, 1])}, {"a": 0.5}).plot()
    assert list(roc.ax_.lines[0].get_ydata()) == [0, 1]
    pr = PrecisionRecallDisplay(
        {"a": ([0, 1], [1, 0])}, {"a": 0.5}, prevalence=0.3
    ).plot()
    assert set(pr.ax_.lines[0].get_ydata()) == {0.3}


@both
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 1], [0.5]), "y_score must be a row for each of the 2"),
        (([0, 2], [0.1, 0.2]), "one for each of 3 classes"),
        (([0, 1], [0.1, np.nan]), "numbers. Received: y_score='1 rows"),
        (([1, 1], [0.1, 0.2]), "examples of at least two classes"),
    ],
    ids=["rows", "classes", "nan", "one"],
)
def test_what_does_not_fit_is_refused(display, arguments, words):
    with pytest.raises(ValueError, match=words):
        display.from_predictions(*arguments)


@both
def test_curves_and_areas_go_together(display):
    with pytest.raises(ValueError, match=r"one number for each curve.*\['a'\]"):
        display({"a": ([0], [0])}, {"b": 0.5})


@given(scored)
def test_curves_are_those_of_scikit_learn(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = zip(*pairs, strict=True)
    roc = RocDisplay.from_predictions(labels, scores)
    area = metrics.roc_auc_score(labels, scores)
    assert roc.areas["1"] == pytest.approx(area)
    assert metrics.auc(*roc.curves["1"]) == pytest.approx(area)
    precision, recall, _ = metrics.precision_recall_curve(
        labels, scores, drop_intermediate=True
    )
    display = PrecisionRecallDisplay.from_predictions(labels, scores)
    np.testing.assert_allclose(display.curves["1"], (recall, precision))
    area = metrics.average_precision_score(labels, scores)
    assert display.areas["1"] == pytest.approx(area)
