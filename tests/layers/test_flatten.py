import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.layers import Flatten
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
def test_sparse_inputs_stay_sparse_symbolically():
    inputs = keras.Input((3, 4), sparse=True)
    assert Flatten()(inputs).sparse
