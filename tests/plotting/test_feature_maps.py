import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.plotting import FeatureMapsDisplay
from keras_extras.plotting._feature_maps import picture_of


def test_maps_of_a_model_and_the_image_before_them():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="one"),
            layers.Conv2D(2, 3, name="two"),
        ]
    )
    image = np.random.default_rng(0).random((8, 8, 1)).astype("float32")
    display = FeatureMapsDisplay.from_model(model, image).plot()
    assert display.name == "one"
    assert len(display.ax_) == 4
    np.testing.assert_allclose(display.image, image[..., 0])
    second = FeatureMapsDisplay.from_model(model, image, "two")
    expected = model.predict(image[None], verbose=0)[0]
    np.testing.assert_allclose(second.maps, expected, atol=1e-5)
    with pytest.raises(ValueError, match="layers must be a name"):
        FeatureMapsDisplay.from_model(model, image, "three")


def test_channels_first():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("channels first on a CPU is not for each build")
    model = keras.Sequential(
        [
            keras.Input((1, 8, 9)),
            layers.Conv2D(3, 3, data_format="channels_first"),
        ]
    )
    display = FeatureMapsDisplay.from_model(model, np.ones((1, 8, 9)))
    assert display.maps.shape == (6, 7, 3)
    assert display.image.shape == (8, 9)


def test_one_scale_or_one_each_and_the_dead_are_marked():
    maps = np.zeros((2, 2, 3))
    maps[0, 0, 0], maps[..., 1] = 4.0, [[1, 2], [3, 3]]
    display = FeatureMapsDisplay(maps).plot()
    assert [image.get_clim() for image in display.images_] == [(0, 4)] * 3
    assert [axis.get_title() for axis in display.ax_] == ["0", "1", "2: 0"]
    display = FeatureMapsDisplay(maps).plot(each=True, max_maps=2)
    assert display.images_[1].get_clim() == (1, 3)


def test_images_of_any_range():
    assert picture_of("A", [[0.0, 1.0]]).tolist() == [[0, 1]]
    assert picture_of("A", [[0, 255]]).tolist() == [[0, 1]]
    assert picture_of("A", [[-2.0, 2.0]]).tolist() == [[0, 1]]
    assert picture_of("A", [[-2.0, np.nan, 2.0]]).tolist() == [[0, 0, 1]]
    with pytest.raises(ValueError, match="image must be"):
        picture_of("A", np.zeros((2, 2, 5)))


def test_errors():
    with pytest.raises(ValueError, match="maps must be an array"):
        FeatureMapsDisplay(np.zeros((2, 2)))
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="layer must be one with an output"):
        FeatureMapsDisplay.from_model(flat, np.ones(4))
    axes = FeatureMapsDisplay(np.ones((2, 2, 1))).plot().ax_
    with pytest.raises(ValueError, match="ax must be 2 axes"):
        FeatureMapsDisplay(np.ones((2, 2, 2))).plot(ax=axes)


def test_what_is_not_finite_takes_no_part_in_the_scale():
    maps = np.array([[1.0, np.nan], [np.inf, 3.0]])[..., None]
    (image,) = FeatureMapsDisplay(maps).plot().images_
    assert image.get_clim() == (0, 3)
    (image,) = FeatureMapsDisplay(maps * np.nan).plot().images_
    assert np.isfinite(image.get_clim()).all()
