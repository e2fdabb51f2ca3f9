import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import (
    MaxPooling1D,
    MaxPooling2D,
    MaxUnpooling,
    MaxUnpooling1D,
    MaxUnpooling2D,
)
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pool as torch_cases

RANKS = (1, 2, 3)


def pair(rank, *arguments, **keywords):
    pool = getattr(keras_extras.layers, f"MaxPooling{rank}D")
    unpool = getattr(keras_extras.layers, f"MaxUnpooling{rank}D")
    return (
        pool(*arguments, return_indices=True, **keywords),
        unpool(*arguments, **keywords),
    )


@pytest.mark.parametrize("case", torch_cases.UNPOOL)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_unpooling_equals_torch(case, data_format):
    rank, size, strides, padding, output_size = torch_cases.UNPOOL[case]
    pool, unpool = pair(rank, size, strides, padding, data_format)
    x = torch_cases.finite(rank)
    expected = oracle.load("pool")[case]
    if data_format == "channels_last":
        x, expected = np.moveaxis(x, 1, -1), np.moveaxis(expected, 1, -1)
    y = to_numpy(unpool(*pool(x), output_size=output_size))
    np.testing.assert_allclose(y, expected, rtol=1e-6)


@given(
    length=st.integers(3, 9),
    size=st.integers(1, 3),
    strides=st.integers(1, 4),
    padding=st.sampled_from(["valid", "same", "causal", 0]),
)
def test_each_maximum_is_back_at_its_place(length, size, strides, padding):
    x = np.random.default_rng(0).normal(size=(2, length, 2)).astype("float32")
    pool, unpool = pair(1, size, strides, padding)
    y, places = (to_numpy(part) for part in pool(x))
    expected = np.zeros(x.shape)
    for batch, window, channel in np.ndindex(*places.shape):
        place = (batch, int(places[batch, window, channel]), channel)
        expected[place] = x[place]
    back = to_numpy(unpool(y, places.astype("int32"), output_size=length))
    np.testing.assert_allclose(back, expected, rtol=1e-6)
    # The size by default is one that is pooled to as many windows.
    default = unpool.compute_output_shape(y.shape)
    if default[1] > 0:
        assert pool.compute_output_shape(default)[0] == y.shape


def test_gradient_reaches_each_maximum_once():
    x = np.array([1.0, 9.0, 2.0, 3.0, 5.0], "float32").reshape(1, 5, 1)
    pool, unpool = pair(1, 3, 1)
    y, gradient, _ = value_and_gradients(lambda x: unpool(*pool(x)), [], x)
    assert y.ravel().tolist() == [0, 9, 0, 0, 5]  # the 9 of two windows
    factors = np.cos(1.0 + np.arange(5))
    np.testing.assert_allclose(
        gradient.ravel(), factors * [0, 1, 0, 0, 1], atol=1e-6
    )


@pytest.mark.parametrize("rank", RANKS)
def test_integers_and_empty_batches_work(rank):
    pool, unpool = pair(rank, 2)
    x = np.arange(4**rank, dtype="int32").reshape(1, *(4,) * rank, 1)
    y = unpool(*pool(keras.ops.convert_to_tensor(x)))
    assert keras.backend.standardize_dtype(y.dtype) == "int32"
    odd = np.all(np.indices((4,) * rank) % 2, axis=0)
    np.testing.assert_array_equal(to_numpy(y)[0, ..., 0], x[0, ..., 0] * odd)
    empty = unpool(*pool(np.ones((0, *(4,) * rank, 2), "float32")))
    assert tuple(empty.shape) == (0, *(4,) * rank, 2)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_unknown_sizes_work_in_a_model(data_format):
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("float32")
    pool, unpool = pair(2, 2, data_format=data_format)
    shape = (None, None, 3)
    if data_format == "channels_first":
        x, shape = np.moveaxis(x, -1, 1), (3, None, None)
    inputs = keras.Input(shape)
    outputs = unpool(*pool(inputs))
    assert outputs.shape == (None, *shape)
    model = keras.Model(inputs, outputs)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(unpool(*pool(x)))
    )


def test_size_for_one_call_and_for_all():
    values = np.ones((1, 3, 1), "float32")
    places = np.array([0, 3, 5]).reshape(1, 3, 1)
    layer = MaxUnpooling1D(2, output_size=7)
    assert layer(values, places).shape == (1, 7, 1)
    assert layer.compute_output_shape((None, 3, 1)) == (None, 7, 1)
    assert layer(values, places, output_size=6).shape == (1, 6, 1)
    symbolic = layer(
        keras.Input((3, 1)), keras.Input((3, 1), dtype="int32"), output_size=6
    )
    assert symbolic.shape == (None, 6, 1)
    again = MaxUnpooling1D.from_config(layer.get_config())
    assert again.output_size == (7,)


@pytest.mark.parametrize("size", [4, 8])
def test_size_a_stride_away_is_refused(size):
    values, places = np.ones((1, 3, 1)), np.zeros((1, 3, 1), "int32")
    with pytest.raises(ValueError, match="between 5 and 7") as caught:
        MaxUnpooling1D(2)(values, places, output_size=size)
    assert "MaxUnpooling1D: output_size must be" in str(caught.value)
    with pytest.raises(ValueError, match="between 5 and 7"):
        MaxUnpooling1D(2, output_size=size)(values, places)


def test_wrong_shapes_are_named():
    values = np.ones((1, 3, 2), "float32")
    with pytest.raises(ValueError, match="MaxUnpooling1D: indices must be"):
        MaxUnpooling1D(2)(values, np.zeros((1, 3, 1), "int32"))
    with pytest.raises(ValueError, match="MaxUnpooling2D: input_shape must"):
        MaxUnpooling2D(2)(values, values)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"strides": (1, 2, 3)}, "strides", ValueError),
        ({"padding": "full"}, "padding", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"output_size": 0}, "output_size", ValueError),
        ({"output_size": (4, 4, 4)}, "output_size", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error, match=r"Received: ") as caught:
        MaxUnpooling2D(**keywords)
    text = str(caught.value)
    assert text.startswith(f"MaxUnpooling2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("rank", RANKS)
def test_documented_hook_is_called(rank):
    calls = []
    pool, unpool = pair(rank, 2)

    class Recording(type(unpool)):
        def unpool_op(self, inputs, indices, output_size):
            calls.append(tuple(output_size))
            return super().unpool_op(inputs, indices, output_size)

    Recording(2)(*pool(np.ones((1, *(4,) * rank, 1), "float32")))
    assert calls == [(4,) * rank]
    assert "`unpool_op(inputs, indices, output_size)`" in MaxUnpooling.__doc__


def test_one_hook_marks_the_places_alone():
    class Switches2D(MaxUnpooling2D):
        def unpool_op(self, inputs, indices, output_size):
            ones = keras.ops.ones_like(inputs)
            return super().unpool_op(ones, indices, output_size)

    x = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype("float32")
    marks = Switches2D()(*MaxPooling2D(return_indices=True)(x))
    tops = x.reshape(2, 2, 2, 2).max(axis=(1, 3)).repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(
        to_numpy(marks)[0, ..., 0], x[0, ..., 0] == tops
    )


def test_half_precision_keeps_the_places():
    x = np.arange(600, dtype="float32").reshape(1, 600, 1)
    pool = MaxPooling1D(2, return_indices=True, dtype="mixed_bfloat16")
    values, places = pool(x)
    y = MaxUnpooling1D(2, dtype="mixed_bfloat16")(values, places)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert np.flatnonzero(to_numpy(y)).max() > 590


def test_indices_of_a_larger_image_are_refused_with_its_size():
    x = np.zeros((2, 5, 5, 1), "float32")
    x[0, 3, 3] = 7
    pool, unpool = pair(2, 2)
    with pytest.raises(ValueError, match="output_size") as caught:
        unpool(*pool(x))
    assert "(4, 4), from 0 to 15" in str(caught.value)
    assert "they fit (5, 5)" in str(caught.value)
    y = to_numpy(unpool(*pool(x), output_size=x.shape[1:-1]))
    np.testing.assert_array_equal(y, x)
