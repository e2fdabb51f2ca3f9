import keras
import numpy as np
import pytest

from keras_extras.plotting import ActivationFunctionsDisplay

# Value and derivative, as written on paper.
KNOWN = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
    ),
    "softplus": (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
    "exponential": (np.exp, np.exp),
}


@pytest.mark.parametrize("name", KNOWN)
def test_values_and_derivatives(name):
    display = ActivationFunctionsDisplay.from_functions([name], low=-4, high=3)
    x = display.x
    assert (x[0], x[-1]) == (-4, 3)
    value, slope = KNOWN[name]
    np.testing.assert_allclose(display.values[name], value(x), atol=1e-4)
    smooth = np.abs(x) > 0.011  # at a kink the difference is between
    np.testing.assert_allclose(
        display.derivatives[name][smooth], slope(x)[smooth], atol=2e-3
    )


def test_names_functions_and_layers():
    display = ActivationFunctionsDisplay.from_functions(
        [
            keras.ops.sin,
            keras.layers.LeakyReLU(0.3, name="leaky"),
            keras.layers.PReLU(name="learned"),
            "silu",
        ]
    )
    assert [*display.values] == ["sin", "leaky", "learned", "silu"]
    assert display.values["leaky"][0] == pytest.approx(-1.5)
    assert [*ActivationFunctionsDisplay.from_functions("elu").values] == ["elu"]


def test_what_is_drawn():
    display = ActivationFunctionsDisplay.from_functions(["relu", "tanh"]).plot()
    assert [axis.get_title() for axis in display.ax_] == ["relu", "tanh"]
    for name, lines in display.lines_.items():
        for line, values in zip(
            lines,
            (display.values[name], display.derivatives[name]),
            strict=True,
        ):
            np.testing.assert_array_equal(line.get_ydata(), values)
        assert [line.get_linestyle() for line in lines] == ["-", "--"]
    first, second = (axis.get_ylim() for axis in display.ax_)
    assert first == second


def test_where_a_function_saturates_is_shaded():
    axes = (
        ActivationFunctionsDisplay.from_functions(["relu", keras.ops.sin])
        .plot()
        .ax_
    )
    shades = [
        np.concatenate(
            [path.vertices for path in axis.collections[0].get_paths()]
        )
        if axis.collections[0].get_paths()
        else np.empty((0, 2))
        for axis in axes
    ]
    assert shades[0][:, 0].min() == -5
    assert -0.05 < shades[0][:, 0].max() < 0
    assert not shades[1].size  # it is flat at its crests only


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: ActivationFunctionsDisplay.from_functions(["softmax"]),
            "functions of each number by itself. Received: functions='softmax'",
        ),
        (
            lambda: ActivationFunctionsDisplay.from_functions(["sine"]),
            "functions must be names that Keras knows.*functions='sine'",
        ),
        (
            lambda: ActivationFunctionsDisplay.from_functions(low=1, high=1),
            "high must be above low=1",
        ),
        (
            lambda: ActivationFunctionsDisplay([0, 1], {"a": [1, 2]}, {}),
            "derivatives must be one array of 2 numbers for each",
        ),
        (
            lambda: ActivationFunctionsDisplay([0], {"a": [1, 2]}, {"a": [1]}),
            "derivatives must be one array of 1",
        ),
    ],
    ids=["softmax", "unknown", "range", "names", "shapes"],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
