import math

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import LpPooling, LpPooling1D, LpPooling2D
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pool as torch_cases

NAMES = [f"LpPooling{rank}D" for rank in (1, 2, 3)]


def ours(name):
    return getattr(keras_extras.layers, name)


@pytest.mark.parametrize("case", torch_cases.LP)
def test_lp_pooling_equals_torch(case):
    rank, order, size, strides, ceil_mode = torch_cases.LP[case]
    x = torch_cases.finite(rank)
    expected = oracle.load("pool")[case]
    layer = ours(f"LpPooling{rank}D")(
        size, strides, order=order, ceil_mode=ceil_mode
    )
    y = to_numpy(layer(np.moveaxis(x, 1, -1)))
    np.testing.assert_allclose(np.moveaxis(y, -1, 1), expected, atol=1e-5)
    first = type(layer).from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    np.testing.assert_allclose(to_numpy(first(x)), expected, atol=1e-5)


@given(
    order=st.sampled_from([1, 2, 3, 0.5, -1, math.inf, -math.inf]),
    size=st.integers(1, 3),
    strides=st.integers(1, 3),
    dilation=st.integers(1, 2),
)
@example(2, 3, 2, 2)
def test_lp_pooling_equals_the_formula(order, size, strides, dilation):
    x = np.random.default_rng(0).uniform(0.5, 2, (2, 8, 3)).astype("float32")
    extent = (size - 1) * dilation + 1
    windows = [
        x[:, start : start + extent : dilation].astype("float64")
        for start in range(0, 8 - extent + 1, strides)
    ]
    expected = np.stack(
        [np.linalg.norm(window, order, axis=1) for window in windows], axis=1
    )
    layer = LpPooling1D(size, strides, dilation_rate=dilation, order=order)
    np.testing.assert_allclose(to_numpy(layer(x)), expected, rtol=1e-5)


def test_pads_do_not_shrink_the_norm():
    x = np.full((1, 3, 1), 2.0, "float32")
    for padding in ("same", 1):
        y = to_numpy(LpPooling1D(3, 1, padding, order=2)(x))
        np.testing.assert_allclose(y, math.sqrt(12), rtol=1e-6)


@pytest.mark.parametrize("order", [1, 1.5, 2, 3, 0.5, -1, math.inf])
def test_signed_inputs_have_the_norm_of_their_sizes(order):
    x = np.array([-1.0, 2.0, -3.0, -4.0], "float32").reshape(1, 4, 1)
    y = to_numpy(LpPooling1D(2, order=order)(x)).ravel()
    expected = [np.linalg.norm(part, order) for part in x.reshape(2, 2)]
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("order", [0.5, 1, 1.5, -1])
def test_gradient_is_finite_beside_a_zero(order):
    x = np.array([0.0, -4.0], "float32").reshape(1, 2, 1)
    _, gradient, _ = value_and_gradients(LpPooling1D(2, order=order), [], x)
    expected = [0, 0] if order < 0 else [0, -math.cos(1.0)]
    np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("order", [2, 3])
def test_gradient_is_that_of_the_formula_and_zero_at_zero(order):
    x = np.array([0.0, 0.0, 3.0, 4.0], "float32").reshape(1, 4, 1)
    y, gradient, _ = value_and_gradients(LpPooling1D(2, order=order), [], x)
    norm = (3.0**order + 4.0**order) ** (1 / order)
    np.testing.assert_allclose(y.ravel(), [0, norm], rtol=1e-6)
    expected = np.array([0, 0, 3, 4.0]) ** (order - 1)
    expected *= math.cos(2.0) / norm ** (order - 1)
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_integers_empty_batches_and_half_precision_work(name):
    rank = int(name[-2])
    x = np.ones((1, *(4,) * rank, 2), "int32")
    y = ours(name)(2)(keras.ops.convert_to_tensor(x))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(y), 2 ** (rank / 2), rtol=1e-6)
    empty = ours(name)(2)(np.ones((0, *(4,) * rank, 2), "float32"))
    assert tuple(empty.shape) == (0, *(2,) * rank, 2)
    half = ours(name)(2, dtype="mixed_bfloat16")(x.astype("float32"))
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_allclose(to_numpy(half), 2 ** (rank / 2), rtol=0.02)


@pytest.mark.parametrize("order", [2, math.inf])
def test_unknown_sizes_give_the_same_values(order):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 2)).astype("float32")
    layer = LpPooling2D(3, 2, "same", order=order)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    expected = to_numpy(layer(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"order": 0}, "order", ValueError),
        ({"order": "2"}, "order", TypeError),
        ({"order": True}, "order", TypeError),
        ({"order": math.nan}, "order", ValueError),
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"strides": 0}, "strides", ValueError),
        ({"padding": "full"}, "padding", ValueError),
        ({"ceil_mode": None}, "ceil_mode", TypeError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error, match=r"Received: ") as caught:
        LpPooling2D(**{"pool_size": 2, **keywords})
    text = str(caught.value)
    assert text.startswith(f"LpPooling2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("name", NAMES)
def test_hooks_are_called_and_the_config_makes_it_again(name):
    calls = []

    class Recording(ours(name)):
        def pad_inputs(self, inputs):
            calls.append("pad_inputs")
            return super().pad_inputs(inputs)

        def pool_op(self, inputs):
            calls.append("pool_op")
            return super().pool_op(inputs)

    layer = Recording(2, order=3, padding=1, pad_mode="edge")
    x = np.ones((1, *(4,) * int(name[-2]), 1), "float32")
    y = to_numpy(layer(x))
    assert calls == ["pad_inputs", "pool_op"]
    again = ours(name).from_config(layer.get_config())
    assert again.order == 3
    np.testing.assert_allclose(to_numpy(again(x)), y)


def test_one_hook_makes_the_norm_of_what_is_positive():
    class PositiveLpPooling1D(LpPooling1D):
        def pool_op(self, inputs):
            return super().pool_op(keras.ops.relu(inputs))

    x = np.array([-3.0, 4.0], "float32").reshape(1, 2, 1)
    y = PositiveLpPooling1D(2, order=3)(x)
    assert float(y[0, 0, 0]) == pytest.approx(4)
    assert issubclass(PositiveLpPooling1D, LpPooling)
