"""Outputs compared with torch's, and the first layer that differs."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("torch is the oracle", allow_module_level=True)

from torch import nn

from keras_extras import layers
from keras_extras.conversion import load_torch_weights
from tests import oracle
from tests.conversion.torch_pairs import Torch, filled, off
from tests.gradients import to_numpy

SAMPLE = oracle.normal(2, 2, 6, 5)


def module():
    return filled(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(18, 4),
        )
    )


def model(activation="relu", pool=layers.MaxPooling2D, padding=1):
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(
                3, 3, padding=padding, activation=activation, name="conv"
            ),
            pool(2),
            layers.Flatten(),
            layers.Dense(4, name="head"),
        ]
    )


def test_equal_outputs_pass_and_leave_torch_as_it_was():
    source, ours = module(), model()
    source.train()
    load_torch_weights(ours, source, verify=(source, SAMPLE))
    assert source.training
    assert source[4].training
    assert not source[0]._forward_hooks
    source.eval()
    assert off(ours, source, SAMPLE) < 1e-5


@pytest.mark.parametrize(
    ("ours", "match"),
    [
        (model(activation="elu"), "'head'.*, and its input differs"),
        (
            model(pool=layers.AveragePooling2D),
            "'head'.*, and its input differs",
        ),
        (
            keras.Sequential([model(), keras.layers.ReLU()]),
            "what stands behind them does",
        ),
    ],
)
def test_the_first_layer_that_differs_is_named(ours, match):
    before = ours.get_weights()
    with pytest.raises(ValueError, match=match):
        load_torch_weights(ours, module(), verify=(module(), SAMPLE))
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_layer_that_differs_on_the_same_input():
    source = filled(nn.Sequential(nn.Conv2d(2, 3, 3, 2, padding=1)))
    ours = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, 2, padding="same", name="conv"),
        ]
    )
    sample = oracle.normal(2, 2, 6, 6)
    with pytest.raises(ValueError, match=r"'conv'.*torch's '0', on the same"):
        load_torch_weights(ours, source, verify=(source, sample))


def test_pairs_that_nothing_tells_are_tried():
    source = filled(
        Torch(
            lambda self, x: (self.b(x), self.a(x)),
            a=nn.Linear(3, 2),
            b=nn.Linear(3, 2),
        )
    )
    inputs = keras.Input((3,))
    ours = keras.Model(inputs, [layers.Dense(2)(inputs) for _ in range(2)])
    x = oracle.normal(4, 3)
    with pytest.raises(ValueError, match="leave a choice"):
        load_torch_weights(ours, source)
    load_torch_weights(ours, source, verify=(source, x))
    assert off(ours, source, x) < 1e-6


def test_several_inputs_and_integers():
    source = filled(
        Torch(
            lambda self, tokens, x: self.fc(self.embed(tokens).mean(1) + x),
            embed=nn.Embedding(7, 3),
            fc=nn.Linear(3, 2),
        )
    )
    tokens, x = keras.Input((5,), dtype="int32"), keras.Input((3,))
    mean = keras.ops.mean(keras.layers.Embedding(7, 3)(tokens), axis=1)
    ours = keras.Model([tokens, x], layers.Dense(2)(mean + x))
    sample = (np.arange(10).reshape(2, 5) % 7, oracle.normal(2, 3))
    load_torch_weights(ours, source.state_dict(), verify=(source, sample))
    np.testing.assert_allclose(
        to_numpy(ours.layers[1].embeddings), source.embed.weight.detach()
    )
