import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.layers import Dropout
from tests.gradients import to_numpy, value_and_gradients
from tests.parity import assert_same_signature, assert_takes_stock_config


@given(
    rate=st.sampled_from([0.0, 0.25, 0.9, 1.0]),
    noise_shape=st.sampled_from([None, (None, 1, None), (4, 3, 1)]),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
    training=st.booleans(),
)
@example(0.5, None, "float32", True)
def test_dropout_equals_stock_under_the_same_seed(
    rate, noise_shape, dtype, training
):
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
    (ours, our_gradient), (stock, stock_gradient) = [
        value_and_gradients(
            lambda x, layer=layer: layer(x, training=training), [], x
        )[:2]
        for layer in (
            cls(rate, noise_shape=noise_shape, seed=3, dtype=dtype)
            for cls in (Dropout, keras.layers.Dropout)
        )
    ]
    np.testing.assert_array_equal(ours, stock)
    np.testing.assert_array_equal(our_gradient, stock_gradient)


def test_dropout_keeps_the_expected_value():
    x = np.ones((100, 100), "float32")
    y = to_numpy(Dropout(0.25, seed=0)(x, training=True))
    assert set(np.unique(y.round(4))) == {0.0, 1.3333}
    # 10,000 draws: the share's standard deviation is 0.0043.
    assert abs((y == 0).mean() - 0.25) < 0.02


def test_each_call_draws_anew_and_a_seed_repeats_them():
    x = np.ones((4, 50), "float32")
    draws = []
    for _ in range(2):
        layer = Dropout(0.5, seed=1)
        draws.append([to_numpy(layer(x, training=True)) for _ in range(2)])
    assert (draws[0][0] != draws[0][1]).any()
    np.testing.assert_array_equal(draws[0], draws[1])


def test_signature_and_config_are_those_of_stock():
    assert_same_signature("Dropout")
    keywords = {"rate": 0.3, "noise_shape": (None, 1), "seed": 5}
    assert_takes_stock_config(
        Dropout(**keywords), keras.layers.Dropout(**keywords)
    )
    assert Dropout(0.0).built
    assert not Dropout(0.0).variables
    assert len(Dropout(0.5).variables) == 1


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"rate": 1.5}, "rate", ValueError),
        ({"rate": -0.1}, "rate", ValueError),
        ({"rate": float("nan")}, "rate", ValueError),
        ({"rate": "0.5"}, "rate", TypeError),
        ({"rate": None}, "rate", TypeError),
        ({"noise_shape": "1"}, "noise_shape", ValueError),
        ({"noise_shape": 3}, "noise_shape", ValueError),
        ({"noise_shape": (1, 0)}, "noise_shape", ValueError),
        ({"noise_shape": (1, 1.5)}, "noise_shape", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error) as caught:
        Dropout(**{"rate": 0.5, **keywords})
    text = str(caught.value)
    assert text.startswith(f"Dropout: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_documented_hook_is_called_in_training_only():
    class GaussianNoise(Dropout):
        def drop(self, inputs):
            return inputs + 1

    layer = GaussianNoise(0.5)
    x = np.zeros((1, 2), "float32")
    assert to_numpy(layer(x, training=True)).max() == 1
    assert to_numpy(layer(x, training=False)).max() == 0
    assert "drop(inputs)" in Dropout.__doc__
