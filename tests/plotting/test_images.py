import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from keras_extras.plotting import ImagesDisplay

RNG = np.random.default_rng(0)
DIGITS = RNG.integers(0, 256, (6, 5, 4), dtype="uint8")

LABELS = [0, 1, 2, 0, 1, 2]
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],  # right
        [0.6, 0.3, 0.1],  # wrong
        [0.1, 0.0, 0.9],  # right
        [0.0, 0.9, 0.1],  # wrong, the surest
        [0.5, 0.1, 0.4],  # wrong, the least sure
        [0.2, 0.2, 0.6],  # right
    ]
)


def predicted(**arguments):
    return ImagesDisplay.from_predictions(
        DIGITS, LABELS, PROBABILITIES, **arguments
    )


def drawn(display):
    return [axis.images[0].get_array() for axis in display.ax_]


def test_drawn_pixels_are_the_given_ones():
    display = ImagesDisplay(DIGITS).plot()
    np.testing.assert_array_equal(drawn(display), DIGITS)
    np.testing.assert_array_equal(
        drawn(ImagesDisplay(DIGITS[..., None]).plot()), DIGITS
    )


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_colors_are_the_given_ones(channels, dtype):
    images = RNG.integers(0, 2, (2, 5, 4, channels)).astype(dtype)
    np.testing.assert_array_equal(drawn(ImagesDisplay(images).plot()), images)


def test_one_gray_scale_for_all_images():
    images = np.stack([np.full((3, 3), value) for value in (-1.0, 0.5, 3.0)])
    for axis in ImagesDisplay(images).plot().ax_:
        assert axis.images[0].get_clim() == (-1.0, 3.0)
    for axis in ImagesDisplay(DIGITS).plot().ax_:
        assert axis.images[0].get_clim() == (0, 255)


def test_floats_outside_of_the_color_range_are_scaled_together():
    values = np.array([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    shown = drawn(ImagesDisplay(values * np.ones((1, 2, 2, 3))).plot())
    assert [np.unique(image).tolist() for image in shown] == [[0], [0.5], [1]]


def test_a_dim_picture_stays_dim_and_a_hole_does_not_spoil_the_scale():
    dim = np.full((2, 3, 3), 0.01)
    for axis in ImagesDisplay(dim).plot().ax_:
        assert axis.images[0].get_clim() == (0, 1)
    holes = np.array([[[np.nan, -1.0], [2.0, 5.0]]])
    (axis,) = ImagesDisplay(holes).plot().ax_
    assert axis.images[0].get_clim() == (-1, 5)
    colored = np.stack([holes[0]] * 3, axis=-1)[None]
    (shown,) = drawn(ImagesDisplay(colored).plot())
    assert shown[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_first_is_told(channels):
    images = RNG.random((2, channels, 5, 6))
    display = ImagesDisplay(images, data_format="channels_first").plot()
    for image, shown in zip(images, drawn(display), strict=True):
        expected = np.moveaxis(image, 0, -1)
        if channels == 1:
            expected = expected[..., 0]
        np.testing.assert_allclose(shown, expected, rtol=1e-6)


@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 3))
def test_each_class_is_shown_by_its_first_images(labels, per_class):
    images = np.arange(len(labels))[:, None, None] * np.ones((1, 2, 2))
    display = ImagesDisplay.from_classes(images, labels, per_class=per_class)
    expected = []
    for number in sorted(set(labels)):
        found = [i for i, label in enumerate(labels) if label == number]
        expected += found[:per_class]
    assert display.images[:, 0, 0].astype(int).tolist() == expected
    assert display.captions == [str(labels[i]) for i in expected]


def test_several_of_each_class_make_rows():
    display = ImagesDisplay.from_classes(
        DIGITS, LABELS, class_names="abc", per_class=2
    ).plot()
    assert display.captions == ["a", "a", "b", "b", "c", "c"]
    grid = display.ax_[0].get_subplotspec().get_gridspec()
    assert grid.get_geometry() == (3, 2)


def brightness(num_classes):
    """A model whose probabilities are the first pixels of an image."""
    return keras.Sequential(
        [keras.layers.Flatten(), Taken(num_classes)], name="brightness"
    )


class Taken(keras.layers.Layer):
    def __init__(self, count):
        super().__init__()
        self.count = count

    def call(self, x):
        return x[:, : self.count]


def test_a_model_is_asked_for_its_predictions():
    x = np.zeros((6, 4, 4, 1), "float32")
    x[..., 0, :3, 0] = PROBABILITIES
    display = ImagesDisplay.from_model(
        brightness(3), x, LABELS, images=DIGITS, only_wrong=True
    )
    expected = predicted(only_wrong=True)
    assert display.captions == expected.captions
    np.testing.assert_array_equal(display.images, expected.images)
    first = ImagesDisplay.from_model(brightness(3), x, LABELS, max_images=2)
    assert first.captions == predicted(max_images=2).captions


def test_one_sigmoid_output_is_two_classes():
    x = np.array([0.1, 0.6], "float32").reshape(2, 1, 1)
    display = ImagesDisplay.from_model(brightness(1), x, [0, 0])
    assert display.captions == ["0 (90%)", "1, not 0 (60%)"]


def test_captions_say_what_was_taken_for_what():
    assert predicted().captions == [
        "0 (80%)",
        "0, not 1 (60%)",
        "2 (90%)",
        "1, not 0 (90%)",
        "0, not 1 (50%)",
        "2 (60%)",
    ]
    assert predicted().wrong.tolist() == [False, True, False, True, True, False]


def test_captions_without_probabilities():
    only_labels = ImagesDisplay.from_predictions(DIGITS, LABELS)
    assert only_labels.captions == ["0", "1", "2", "0", "1", "2"]
    assert not only_labels.wrong.any()
    classes = ImagesDisplay.from_predictions(DIGITS, LABELS, [0, 0, 2, 1, 0, 2])
    assert classes.captions[:2] == ["0", "0, not 1"]


def test_almost_certain_is_not_certain():
    captions = ImagesDisplay.from_predictions(
        DIGITS[:3], [0, 0, 0], [[0.999, 0.001], [1.0, 0.0], [0.99, 0.01]]
    ).captions
    assert captions == ["0 (>99%)", "0 (100%)", "0 (99%)"]


def test_class_names():
    display = predicted(class_names=["cat", "dog", "eel"], max_images=2)
    assert display.captions == ["cat (80%)", "cat, not dog (60%)"]


def test_only_wrong_shows_the_surest_mistakes_first():
    display = predicted(only_wrong=True, max_images=2)
    assert display.captions == ["1, not 0 (90%)", "0, not 1 (60%)"]
    np.testing.assert_array_equal(display.images, DIGITS[[3, 1]])


@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_only_wrong_shows_all_mistakes_once(seed, count):
    rng = np.random.default_rng(seed)
    images = np.arange(count)[:, None, None] * np.ones((1, 2, 2))
    labels = rng.integers(0, 3, count)
    probabilities = rng.dirichlet(np.ones(3), count).reshape(count, 3)
    display = ImagesDisplay.from_predictions(
        images, labels, probabilities, only_wrong=True
    )
    shown = display.images[:, 0, 0].astype(int).tolist()
    mistakes = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    assert sorted(shown) == mistakes.tolist()
    sureness = [probabilities[i].max() for i in shown]
    assert sureness == sorted(sureness, reverse=True)


def test_mistakes_are_marked_by_color_and_frame_too():
    right, wrong = predicted(max_images=2).plot().ax_
    for read in (
        lambda axis: to_hex(axis.title.get_color()),
        lambda axis: to_hex(axis.spines["left"].get_edgecolor()),
        lambda axis: axis.spines["left"].get_linewidth(),
        lambda axis: axis.title.get_weight(),
    ):
        assert read(right) != read(wrong)
    assert wrong.get_title() == "0, not 1 (60%)"


@pytest.mark.parametrize(
    ("count", "num_columns", "shape"),
    [(1, None, (1, 1)), (6, None, (1, 6)), (10, None, (2, 5)), (5, 2, (3, 2))],
)
def test_grid(count, num_columns, shape):
    display = ImagesDisplay(np.zeros((count, 3, 3)))
    display.plot(num_columns=num_columns)
    assert len(display.ax_) == count
    grid = display.ax_[0].get_subplotspec().get_gridspec()
    assert grid.get_geometry() == shape
    assert len(display.figure_.axes) == np.prod(shape)
    assert not any(axis.axison for axis in display.figure_.axes[count:])


def test_style_goes_to_imshow():
    (axis, *_) = ImagesDisplay(DIGITS).plot(cmap="gray_r", vmax=99).ax_
    assert axis.images[0].get_cmap().name == "gray_r"
    assert axis.images[0].get_clim() == (0, 99)


# --- errors ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (4, 4), (2, 4, 4, 2), (1, 1, 2, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="images must be an array of shape"):
        ImagesDisplay(np.zeros(shape))


def test_swapped_channels_are_recognized():
    with pytest.raises(ValueError, match="Pass data_format='channels_first'"):
        ImagesDisplay(np.zeros((2, 3, 8, 8)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ImagesDisplay(DIGITS, ["a"]), "captions must be one for each"),
        (
            lambda: ImagesDisplay(DIGITS, wrong=[1]),
            "wrong must be one for each",
        ),
        (
            lambda: ImagesDisplay.from_predictions(DIGITS, [1]),
            "labels must be one for each of the 6 images. Received: labels=1",
        ),
        (
            lambda: ImagesDisplay.from_predictions(DIGITS, LABELS, [1, 2]),
            "predictions must be one for each of the 6 .* predictions=2",
        ),
        (
            lambda: ImagesDisplay.from_predictions(
                DIGITS, LABELS, only_wrong=True
            ),
            "predictions must be given if only_wrong=True",
        ),
        (lambda: predicted(class_names=["a"]), "class_names must be one name"),
        (
            lambda: ImagesDisplay(DIGITS, data_format="NCHW"),
            "data_format must be 'channels_last' or 'channels_first'",
        ),
        (
            lambda: ImagesDisplay.from_classes(DIGITS, [1]),
            "labels must be one for each of the 6 images",
        ),
        (lambda: ImagesDisplay(DIGITS[:0]).plot(), "at least one image"),
        (
            lambda: ImagesDisplay(DIGITS).plot(ax=Figure().subplots(1, 5)),
            "ax must be 6 axes, one per image",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("channels", [(), (1,), (3,)], ids=str)
def test_one_broken_pixel_leaves_the_scale_as_it_is(channels):
    images = np.random.default_rng(0).normal(size=(2, 4, 4, *channels))
    images[0, 0, :2] = images[1, 1, 1]  # no extreme may go with them
    whole = ImagesDisplay(images).plot().ax_[1].images[0]
    images[0, 0, 0], images[0, 0, 1] = np.nan, np.inf
    shown = ImagesDisplay(images).plot().ax_[1].images[0]
    assert np.isfinite(shown.get_clim()).all()
    np.testing.assert_allclose(
        shown.to_rgba(shown.get_array()),
        whole.to_rgba(whole.get_array()),
    )


def test_nan_is_black():
    images = np.array([[[np.nan, 0.5], [-1.0, 2.0]]])
    (shown,) = ImagesDisplay(images).plot().ax_[0].images
    assert shown.to_rgba(shown.get_array())[0, 0].tolist() == [0, 0, 0, 1]
