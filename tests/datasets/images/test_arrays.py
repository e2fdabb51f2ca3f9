"""Flows of arrays."""

import numpy as np
import pytest

from keras_extras.datasets import ImageDataGenerator

IMAGES = np.arange(5 * 4 * 4, dtype="uint8").reshape(5, 4, 4, 1)


def test_targets_and_weights_follow_their_images():
    flow = ImageDataGenerator().flow(
        IMAGES, np.arange(5), sample_weight=np.arange(5) * 10, batch_size=5
    )
    images, targets, weights = flow[0]
    np.testing.assert_array_equal(images, IMAGES[targets])
    np.testing.assert_array_equal(weights, targets * 10)
    assert images.dtype == "float32"
    assert flow.x.dtype == "uint8"


def test_without_targets_there_are_images_only():
    assert ImageDataGenerator().flow(IMAGES)[0].shape == (5, 4, 4, 1)


def test_further_inputs_stand_beside_the_images():
    flow = ImageDataGenerator().flow(
        (IMAGES, [np.arange(5), np.arange(5) * 2]), np.arange(5), batch_size=3
    )
    (images, once, twice), targets = flow[0]
    np.testing.assert_array_equal(once, targets)
    np.testing.assert_array_equal(twice, 2 * targets)
    np.testing.assert_array_equal(images, IMAGES[targets])
    alone = ImageDataGenerator().flow((IMAGES, np.arange(5)))[0]
    assert isinstance(alone, tuple)
    assert len(alone) == 1


def test_the_subsets_are_the_first_and_the_rest():
    generator = ImageDataGenerator(validation_split=0.4)
    parts = {
        subset: generator.flow(
            IMAGES, np.arange(5), subset=subset, ignore_class_split=True
        )
        for subset in ("training", "validation")
    }
    assert sorted(parts["validation"][0][1]) == [0, 1]
    assert sorted(parts["training"][0][1]) == [2, 3, 4]


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_all_that_belongs_to_an_image_follows_it_into_its_subset(subset):
    flow = ImageDataGenerator(validation_split=0.4).flow(
        (IMAGES, np.arange(5)),
        np.arange(5) * 2,
        sample_weight=np.arange(5) * 3,
        subset=subset,
        ignore_class_split=True,
    )
    (images, number), twice, thrice = flow[0]
    np.testing.assert_array_equal(images, IMAGES[number])
    np.testing.assert_array_equal(twice, number * 2)
    np.testing.assert_array_equal(thrice, number * 3)


def test_subsets_with_different_classes_are_refused():
    generator = ImageDataGenerator(validation_split=0.4)
    with pytest.raises(ValueError, match="hold different classes"):
        generator.flow(IMAGES, [0, 0, 1, 1, 1], subset="training")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": IMAGES[0]}, "x.shape must be"),
        ({"x": IMAGES, "y": [1]}, r"y.shape must be \(5, ...\)"),
        ({"x": IMAGES, "sample_weight": [1]}, "sample_weight.shape must be"),
        ({"x": (IMAGES, [np.ones(2)])}, r"x\[1\]\[0\].shape must be"),
    ],
)
def test_wrong_shapes_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        ImageDataGenerator().flow(**arguments)


def test_unusual_channels_warn():
    with pytest.warns(UserWarning, match="5 channels on axis 3"):
        ImageDataGenerator().flow(np.ones((2, 4, 4, 5)))
