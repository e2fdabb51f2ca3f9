"""What is drawn of numbers, whatever they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_extras import _gray

REAL = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes()
    | arrays.unsigned_integer_dtypes()
    | arrays.floating_dtypes(sizes=(16, 32, 64))
)
IMAGES = arrays.arrays(
    REAL, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)
FINITE = arrays.arrays(
    "float64", (2, 3, 3), elements=st.floats(-1e9, 1e9, width=64)
)


@given(IMAGES)
def test_every_array_of_real_numbers_can_be_drawn(images):
    black, white = _gray.limits(images)
    assert np.isfinite([black, white]).all()
    assert black < white
    shown = _gray.unit(images)
    assert shown.dtype == np.float32
    assert shown.shape == images.shape
    assert ((shown >= 0) & (shown <= 1)).all()
    assert _gray.pixels(images).dtype == np.uint8
    assert _gray.pixels(images).shape == images.shape


@given(FINITE, st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_broken_pixel_changes_no_other(images, broken):
    images[0, 0, 0] = images[1, 1, 1]  # no extreme may go with it
    whole = _gray.pixels(images)
    images[0, 0, 0] = broken
    shown = _gray.pixels(images)
    assert shown[0, 0, 0] == (255 if broken == np.inf else 0)
    shown[0, 0, 0] = whole[0, 0, 0]
    np.testing.assert_array_equal(shown, whole)


@given(FINITE)
def test_brighter_numbers_are_drawn_at_least_as_bright(images):
    order = np.argsort(images, axis=None)
    shown = _gray.pixels(images).ravel()[order].astype(int)
    assert (np.diff(shown) >= 0).all()


@given(FINITE)
def test_each_image_may_have_a_scale_of_its_own(images):
    expected = [_gray.pixels(image) for image in images]
    np.testing.assert_array_equal(_gray.pixels(images, each=True), expected)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([0, 9], "uint8"), (0, 255)),
        (np.array([True, False]), (0, 1)),
        ([0.2, 0.5], (0, 1)),
        ([0.0, 255 * np.float32(1 / 255)], (0, 1)),
        ([0, 200], (0, 255)),
        ([0.0, 16.0], (0, 16)),  # scikit-learn's digits
        ([-1.0, 1.0], (-1, 1)),
        ([0.0, 256.0], (0, 256)),
        ([7.0, 7.0], (7, 8)),
        ([np.nan, np.inf], (0, 1)),
        ([np.nan, 0.5, np.inf], (0, 1)),
        ([], (0, 1)),
    ],
    ids=str,
)
def test_black_and_white(images, expected):
    assert _gray.limits(images) == expected


def test_stored_pixels_stay():
    stored = np.array([[3, 9]], "uint8")
    assert _gray.pixels(stored) is stored
    assert _gray.pixels(stored / 255).tolist() == [[3, 9]]
    assert _gray.pixels(stored.astype("float32")).tolist() == [[0, 255]]


def test_half_is_half_even_between_the_largest_numbers():
    top = np.finfo("float64").max
    assert _gray.pixels([-top, 0, top]).tolist() == [0, 128, 255]
