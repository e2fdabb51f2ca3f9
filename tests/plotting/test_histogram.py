import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.plotting import HistogramDisplay

numbers = (
    st.floats(-1e3, 1e3)
    | st.just(0.0)
    | st.sampled_from([float("nan"), float("inf"), -float("inf")])
)


@given(st.lists(numbers, max_size=60), st.integers(1, 20))
def test_every_number_is_counted_once(values, num_bins):
    display = HistogramDisplay.from_arrays({"a": values}, num_bins=num_bins)
    bars = display.histograms["a"]
    finite = [value for value in values if np.isfinite(value)]
    assert bars.size == len(values)
    assert bars.not_finite == len(values) - len(finite)
    assert bars.zeros == finite.count(0.0)
    rest = [value for value in finite if value != 0]
    assert bars.counts.sum() == len(rest)
    assert len(bars.counts) <= num_bins
    for count, low, high in zip(
        bars.counts, bars.edges[:-1], bars.edges[1:], strict=True
    ):
        inside = sum(low < value < high for value in rest)
        at_edge = sum(value in (low, high) for value in rest)
        assert inside <= count <= inside + at_edge
    if finite:
        assert bars.mean == pytest.approx(sum(finite) / len(finite), abs=1e-9)


def notes(axis):
    (text,) = axis.texts
    return text.get_text()


def test_bars_are_shares_in_percent():
    values = [0.0] * 5 + [1.0] * 3 + [2.0] * 2
    (axis,) = HistogramDisplay.from_arrays({"a": values}).plot().ax_
    (stairs,) = axis.patches
    shares = stairs.get_data().values
    assert sorted(shares[shares > 0]) == [20, 30]
    assert notes(axis) == "50% zeros"
    assert axis.get_title() == "a\n0.7 ± 0.78"


def test_what_is_not_finite_is_said():
    values = [np.nan, np.inf, 1.0, 2.0]
    (axis,) = HistogramDisplay.from_arrays({"a": values}).plot().ax_
    assert notes(axis) == "2 not finite"


@pytest.mark.parametrize("values", [[], [0.0], [3.0] * 9, [np.nan]])
def test_nothing_to_count_is_drawn_all_the_same(values):
    (axis,) = HistogramDisplay.from_arrays({"a": values}).plot().ax_
    assert axis.get_ylim()[1] >= 100


def test_weights_of_a_model():
    model = keras.Sequential(
        [
            keras.layers.Dense(4, name="first"),
            keras.layers.Dense(2, name="last"),
        ]
    )
    model.build((None, 3))
    display = HistogramDisplay.from_model(model)
    names = ["first/kernel", "first/bias", "last/kernel", "last/bias"]
    assert [*display.histograms] == names
    for layer in model.layers:
        for kind, weight in zip(
            ("kernel", "bias"), layer.get_weights(), strict=True
        ):
            bars = display.histograms[f"{layer.name}/{kind}"]
            assert bars.size == weight.size
            assert bars.mean == pytest.approx(weight.mean(), abs=1e-6)
            assert bars.zeros == (weight == 0).sum()
    chosen = HistogramDisplay.from_model(model, layers=["last"])
    assert [*chosen.histograms] == names[2:]


def test_generators_of_random_numbers_are_no_weights():
    model = keras.Sequential(
        [keras.layers.Dropout(0.5), keras.layers.Dense(1, name="d")]
    )
    model.build((None, 3))
    assert len(HistogramDisplay.from_model(model).histograms) == 2


def test_a_subclassed_model_works_too():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, name="inner")

        def call(self, x):
            return self.dense(x)

    model = Two()
    model(np.ones((1, 3)))
    names = [*HistogramDisplay.from_model(model).histograms]
    assert names == ["inner/kernel", "inner/bias"]


def test_activations_of_a_model():
    model = keras.Sequential(
        [
            keras.layers.Rescaling(2.0, name="twice"),
            keras.layers.ReLU(name="relu"),
        ]
    )
    x = np.array([[-1.0, 1.0], [2.0, -3.0]], "float32")
    model(x)
    display = HistogramDisplay.from_model(model, x, layers=["relu"])
    (bars,) = display.histograms.values()
    assert (bars.size, bars.zeros, bars.mean) == (4, 2, 1.5)
    assert display.plot().ax_[0].get_xlabel() == "activation"


def test_of_many_the_first_are_drawn():
    arrays = {str(number): [1.0] for number in range(30)}
    display = HistogramDisplay.from_arrays(arrays).plot()
    assert len(display.ax_) == 24
    assert "24 of 30" in display.figure_.get_suptitle()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: HistogramDisplay.from_model(
                keras.layers.Dense(2, name="d")
            ),
            ValueError,
            "model must be one that has weights.*'d'.*Build it",
        ),
        (
            lambda: HistogramDisplay.from_arrays([[1.0]]),
            TypeError,
            "a dict of name -> array",
        ),
        (
            lambda: HistogramDisplay.from_arrays({"a": [1.0]}, num_bins=0),
            ValueError,
            "num_bins must be at least 1",
        ),
        (
            lambda: HistogramDisplay({}),
            ValueError,
            "histograms must be at least one",
        ),
    ],
    ids=["unbuilt", "list", "bins", "none"],
)
def test_what_does_not_fit_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_unknown_layers_are_refused_with_the_known():
    model = keras.Sequential([keras.layers.Dense(1, name="d")])
    model.build((None, 2))
    with pytest.raises(ValueError, match=r"out of .*'d/kernel'"):
        HistogramDisplay.from_model(model, layers=["dense_9"])
