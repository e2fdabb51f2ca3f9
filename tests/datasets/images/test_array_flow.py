"""Flows of arrays."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(
    how=st.fixed_dictionaries(
        {},
        optional={
            "rotation_range": st.just(40),
            "width_shift_range": st.just(0.3),
            "zoom_range": st.just(0.4),
            "shear_range": st.just(20),
            "horizontal_flip": st.just(True),
            "vertical_flip": st.just(True),
        },
    ),
    fill_mode=st.sampled_from(["constant", "nearest", "reflect", "wrap"]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["uint8", "int32", "int64", "float32", "bool"]),
    channels=st.sampled_from([None, 1, 3]),
)
def test_masks_move_as_their_images_do(
    how, fill_mode, data_format, dtype, channels
):
    # With order 0 an image is moved as a mask is: it is the oracle.
    generator = ImageDataGenerator(
        **how,
        fill_mode=fill_mode,
        data_format=data_format,
        interpolation_order=0,
        dtype="float64",
    )
    random = np.random.default_rng(0)
    pixels = random.integers(0, 2 if dtype == "bool" else 200, (5, 8, 7, 3))
    if dtype == "int64":
        pixels += 2**40
    images = pixels[..., : channels or 1].astype("float64")
    masks = images.astype(dtype)
    if data_format == "channels_first":
        images, masks = (np.moveaxis(x, -1, 1) for x in (images, masks))
    if channels is None:
        masks = (
            masks[:, 0] if data_format == "channels_first" else masks[..., 0]
        )
    flow = generator.flow(images, masks=masks, batch_size=3, seed=1)
    for x, y in (flow[0], flow[1]):
        assert y.dtype == dtype
        if channels is None:
            x = x[:, 0] if data_format == "channels_first" else x[..., 0]
        np.testing.assert_array_equal(x, y)


def test_masks_keep_their_numbers_whatever_happens_to_colors():
    images = np.random.default_rng(0).uniform(0, 255, (4, 9, 9, 3))
    masks = np.zeros((4, 9, 9), "uint8")
    masks[:, 3:6, 3:6] = 7
    generator = ImageDataGenerator(
        rotation_range=90,
        channel_shift_range=50,
        brightness_range=(0.5, 2),
        rescale=1 / 255,
        samplewise_center=True,
        fill_mode="constant",
        mask_cval=255,
    )
    _, moved = generator.flow(images, masks=masks, seed=0)[0]
    assert set(np.unique(moved)) == {0, 7, 255}
    _, (labels, moved) = generator.flow(
        images, np.arange(4), masks=masks, seed=0, shuffle=False
    )[0]
    assert labels.tolist() == [0, 1, 2, 3]
    assert moved.shape == (4, 9, 9)
    _, plain = generator.flow(
        images, masks=masks, augment=False, shuffle=False
    )[0]
    np.testing.assert_array_equal(plain, masks)


def test_fit_takes_images_and_masks():
    images = np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 1))
    masks = (images[..., 0] > 0.5).astype("int32")
    flow = ImageDataGenerator(horizontal_flip=True).flow(images, masks=masks)
    model = keras.Sequential([keras.layers.Conv2D(2, 3, padding="same")])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    assert np.isfinite(model.fit(flow, verbose=0).history["loss"]).all()


def test_targets_that_look_like_masks_are_asked_about():
    images = np.zeros((3, 6, 5, 1))
    generator = ImageDataGenerator(rotation_range=5)
    with pytest.warns(UserWarning, match="give it as masks="):
        generator.flow(images, images)
    ImageDataGenerator(rescale=2.0).flow(images, images)  # nothing moves
    generator.flow(images, np.zeros((3, 5, 6)))
    with pytest.raises(ValueError, match=r"masks\.shape must be that"):
        generator.flow(images, masks=np.zeros((3, 5, 6)))
