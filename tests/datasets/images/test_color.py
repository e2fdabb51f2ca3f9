"""Colors: against the old generator, which is Keras's private copy."""

import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets.images import _color

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*scipy.ndimage.interpolation:DeprecationWarning"
)


def test_brightness_equals_pillow_exactly():
    image = np.arange(256, dtype="float32").reshape(16, 16, 1)
    for factor in np.linspace(0, 3, 61):
        expected = legacy.apply_brightness_shift(image, factor, False)
        ours = _color.brighten(image[None].copy(), np.array([factor]))[0]
        np.testing.assert_array_equal(ours, expected)


def test_images_from_0_to_1_stay_there():
    image = np.linspace(0, 1, 12, dtype="float32").reshape(1, 4, 3, 1)
    for factor in (0.0, 0.5, 1.0, 1.7):
        got = _color.brighten(image, np.array([factor]))
        np.testing.assert_allclose(got, np.minimum(image * factor, 1), 1e-6)


def test_one_changes_nothing():
    random = np.random.default_rng(0)
    for low, high in ((0, 1), (0, 255), (-1, 1), (0, 65535)):
        images = random.uniform(low, high, (3, 4, 5, 4)).astype("float32")
        got = _color.brighten(images, np.array([1.0, 0.5, 1.0]))
        np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
        assert not np.array_equal(got[1], images[1])
        if low == 0 and high < 256:
            np.testing.assert_allclose(
                got[1, ..., 3], images[1, ..., 3], atol=high / 255
            )


def test_channels_are_shifted_within_the_range_of_each_image():
    images = np.random.default_rng(0).uniform(0, 255, (3, 4, 5, 2))
    intensity = np.array([0.0, 40.0, -300.0])
    expected = [
        np.clip(image + one, image.min(), image.max())
        for image, one in zip(images, intensity, strict=True)
    ]
    got = _color.channel_shift(images.copy(), intensity)
    np.testing.assert_allclose(got, expected)
