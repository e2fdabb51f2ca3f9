import keras
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from keras_extras.plotting import DecisionBoundaryDisplay
from keras_extras.plotting._style import SERIES

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])


class FirstMinusHalf(keras.layers.Layer):
    """Probability of class 1: the first input, between 0 and 1."""

    def call(self, x):
        return keras.ops.clip(x[:, :1], 0.0, 1.0)


class ThreeCorners(keras.layers.Layer):
    """Logits of three classes: minus the squared distance to three corners."""

    def call(self, x):
        corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
        away = keras.ops.expand_dims(x, 1) - keras.ops.convert_to_tensor(
            corners, "float32"
        )
        return -10.0 * keras.ops.sum(away**2, axis=-1)


def display_of(layer, labels, **arguments):
    model = keras.Sequential([layer])
    if isinstance(layer, ThreeCorners):
        logits = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile("sgd", logits)
    return DecisionBoundaryDisplay.from_model(
        model, POINTS, labels, resolution=21, **arguments
    )


def test_the_model_is_asked_on_the_whole_grid():
    display = display_of(FirstMinusHalf(), [0, 1, 0, 1], margin=0.5)
    np.testing.assert_allclose(display.x1, np.linspace(-0.5, 1.5, 21))
    np.testing.assert_allclose(display.x2, np.linspace(-1, 3, 21))
    expected = np.tile(np.clip(display.x1, 0, 1), (21, 1))
    np.testing.assert_allclose(
        display.probabilities[..., 1], expected, atol=1e-6
    )
    assert not display.wrong.any()


def test_regions_have_the_color_of_their_class_pale_at_the_boundary():
    axis = display_of(ThreeCorners(), [0, 1, 2, 0]).plot().ax_
    plane = np.asarray(axis.images[0].get_array())
    low, high = axis.images[0].get_extent()[:2]
    for corner, number in zip(POINTS[:3], range(3), strict=True):
        i, j = (
            round((corner[axis_] - start) / (end - start) * 20)
            for axis_, start, end in ((1, -0.2, 2.2), (0, low, high))
        )
        distance = [
            np.abs(plane[i, j] - (0.55 * np.array(to_rgb(c)) + 0.45)).sum()
            for c in SERIES[:3]
        ]
        assert int(np.argmin(distance)) == number
    half = display_of(FirstMinusHalf(), [0, 1, 0, 1]).plot()
    row = np.asarray(half.image_.get_array())[0].min(axis=-1)
    assert row[10] == row.max()  # where the probability is one half


def test_examples_have_marker_and_color_of_their_class_and_errors_a_ring():
    display = display_of(
        FirstMinusHalf(), [0, 1, 1, 1], class_names=["no", "yes"]
    ).plot()
    no, yes, ring = display.ax_.lines
    assert no.get_marker() != yes.get_marker()
    assert no.get_color() != yes.get_color()
    assert np.column_stack(no.get_data()).tolist() == [[0, 0]]
    assert np.column_stack(ring.get_data()).tolist() == [[0, 2]]
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["no", "yes", "wrong (25%)"]


def test_the_boundary_is_drawn_where_the_classes_are_equal():
    axis = display_of(FirstMinusHalf(), [0, 1, 0, 1]).plot().ax_
    (lines,) = axis.collections
    corners = np.concatenate([path.vertices for path in lines.get_paths()])
    np.testing.assert_allclose(corners[:, 0], 0.5, atol=1e-6)


def test_feature_names_and_inputs_of_whole_numbers():
    display = DecisionBoundaryDisplay.from_model(
        keras.Sequential([FirstMinusHalf()]),
        [[0, 0], [1, 5]],
        [[1, 0], [0, 1]],
        resolution=4,
        feature_names=["length (cm)", "width (cm)"],
    ).plot()
    assert display.labels.tolist() == [0, 1]
    assert display.ax_.get_xlabel() == "length (cm)"
    assert display.ax_.get_ylabel() == "width (cm)"


def test_one_point_has_a_grid_too():
    display = DecisionBoundaryDisplay.from_model(
        keras.Sequential([FirstMinusHalf()]), POINTS[:1], [0], resolution=3
    )
    assert display.x1.tolist() == pytest.approx([-0.1, 0, 0.1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: DecisionBoundaryDisplay.from_model(
                None, np.zeros((3, 4)), [0, 0, 0]
            ),
            r"x must be examples of two features, \(n, 2\).*Choose two",
        ),
        (
            lambda: display_of(FirstMinusHalf(), [0, 1]),
            "y must be one class for each of 4",
        ),
        (
            lambda: DecisionBoundaryDisplay([0, 1], [0], np.zeros((2, 1, 2))),
            r"probabilities must be of shape \(1, 2\)",
        ),
        (
            lambda: DecisionBoundaryDisplay(
                [0], [0], np.zeros((1, 1, 2)), points=[[0, 0]]
            ),
            "labels must be one for each of 1 points",
        ),
    ],
    ids=["features", "classes", "grid", "labels"],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
