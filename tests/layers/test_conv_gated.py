import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import GatedConv1D, GatedConv2D
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import HOOKS, images, recording, reference_conv

RANKS = {
    rank: getattr(keras_extras.layers, f"GatedConv{rank}D")
    for rank in (1, 2, 3)
}


def halves(array, groups):
    """(features, gates) of the last axis: for each group one after another."""
    parts = np.split(array, 2 * groups, axis=-1)
    return [np.concatenate(parts[start::2], axis=-1) for start in (0, 1)]


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("groups", [1, 2])
def test_gated_conv_equals_two_convolutions(rank, groups):
    x = images(rank, 5, 4)
    layer = RANKS[rank](
        4,
        2,
        2,
        padding=1,
        groups=groups,
        activation="elu",
        bias_initializer="uniform",
    )
    outputs = to_numpy(layer(x))
    bias = halves(to_numpy(layer.bias), groups)
    features, gates = (
        reference_conv(
            x.astype("float64"),
            kernel,
            (2,) * rank,
            [(1, 1)] * rank,
            (1,) * rank,
            {"mode": "constant"},
        )
        + bias[index]
        for index, kernel in enumerate(halves(to_numpy(layer.kernel), groups))
    )
    elu = np.where(features > 0, features, np.expm1(np.minimum(features, 0)))
    expected = elu / (1 + np.exp(-gates))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_gradients_equal_those_of_two_stock_layers():
    x = images(2, 4, 2)
    layer = GatedConv2D(3, 3)
    layer.build(x.shape)
    pair = [keras.layers.Conv2D(3, 3) for _ in range(2)]
    for stock, kernel in zip(
        pair, halves(to_numpy(layer.kernel), 1), strict=True
    ):
        stock.build(x.shape)
        stock.kernel.assign(kernel)
    got = value_and_gradients(layer, layer.trainable_weights, x)
    expected = value_and_gradients(
        lambda values: pair[0](values) * keras.ops.sigmoid(pair[1](values)),
        [*pair[0].trainable_weights, *pair[1].trainable_weights],
        x,
    )
    np.testing.assert_allclose(got[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(got[1], expected[1], atol=1e-5)
    kernels, biases = expected[2][::2], expected[2][1::2]
    for one, both in zip(got[2], (kernels, biases), strict=True):
        np.testing.assert_allclose(one, np.concatenate(both, -1), atol=1e-5)


def test_closed_gates_let_nothing_through_and_open_ones_all():
    x = images(1, 4, 1)
    for gate, share in ((-50, 0), (50, 1)):
        layer = GatedConv1D(1, 1, kernel_initializer="ones")
        layer.build(x.shape)
        layer.set_weights([np.array([[[1.0, 0.0]]]), np.array([0.0, gate])])
        np.testing.assert_allclose(to_numpy(layer(x)), share * x, atol=1e-6)


def test_gate_activation_is_an_argument():
    x = images(1, 4, 2)
    layer = GatedConv1D(2, 1, gate_activation=None)
    y = to_numpy(layer(x))
    features, gates = halves(to_numpy(layer.kernel), 1)
    np.testing.assert_allclose(y, (x @ features[0]) * (x @ gates[0]), atol=1e-5)
    assert layer.get_config()["gate_activation"] == "linear"
    with pytest.raises(
        ValueError, match="gate_activation must be an activation"
    ):
        GatedConv1D(2, 1, gate_activation="sigmiod")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_unknown_sizes_give_the_same_values(data_format):
    shape = (
        (None, None, 2) if data_format == "channels_last" else (2, None, None)
    )
    layer = GatedConv2D(2, 3, 2, "same", data_format, groups=2)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    x = images(2, 7, 2)
    x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_model_loads_again(rank, tmp_path):
    calls = []
    x = images(rank, 4, 2)
    recording(RANKS[rank], calls)(2, 3)(x)
    assert calls == HOOKS
    layer = RANKS[rank](2, 3, groups=2, gate_activation="hard_sigmoid")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    assert again.layers[0].gate_activation is keras.activations.hard_sigmoid
