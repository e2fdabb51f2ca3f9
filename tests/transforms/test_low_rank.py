import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.transforms import LowRank
from tests.gradients import to_numpy


@pytest.mark.parametrize("alpha", [None, 6.0])
@pytest.mark.parametrize("family", ["Dense", "Conv2D"])
def test_update_is_the_formula_and_freeze_merges_it(family, alpha):
    lora = LowRank(3, alpha)
    arguments = {"Dense": (4,), "Conv2D": (4, 2)}[family]
    layer = getattr(layers, family)(*arguments, kernel_transform=lora)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 2)).astype("float32")
    plain = getattr(layers, family)(*arguments)
    plain.build(x.shape)
    layer.build(x.shape)
    layer.set_weights(plain.get_weights())
    np.testing.assert_array_equal(to_numpy(layer(x)), to_numpy(plain(x)))
    b = np.random.default_rng(1).normal(size=(3, 4))
    lora.lora_kernel_b.assign(b)
    scale = (alpha or 3) / 3
    merged = to_numpy(layer.kernel) + scale * to_numpy(lora.lora_kernel_a) @ b
    plain.kernel.assign(merged)
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-5
    )
    assert not layer.kernel.trainable
    layer.freeze()
    assert layer.kernel.trainable
    np.testing.assert_allclose(to_numpy(layer.kernel), merged, atol=1e-5)


@pytest.mark.parametrize("enabled", ["transform", "argument", "late"])
def test_base_stays_frozen(enabled):
    keywords = {
        "transform": {"kernel_transform": [LowRank(2), "WeightNorm"]},
        "argument": {"lora_rank": 2},
        "late": {},
    }[enabled]
    layer = layers.Dense(3, **keywords)
    model = keras.Sequential([keras.Input((4,)), layer])
    if enabled == "late":
        layer.enable_lora(2, lora_alpha=4)
    layer.trainable = False
    layer.trainable = True  # which makes all variables trainable in Keras
    model.compile(keras.optimizers.AdamW(0.1, weight_decay=0.1), "mse")
    before = dict(zip(names(layer), layer.get_weights(), strict=True))
    model.fit(np.ones((4, 4)), np.zeros((4, 3)), epochs=2, verbose=0)
    for name, after in zip(names(layer), layer.get_weights(), strict=True):
        changed = np.abs(after - before[name]).max() > 0
        assert changed == (name != "kernel"), name


def names(layer):
    return [weight.name for weight in layer.weights]


def test_update_is_saved_as_it_is_and_goes_on_training(tmp_path):
    layer = layers.Dense(3, kernel_transform=LowRank(2, 8))
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.kernel_transform.lora_kernel_b.assign(np.ones((2, 3)))
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))
    assert not again.layers[0].kernel.trainable


def test_enabled_lora_is_merged_in_files_as_in_stock(tmp_path):
    ours = keras.Sequential([keras.Input((4,)), layers.Dense(3, lora_rank=2)])
    stock = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    ours.layers[0].lora_kernel_b.assign(np.ones((2, 3)))
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    expected = ours.predict(x, verbose=0)
    ours.save_weights(tmp_path / "w.weights.h5")
    stock.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(stock.predict(x, verbose=0), expected, atol=1e-5)
    ours.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, atol=1e-5)
    assert np.abs(to_numpy(again.layers[0].lora_kernel_b)).max() == 0


@pytest.mark.parametrize("family", ["Dense", "Conv1D"])
def test_lora_enabled_late_is_in_the_config(family):
    layer = getattr(layers, family)(
        3, **({} if family == "Dense" else {"kernel_size": 2})
    )
    layer.build((None, 5, 4))
    layer.enable_lora(2, lora_alpha=6.0)
    again = type(layer).from_config(layer.get_config())
    assert (again.lora_rank, again.lora_alpha) == (2, 6.0)


def test_lora_pair_has_the_penalty_of_the_kernel_and_stock_order():
    layer = layers.Conv1D(3, 2, lora_rank=2, kernel_regularizer="l2")
    stock = keras.layers.Conv1D(3, 2, lora_rank=2, kernel_regularizer="l2")
    for each in (layer, stock):
        each.build((None, 5, 4))
        each.set_weights([np.ones(weight.shape) for weight in each.weights])
    assert names(layer) == names(stock)
    assert to_numpy(layer.losses) == to_numpy(stock.losses)
    layer.freeze()
    assert layer.get_config()["lora_rank"] is None
    assert not layer.lora_enabled
    with pytest.raises(AttributeError):
        layer.lora_kernel_a  # noqa: B018


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"lora_rank": 0}, "lora_rank", ValueError),
        ({"lora_rank": "two"}, "lora_rank", TypeError),
        ({"lora_alpha": "big"}, "lora_alpha", TypeError),
        ({"a_initializer": "heh"}, "a_initializer", ValueError),
        ({"b_initializer": 3}, "b_initializer", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error, match=f"^LowRank: {argument} must be"):
        LowRank(**{"lora_rank": 1, **keywords})
