import gc

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.layers import Dense
from tests.gradients import to_numpy, value_and_gradients
from tests.parity import (
    FLOAT64,
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)


@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    units=st.integers(2, 5),  # a softmax over one warns
    use_bias=st.booleans(),
    activation=st.sampled_from([None, "tanh", "softmax"]),
    dtype=st.sampled_from(["float32", FLOAT64, "mixed_bfloat16"]),
)
@example(
    shape=[3, 4],
    units=1,
    use_bias=True,
    activation=None,
    dtype="mixed_float16",
)
def test_dense_equals_stock_in_values_and_gradients(
    shape, units, use_bias, activation, dtype
):
    keywords = {
        "use_bias": use_bias,
        "activation": activation,
        "dtype": dtype,
    }
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    assert_same(
        Dense(units, **keywords), keras.layers.Dense(units, **keywords), x
    )


def test_dense_equals_the_formula():
    x = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
    layer = Dense(5, activation="relu", bias_initializer="ones")
    got = to_numpy(layer(x))
    sums = np.einsum("bti,io->bto", x, to_numpy(layer.kernel)) + 1
    np.testing.assert_allclose(got, np.maximum(sums, 0), atol=1e-5)


def test_signature_and_config_are_those_of_stock():
    assert_same_signature("Dense")
    keywords = {"units": 3, "activation": "gelu", "bias_regularizer": "l1"}
    assert_takes_stock_config(Dense(**keywords), keras.layers.Dense(**keywords))


def test_unknown_batch_and_steps_give_the_same_values():
    layer = Dense(2)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, 2)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-6
    )


def test_mask_passes_through():
    x = np.array([[[1.0], [0.0], [2.0]]])
    model = keras.Sequential([keras.layers.Masking(), Dense(2)])
    model.add(keras.layers.GlobalAveragePooling1D())
    pooled = model(x)
    dense = model.layers[1]
    expected = to_numpy(dense(x))[:, [0, 2]].mean(axis=1)
    np.testing.assert_allclose(to_numpy(pooled), expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [None, 8.0])
def test_lora_alpha_is_kept_as_given(alpha):
    layer = Dense(3, lora_rank=2, lora_alpha=alpha)
    layer.build((None, 4))
    layer.lora_kernel_b.assign(keras.ops.ones(layer.lora_kernel_b.shape))
    scale = (alpha or 2) / 2
    update = to_numpy(layer.lora_kernel_a) @ to_numpy(layer.lora_kernel_b)
    np.testing.assert_allclose(
        to_numpy(layer.kernel), to_numpy(layer._kernel) + scale * update, 1e-5
    )
    assert layer.get_config()["lora_alpha"] == (alpha or 2)
    assert not layer._kernel.trainable


def test_lora_enabled_late_starts_from_the_same_outputs():
    x = np.ones((1, 4), "float32")
    layer = Dense(3)
    before = to_numpy(layer(x))
    layer.enable_lora(2, lora_alpha=4)
    np.testing.assert_allclose(to_numpy(layer(x)), before, atol=1e-6)
    assert layer.get_config()["lora_rank"] == 2
    assert len(layer.trainable_weights) == 3


def test_lora_update_goes_on_training_after_weights_are_loaded(tmp_path):
    layer = Dense(3, lora_rank=2)
    model = keras.Sequential([layer])
    model.build((None, 4))
    model.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    assert np.abs(to_numpy(layer.lora_kernel_b)).max() > 0


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"units": 0}, "units", ValueError),
        ({"units": 3.0}, "units", TypeError),
        ({"units": None}, "units", TypeError),
        ({"units": "3"}, "units", TypeError),
        ({"activation": "rleu"}, "activation", ValueError),
        ({"kernel_initializer": "zeroes"}, "kernel_initializer", ValueError),
        ({"bias_initializer": 3}, "bias_initializer", TypeError),
        ({"kernel_regularizer": "l3"}, "kernel_regularizer", ValueError),
        ({"bias_regularizer": 3}, "bias_regularizer", TypeError),
        ({"activity_regularizer": "l3"}, "activity_regularizer", ValueError),
        ({"kernel_constraint": "positive"}, "kernel_constraint", ValueError),
        ({"bias_constraint": 3}, "bias_constraint", TypeError),
        ({"lora_rank": -1}, "lora_rank", ValueError),
        ({"quantization_config": "int8"}, "quantization_config", TypeError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error) as caught:
        Dense(**{"units": 2, **keywords})
    text = str(caught.value)
    assert text.startswith(f"Dense: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_unknown_inputs_are_named():
    with pytest.raises(ValueError, match=r"Dense: input_shape must be .*None"):
        Dense(2).build((None, None))


@pytest.mark.parametrize("misuse", ["unbuilt", "twice", "constraint"])
def test_lora_misuse_is_explained(misuse):
    words = {
        "unbuilt": "enable_lora needs a built layer",
        "twice": "LoRA is enabled already",
        "constraint": "kernel_constraint must be None",
    }
    constraint = "non_neg" if misuse == "constraint" else None
    layer = Dense(2, kernel_constraint=constraint)
    if misuse != "unbuilt":
        layer.build((None, 3))
    if misuse == "twice":
        layer.enable_lora(1)
    with pytest.raises(ValueError, match=words[misuse]):
        layer.enable_lora(1)


def test_every_documented_hook_is_called_in_order():
    calls = []

    class Recording(Dense):
        def transform_kernel(self, kernel):
            calls.append("transform_kernel")
            return super().transform_kernel(kernel)

        def dense_op(self, inputs, kernel):
            calls.append("dense_op")
            return super().dense_op(inputs, kernel)

        def add_bias(self, outputs):
            calls.append("add_bias")
            return super().add_bias(outputs)

        def activate(self, outputs):
            calls.append("activate")
            return super().activate(outputs)

    Recording(2)(np.ones((1, 3)))
    assert calls == ["transform_kernel", "dense_op", "add_bias", "activate"]
    assert all(hook in Dense.__doc__ for hook in calls)


def test_one_hook_makes_a_cosine_layer():
    class CosineDense(Dense):
        def dense_op(self, inputs, kernel):
            unit = keras.ops.normalize
            return super().dense_op(unit(inputs), unit(kernel, axis=0))

    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    layer = CosineDense(3, use_bias=False)
    got, kernel = to_numpy(layer(x)), to_numpy(layer.kernel)
    lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(
        kernel, axis=0
    )
    np.testing.assert_allclose(got, x @ kernel / lengths, atol=1e-6)


# --- quantized ---------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def little_garbage():
    """Keras collects all garbage for each kernel that it quantizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda *_: 0)
        yield


QUANTIZATIONS = {
    "int8": lambda of: of.Int8QuantizationConfig(),
    "int8, weights only": lambda of: of.Int8QuantizationConfig(
        activation_quantizer=None
    ),
    "int4 per channel": lambda of: of.Int4QuantizationConfig(
        activation_quantizer=of.AbsMaxQuantizer(axis=-1), block_size=None
    ),
    "int4 in blocks": lambda of: of.Int4QuantizationConfig(block_size=3),
    "float8": lambda of: of.Float8QuantizationConfig(),
}


def quantization(name):
    return QUANTIZATIONS[name](keras.quantizers)


def quantized_pair(name, lora=None, shape=(2, 5), units=3, **keywords):
    """Returns our layer and the stock one, quantized, of equal weights."""
    pair = Dense(units, **keywords), keras.layers.Dense(units, **keywords)
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(shape[-1], units))
    for layer in pair:
        layer.build(shape)
        layer.set_weights([kernel, np.arange(units)][: len(layer.weights)])
        if lora == "before":
            layer.enable_lora(2, lora_alpha=3)
        layer.quantize(config=quantization(name))
        if lora == "after":
            layer.enable_lora(2, lora_alpha=3)
        if lora:
            layer.lora_kernel_a.assign(kernel[:, :1] + [0.0, 0.5])
            layer.lora_kernel_b.assign(kernel[:2] / 4)
    return pair


def assert_equal_weights(ours, stock):
    for one, other in zip(ours.weights, stock.weights, strict=True):
        assert (one.name, one.dtype) == (other.name, other.dtype)
        assert one.trainable == other.trainable
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))


def exchanged(giver, taker, shape):
    """Returns a layer like `taker`, with the weights of the giver's file."""
    store = {}
    giver.save_own_variables(store)
    store = {key: keras.ops.convert_to_numpy(v) for key, v in store.items()}
    new = type(taker).from_config(taker.get_config())
    new.build(shape)
    new.load_own_variables(store)
    return new


@given(
    name=st.sampled_from(sorted(QUANTIZATIONS)),
    lora=st.sampled_from([None, "before", "after"]),
    shape=st.lists(st.integers(2, 5), min_size=2, max_size=3).map(tuple),
    units=st.integers(1, 4),
    use_bias=st.booleans(),
    activation=st.sampled_from([None, "tanh"]),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
)
def test_quantized_equals_stock_and_exchanges_files_with_it(
    name, lora, shape, units, use_bias, activation, dtype
):
    lora = None if name == "float8" else lora
    ours, stock = quantized_pair(
        name,
        lora,
        shape,
        units,
        use_bias=use_bias,
        activation=activation,
        dtype=dtype,
    )
    assert_equal_weights(ours, stock)
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    if dtype == "float32" and name != "float8":
        results = [
            value_and_gradients(layer, layer.trainable_weights, x)
            for layer in (ours, stock)
        ]
    else:  # on TensorFlow stock has no gradients there
        results = [to_numpy(layer(x)) for layer in (ours, stock)]
    # Stock rounds the LoRA pair to half precision before it multiplies.
    places = 0.05 if lora and dtype != "float32" else 1e-5
    for one, other in zip(*map(keras.tree.flatten, results), strict=True):
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=places * scale)
    assert_takes_stock_config(ours, stock)
    new = exchanged(ours, stock, shape), exchanged(stock, ours, shape)
    assert_equal_weights(new[1], new[0])
    if not lora:  # files have it merged, which rounds anew
        got, expected = (to_numpy(each(x)) for each in (new[1], ours))
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "dtype", ["int8_from_float32", "int4/2_from_float32", "float8_from_float32"]
)
def test_a_quantized_dtype_makes_a_quantized_layer(dtype):
    keywords = {"dtype": dtype, "lora_rank": None, "bias_initializer": "ones"}
    if "float8" not in dtype:
        keywords |= {"lora_rank": 2, "lora_alpha": 5}
    ours, stock = Dense(3, **keywords), keras.layers.Dense(3, **keywords)
    for layer in (ours, stock):
        layer.build((None, 4))
    names = [(w.name, w.shape, w.dtype, w.trainable) for w in stock.weights]
    assert names == [
        (w.name, w.shape, w.dtype, w.trainable) for w in ours.weights
    ]
    assert ours.lora_alpha == keywords.get("lora_alpha")
    revived = Dense.from_config(ours.get_config())
    assert revived.get_config() == ours.get_config()


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_calibrated_weights_of_stock_are_loaded(mode):
    dtype = f"{mode}/4/2_from_float32"
    ours, stock = Dense(3, dtype=dtype), keras.layers.Dense(3, dtype=dtype)
    generator = np.random.default_rng(0)
    for layer in (ours, stock):
        layer.build((None, 4))
    with pytest.raises(ValueError, match=f"waits for the data of {mode}"):
        ours.save_own_variables({})
    names = [*stock.variable_serialization_spec[mode]]
    shapes = [getattr(stock, name).shape for name in names]
    store = {
        str(place): generator.integers(0, 2, shape)
        for place, shape in enumerate(shapes)
    }
    for layer in (ours, stock):
        layer.load_own_variables(store)
        if mode == "awq":
            layer.awq_scales.assign(np.arange(1.0, 5.0))
    x = np.ones((1, 4), "float32")
    np.testing.assert_array_equal(to_numpy(ours(x)), to_numpy(stock(x)))
    assert_equal_weights(exchanged(ours, stock, (None, 4)), ours)


def calibrated(cls, mode):
    """Returns a model whose block is a layer that was given data."""
    dense = cls(5, kernel_initializer=keras.initializers.RandomNormal(seed=1))
    tokens = keras.layers.Embedding(
        7, 6, keras.initializers.RandomNormal(seed=2)
    )
    block = keras.Sequential([keras.Input((4, 6)), dense])
    model = keras.Sequential([keras.Input((4,), dtype="int32"), tokens, block])
    structure = {"pre_block_layers": [tokens], "sequential_blocks": [block]}
    model.get_quantization_layer_structure = lambda mode=None: structure
    config = {
        "gptq": keras.quantizers.GPTQConfig,
        "awq": keras.quantizers.AWQConfig,
    }[mode](
        dataset=[np.arange(40) % 7],
        tokenizer=lambda text: text,
        num_samples=4,
        sequence_length=4,
        group_size=3,
    )
    model.quantize(mode, config=config, filters=lambda each: each is dense)
    return model, dense


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_a_model_is_calibrated_as_with_stock_and_saved(mode, tmp_path):
    model, ours = calibrated(Dense, mode)
    assert_equal_weights(ours, calibrated(keras.layers.Dense, mode)[1])
    x = np.arange(8).reshape(2, 4) % 7
    expected = to_numpy(model(x))
    model.save(tmp_path / "model.keras")  # with stock, it does not load again
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(loaded(x)), expected)


def test_float8_trains_as_stock():
    x = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
    pair = quantized_pair("float8")
    for layer in pair:
        model = keras.Sequential([layer])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(x, x[:, :3], batch_size=4, shuffle=False, verbose=0)
    assert to_numpy(pair[0].kernel_scale) != 1
    for one, other in zip(*(layer.weights for layer in pair), strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Layer InputLayer")
def test_a_model_is_quantized_saved_and_trained(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    model = keras.Sequential(
        [keras.Input((5,)), Dense(4, "relu"), Dense(2, lora_rank=1)]
    )
    before = to_numpy(model(x))
    model.quantize("int8")
    np.testing.assert_allclose(to_numpy(model(x)), before, atol=0.05)
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 2)), verbose=0)
    assert np.abs(to_numpy(model.layers[1].lora_kernel_b)).max() > 0
    model.layers[1].freeze()
    expected = to_numpy(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].quantization_mode == "int8"
    np.testing.assert_array_equal(to_numpy(loaded(x)), expected)


class Named(Dense):
    """Fixes an argument of its parent's; overrides nothing."""

    def __init__(self, units, **kwargs):
        super().__init__(units, activation="tanh", **kwargs)


class Clipped(Dense):
    def activate(self, outputs):
        return keras.ops.clip(outputs, 0, 1)


class Scaled(Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight((), name="scale")


@pytest.mark.parametrize(
    ("make", "mode", "reason"),
    [
        (lambda: Clipped(2), "int8", r"steps of its own \(activate\)"),
        (lambda: Scaled(2), "int4", r"further weights \(scale\)"),
        (
            lambda: Dense(2, kernel_transform="WeightNorm"),
            "int8",
            r"a kernel_transform, which freeze\(\)",
        ),
        (lambda: Dense(2, lora_rank=1), "float8", r"LoRA, which freeze\(\)"),
    ],
)
def test_what_cannot_be_quantized_says_why(make, mode, reason):
    layer = make()
    layer.build((None, 3))
    with pytest.raises(NotImplementedError, match=f"cannot.* {mode}.*{reason}"):
        layer.quantize(mode, type_check=False)
    assert layer.quantization_mode is None
    if type(layer) is not Scaled:  # whose weight comes after that
        config = {**layer.get_config(), "dtype": f"{mode}_from_float32"}
        with pytest.raises(NotImplementedError, match=reason):
            type(layer).from_config(config).build((None, 3))


def test_a_subclass_is_quantized_if_asked_for_and_keeps_its_config():
    layer = Named(3)
    layer.build((None, 4))
    with pytest.raises(NotImplementedError, match="not have a `quantize`"):
        layer.quantize("int4")  # in the words of Keras
    config = quantization("int4 in blocks")
    layer.quantize("int4", type_check=False, config=config)
    revived = Named.from_config(layer.get_config())
    revived.build((None, 4))
    assert revived.kernel_scale.shape == (2, 3)


def test_a_file_that_would_lose_weights_is_refused():
    layer = Scaled(2, dtype="int8_from_float32")
    layer.build((None, 3))
    with pytest.raises(ValueError, match=r"no place .*\(scale\)"):
        layer.save_own_variables({})


@pytest.mark.filterwarnings("ignore:Layer InputLayer")
def test_a_model_tells_which_kernel_it_did_not_quantize():
    model = keras.Sequential(
        [keras.Input((3,)), Dense(2, kernel_transform="WeightNorm")]
    )
    with pytest.warns(UserWarning, match=r"WeightNorm: .*freeze\(\)"):
        model.quantize("int8")
    assert model.layers[0].quantization_mode is None
    model.layers[0].freeze()
    model.quantize("int8")
    assert model.layers[0].quantization_mode == "int8"


def test_frozen_lora_of_a_quantized_kernel_is_as_in_stock_files():
    ours, stock = quantized_pair("int4 in blocks", "after")
    expected = exchanged(stock, stock, (2, 5))
    ours.freeze()
    assert not ours.lora_enabled
    assert ours.get_config()["lora_rank"] is None
    kept = [w for w in expected.weights if "lora" not in w.name]
    for one, other in zip(ours.weights, kept, strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))


@pytest.mark.parametrize("mode", ["float8", "gptq", "awq"])
def test_lora_is_refused_where_keras_passes_it_over(mode):
    dtype = "float8" if mode == "float8" else f"{mode}/4/2"
    layer = Dense(2, dtype=f"{dtype}_from_float32")
    layer.build((None, 3))
    with pytest.raises(NotImplementedError, match=f"LoRA .* it is {mode}"):
        layer.enable_lora(1)


# --- LoRA, as in stock -------------------------------------------------------


def test_lora_weights_are_the_layers_own_as_in_stock():
    keywords = {"name": "dense", "lora_rank": 2, "kernel_regularizer": "l2"}
    pair = Dense(3, **keywords), keras.layers.Dense(3, **keywords)
    for layer in pair:
        keras.Sequential([keras.Input((4,)), layer], name="model")
    ours, stock = (
        [(w.path, w.shape, w.dtype, w.trainable) for w in layer.weights]
        for layer in pair
    )
    assert ours == stock
    assert "model/dense/lora_kernel_a" in [path for path, *_ in ours]
    assert len(pair[0].losses) == len(pair[1].losses) == 2


def test_the_kernel_under_lora_stays_frozen():
    layer = Dense(3, lora_rank=2)
    layer.build((None, 4))
    layer.trainable = False
    layer.trainable = True
    assert not layer._kernel.trainable
    layer.lora_kernel_b.assign(keras.ops.ones((2, 3)))
    merged = to_numpy(layer.kernel)
    layer.freeze()
    assert layer._kernel.trainable
    np.testing.assert_allclose(to_numpy(layer.kernel), merged, atol=1e-6)
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]


def test_stock_weights_without_lora_are_set():
    layer = Dense(3, lora_rank=2)
    layer.build((None, 4))
    layer.lora_kernel_b.assign(keras.ops.ones((2, 3)))
    kernel = np.ones((4, 3), "float32")
    layer.set_weights([kernel, np.zeros(3)])
    np.testing.assert_array_equal(to_numpy(layer.kernel), kernel)
