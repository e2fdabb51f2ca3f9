import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import CosineConv2D, CosineDense
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import HOOKS, images, recording

RANKS = {
    rank: getattr(keras_extras.layers, f"CosineConv{rank}D")
    for rank in (1, 2, 3)
}


def reference(x, kernel, strides, pads, dilation):
    """The cosine of every window with every filter, in float64."""
    rank = x.ndim - 2
    x = np.pad(x.astype("float64"), [(0, 0), *[(pads, pads)] * rank, (0, 0)])
    groups = x.shape[-1] // kernel.shape[-2]
    filters = kernel.shape[-1] // groups
    extents = [(size - 1) * dilation + 1 for size in kernel.shape[:rank]]
    sizes = [
        (length - extent) // strides + 1
        for length, extent in zip(x.shape[1:-1], extents, strict=True)
    ]
    y = np.zeros((len(x), *sizes, kernel.shape[-1]))
    for place in np.ndindex(len(x), *sizes, kernel.shape[-1]):
        window = tuple(
            slice(i * strides, i * strides + extent, dilation)
            for i, extent in zip(place[1:-1], extents, strict=True)
        )
        first = place[-1] // filters * kernel.shape[-2]
        patch = x[(place[0], *window, slice(first, first + kernel.shape[-2]))]
        weights = kernel[..., place[-1]]
        length = np.linalg.norm(patch.ravel()) * np.linalg.norm(weights.ravel())
        y[place] = (patch * weights).sum() / length if length else 0
    return y


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize(("groups", "dilation"), [(1, 1), (2, 2)])
def test_cosine_conv_equals_the_formula(rank, groups, dilation):
    x = images(rank, 5, 4)
    layer = RANKS[rank](
        2 * groups,
        2,
        strides=2,
        padding=1,
        groups=groups,
        dilation_rate=dilation,
        bias_initializer="ones",
    )
    outputs = to_numpy(layer(x))
    expected = 1 + reference(x, to_numpy(layer.kernel), 2, 1, dilation)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_one_window_is_the_dense_layer_with_its_gradients():
    x = images(2, 3, 2)
    layer, dense = CosineConv2D(4, 3), CosineDense(4)
    layer.build(x.shape)
    dense.build((None, 18))
    dense.set_weights(
        [layer.get_weights()[0].reshape(18, 4), layer.get_weights()[1]]
    )
    got = value_and_gradients(layer, layer.trainable_weights, x)
    expected = value_and_gradients(
        dense, dense.trainable_weights, x.reshape(2, 18)
    )
    for one, other in zip(
        *map(keras.tree.flatten, (got, expected)), strict=True
    ):
        np.testing.assert_allclose(one.ravel(), other.ravel(), atol=1e-5)


def test_windows_of_zeros_give_zeros_and_no_gradient():
    x = np.zeros((1, 5, 5, 1), "float32")
    x[0, 0, 0] = 3
    layer = CosineConv2D(2, 2)
    layer.build(x.shape)
    y, gradient, gradients = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    assert (y[0, 2:] == 0).all()
    assert (gradient[0, 3:] == 0).all()
    assert all(np.isfinite(each).all() for each in (gradient, *gradients))
    assert np.abs(y[0, 0, 0]).max() > 0


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 3e3])
def test_contrast_does_not_count_in_half_precision_either(dtype, scale):
    if dtype == "mixed_float16" and keras.backend.backend() == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    x = np.abs(images(2, 3, 2)) + 0.5
    layer = CosineConv2D(1, 3, dtype=dtype, kernel_initializer="ones")
    full = CosineConv2D(1, 3, kernel_initializer="ones")
    np.testing.assert_allclose(
        to_numpy(layer(scale * x)), to_numpy(full(x)), atol=0.02
    )


def test_unknown_sizes_give_the_same_values():
    layer = CosineConv2D(2, 3, 2, "same")
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(inputs))
    x = images(2, 7, 1)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_model_loads_again(rank, tmp_path):
    calls = []
    x = images(rank, 4, 1)
    recording(RANKS[rank], calls)(2, 3)(x)
    assert calls == HOOKS
    model = keras.Sequential([keras.Input(x.shape[1:]), RANKS[rank](2, 3)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
