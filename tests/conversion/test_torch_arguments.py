"""Arguments that are not torch's are told: with the module, or doubted."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import load_torch_weights
from keras_extras.conversion._torch_arguments import doubts, errors

IS_TORCH = keras.backend.backend() == "torch"
stock = keras.layers


def norm_model(**options):
    norm = stock.BatchNormalization(name="norm", **options)
    return keras.Sequential([keras.Input((3,)), norm])


NORM = {
    f"1.{name}": np.ones(3)
    for name in ("weight", "bias", "running_mean", "running_var")
}


def test_an_unusual_epsilon_of_a_state_dict_is_a_warning():
    with pytest.warns(
        UserWarning, match="norm .* epsilon=0.001, torch's usual"
    ):
        load_torch_weights(norm_model(), NORM)
    load_torch_weights(norm_model(epsilon=1e-5), NORM)


def test_uneven_pads_of_a_state_dict_are_a_warning():
    conv = layers.Conv2D(2, 3, 2, padding="same", name="conv")
    model = keras.Sequential([keras.Input((6, 6, 1)), conv])
    state = {"weight": np.ones((2, 1, 3, 3)), "bias": np.ones(2)}
    with pytest.warns(UserWarning, match="conv .*padding=same"):
        load_torch_weights(model, state)
    odd = layers.Conv2D(2, 3, 2, padding="same")
    load_torch_weights(keras.Sequential([keras.Input((7, 7, 1)), odd]), state)


def test_other_values_are_said_with_both():
    norm = stock.GroupNormalization(4, epsilon=1e-3, name="g")
    module = SimpleNamespace(eps=1e-5, num_groups=2, num_channels=8)
    assert errors(norm, module) == [
        "- g (GroupNormalization): epsilon=0.001, torch's eps=1e-05",
        "- g (GroupNormalization): groups=4, torch's num_groups=2",
    ]
    batch = stock.BatchNormalization(name="b")
    (line,) = doubts(batch, SimpleNamespace(eps=1e-3, momentum=0.1), None, None)
    assert "momentum" in line
    gru = stock.GRU(2, reset_after=False, name="r")
    assert "reset_after=False" in errors(gru, None)[0]


def conv_module(**options):
    usual = {
        "kernel_size": (3, 3),
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0),
        "padding_mode": "zeros",
        "output_padding": (0, 0),
    }
    return SimpleNamespace(**{**usual, **options})


@pytest.mark.parametrize(
    ("layer", "length", "module", "is_alike"),
    [
        (layers.Conv2D(1, 3, padding=1), None, {"padding": (1, 1)}, True),
        (layers.Conv2D(1, 3, padding="same"), None, {"padding": (1, 1)}, True),
        (layers.Conv2D(1, 3, padding="same"), None, {"padding": "same"}, True),
        (layers.Conv2D(1, 3), None, {"padding": (1, 1)}, False),
        (
            layers.Conv2D(1, 3, 2, padding="same"),
            7,
            {"padding": (1, 1), "stride": (2, 2)},
            True,
        ),
        (
            layers.Conv2D(1, 3, 2, padding="same"),
            6,
            {"padding": (1, 1), "stride": (2, 2)},
            False,
        ),
        (
            layers.Conv2D(1, 3, padding=1, pad_mode="edge"),
            None,
            {"padding": (1, 1), "padding_mode": "replicate"},
            True,
        ),
        (
            layers.Conv2D(1, 3, padding=1),
            None,
            {"padding": (1, 1), "padding_mode": "reflect"},
            False,
        ),
        (
            layers.Conv2DTranspose(1, 3, padding=1),
            None,
            {"padding": (1, 1)},
            True,
        ),
        (
            layers.Conv2DTranspose(1, 3, padding="same"),
            None,
            {"padding": (0, 0)},
            False,
        ),
    ],
)
def test_padding(layer, length, module, is_alike):
    call = SimpleNamespace(input_shape=(2, length, length, 4))
    found = doubts(layer, conv_module(**module), None, call)
    assert (not found) == is_alike


def test_pads_of_a_layer_in_front_count():
    call = SimpleNamespace(input_shape=(2, 8, 8, 4))
    layer = layers.Conv2D(1, 3, 2)
    module = conv_module(padding=(1, 1), stride=(2, 2))
    assert not doubts(layer, module, stock.ZeroPadding2D(1), call)
    assert doubts(layer, module, stock.ZeroPadding2D(2), call)
    assert doubts(layer, module, None, call)


if IS_TORCH:
    from torch import nn

    def test_a_module_tells_more_than_a_state_dict():
        module = nn.Sequential(nn.Identity(), nn.BatchNorm1d(3))
        with pytest.raises(
            ValueError, match=r"epsilon=0\.001, torch's eps=1e-05"
        ):
            load_torch_weights(norm_model(), module)
        with pytest.warns(UserWarning, match="momentum=0.01"):
            load_torch_weights(norm_model(epsilon=1e-5), module)
        load_torch_weights(norm_model(epsilon=1e-5, momentum=0.9), module)
        strided = nn.Sequential(nn.Conv2d(2, 3, 3, 2))
        model = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(3, 3)])
        with pytest.raises(ValueError, match=r"strides=\(1, 1\).*\(2, 2\)"):
            load_torch_weights(model, strided)
