import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.layers import Dense
from tests.gradients import to_numpy
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
        ({"quantization_config": "int8"}, "quantization_config", ValueError),
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
