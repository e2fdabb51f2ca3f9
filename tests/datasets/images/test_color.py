"""Colors: against the old generator, which is Keras's private copy."""

import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets.images import _color as _image_color

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*scipy.ndimage.interpolation:DeprecationWarning"
)


def test_brightness_equals_pillow_exactly():
    image = np.arange(256, dtype="float32").reshape(16, 16, 1)
    for factor in np.linspace(0, 3, 61):
        expected = legacy.apply_brightness_shift(image, factor, False)
        ours = _image_color.brighten(image[None].copy(), np.array([factor]))[0]
        np.testing.assert_array_equal(ours, expected)


def test_channels_are_shifted_within_the_range_of_each_image():
    images = np.random.default_rng(0).uniform(0, 255, (3, 4, 5, 2))
    intensity = np.array([0.0, 40.0, -300.0])
    expected = [
        np.clip(image + one, image.min(), image.max())
        for image, one in zip(images, intensity, strict=True)
    ]
    got = _image_color.channel_shift(images.copy(), intensity)
    np.testing.assert_allclose(got, expected)
