import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.layers import Flatten, Unflatten
from tests.gradients import to_numpy
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
)
def test_flatten_equals_stock_in_values_and_gradients(
    shape, data_format, dtype
):
    keywords = {"data_format": data_format, "dtype": dtype}
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    assert_same(Flatten(**keywords), keras.layers.Flatten(**keywords), x)


def test_flatten_is_the_same_for_both_data_formats():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    last = to_numpy(Flatten("channels_last")(x))
    first = to_numpy(Flatten("channels_first")(np.moveaxis(x, -1, 1)))
    np.testing.assert_array_equal(last, x.reshape(2, -1))
    np.testing.assert_array_equal(first, last)


@pytest.mark.parametrize("shape", [(None, 3), (4, None), (None, None), ()])
def test_unknown_sizes_give_the_same_values(shape):
    layer = Flatten()
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None if None in shape else 1)
    x = np.arange(24.0).reshape((2, 4, 3) if shape else (24,))
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), x.reshape(len(x), -1)
    )


def test_empty_batch_keeps_the_size():
    x = np.zeros((0, 3, 2), "float32")
    assert tuple(Flatten()(x).shape) == (0, 6)


def test_signature_and_config_are_those_of_stock():
    assert_same_signature("Flatten")
    assert_takes_stock_config(
        Flatten("channels_first"), keras.layers.Flatten("channels_first")
    )


def test_wrong_data_format_is_named_with_its_value():
    with pytest.raises(ValueError, match=r"^Flatten: data_format must be") as e:
        Flatten(data_format="last")
    assert "Received: data_format='last'" in str(e.value)


def test_documented_hook_is_called():
    class Reversed(Flatten):
        def order_axes(self, inputs):
            return keras.ops.flip(super().order_axes(inputs), 1)

    x = np.arange(6.0).reshape(1, 6)
    assert to_numpy(Reversed()(x)).ravel().tolist() == [5, 4, 3, 2, 1, 0]
    assert "order_axes" in Flatten.__doc__


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras has no sparse torch"
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_sparse_inputs_stay_sparse(data_format):
    layer = Flatten(data_format)
    assert layer(keras.Input((3, 4, 2), sparse=True)).sparse
    x = np.arange(24.0, dtype="float32").reshape(1, 3, 4, 2) * [0, 1]
    got = layer(sparse(x.astype("float32")))
    expected = keras.layers.Flatten(data_format)(x)
    assert type(got) is type(sparse(x))
    dense = keras.ops.convert_to_tensor(got, sparse=False)
    np.testing.assert_array_equal(to_numpy(dense), to_numpy(expected))


def sparse(x):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.sparse.from_dense(x)
    import jax.experimental.sparse

    return jax.experimental.sparse.BCOO.fromdense(x)


@given(
    shape=st.lists(st.integers(1, 3), min_size=2, max_size=5),
    start=st.integers(0, 4),
    length=st.integers(1, 5),
    from_end=st.booleans(),
)
def test_range_of_axes_is_flattened_as_it_lies(shape, start, length, from_end):
    rank = len(shape)
    start = min(start, rank - 1)
    end = min(start + length, rank) - 1
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    expected = x.reshape((*shape[:start], -1, *shape[end + 1 :]))
    offset = rank if from_end else 0
    layer = Flatten(
        "channels_last", start_axis=start - offset, end_axis=end - offset
    )
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_data_format_matters_for_the_whole_only():
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    part = Flatten("channels_first", start_axis=2)(x)
    np.testing.assert_array_equal(to_numpy(part), x.reshape(1, 2, 12))
    batch = Flatten("channels_first", start_axis=0)(x)
    np.testing.assert_array_equal(to_numpy(batch), x.ravel())
    # The same axes by their numbers: the whole.
    whole = Flatten("channels_first", end_axis=3)(x)
    expected = np.moveaxis(x, 1, -1).reshape(1, 24)
    np.testing.assert_array_equal(to_numpy(whole), expected)


@pytest.mark.parametrize(
    ("keywords", "symbolic"),
    [
        ({"start_axis": 2}, (None, None, None)),
        ({"end_axis": 2}, (None, None, 2)),
        ({"start_axis": -2}, (None, None, None)),
        ({"start_axis": 1, "end_axis": 1}, (None, None, None, 2)),
        ({"start_axis": 0, "end_axis": 1}, (None, None, 2)),
    ],
)
def test_range_with_unknown_sizes_gives_the_same_values(keywords, symbolic):
    layer = Flatten(**keywords)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == symbolic
    x = np.arange(24.0, dtype="float32").reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(model(x), to_numpy(layer(x)))


@pytest.mark.parametrize("axis", ["1", 1.5, None, True])
@pytest.mark.parametrize("argument", ["start_axis", "end_axis"])
def test_wrong_axis_is_named_with_its_value(argument, axis):
    words = f"^Flatten: {argument} must be an integer"
    with pytest.raises(TypeError, match=words) as caught:
        Flatten(**{argument: axis})
    assert f"Received: {argument}={axis!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "words", "error"),
    [
        (
            {"start_axis": 3},
            "start_axis must be an axis of the input, from -3",
            ValueError,
        ),
        (
            {"end_axis": -4},
            "end_axis must be an axis of the input, from -3",
            ValueError,
        ),
        (
            {"start_axis": 2, "end_axis": 1},
            "end_axis must be start_axis or",
            ValueError,
        ),
    ],
)
def test_range_that_the_input_has_not_is_an_error(keywords, words, error):
    with pytest.raises(error, match=f"Flatten: {words}"):
        Flatten(**keywords)(np.ones((2, 3, 4)))


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    rest=st.integers(0, 3),
    axis=st.sampled_from([0, 1, -1, -2]),
)
def test_unflatten_undoes_flatten(sizes, rest, axis):
    shape = [2, 3]
    shape[axis] = int(np.prod(sizes))
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    new = [-1 if place == rest else n for place, n in enumerate(sizes)]
    layer = Unflatten(axis, new)
    place = axis % 2
    expected = x.reshape((*shape[:place], *sizes, *shape[place + 1 :]))
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    back = Flatten(start_axis=place, end_axis=place + len(sizes) - 1)
    np.testing.assert_array_equal(
        to_numpy(back(expected)) if len(sizes) + 1 > 2 else x, x
    )


@pytest.mark.parametrize(
    ("axis", "shape", "symbolic"),
    [
        (1, (2, -1), (None, 2, None, None)),
        (1, (2, 2), (None, 2, 2, None)),
        (-1, (-1, 3), (None, None, None, 3)),
        (0, (-1, 2), (None, 2, None, None)),
    ],
)
def test_unflatten_with_unknown_sizes_gives_the_same_values(
    axis, shape, symbolic
):
    layer = Unflatten(axis, shape)
    inputs = keras.Input((None, None))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == symbolic
    x = np.arange(48.0, dtype="float32").reshape(2, 4, 6)
    np.testing.assert_array_equal(model(x), to_numpy(layer(x)))


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"axis": 1.0}, "axis", TypeError),
        ({"axis": "1"}, "axis", TypeError),
        ({"shape": ()}, "shape", ValueError),
        ({"shape": 4}, "shape", TypeError),
        ({"shape": "22"}, "shape", TypeError),
        ({"shape": (-1, -1)}, "shape", ValueError),
        ({"shape": (0, 4)}, "shape", ValueError),
        ({"shape": (-2, 2)}, "shape", ValueError),
        ({"shape": (2, None)}, "shape", TypeError),
        ({"shape": (2, 2.0)}, "shape", TypeError),
    ],
)
def test_wrong_argument_of_unflatten_is_named(keywords, argument, error):
    words = f"^Unflatten: {argument} must be"
    with pytest.raises(error, match=words) as caught:
        Unflatten(**{"axis": 1, "shape": (2, 2), **keywords})
    assert f"Received: {argument}={keywords[argument]!r}" in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 2), (5, -1), (2, 3, 2)])
def test_sizes_that_do_not_multiply_are_an_error(shape):
    words = r"Unflatten: shape must be sizes that multiply to 6, the length of"
    with pytest.raises(ValueError, match=words):
        Unflatten(1, shape)(np.ones((2, 6)))
    with pytest.raises(ValueError, match="axis must be an axis of the input"):
        Unflatten(2, shape)(np.ones((2, 6)))
