"""One resampling per batch: against SciPy's definition and the old generator.

The old generator is Keras's private copy; nothing but tests may look at it.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from keras.src.legacy.preprocessing import image as legacy
from scipy import ndimage

from keras_extras.datasets.images import _augment, _resample

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*scipy.ndimage.interpolation:DeprecationWarning"
)

numbers = st.floats(-40, 40).map(lambda x: round(x, 2))
factors = st.floats(0.3, 2.5).map(lambda x: round(x, 3))
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "theta": numbers,
        "tx": numbers,
        "ty": numbers,
        "shear": numbers,
        "zx": factors,
        "zy": factors,
        "flip_horizontal": st.booleans(),
        "flip_vertical": st.booleans(),
    },
)
SIZES = st.integers(1, 13)


def picture(seed, *shape):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def arrays(parameters):
    return {name: np.array([value]) for name, value in parameters.items()}


def map_of_definition(parameters, height, width):
    """The affine map, composed of matrices in x and y, in float64."""
    value = {**_augment.NEUTRAL, **parameters}
    angle, shear = np.deg2rad(value["theta"]), np.deg2rad(value["shear"])
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    slant = [[1, -np.sin(shear)], [0, np.cos(shear)]]
    mirror = np.diag(
        [1 - 2 * value["flip_horizontal"], 1 - 2 * value["flip_vertical"]]
    )
    linear = (
        np.array(turn) @ slant @ np.diag([value["zx"], value["zy"]]) @ mirror
    )
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = (
        middle - linear @ middle + turn @ np.array([value["tx"], value["ty"]])
    )
    return linear[::-1, ::-1], shift[::-1]  # in rows and columns


def positions(parameters, height, width):
    linear, shift = map_of_definition(parameters, height, width)
    grid = np.indices((height, width)).reshape(2, -1)
    return linear @ grid + shift[:, None]


def is_smooth(points, shape, order, fill_mode):
    """Tells where a hair's breadth of the position makes no jump."""
    smooth = np.ones(points.shape[1], bool)
    for axis, length in enumerate(shape):
        place = points[axis]
        jumps = []
        if order == 0:
            jumps.append(np.abs((place + 0.5) - np.rint(place + 0.5)))
        if fill_mode == "constant":
            jumps += [np.abs(place), np.abs(place - (length - 1))]
        if fill_mode == "wrap" and length > 1:
            jumps.append(
                np.abs(place / (length - 1) - np.rint(place / (length - 1)))
            )
        for jump in jumps:
            smooth &= jump > 1e-4
    return smooth.reshape(shape)


@given(
    parameters=PARAMETERS,
    height=SIZES,
    width=SIZES,
    channels=st.integers(1, 4),
    order=st.sampled_from([0, 1]),
    fill_mode=st.sampled_from(_resample.FILL_MODES),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_equals_the_definition(
    parameters, height, width, channels, order, fill_mode, dtype
):
    image = picture(0, height, width, channels).astype(dtype)
    ours = _augment.transform(
        image[None],
        arrays(parameters),
        order=order,
        fill_mode=fill_mode,
        cval=7.0,
    )[0]
    linear, shift = map_of_definition(parameters, height, width)
    expected = np.stack(
        [
            ndimage.affine_transform(
                image[..., channel].astype("float64"),
                linear,
                shift,
                order=order,
                mode=fill_mode,
                cval=7.0,
            )
            for channel in range(channels)
        ],
        axis=-1,
    )
    points = positions(parameters, height, width)
    smooth = is_smooth(points, (height, width), order, fill_mode)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours[smooth], expected[smooth], atol=2e-3)


@given(
    parameters=PARAMETERS,
    size=SIZES,
    channels=st.sampled_from([1, 3, 4]),
    order=st.sampled_from([0, 1]),
    fill_mode=st.sampled_from(_resample.FILL_MODES),
    intensity=st.none() | numbers,
    brightness=st.none() | factors,
)
def test_equals_the_old_generator_on_squares(
    parameters, size, channels, order, fill_mode, intensity, brightness
):
    points = positions(parameters, size, size)
    assume(is_smooth(points, (size, size), order, fill_mode).all())
    image = picture(1, size, size, channels)
    parameters = {
        **parameters,
        "channel_shift_intensity": intensity,
        "brightness": brightness,
    }
    old = legacy.ImageDataGenerator(
        fill_mode=fill_mode,
        cval=7.0,
        interpolation_order=order,
        data_format="channels_last",
    )
    expected = old.apply_transform(image, parameters)
    ours = _augment.transform(
        image[None],
        {
            k: None if v is None else np.array([v])
            for k, v in parameters.items()
        },
        order=order,
        fill_mode=fill_mode,
        cval=7.0,
    )[0]
    # Brightness works in whole grey levels: a rounding there is a level.
    atol = 2e-3 if brightness is None else 2.6
    np.testing.assert_allclose(ours, expected, atol=atol)
    if brightness is not None:
        assert np.mean(np.abs(ours - expected) > 2e-3) < 0.02


def test_each_image_of_a_batch_has_its_own_parameters():
    images = picture(2, 50, 9, 9, 3)
    random = np.random.default_rng(3)
    parameters = {
        "theta": random.uniform(-90, 90, 50),
        "tx": random.uniform(-3, 3, 50),
        "flip_horizontal": random.random(50) < 0.5,
    }
    together = _augment.transform(images, parameters)
    for k, image in enumerate(images):
        alone = {name: values[k : k + 1] for name, values in parameters.items()}
        single = _augment.transform(image[None], alone)[0]
        np.testing.assert_allclose(together[k], single, atol=1e-4)


def test_what_changes_nothing_changes_nothing():
    images = picture(5, 3, 6, 5, 2)
    neutral = {"theta": np.zeros(3), "zx": np.ones(3)}
    np.testing.assert_array_equal(_augment.transform(images, neutral), images)
    np.testing.assert_array_equal(_augment.transform(images, {}), images)


def test_shifts_move_to_the_left_and_up():
    image = np.zeros((1, 5, 7, 1), "float32")
    image[0, 2, 4] = 1
    moved = _augment.transform(image, arrays({"tx": 1, "ty": 2}))
    assert np.argwhere(moved[0, :, :, 0]).tolist() == [[0, 3]]


def test_a_rectangle_turns_around_its_middle():
    image = np.zeros((1, 5, 9, 1), "float32")
    image[0, 2, 4] = 1
    turned = _augment.transform(image, arrays({"theta": 90.0}))
    assert turned[0, 2, 4, 0] == pytest.approx(1)


def test_flips_are_exact_for_integers():
    image = np.arange(12, dtype="uint8").reshape(1, 3, 4, 1)
    flipped = _augment.transform(image, arrays({"flip_horizontal": True}))
    np.testing.assert_array_equal(flipped, image[:, :, ::-1])
    assert flipped.dtype == "uint8"


def test_integers_are_rounded_and_clipped():
    values = np.array([-3.0, 1.4, 1.5, 300.0])
    cast = _augment.as_dtype(values, np.dtype("uint8"))
    assert cast.tolist() == [0, 1, 2, 255]


def test_input_is_not_changed():
    images = picture(6, 2, 4, 4, 1)
    before = images.copy()
    _augment.transform(
        images,
        {
            "channel_shift_intensity": np.array([5.0, -5]),
            "brightness": np.array([0.5, 2]),
        },
    )
    np.testing.assert_array_equal(images, before)
