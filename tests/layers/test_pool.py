import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import AveragePooling2D, MaxPooling2D, Pool
from tests.gradients import to_numpy
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

KINDS = ["MaxPooling", "AveragePooling"]
NAMES = [f"{kind}{rank}D" for kind in KINDS for rank in (1, 2, 3)]
REDUCE = {"MaxPooling": np.nanmax, "AveragePooling": np.nanmean}


def ours(name):
    return getattr(keras_extras.layers, name)


def irregular(shape, seed=0):
    """Different numbers everywhere, so that no maximum is a tie."""
    count = int(np.prod(shape))
    order = np.random.default_rng(seed).permutation(count)
    return (order / count - 0.5).reshape(shape).astype("float32")


def reference_pool(x, size, strides, pads, reduce):
    """The formula, channels last; padded positions are NaN, left out."""
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=np.nan)
    sizes = [
        (n - k) // s + 1
        for n, k, s in zip(x.shape[1:-1], size, strides, strict=True)
    ]
    y = np.zeros((x.shape[0], *sizes, x.shape[-1]))
    axes = tuple(range(1, x.ndim - 1))
    for place in np.ndindex(*sizes):
        window = tuple(
            slice(i * s, i * s + k)
            for i, s, k in zip(place, strides, size, strict=True)
        )
        y[(slice(None), *place)] = reduce(x[(slice(None), *window)], axis=axes)
    return y


@given(
    rank=st.sampled_from([1, 2, 3]),
    kind=st.sampled_from(KINDS),
    pool_size=st.integers(1, 3),
    strides=st.sampled_from([None, 1, 2, 3]),
    padding=st.sampled_from(["valid", "same"]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
)
@example(2, "MaxPooling", 2, None, "valid", "channels_last", "float32")
@example(2, "MaxPooling", 3, 2, "same", "channels_last", "float32")
def test_pooling_equals_stock_in_values_and_gradients(
    rank, kind, pool_size, strides, padding, data_format, dtype
):
    if kind == "AveragePooling" and keras.backend.backend() == "torch":
        # Keras 3.15 divides by the padded count there; see the formula below.
        padding = "valid"
        # torch has no 3D mean in bfloat16.
        dtype = "float32" if rank == 3 else dtype
    shape = (2, *(5,) * rank, 3)
    x = irregular(shape)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    keywords = {
        "pool_size": pool_size,
        "strides": strides,
        "padding": padding,
        "data_format": data_format,
        "dtype": dtype,
    }
    name = f"{kind}{rank}D"
    assert_same(
        ours(name)(**keywords), getattr(keras.layers, name)(**keywords), x
    )


@st.composite
def windows(draw):
    """Rank, and per axis the size, the stride and pads below the size."""
    rank = draw(st.sampled_from([1, 2]))
    size = [draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [draw(st.integers(1, 3)) for _ in range(rank)]
    pads = [
        (draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in size
    ]
    return rank, size, strides, pads


@given(kind=st.sampled_from(KINDS), window=windows())
@example("AveragePooling", (1, [3], [2], [(0, 2)]))
def test_pooling_equals_the_formula_with_explicit_pads(kind, window):
    rank, size, strides, pads = window
    x = irregular((2, *(5,) * rank, 2))
    layer = ours(f"{kind}{rank}D")(size, strides, pads)
    expected = reference_pool(
        x.astype("float64"), size, strides, pads, REDUCE[kind]
    )
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("kind", KINDS)
def test_same_padding_never_counts(kind):
    # 3 wide, step 2, over [10, 20]: pads (0, 1).
    x = np.array([10.0, 20.0], "float32").reshape(1, 2, 1)
    expected = {"MaxPooling": 20.0, "AveragePooling": 15.0}[kind]
    layer = ours(f"{kind}1D")(3, 2, "same")
    assert to_numpy(layer(x)).ravel().tolist() == [expected]
    negative = ours("MaxPooling1D")(3, 1, padding=1)(-x)
    assert to_numpy(negative).ravel().tolist() == [-10.0, -10.0]


@pytest.mark.parametrize("name", NAMES)
def test_window_of_one_returns_the_input(name):
    x = irregular((1, *(3,) * int(name[-2]), 2))
    np.testing.assert_allclose(to_numpy(ours(name)(1)(x)), x)


@pytest.mark.parametrize("name", NAMES)
def test_signature_and_config_are_those_of_stock(name):
    assert_same_signature(name)
    keywords = {"pool_size": 3, "strides": 2, "padding": "same", "name": "p"}
    assert_takes_stock_config(
        ours(name)(**keywords), getattr(keras.layers, name)(**keywords)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", ["valid", "same", "causal", 1])
def test_unknown_sizes_give_the_same_values(kind, padding):
    layer = ours(f"{kind}2D")(3, 2, padding)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    x = irregular((2, 7, 6, 2))
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_max_pooling_keeps_integers(dtype):
    x = np.arange(1, 10, dtype=dtype).reshape(1, 3, 3, 1)
    y = MaxPooling2D(2, 1, padding=1, dtype=dtype)(x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    assert to_numpy(y)[0, 0, 0, 0] == 1


@pytest.mark.parametrize(
    ("keywords", "argument"),
    [
        ({"pool_size": 0}, "pool_size"),
        ({"pool_size": (2, 2, 2)}, "pool_size"),
        ({"pool_size": 2.5}, "pool_size"),
        ({"strides": 0}, "strides"),
        ({"strides": "1"}, "strides"),
        ({"padding": "full"}, "padding"),
        ({"padding": (1, -1)}, "padding"),
        ({"data_format": "first"}, "data_format"),
    ],
)
@pytest.mark.parametrize("layer", [MaxPooling2D, AveragePooling2D])
def test_wrong_argument_is_named_with_its_value(layer, keywords, argument):
    with pytest.raises(ValueError, match=r"Received: ") as caught:
        layer(**{"pool_size": 2, **keywords})
    text = str(caught.value)
    assert text.startswith(f"{layer.__name__}: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("name", NAMES)
def test_window_larger_than_the_input_is_an_error(name):
    x = np.ones((1, *(3,) * int(name[-2]), 1), "float32")
    with pytest.raises(ValueError, match=f"{name}: input_shape must be large"):
        ours(name)(4)(x)


@pytest.mark.parametrize("name", NAMES)
def test_documented_hook_is_called(name):
    calls = []

    class Recording(ours(name)):
        def pool_op(self, inputs):
            calls.append("pool_op")
            return super().pool_op(inputs)

    Recording(2)(np.ones((1, *(4,) * int(name[-2]), 1)))
    assert calls == ["pool_op"]
    assert "pool_op" in Pool.__doc__


def test_one_hook_makes_generalized_mean_pooling():
    class GeMPooling2D(AveragePooling2D):
        def build(self, input_shape):
            self.p = self.add_weight(name="p", initializer="ones")

        def pool_op(self, inputs):
            return super().pool_op(inputs**self.p) ** (1 / self.p)

    x = irregular((1, 4, 4, 2)) + 1
    layer = GeMPooling2D(2)
    layer.build(x.shape)
    layer.p.assign(3.0)
    expected = reference_pool(
        x.astype("float64") ** 3, (2, 2), (2, 2), [(0, 0)] * 2, np.mean
    ) ** (1 / 3)
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5)
    assert layer.trainable_weights == [layer.p]


def test_pads_as_wide_as_the_window_are_refused():
    with pytest.raises(ValueError, match="padding must be smaller than the wi"):
        MaxPooling2D(2, padding=((0, 2), (0, 0)))
