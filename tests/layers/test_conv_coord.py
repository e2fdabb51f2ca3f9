import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import Conv2D, CoordConv1D, CoordConv2D
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import HOOKS, images, recording, reference_conv

RANKS = {
    rank: getattr(keras_extras.layers, f"CoordConv{rank}D")
    for rank in (1, 2, 3)
}


def reference(x, with_r):
    """The channels of the paper, one position at a time, in float64."""
    sizes = x.shape[1:-1]
    extra = np.zeros((*x.shape[:-1], len(sizes) + with_r))
    for place in np.ndindex(*sizes):
        where = [
            2 * i / (n - 1) - 1 if n > 1 else 0
            for i, n in zip(place, sizes, strict=True)
        ]
        radius = [np.sqrt(sum(c * c for c in where))] if with_r else []
        extra[(slice(None), *place)] = where + radius
    return np.concatenate([x.astype("float64"), extra], axis=-1)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("with_r", [False, True])
def test_coord_conv_is_the_convolution_of_input_and_coordinates(rank, with_r):
    shape = (2, 5, 4, 3)[: rank + 1]
    x = np.random.default_rng(0).normal(size=(*shape, 2)).astype("float32")
    layer = RANKS[rank](3, 2, 2, padding=1, with_r=with_r)
    outputs = to_numpy(layer(x))
    expected = reference_conv(
        reference(x, with_r),
        to_numpy(layer.kernel),
        (2,) * rank,
        [(1, 1)] * rank,
        (1,) * rank,
        {"mode": "constant"},
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape
    first = RANKS[rank].from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    moved = np.moveaxis(x, -1, 1)
    first.build(moved.shape)
    first.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        np.moveaxis(to_numpy(first(moved)), 1, -1), outputs, atol=1e-5
    )


def test_gradients_equal_those_of_a_convolution_of_wider_inputs():
    x = images(2, 4, 2)
    layer, plain = CoordConv2D(3, 3), Conv2D(3, 3)
    wide = reference(x, False).astype("float32")
    layer.build(x.shape)
    plain.build(wide.shape)
    plain.set_weights(layer.get_weights())
    got = value_and_gradients(layer, layer.trainable_weights, x)
    expected = value_and_gradients(plain, plain.trainable_weights, wide)
    np.testing.assert_allclose(got[1], expected[1][..., :2], atol=1e-5)
    for one, other in zip(got[2], expected[2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_can_tell_places_apart_which_a_convolution_cannot():
    x = np.ones((1, 4, 1), "float32")
    y = to_numpy(CoordConv1D(1, 1, kernel_initializer="ones")(x)).ravel()
    np.testing.assert_allclose(y, 1 + np.linspace(-1, 1, 4), atol=1e-6)


def test_groups_split_channels_and_coordinates_together():
    layer = CoordConv2D(4, 1, groups=2)
    layer.build((None, 4, 4, 2))
    assert layer.kernel.shape == (1, 1, 2, 4)
    with pytest.raises(ValueError, match="has 5 channels"):
        CoordConv2D(4, 1, groups=2).build((None, 4, 4, 3))


def test_unknown_sizes_and_a_second_input_work():
    layer = CoordConv2D(2, 3, strides=2, padding="same", with_r=True)
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(inputs))
    for size in (5, 7):
        x = images(2, size, 1)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
        )
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(images(2, 5, 2))


def test_many_places_are_apart_in_half_precision_too():
    x = np.zeros((1, 300, 1), "float32")
    layer = CoordConv1D(1, 1, dtype="mixed_bfloat16", kernel_initializer="ones")
    y = to_numpy(layer(x)).ravel()
    np.testing.assert_allclose(y, np.linspace(-1, 1, 300), atol=0.005)


def test_wrong_argument_is_named():
    with pytest.raises(TypeError, match="CoordConv2D: with_r must be True or"):
        CoordConv2D(2, 3, with_r="yes")
    with pytest.raises(ValueError, match="CoordConv2D: input_shape must be of"):
        CoordConv2D(2, 3).build((None, 4, 4, None))


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_model_loads_again(rank, tmp_path):
    calls = []
    x = images(rank, 4, 1)
    recording(RANKS[rank], calls)(2, 3)(x)
    assert calls == HOOKS
    model = keras.Sequential(
        [keras.Input(x.shape[1:]), RANKS[rank](2, 3, with_r=True)]
    )
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
