import keras
import numpy as np
import pytest

from keras_extras import ops
from tests.compiling import compiled
from tests.gradients import to_numpy

FORMATS = ["channels_last", "channels_first"]


def moved(x, data_format):
    return np.moveaxis(x, -1, 1) if data_format == FORMATS[1] else x


def test_values_stand_at_their_places_per_example_and_channel():
    values = np.array([[[1.0, 2.0]], [[3.0, 4.0]]], "float32")
    places = np.array([[[2, 0]], [[1, 1]]])
    y = ops.max_unpool(values, places, [3], "channels_last")
    expected = np.zeros((2, 3, 2))
    expected[0, 2, 0], expected[0, 0, 1] = 1, 2
    expected[1, 1] = 3, 4
    np.testing.assert_array_equal(to_numpy(y), expected)


def test_a_place_named_twice_gets_the_mean():
    values = np.array([1.0, 5.0, 2.0], "float32").reshape(1, 3, 1)
    places = np.array([1, 1, 0]).reshape(1, 3, 1)
    y = ops.max_unpool(values, places, [2], "channels_last")
    assert to_numpy(y).ravel().tolist() == [2.0, 3.0]
    y = ops.max_unpool(
        keras.ops.cast(values, "int32"), places, [2], "channels_last"
    )
    assert to_numpy(y).ravel().tolist() == [2.0, 3.0]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", FORMATS)
def test_no_index_leaves_its_example_and_channel(rank, data_format):
    # The example before, the example behind, and this one.
    places = np.full((2, *(2,) * rank, 2), 4**rank, "int32")
    places[1] = -1
    places[(0, *(0,) * rank, 0)] = 3
    places = keras.ops.convert_to_tensor(moved(places, data_format))
    values = keras.ops.ones(places.shape)
    size = (4,) * rank

    def unpool(values, places):
        return ops.max_unpool(values, places, size, data_format)

    y = to_numpy(compiled(unpool)(values, places))
    y = np.moveaxis(y, 1, -1) if data_format == FORMATS[1] else y
    assert y.sum() == 1
    assert y[0, ..., 0].ravel()[3] == 1
    with pytest.raises(ValueError, match="max_unpool: indices must be places"):
        unpool(values, places)


@pytest.mark.parametrize(
    ("length", "padding", "data_format", "dtype"),
    [
        (5, "valid", FORMATS[0], "uint8"),
        (6, "same", FORMATS[1], "int32"),
        (7, [(1, 1), (1, 1)], FORMATS[0], "int64"),
    ],
)
def test_indices_of_another_size_are_refused(
    length, padding, data_format, dtype
):
    x = np.random.default_rng(0).normal(size=(2, length, length, 2))
    x = moved(x.astype("float32"), data_format)
    arguments = 3, 2, padding
    y, places = ops.max_pool(x, *arguments, data_format, return_indices=True)

    if keras.backend.backend() != "jax":  # which has no int64
        places = keras.ops.cast(places, dtype)

    def unpool(length):
        windows = dict(
            zip(("pool_size", "strides", "padding"), arguments, strict=True)
        )
        return ops.max_unpool(
            y, places, (length, length), data_format, **windows
        )

    back = to_numpy(unpool(length))
    np.testing.assert_allclose(back[back != 0], x[back != 0])
    for other in (length - 1, length + 1):
        with pytest.raises(ValueError, match=f"they fit .*{length}.*{length}"):
            unpool(other)


def test_an_index_beyond_32_bits_is_none_of_the_first():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has 32 bits")
    values = np.ones((1, 1, 1), "float32")
    places = np.full((1, 1, 1), 2**32)
    with pytest.raises(ValueError, match="indices=4294967296"):
        ops.max_unpool(values, places, [4], "channels_last")


def test_half_precision_counts_far():
    values = keras.ops.ones((1, 3000, 1), "float16")
    places = np.zeros((1, 3000, 1), "int32")
    y = ops.max_unpool(values, places, [3000], "channels_last")
    assert to_numpy(y).ravel()[:2].tolist() == [1, 0]
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
