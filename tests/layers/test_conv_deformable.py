import keras
import numpy as np
import pytest

from keras_extras.layers import (
    Conv2D,
    DeformableConv1D,
    DeformableConv2D,
    DeformableConv3D,
)
from tests.gradients import to_numpy, value_and_gradients

LEAVES = {1: DeformableConv1D, 2: DeformableConv2D, 3: DeformableConv3D}


@pytest.mark.parametrize("rank", LEAVES)
@pytest.mark.parametrize("modulated", [True, False])
def test_at_first_it_is_a_convolution(rank, modulated):
    x = np.random.default_rng(0).normal(size=(2, *(5,) * rank, 2))
    x = x.astype("float32")
    layer = LEAVES[rank](3, 2, padding="same", modulated=modulated)
    plain = keras.layers.Conv1D if rank == 1 else None
    plain = plain or getattr(keras.layers, f"Conv{rank}D")
    plain = plain(3, 2, padding="same", use_bias=False)
    plain.build(x.shape)
    y = to_numpy(layer(x))
    plain.set_weights([to_numpy(layer.kernel)])
    share = 0.5 if modulated else 1
    np.testing.assert_allclose(y, share * to_numpy(plain(x)), atol=1e-5)
    taps = 2**rank
    numbers = taps * (rank + modulated)
    assert layer.offset_kernel.shape == (*(2,) * rank, 2, numbers)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_whole_numbers_move_the_image(data_format):
    """All taps one down and two to the right."""
    x = np.random.default_rng(0).normal(size=(1, 6, 7, 2)).astype("float32")
    first = data_format == "channels_first"
    x = np.moveaxis(x, -1, 1) if first else x
    layer = DeformableConv2D(3, 2, modulated=False, data_format=data_format)
    plain = Conv2D(3, 2, data_format=data_format)
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights([to_numpy(layer.kernel), to_numpy(layer.bias)])
    layer.offset_bias.assign(np.tile([1.0, 2.0], 4))
    moved = np.zeros_like(x)
    if first:
        moved[..., :-1, :-2] = x[..., 1:, 2:]
    else:
        moved[:, :-1, :-2] = x[:, 1:, 2:]
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(moved)), atol=1e-5
    )


def test_offsets_are_learned():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    layer = DeformableConv2D(
        4, 3, groups=2, offset_groups=2, offset_initializer="glorot_uniform"
    )
    layer.build(x.shape)
    layer.offset_bias.assign(np.full(layer.offset_bias.shape, 0.3))
    _, gradient, gradients = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    names = [weight.name for weight in layer.trainable_weights]
    assert names == ["kernel", "bias", "offset_kernel", "offset_bias"]
    for values in (gradient, *gradients):
        assert np.isfinite(values).all()
        assert np.abs(values).max() > 0


def test_where_taps_look_is_a_hook():
    class Mirrored(DeformableConv1D):
        def find_offsets(self, inputs):
            steps = keras.ops.arange(5, dtype="float32")
            offsets = keras.ops.reshape(4 - 2 * steps, (1, 5, 1))
            return keras.ops.broadcast_to(offsets, (1, 5, 1)), None

    layer = Mirrored(1, 1, kernel_initializer="ones")
    x = np.arange(5.0).reshape(1, 5, 1)
    assert to_numpy(layer(x)).ravel().tolist() == [4, 3, 2, 1, 0]


def test_pads_of_other_modes_are_part_of_the_image():
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 1)).astype("float32")
    options = {"padding": 1, "pad_mode": "wrap"}
    layer = DeformableConv2D(2, 3, modulated=False, **options)
    plain = Conv2D(2, 3, **options)
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights([to_numpy(layer.kernel), to_numpy(layer.bias)])
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-5
    )


def test_wrong_groups_are_named():
    with pytest.raises(ValueError, match="offset_groups must be a divisor"):
        DeformableConv2D(2, 3, offset_groups=3).build((None, 5, 5, 4))
    with pytest.raises(TypeError, match="modulated must be True or False"):
        DeformableConv2D(2, 3, modulated="yes")
