import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.transforms import Mask
from tests.gradients import to_numpy, value_and_gradients
from tests.parity import FLOAT64


def test_a_given_mask_is_repeated_over_axes_of_length_one():
    mask = np.array([[1], [0], [1]])
    layer = layers.Dense(2, kernel_transform=Mask(mask), use_bias=False)
    y, gradient, (kernel_gradient,) = value_and_gradients(
        layer, layer.trainable_weights or build(layer, 3), np.ones((1, 3))
    )
    kernel = to_numpy(layer.kernel) * mask
    np.testing.assert_allclose(y, kernel.sum(0)[None], atol=1e-6)
    assert (gradient[:, 1] == 0).all()
    assert (kernel_gradient[1] == 0).all()
    assert (kernel_gradient[[0, 2]] != 0).all()


def build(layer, inputs):
    layer.build((None, inputs))
    return layer.trainable_weights


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 1.0])
def test_the_smallest_weights_are_held(sparsity):
    kernel = np.random.default_rng(0).normal(size=(3, 2, 5)).astype("float32")
    got = to_numpy(Mask(sparsity=sparsity)(kernel))
    count = round(sparsity * kernel.size)
    held = np.argsort(np.abs(kernel).ravel(), kind="stable")[:count]
    expected = kernel.ravel().astype("float64")
    expected[held] = 0
    np.testing.assert_allclose(got.ravel(), expected)


def test_mask_stays_in_training_until_update(tmp_path):
    mask = Mask(sparsity=0.5)
    layer = layers.Dense(4, kernel_transform=mask)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.AdamW(0.1, weight_decay=0.1), "mse")
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    before = to_numpy(mask.values)
    model.fit(x, np.ones((8, 4)), epochs=3, verbose=0)
    np.testing.assert_array_equal(to_numpy(mask.values), before)
    mask.update(0.75)
    assert to_numpy(mask.values).sum() == 4
    kept = np.abs(to_numpy(layer.kernel)) * to_numpy(mask.values)
    assert (
        kept[kept > 0].min()
        >= np.sort(np.abs(to_numpy(layer.kernel)), None)[12]
    )
    assert layer.get_config()["kernel_transform"]["config"]["sparsity"] == 0.75
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras").layers[0]
    np.testing.assert_array_equal(
        to_numpy(again.kernel_transform.values), to_numpy(mask.values)
    )


def test_a_given_mask_is_in_the_config():
    mask = Mask([[True, False], [False, True]], dtype=FLOAT64)
    again = Mask.from_config(mask.get_config())
    np.testing.assert_array_equal(again.mask, np.eye(2))
    with pytest.raises(ValueError, match="mask must be None for update"):
        again.update()


@pytest.mark.parametrize(
    ("keywords", "words", "error"),
    [
        ({}, "mask must be given if sparsity is not", ValueError),
        (
            {"mask": [1], "sparsity": 0.5},
            "mask must be given if sparsity",
            ValueError,
        ),
        ({"mask": "all"}, "mask must be an array of numbers", ValueError),
        (
            {"sparsity": 1.5},
            "sparsity must be a number from 0 to 1",
            ValueError,
        ),
        (
            {"sparsity": "half"},
            "sparsity must be a number from 0 to 1",
            TypeError,
        ),
    ],
)
def test_wrong_argument_is_named(keywords, words, error):
    with pytest.raises(error, match=f"^Mask: {words}"):
        Mask(**keywords)


@pytest.mark.parametrize("shape", [(3,), (5, 3, 2), (2, 2)])
def test_mask_of_another_shape_is_refused(shape):
    layer = layers.Dense(2, kernel_transform=Mask(np.ones(shape)))
    with pytest.raises(ValueError, match=r"fits the kernel's, \(3, 2\)"):
        layer.build((None, 3))
