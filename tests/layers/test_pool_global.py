import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import GlobalAveragePooling1D, GlobalPool
from tests.gradients import to_numpy
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

KINDS = ["GlobalMaxPooling", "GlobalAveragePooling"]
NAMES = [f"{kind}{rank}D" for kind in KINDS for rank in (1, 2, 3)]
FORMATS = ["channels_last", "channels_first"]


def ours(name):
    return getattr(keras_extras.layers, name)


def irregular(*shape):
    """Different numbers everywhere, so that no maximum is a tie."""
    count = int(np.prod(shape))
    order = np.random.default_rng(0).permutation(count)
    return (order / count - 0.5).reshape(shape).astype("float32")


@given(
    name=st.sampled_from(NAMES),
    keepdims=st.booleans(),
    data_format=st.sampled_from(FORMATS),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
)
@example("GlobalMaxPooling2D", False, "channels_last", "float32")
@example("GlobalAveragePooling1D", True, "channels_first", "mixed_bfloat16")
def test_global_pooling_equals_stock_in_values_and_gradients(
    name, keepdims, data_format, dtype
):
    keywords = {"data_format": data_format, "keepdims": keepdims}
    assert_same(
        ours(name)(**keywords, dtype=dtype),
        getattr(keras.layers, name)(**keywords, dtype=dtype),
        irregular(2, *(3, 4, 2)[: int(name[-2])], 3),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data_format", FORMATS)
def test_global_pooling_equals_the_formula(name, data_format):
    x = irregular(2, *(3, 4, 5)[: int(name[-2])], 2)
    flat = x.reshape(2, -1, 2).astype("float64")
    if data_format == "channels_first":
        flat = np.moveaxis(x.reshape(2, x.shape[1], -1), 1, -1)
    reduce = np.max if "Max" in name else np.mean
    np.testing.assert_allclose(
        to_numpy(ours(name)(data_format)(x)), reduce(flat, axis=1), atol=1e-6
    )


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", FORMATS)
def test_masked_mean_equals_stock_in_values_and_gradients(
    keepdims, data_format
):
    x = irregular(3, 4, 4)
    mask = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]], bool)
    keywords = {"data_format": data_format, "keepdims": keepdims}
    assert_same(
        GlobalAveragePooling1D(**keywords),
        keras.layers.GlobalAveragePooling1D(**keywords),
        x,
        mask=mask,
    )


def test_masked_steps_do_not_count_even_if_they_are_no_numbers():
    x = np.array([1.0, 3.0, np.nan, np.inf], "float32").reshape(1, 4, 1)
    mask = np.array([[True, True, False, False]])
    y = GlobalAveragePooling1D("channels_last")(x, mask=mask)
    assert to_numpy(y).tolist() == [[2.0]]


def test_mask_arrives_with_the_input_and_ends_here():
    x = np.array([1.0, 0.0, 5.0, 0.0], "float32").reshape(1, 4, 1)
    pool = GlobalAveragePooling1D("channels_last")
    inputs = keras.Input((4, 1))
    masked = keras.layers.Masking(0.0)(inputs)
    outputs = pool(masked)
    model = keras.Model(inputs, outputs)
    assert model.predict(x, verbose=0).tolist() == [[3.0]]
    assert getattr(outputs, "_keras_mask", None) is None


@pytest.mark.parametrize("name", NAMES)
def test_masks_are_supported_where_stock_supports_them(name):
    stock = getattr(keras.layers, name)()
    assert ours(name)().supports_masking == stock.supports_masking
    assert ours(name)().supports_masking == (name == "GlobalAveragePooling1D")


@pytest.mark.parametrize("name", NAMES)
def test_others_take_no_notice_of_a_mask(name):
    if name == "GlobalAveragePooling1D":
        return
    x = irregular(2, *(3, 4, 2)[: int(name[-2])], 2)
    layer = ours(name)("channels_last")
    with pytest.warns(UserWarning, match="does not support masking"):
        masked = layer(x, mask=np.zeros(x.shape[:-1], bool))
    np.testing.assert_array_equal(to_numpy(masked), to_numpy(layer(x)))


def test_mean_of_no_steps_is_nan_as_in_keras():
    x = np.ones((1, 2, 1), "float32")
    y = GlobalAveragePooling1D()(x, mask=np.zeros((1, 2), bool))
    assert np.isnan(to_numpy(y)).all()
    assert np.isnan(to_numpy(GlobalAveragePooling1D()(x[:, :0]))).all()


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_not_passed_over(name):
    x = np.ones((1, *(2,) * int(name[-2]), 1), "float32")
    x.flat[1] = np.nan
    assert np.isnan(to_numpy(ours(name)("channels_last")(x))).all()


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch_stays_empty(name):
    y = ours(name)("channels_last")(np.zeros((0, *(2,) * int(name[-2]), 3)))
    assert tuple(y.shape) == (0, 3)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_sizes_give_the_same_values(name):
    rank = int(name[-2])
    layer = ours(name)("channels_last")
    inputs = keras.Input((*(None,) * rank, 2))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, 2)
    x = irregular(2, *(3, 4, 2)[:rank], 2)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-6
    )


def test_integers_have_a_maximum_and_a_mean():
    x = np.array([1, 2, 6], "int32").reshape(1, 3, 1)
    maximum = ours("GlobalMaxPooling1D")("channels_last", dtype="int32")(x)
    assert keras.backend.standardize_dtype(maximum.dtype) == "int32"
    assert to_numpy(maximum).tolist() == [[6]]
    mean = GlobalAveragePooling1D("channels_last")(x)
    assert to_numpy(mean).tolist() == [[3.0]]


@pytest.mark.parametrize("name", NAMES)
def test_signature_and_config_are_those_of_stock(name):
    assert_same_signature(name)
    keywords = {"data_format": "channels_first", "keepdims": True, "name": "p"}
    assert_takes_stock_config(
        ours(name)(**keywords), getattr(keras.layers, name)(**keywords)
    )
    assert ours(name)().built


@pytest.mark.parametrize("name", NAMES)
def test_alias_is_the_same_class(name):
    alias = name.replace("Average", "Avg").replace("Pooling", "Pool")
    assert hasattr(keras.layers, alias)
    assert ours(alias) is ours(name)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"data_format": "first"}, "data_format", ValueError),
        ({"data_format": 1}, "data_format", TypeError),
        ({"keepdims": "yes"}, "keepdims", TypeError),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_argument_is_named_with_its_value(
    name, keywords, argument, error
):
    with pytest.raises(error, match=f"^{name}: {argument} must be") as e:
        ours(name)(**keywords)
    assert f"Received: {argument}={keywords[argument]!r}" in str(e.value)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_maximum_of_no_positions_is_an_error(rank):
    name = f"GlobalMaxPooling{rank}D"
    with pytest.raises(ValueError, match=f"{name}: input_shape must be of at"):
        ours(name)("channels_last")(np.ones((2, *(0,) * rank, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_wrong_rank_is_an_error(name):
    with pytest.raises(ValueError, match="expected ndim="):
        ours(name)()(np.ones((2, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_documented_hook_is_called(name):
    calls = []

    class Recording(ours(name)):
        def pool_op(self, inputs, *mask):
            calls.append(len(mask))
            return super().pool_op(inputs, *mask)

    x = np.ones((1, *(4,) * int(name[-2]), 1), "float32")
    Recording()(x)
    assert calls == [0]
    if name == "GlobalAveragePooling1D":
        Recording()(x, mask=np.ones((1, 4), bool))
        assert calls == [0, 1]
    assert "pool_op" in GlobalPool.__doc__


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_one_hook_makes_log_mean_exp_pooling(rank):
    class LogMeanExp(ours(f"GlobalAveragePooling{rank}D")):
        def pool_op(self, inputs):
            return keras.ops.log(super().pool_op(keras.ops.exp(inputs)))

    x = irregular(2, *(3, 4, 2)[:rank], 2)
    expected = np.log(np.exp(x.reshape(2, -1, 2)).mean(axis=1))
    got = to_numpy(LogMeanExp("channels_last")(x))
    np.testing.assert_allclose(got, expected, atol=1e-6)
