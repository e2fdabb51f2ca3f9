import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
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
        ({"noise_shape": "1"}, "noise_shape", TypeError),
        ({"noise_shape": 3}, "noise_shape", TypeError),
        ({"noise_shape": (1, 0)}, "noise_shape", ValueError),
        ({"noise_shape": (1, 1.5)}, "noise_shape", TypeError),
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


SPATIAL = ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


def spatial(name):
    return getattr(keras_extras.layers, name)


@given(
    name=st.sampled_from(SPATIAL),
    rate=st.sampled_from([0.0, 0.5, 1.0]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
    training=st.booleans(),
)
@example("SpatialDropout2D", 0.5, "channels_first", "float32", True)
def test_spatial_dropout_equals_stock_under_the_same_seed(
    name, rate, data_format, dtype, training
):
    rank = int(name[-2])
    keywords = {} if rank == 1 else {"data_format": data_format}
    x = np.random.default_rng(0).normal(size=(4, *(3, 2, 4)[:rank], 5))
    (ours, our_gradient), (stock, stock_gradient) = [
        value_and_gradients(
            lambda x, layer=layer: layer(x, training=training),
            [],
            x.astype("float32"),
        )[:2]
        for layer in (
            cls(rate, seed=3, dtype=dtype, **keywords)
            for cls in (spatial(name), getattr(keras.layers, name))
        )
    ]
    np.testing.assert_array_equal(ours, stock)
    np.testing.assert_array_equal(our_gradient, stock_gradient)


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_whole_channels_are_dropped(name, data_format):
    rank = int(name[-2])
    layer = spatial(name)(0.5, data_format=data_format, seed=0)
    last = data_format == "channels_last"
    sizes = (3,) * rank
    shape = (40, *sizes, 10) if last else (40, 10, *sizes)
    y = to_numpy(layer(np.ones(shape, "float32"), training=True))
    y = (y if last else np.moveaxis(y, 1, -1)).reshape(40, -1, 10)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert (y == y[:, :1]).all()
    # 400 draws: the share's standard deviation is 0.025.
    assert abs(y.mean() / 2 - 0.5) < 0.1


@pytest.mark.parametrize("name", SPATIAL)
def test_spatial_dropout_has_stocks_signature_and_takes_its_config(name):
    assert_same_signature(name)
    stock = getattr(keras.layers, name)(0.3, seed=5, name="s")
    revived = spatial(name).from_config(stock.get_config())
    config = revived.get_config()
    for key, value in stock.get_config().items():
        # Stock writes the name of the variables' dtype, not the policy.
        if key != "dtype":
            assert config[key] == value, key
    again = spatial(name).from_config(config)
    assert again.noise_shape == revived.noise_shape
    assert "noise_shape" not in config


def test_unknown_sizes_drop_channels_too():
    layer = spatial("SpatialDropout2D")(0.5, "channels_last", seed=0)
    inputs = keras.Input((None, None, 8))
    model = keras.Model(inputs, layer(inputs))
    y = to_numpy(model(np.ones((4, 3, 5, 8), "float32"), training=True))
    assert (y == y[:, :1, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"rate": 1.5}, "rate", ValueError),
        ({"rate": "0.5"}, "rate", TypeError),
        ({"data_format": "first"}, "data_format", ValueError),
    ],
)
def test_wrong_argument_of_spatial_dropout_is_named(
    name, keywords, argument, error
):
    with pytest.raises(error, match=f"^{name}: {argument} must be") as caught:
        spatial(name)(**{"rate": 0.5, **keywords})
    assert f"Received: {argument}={keywords[argument]!r}" in str(caught.value)


@pytest.mark.parametrize("name", SPATIAL)
def test_hook_of_spatial_dropout_is_called(name):
    calls = []

    class Recording(spatial(name)):
        def drop(self, inputs):
            calls.append("drop")
            return super().drop(inputs)

    Recording(0.5)(np.ones((1, *(2,) * int(name[-2]), 1)), training=True)
    assert calls == ["drop"]
    with pytest.raises(ValueError, match="expected ndim="):
        spatial(name)(0.5)(np.ones((2, 3)))
