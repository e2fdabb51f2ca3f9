"""Images read along affine maps: blocks, borders, choices, accuracy.

That the values are right is in `test_augment`, against SciPy's definition and
the old generator.
"""

import numpy as np
import pytest
from scipy import ndimage

from keras_extras.datasets.images import _augment, _resample


def picture(seed, *shape):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def arrays(parameters):
    return {name: np.array([value]) for name, value in parameters.items()}


def test_blocks_do_not_show(monkeypatch):
    images = picture(4, 7, 11, 6, 2)
    parameters = {"theta": np.linspace(-60, 60, 7)}
    whole = _augment.transform(images, parameters)
    for block in (1, 6, 20, 66, 150):
        monkeypatch.setattr(_resample, "_BLOCK", block)
        again = _augment.transform(images, parameters)
        np.testing.assert_array_equal(again, whole)


def test_far_away_is_not_an_overflow():
    images = picture(7, 1, 4, 4, 1)
    for shift in (1e5, 1e9):
        moved = _augment.transform(images, arrays({"tx": shift}))
        np.testing.assert_allclose(
            moved[0, :, :, 0], images[0, :, 3:, 0] + 0 * moved[0, :, :, 0]
        )


@pytest.mark.parametrize("shift", [-8, -4, 0, 4, 8])
def test_wrap_at_the_seam_is_that_of_scipy(shift):
    image = picture(8, 1, 5, 1)
    expected = ndimage.shift(
        image[..., 0], (0, -shift), order=1, mode="wrap", prefilter=False
    )
    ours = _augment.transform(
        image[None], arrays({"tx": shift}), fill_mode="wrap"
    )[0, ..., 0]
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("theta", [None, 30.0])
def test_chosen_images_are_those_of_a_copy(dtype, theta):
    images = picture(9, 40, 30, 31, 2).astype(dtype)
    for indices in ([7], [3, 0, 3, 39], list(range(40))[::-1]):
        parameters = {"flip_vertical": np.arange(len(indices)) % 2 == 0}
        if theta is not None:
            parameters["theta"] = np.linspace(-theta, theta, len(indices))
        expected = _augment.transform(images[indices], parameters)
        chosen = _augment.transform(
            images, parameters, indices=np.array(indices)
        )
        np.testing.assert_array_equal(chosen, expected)


def test_flat_images_stay_exactly_flat():
    flat = np.full((3, 20, 20, 1), 0.1, "float32")
    turned = _augment.transform(flat, {"theta": np.array([1.0, 20, 77])})
    assert (turned == flat).all()


def test_results_do_not_share_memory():
    images = picture(10, 2, 9, 9, 1)
    first = _augment.transform(images, {"theta": np.array([5.0, 6])})
    before = first.copy()
    _augment.transform(images, {"theta": np.array([50.0, 60])})
    np.testing.assert_array_equal(first, before)
