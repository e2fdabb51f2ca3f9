import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.inspection import grad_cam, saliency
from keras_extras.plotting import HeatmapDisplay

IMAGES = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")


def test_the_map_covers_the_image_and_is_opaque_where_it_is_large():
    heatmaps = np.zeros((2, 2, 4))
    heatmaps[:, 0, 0] = 3.0
    display = HeatmapDisplay(IMAGES, heatmaps, ["a", "b"], name="map").plot()
    assert display.ax_.shape == (2, 2)
    picture = display.images_[0]
    assert list(picture.get_extent()) == [-0.5, 7.5, 7.5, -0.5]
    assert picture.get_array().max() == 1
    assert picture.get_alpha()[0, 0] == 0.9
    assert picture.get_alpha()[1, 1] == 0
    assert display.ax_[0, 1].get_title() == "b"
    HeatmapDisplay(IMAGES, np.zeros((2, 2, 2))).plot()  # nothing found


def test_of_a_model():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    display = HeatmapDisplay.from_saliency(model, IMAGES, 1, num_copies=2)
    expected = saliency(model, IMAGES, 1, num_copies=2)
    np.testing.assert_allclose(display.heatmaps, expected, atol=1e-6)
    display = HeatmapDisplay.from_grad_cam(model, IMAGES, target=0)
    expected = grad_cam(model, IMAGES, target=0)
    np.testing.assert_allclose(display.heatmaps, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("heatmaps", "captions", "message"),
    [
        (np.zeros((2, 3)), None, "heatmaps must be an array"),
        (np.zeros((1, 3, 3)), None, "images must be 1 images"),
        (np.zeros((2, 3, 3)), ["a"], "captions must be one text"),
    ],
    ids=["rank", "count", "captions"],
)
def test_errors(heatmaps, captions, message):
    with pytest.raises(ValueError, match=message):
        HeatmapDisplay(IMAGES, heatmaps, captions)
