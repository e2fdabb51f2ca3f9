import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.plotting import FiltersDisplay


def conv(channels, filters=6):
    model = keras.Sequential(
        [keras.Input((8, 8, channels)), layers.Conv2D(filters, 3, name="one")]
    )
    return model, model.layers[0].get_weights()[0]


def test_one_channel_is_colored_around_zero():
    model, kernel = conv(1)
    display = FiltersDisplay.from_model(model).plot()
    assert len(display.images_) == len(display.ax_) == 6
    low, high = display.images_[0].get_clim()
    assert low == -high == -display.limit
    shown = [image.get_array() for image in display.images_]
    np.testing.assert_allclose(np.stack(shown, -1), kernel[:, :, 0])
    assert display.figure_.get_suptitle().startswith("one: 6 filters")


def test_three_channels_are_colors_and_zero_is_gray():
    kernel = np.zeros((3, 3, 3, 2))
    kernel[0, 0, 0, 0], kernel[:, :, 1, 1] = 5.0, -1.0
    display = FiltersDisplay(kernel).plot()
    picture = display.images_[1].get_array()
    assert picture.shape == (3, 3, 3)
    assert picture[0, 0].tolist() == [0.5, 0.0, 0.5]
    assert display.images_[0].get_array()[0, 0].tolist() == [1, 0.5, 0.5]


def test_of_many_channels_one_and_of_many_filters_some():
    model, kernel = conv(5, 80)
    display = FiltersDisplay.from_layer(model.layers[0], channel=3)
    np.testing.assert_allclose(display.kernel[:, :, 0], kernel[:, :, 3])
    display.plot(max_filters=7, num_columns=4)
    assert len(display.ax_) == 7
    assert "7 of 80" in display.figure_.get_suptitle()


def test_the_first_layer_inside_of_a_nested_model():
    inner, kernel = conv(1)
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner])
    display = FiltersDisplay.from_model(outer)
    np.testing.assert_allclose(display.kernel, kernel)


def test_errors():
    with pytest.raises(ValueError, match="kernel must be an array"):
        FiltersDisplay(np.zeros((3, 3, 2, 4)))
    model, _ = conv(5)
    with pytest.raises(ValueError, match="channel must be from 0 to 4"):
        FiltersDisplay.from_layer(model.layers[0], channel=5)
    with pytest.raises(ValueError, match="layer must be a built layer"):
        FiltersDisplay.from_layer(layers.Dense(2))
    with pytest.raises(ValueError, match="model must be a built model"):
        FiltersDisplay.from_model(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="ax must be 2 axes"):
        FiltersDisplay(np.ones((3, 3, 1, 2))).plot(
            ax=FiltersDisplay(np.ones((3, 3, 1, 1))).plot().ax_
        )


def test_what_is_not_finite_takes_no_part_in_the_scale():
    kernel = np.full((2, 2, 1, 1), 0.5)
    kernel[0, 0] = np.nan
    assert FiltersDisplay(kernel).plot().limit == 0.5
    assert FiltersDisplay(kernel * np.nan).plot().limit == 0
