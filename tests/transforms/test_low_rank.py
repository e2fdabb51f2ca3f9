import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.transforms import DoRA, LowRank
from tests.gradients import to_numpy, value_and_gradients


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


FAMILIES = {
    "Dense": ((4,), (0,)),
    "Conv2D": ((4, 2), (0, 1, 2)),
    "Conv1DTranspose": ((4, 3), (0, 2)),
    "DepthwiseConv1D": ((3,), (0,)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_dora_is_the_formula_in_values_and_gradients(family):
    """In float64; the length in the denominator counts as a constant."""
    arguments, axes = FAMILIES[family]
    prefix = "depthwise" if family == "DepthwiseConv1D" else "kernel"
    make = getattr(layers, family)
    dora = DoRA(3, 6.0)
    layer = make(*arguments, **{f"{prefix}_transform": dora})
    shape = (2, 5, 2) if "1D" in family else (2, 5, 5, 2)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    plain = make(*arguments)
    plain.build(shape)
    layer.build(shape)
    layer.set_weights(plain.get_weights())
    # As it begins: the lengths are those of the kernel.
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-6
    )
    random = np.random.default_rng(1)
    for weight in (dora.lora_kernel_b, dora.magnitude):
        weight.assign(random.normal(size=weight.shape))
    kernel = to_numpy(layer.kernel)
    a, b, m = map(
        to_numpy, (dora.lora_kernel_a, dora.lora_kernel_b, dora.magnitude)
    )
    turned = kernel + 2 * a @ b
    length = np.sqrt((turned**2).sum(axes, keepdims=True))
    used = to_numpy(layer.apply_transforms(prefix))
    np.testing.assert_allclose(used, m * turned / length, atol=1e-5)
    plain.kernel.assign(used)
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-4
    )
    trained = [dora.magnitude, dora.lora_kernel_a, dora.lora_kernel_b]
    _, gradient, gradients = value_and_gradients(layer, trained, x)
    _, same, (of_kernel,) = value_and_gradients(plain, [plain.kernel], x)
    np.testing.assert_allclose(gradient, same, atol=1e-4)
    slope = of_kernel * m / length
    flat_a, flat = a.reshape(-1, 3), slope.reshape(-1, slope.shape[-1])
    expected = [
        (of_kernel * turned / length).sum(axes, keepdims=True),
        2 * slope @ b.T,
        2 * flat_a.T @ flat,
    ]
    for one, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3, rtol=1e-3)


def test_dora_trains_is_saved_and_is_frozen_into_the_kernel(tmp_path):
    layer = layers.Dense(3, kernel_transform=DoRA(2))
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.AdamW(0.1), "mse")
    kernel = to_numpy(layer.kernel)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, np.ones((8, 3)), epochs=3, verbose=0)
    np.testing.assert_array_equal(to_numpy(layer.kernel), kernel)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, atol=1e-6)
    layer.freeze()
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5)
    assert layer.kernel.trainable
    assert len(layer.weights) == 2
