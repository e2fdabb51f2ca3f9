"""Means, deviations and whitening, against old Keras."""

import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets import ImageDataGenerator


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"rescale": 1 / 255},
        {"samplewise_center": True},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True, "rescale": 0.5},
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"featurewise_center": True, "zca_whitening": True},
        {"preprocessing_function": lambda x: x[::-1] * 2, "rescale": 0.1},
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_fit_and_standardize_equal_old_keras(arguments, data_format):
    images = pictures(20, 5, 5, 3)
    if data_format == "channels_first":
        images = np.moveaxis(images, -1, 1)
    ours = ImageDataGenerator(**arguments, data_format=data_format)
    old = legacy.ImageDataGenerator(**arguments, data_format=data_format)
    ours.fit(images)
    old.fit(images)
    expected = np.stack([old.standardize(image.copy()) for image in images])
    tolerance = {"rtol": 1e-4, "atol": 2e-3}
    together = ours.standardize(images.copy())
    np.testing.assert_allclose(together, expected, **tolerance)
    alone = ours.standardize(images[0].copy())
    np.testing.assert_allclose(alone, expected[0], **tolerance)


def test_statistics_set_by_hand_are_used():
    ours = ImageDataGenerator(featurewise_center=True)
    ours.mean = [1, 2, 3]
    standardized = ours.standardize(np.ones((2, 4, 4, 3), "float32"))
    assert standardized[0, 0, 0].tolist() == [0, -1, -2]


def test_standardize_changes_floats_in_place_as_old_keras():
    image = np.full((2, 2, 1), 255, "float32")
    ImageDataGenerator(rescale=1 / 255).standardize(image)
    np.testing.assert_allclose(image, 1)
    whole = np.full((2, 2, 1), 255, "uint8")
    assert ImageDataGenerator(rescale=1 / 255).standardize(whole).max() <= 1.01
    assert whole.max() == 255


def test_unknown_statistics_warn():
    with pytest.warns(UserWarning, match=r"Call fit\(images\) first"):
        ImageDataGenerator(featurewise_center=True).standardize(
            np.ones((2, 2, 1), "float32")
        )


def test_dependent_choices_are_made_with_a_warning():
    with pytest.warns(UserWarning, match=r"sets featurewise_center=True"):
        ours = ImageDataGenerator(featurewise_std_normalization=True)
    assert ours.featurewise_center is True


def test_preprocessing_function_must_keep_the_shape():
    ours = ImageDataGenerator(preprocessing_function=lambda x: x[:1])
    with pytest.raises(ValueError, match=r"preprocessing_function must be"):
        ours.augmented(pictures(2, 4, 4, 1), {})


def test_text_is_no_image():
    with pytest.raises(TypeError, match=r"x\.dtype must be"):
        ImageDataGenerator().standardize(np.array([[["a"]]]))
