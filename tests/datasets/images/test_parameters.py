"""What is drawn, and which arguments are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets import ImageDataGenerator
from keras_extras.datasets.images import _parameters as _image_parameters

RANGES = {
    "rotation_range": 30,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 10,
    "zoom_range": [0.8, 1.3],
    "channel_shift_range": 20.0,
    "brightness_range": (0.5, 1.5),
    "horizontal_flip": True,
    "vertical_flip": True,
}


@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.sets(st.sampled_from(sorted(RANGES))),
    shift=st.sampled_from([0.2, 3, 2.5, [1, 4], [0.1, 0.3]]),
)
def test_one_draw_is_that_of_the_old_generator(seed, names, shift):
    ranges = {name: RANGES[name] for name in names}
    # The old one has width and height the other way round.
    ranges["width_shift_range"] = ranges["height_shift_range"] = shift
    old = legacy.ImageDataGenerator(**ranges, data_format="channels_last")
    ours = ImageDataGenerator(**ranges)
    expected = old.get_random_transform((12, 12, 3), seed=seed)
    assert ours.get_random_transform((12, 12, 3), seed=seed) == expected


def test_width_is_x_and_height_is_y():
    ours = ImageDataGenerator(width_shift_range=[5])
    drawn = ours.get_random_transform((10, 20, 1), seed=0)
    assert abs(drawn["tx"]) == 5
    assert drawn["ty"] == 0
    share = ImageDataGenerator(height_shift_range=0.5)
    shifts = [
        share.get_random_transform((10, 40, 1), seed=s)["ty"] for s in range(99)
    ]
    assert 4.5 < np.max(np.abs(shifts)) <= 5


def test_the_global_generator_is_used_without_seed_and_left_alone_with():
    ours = ImageDataGenerator(rotation_range=30)
    np.random.seed(3)
    first = ours.get_random_transform((4, 4, 1))
    np.random.seed(3)
    ours.get_random_transform((4, 4, 1), seed=9)
    assert ours.get_random_transform((4, 4, 1)) == first


def test_draws_lie_in_their_ranges():
    ours = ImageDataGenerator(**RANGES)
    drawn = _image_parameters.draw(ours, np.random.default_rng(0), 999, 10, 20)
    limits = {
        "theta": (-30, 30),
        "tx": (-4, 4),
        "ty": (-2, 2),
        "shear": (-10, 10),
        "zx": (0.8, 1.3),
        "zy": (0.8, 1.3),
        "channel_shift_intensity": (-20, 20),
        "brightness": (0.5, 1.5),
    }
    for name, (low, high) in limits.items():
        assert low <= drawn[name].min() < drawn[name].max() <= high
        assert drawn[name].max() - drawn[name].min() > 0.98 * (high - low)
    assert 0.4 < drawn["flip_horizontal"].mean() < 0.6
    assert np.any(drawn["flip_horizontal"] != drawn["flip_vertical"])


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("rotation_range", "a", TypeError),
        ("rotation_range", float("nan"), ValueError),
        ("width_shift_range", -0.1, ValueError),
        ("height_shift_range", [], ValueError),
        ("height_shift_range", [[1]], ValueError),
        ("brightness_range", 0.5, ValueError),
        ("brightness_range", (-1, 1), ValueError),
        ("brightness_range", "ab", ValueError),
        ("shear_range", None, TypeError),
        ("zoom_range", (1, 2, 3), ValueError),
        ("channel_shift_range", True, TypeError),
        ("fill_mode", "foo", ValueError),
        ("cval", "0", TypeError),
        ("horizontal_flip", "x", TypeError),
        ("vertical_flip", 2, TypeError),
        ("rescale", "a", TypeError),
        ("preprocessing_function", 3, TypeError),
        ("data_format", "channels", ValueError),
        ("validation_split", 1.0, ValueError),
        ("interpolation_order", 9, ValueError),
        ("interpolation_order", True, ValueError),
        ("dtype", "text", ValueError),
        ("zca_epsilon", None, TypeError),
        ("featurewise_center", None, TypeError),
    ],
)
def test_a_wrong_argument_is_named(argument, value, error):
    with pytest.raises(
        error, match=rf"ImageDataGenerator: {argument} must be"
    ) as caught:
        ImageDataGenerator(**{argument: value})
    assert repr(value) in str(caught.value) or "Received" in str(caught.value)
