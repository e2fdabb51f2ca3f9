"""What is done to an image besides the transformation, against old Keras."""

import warnings

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets import ImageDataGenerator

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*scipy.ndimage.interpolation:DeprecationWarning"
)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_random_transform_equals_old_keras_under_a_seed(data_format):
    arguments = {
        "rotation_range": 30,
        "zoom_range": 0.2,
        "shear_range": 10,
        "horizontal_flip": True,
        "channel_shift_range": 10,
        "data_format": data_format,
    }
    image = pictures(12, 12, 3)
    if data_format == "channels_first":
        image = np.moveaxis(image, -1, 0)
    for seed in range(10):
        expected = legacy.ImageDataGenerator(**arguments).random_transform(
            image, seed
        )
        ours = ImageDataGenerator(**arguments).random_transform(image, seed)
        np.testing.assert_allclose(ours, expected, atol=2e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"fill_mode": "constant", "cval": 9.0},
        {"fill_mode": "wrap", "interpolation_order": 0},
        {"fill_mode": "reflect"},
    ],
    ids=lambda value: value["fill_mode"],
)
def test_a_transform_is_applied_as_the_generator_was_told(arguments):
    image = pictures(12, 12, 1)
    parameters = {"tx": 3.3, "ty": -4.2}
    old = legacy.ImageDataGenerator(**arguments, data_format="channels_last")
    np.testing.assert_allclose(
        ImageDataGenerator(**arguments).apply_transform(image, parameters),
        old.apply_transform(image, parameters),
        atol=2e-3,
    )


def test_shares_of_a_shift_are_those_of_width_and_height():
    generator = ImageDataGenerator(
        width_shift_range=[0.5], height_shift_range=[0.5], zoom_range=0.25
    )
    drawn = generator.get_random_transform((20, 60, 1), seed=0)
    assert (abs(drawn["tx"]), abs(drawn["ty"])) == (30, 10)
    assert generator.zoom_range == [0.75, 1.25]


def test_each_round_of_fit_transforms_anew():
    images = pictures(3, 6, 6, 1)
    means = []
    for rounds in (1, 2):
        ours = ImageDataGenerator(
            width_shift_range=0.4, featurewise_center=True
        )
        ours.fit(images, augment=True, rounds=rounds, seed=0)
        means.append(ours.mean)
    assert means[0] != means[1]


def test_fit_on_augmented_images_equals_old_keras():
    arguments = {"rotation_range": 20, "featurewise_center": True}
    images = pictures(6, 8, 8, 1)
    ours = ImageDataGenerator(**arguments)
    ours.fit(images, augment=True, rounds=300, seed=0)
    old = legacy.ImageDataGenerator(**arguments, data_format="channels_last")
    old.fit(images, augment=True, rounds=300, seed=1)
    np.testing.assert_allclose(ours.mean, old.mean, rtol=5e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8"])
def test_the_dtype_is_that_of_the_batches(dtype):
    ours = ImageDataGenerator(rotation_range=20, dtype=dtype)
    batch = ours.augmented(pictures(3, 6, 6, 1), {})
    assert batch.dtype == dtype


def test_defaults_are_the_settings_of_keras(monkeypatch):
    monkeypatch.setattr(
        keras.config, "image_data_format", lambda: "channels_first"
    )
    assert ImageDataGenerator().data_format == "channels_first"
    assert ImageDataGenerator().dtype == keras.config.floatx()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda g: g.apply_transform(np.ones((3, 3)), {}), "x.shape must be"),
        (lambda g: g.fit(np.ones((3, 3, 1))), r"\(count, height"),
        (lambda g: g.fit(np.ones((0, 3, 3, 1))), "at least one image"),
        (lambda g: g.fit(np.ones((1, 3, 3, 1)), True, 0), "rounds must be"),
        (lambda g: g.get_random_transform((3, 3)), "img_shape must be"),
        (
            lambda g: g.apply_transform(np.ones((3, 3, 1)), {"angle": 1}),
            r"theta.*Received: transform_parameters=.'angle'",
        ),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(ImageDataGenerator())


def test_nothing_is_printed_and_nothing_warns(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow = ImageDataGenerator(rotation_range=9).flow(pictures(4, 5, 5, 1))
        next(flow)
    assert capsys.readouterr() == ("", "")
