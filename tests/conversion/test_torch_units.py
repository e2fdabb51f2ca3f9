"""Modules in a state_dict, recurrent ones, attention and parametrizations."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import load_torch_weights, to_torch_state_dict
from keras_extras.conversion._torch_units import key_of, units_of
from tests import oracle
from tests.gradients import to_numpy

IS_TORCH = keras.backend.backend() == "torch"
stock = keras.layers


def test_names_of_units_and_keys():
    keys = [
        "rnn.weight_ih_l0",
        "rnn.weight_hh_l0",
        "rnn.weight_ih_l0_reverse",
        "rnn.weight_ih_l1",
        "attn.in_proj_weight",
        "attn.out_proj.bias",
        "norm.running_mean",
        "norm.num_batches_tracked",
    ]
    units = units_of({key: np.ones((2, 2)) for key in keys})
    assert [(unit.name, list(unit.tensors)) for unit in units] == [
        ("rnn", ["weight_ih", "weight_hh"]),
        ("rnn_reverse", ["weight_ih_reverse"]),
        ("rnn.l1", ["weight_ih"]),
        ("attn", ["in_proj_weight", "out_proj.bias"]),
        ("norm", ["running_mean"]),
    ]
    for unit in units:
        for suffix, (key,) in unit.keys.items():
            assert key_of(unit.name, suffix) == key


def sequences(*parts):
    return keras.Sequential([keras.Input((5, 4)), *parts])


def assert_round_trip(model):
    """What goes out comes back, into other weights too."""
    state = to_torch_state_dict(model)
    expected = model.get_weights()
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    load_torch_weights(model, state)
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    return state


@pytest.mark.parametrize("kind", [stock.LSTM, stock.GRU, stock.SimpleRNN])
def test_recurrent_weights_come_back(kind):
    model = sequences(kind(3, return_sequences=True), kind(2))
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.normal(size=weight.shape))
    state = assert_round_trip(model)
    first, second = (layer.name for layer in model.layers)
    assert list(state)[::4] == [
        f"{first}.weight_ih_l0",
        f"{second}.weight_ih_l0",
    ]
    names = {first: "rnn", second: "rnn.l1"}
    renamed = to_torch_state_dict(model, names)
    assert "rnn.bias_hh_l1" in renamed
    load_torch_weights(model, renamed)


def test_arguments_that_torch_has_not():
    state = to_torch_state_dict(sequences(stock.LSTM(3)))
    with pytest.raises(ValueError, match="activation=relu, torch's"):
        load_torch_weights(sequences(stock.LSTM(3, activation="relu")), state)


def weight_norm(weight):
    length = np.sqrt((weight**2).sum((1, 2, 3), keepdims=True))
    return {"c.weight_g": 2 * length, "c.weight_v": weight}


def spectral_norm(weight):
    u, _, v = np.linalg.svd(weight.reshape(len(weight), -1))
    return {
        "c.weight_orig": weight,
        "c.weight_u": u[:, 0],
        "c.weight_v": v[0],
    }


@pytest.mark.parametrize("transform", [None, "WeightNorm"])
def test_weight_norm_is_folded(transform):
    weight = oracle.normal(3, 4, 2, 2)
    model = keras.Sequential(
        [
            keras.Input((5, 5, 4)),
            layers.Conv2D(3, 2, use_bias=False, kernel_transform=transform),
        ]
    )
    load_torch_weights(model, weight_norm(weight))
    (again,) = to_torch_state_dict(model).values()
    np.testing.assert_allclose(again, 2 * weight, rtol=1e-5)


@pytest.mark.parametrize("transform", [None, "SpectralNorm"])
def test_spectral_norm(transform):
    weight = oracle.normal(3, 4, 2, 2)
    model = keras.Sequential(
        [
            keras.Input((5, 5, 4)),
            layers.Conv2D(3, 2, use_bias=False, kernel_transform=transform),
        ]
    )
    load_torch_weights(model, spectral_norm(weight))
    (again,) = to_torch_state_dict(model).values()
    sigma = np.linalg.svd(weight.reshape(3, -1))[1][0]
    np.testing.assert_allclose(again, weight / sigma, rtol=1e-4)
    if transform:  # what is trained is torch's too
        kernel = to_numpy(model.layers[0].kernel)
        np.testing.assert_allclose(
            kernel, np.moveaxis(weight, (0, 1), (-1, -2)), rtol=1e-6
        )


def test_a_transform_that_torch_has_not_is_a_warning():
    layer = layers.Dense(3, kernel_transform="SpectralNorm", name="d")
    model = keras.Sequential([keras.Input((3,)), layer])
    state = {"weight": 3 * oracle.normal(3, 3), "bias": np.zeros(3)}
    with pytest.warns(UserWarning, match="d .Dense.: it transforms the kernel"):
        load_torch_weights(model, state)


if IS_TORCH:
    import torch
    from torch import nn
    from torch.nn.utils import parametrizations

    from tests.conversion.torch_pairs import Torch, filled, off

    @pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
    @pytest.mark.parametrize("is_double", [False, True])
    def test_recurrent_modules(kind, is_double):
        module = Torch(
            lambda self, x: self.rnn(x)[0],
            rnn=getattr(nn, kind)(
                4, 3, 2, batch_first=True, bidirectional=is_double
            ),
        )
        layer = getattr(stock, kind.replace("RNN", "SimpleRNN"))
        parts = [layer(3, return_sequences=True) for _ in range(2)]
        if is_double:
            parts = list(map(stock.Bidirectional, parts))
        model = sequences(*parts)
        load_torch_weights(model, filled(module))
        x = oracle.normal(2, 5, 4)
        assert off(model, module, x, is_moved=False) < 1e-5

    def test_attention():
        module = Torch(
            lambda self, x: self.attn(x, x, x)[0],
            attn=nn.MultiheadAttention(4, 2, batch_first=True),
        )
        inputs = keras.Input((5, 4))
        outputs = stock.MultiHeadAttention(2, 2)(inputs, inputs)
        model = keras.Model(inputs, outputs)
        load_torch_weights(model, filled(module))
        x = oracle.normal(2, 5, 4)
        assert off(model, module, x, is_moved=False) < 1e-5
        state = to_torch_state_dict(model, {model.layers[1].name: "attn"})
        for key, tensor in module.state_dict().items():
            np.testing.assert_array_equal(state[key], tensor.numpy())
        wide = stock.MultiHeadAttention(4, 1)(inputs, inputs)
        with pytest.raises(
            ValueError, match="num_heads=4, torch's num_heads=2"
        ):
            load_torch_weights(keras.Model(inputs, wide), module)

    @pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
    @pytest.mark.parametrize("transform", [None, "WeightNorm"])
    def test_parametrized_modules(norm, transform):
        wrap = getattr(parametrizations, norm)
        module = nn.Sequential(
            wrap(nn.Conv2d(2, 3, 3)),
            wrap(nn.ConvTranspose2d(3, 3, 2)),
            nn.Flatten(),
            wrap(nn.Linear(3 * 4 * 5, 4)),
        )
        with torch.no_grad():
            module(torch.ones(1, 2, 5, 6))  # a step of the power iteration
        module.eval()
        model = keras.Sequential(
            [
                keras.Input((5, 6, 2)),
                layers.Conv2D(3, 3, kernel_transform=transform),
                layers.Conv2DTranspose(3, 2, kernel_transform=transform),
                layers.Flatten(),
                layers.Dense(4, kernel_transform=transform),
            ]
        )
        load_torch_weights(model, module)
        assert off(model, module, oracle.normal(2, 2, 5, 6)) < 1e-5

    def test_one_tap_is_a_linear():
        module = nn.Sequential(
            nn.Conv1d(2, 3, 1), nn.Flatten(), nn.Linear(15, 4)
        )
        model = keras.Sequential(
            [
                keras.Input((5, 2)),
                layers.Dense(3),
                layers.Flatten(),
                layers.Dense(4),
            ]
        )
        load_torch_weights(model, filled(module))
        assert off(model, module, oracle.normal(2, 2, 5)) < 1e-5
