"""Which inputs are pictures, and what of them is shown."""

import numpy as np
import pytest

from keras_extras.reports._pictures import as_pictures, first_of_each


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ((2, 5, 6), (2, 5, 6)),
        ((2, 5, 6, 1), (2, 5, 6, 1)),
        ((2, 5, 6, 3), (2, 5, 6, 3)),
        ((2, 3, 5, 6), (2, 5, 6, 3)),
        ((2, 30), None),
        ((2, 5, 6, 7), None),
        ((2, 5, 6, 7, 1), None),
        ((0, 5, 6), None),
    ],
    ids=str,
)
def test_which_shapes_are_pictures(shape, shown):
    pictures = as_pictures(np.zeros(shape, "uint8"), False)
    assert (None if pictures is None else pictures.shape) == shown


def test_stored_pixels_stay_and_others_are_scaled():
    stored = np.array([[[3, 9]]], "uint8")
    assert as_pictures(stored, False) is stored
    unit = as_pictures(stored / 255.0, False)
    assert np.array_equal(unit, stored)
    centered = as_pictures(np.array([[[-2.0, 0.0, 2.0]]]), False)
    assert centered.tolist() == [[[0, 128, 255]]]
    assert as_pictures(np.full((1, 2, 2), 7.0), False).max() == 0


def test_dicts_and_lists_are_no_pictures_unless_said_so():
    assert as_pictures({"a": 1}, False) is None
    assert as_pictures([[[0.0, 1.0]]], True).tolist() == [[[0, 255]]]
    with pytest.raises(ValueError, match="report: images must be an array"):
        as_pictures(np.zeros((3, 784)), True)


def test_first_of_each_class():
    assert first_of_each(np.array([2, 0, 2, 5, 0]), 5).tolist() == [1, 0]


def test_one_broken_pixel_leaves_the_other_pictures_as_they_are():
    images = np.random.default_rng(0).normal(size=(3, 4, 4))
    images[0, 0, 0] = images[0, 1, 1]
    whole = as_pictures(images, False)
    images[0, 0, 0] = np.nan
    shown = as_pictures(images, False)
    assert np.array_equal(shown[1:], whole[1:])
    assert (shown[0] != whole[0]).sum() <= 1
