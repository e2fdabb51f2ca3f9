import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
    Pool,
)
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pool as torch_cases
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


def reference_pool(
    x, size, strides, pads, reduce, dilation=None, ceil_mode=False
):
    """The formula, channels last; padded positions are NaN, left out.

    Windows start where they start inside or in the pads in front; what does
    not fit into the pads behind is dropped, or in ceil mode cut off.
    """
    dilation = dilation or [1] * len(size)
    lengths = x.shape[1:-1]
    extents = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    starts = [
        [
            start
            for start in range(0, n + before + after, s)
            if start + extent <= n + before + after
            or (
                ceil_mode
                and start < n + before
                and start - s + extent < n + before + after
            )
        ]
        for n, (before, after), s, extent in zip(
            lengths, pads, strides, extents, strict=True
        )
    ]
    sizes = [len(places) for places in starts]
    wide = [(before, after + 99) for before, after in pads]
    x = np.pad(x, [(0, 0), *wide, (0, 0)], constant_values=np.nan)
    y = np.zeros((x.shape[0], *sizes, x.shape[-1]))
    axes = tuple(range(1, x.ndim - 1))
    for place in np.ndindex(*sizes):
        window = tuple(
            slice(places[i], places[i] + extent, d)
            for i, places, extent, d in zip(
                place, starts, extents, dilation, strict=True
            )
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
        # And stock has no 3D mean in bfloat16.
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
    """Per axis the size, the stride, pads below the extent, the dilation."""
    rank = draw(st.sampled_from([1, 2]))
    size = [draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [draw(st.integers(1, 4)) for _ in range(rank)]
    dilation = [draw(st.sampled_from([1, 1, 2])) for _ in range(rank)]
    # So that each window holds a real position, dilated or not.
    pads = [
        (draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in size
    ]
    return size, strides, pads, dilation, draw(st.booleans())


@given(kind=st.sampled_from(KINDS), window=windows())
@example("AveragePooling", ([3], [2], [(0, 2)], [1], False))
@example("AveragePooling", ([2, 3], [3, 4], [(1, 1), (0, 2)], [2, 1], True))
@example("MaxPooling", ([2, 2], [4, 3], [(0, 1), (0, 0)], [1, 1], True))
def test_pooling_equals_the_formula_with_explicit_pads(kind, window):
    size, strides, pads, dilation, ceil_mode = window
    rank = len(size)
    x = irregular((2, *(6,) * rank, 2))
    layer = ours(f"{kind}{rank}D")(
        size, strides, pads, dilation_rate=dilation, ceil_mode=ceil_mode
    )
    expected = reference_pool(
        x.astype("float64"), size, strides, pads, REDUCE[kind], dilation,
        ceil_mode,
    )  # fmt: skip
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected.shape
    first = ours(f"{kind}{rank}D").from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    moved = to_numpy(first(np.moveaxis(x, -1, 1)))
    np.testing.assert_allclose(np.moveaxis(moved, 1, -1), expected, atol=1e-6)


def last(x):
    """Channels last, from torch's channels first."""
    return np.moveaxis(x, 1, -1)


@pytest.mark.parametrize("case", torch_cases.MAX)
def test_max_pooling_and_places_equal_torch(case):
    rank, size, strides, padding, dilation, ceil = torch_cases.MAX[case]
    expected = oracle.load("pool")
    x = torch_cases.inputs(rank)
    for data_format, move in [("channels_first", np.array), ("", last)]:
        keywords = {
            "pool_size": size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format or "channels_last",
            "dilation_rate": dilation,
            "ceil_mode": ceil,
        }
        layer = ours(f"MaxPooling{rank}D")(**keywords)
        np.testing.assert_array_equal(
            to_numpy(layer(move(x))), move(expected[case])
        )
        layer = ours(f"MaxPooling{rank}D")(**keywords, return_indices=True)
        values, places = layer(move(x))
        np.testing.assert_array_equal(to_numpy(values), move(expected[case]))
        assert keras.backend.standardize_dtype(places.dtype) == "int32"
        np.testing.assert_array_equal(
            to_numpy(places), move(expected[f"{case}_places"])
        )


@pytest.mark.parametrize("case", torch_cases.AVERAGE)
def test_average_pooling_equals_torch(case):
    rank, size, strides, padding, ceil, count, divisor = torch_cases.AVERAGE[
        case
    ]
    layer = ours(f"AveragePooling{rank}D")(
        size,
        strides,
        padding,
        ceil_mode=ceil,
        count_include_pad=count,
        divisor_override=divisor,
    )
    y = to_numpy(layer(last(torch_cases.finite(rank))))
    np.testing.assert_allclose(y, last(oracle.load("pool")[case]), atol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="made by torch itself"
)
def test_what_torch_answers_is_up_to_date():
    oracle.assert_up_to_date("pool", torch_cases.results())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pad_mode", ["reflect", "symmetric", "edge", "wrap"])
def test_pads_of_other_modes_are_real(kind, pad_mode):
    x = irregular((2, 5, 4, 2))
    pads = [(2, 0), (1, 3)]
    layer = ours(f"{kind}2D")(2, 3, pads, pad_mode=pad_mode, ceil_mode=True)
    padded = np.pad(x, [(0, 0), *pads, (0, 0)], pad_mode)
    expected = reference_pool(
        padded.astype("float64"), [2, 2], [3, 3], [(0, 0)] * 2, REDUCE[kind],
        ceil_mode=True,
    )  # fmt: skip
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


BEYOND = [
    {},
    {"ceil_mode": True},
    {"dilation_rate": 2},
    {"pad_mode": "reflect", "ceil_mode": True},
]


@pytest.mark.parametrize("beyond", BEYOND, ids=str)
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("MaxPooling", {}),
        ("AveragePooling", {}),
        ("AveragePooling", {"count_include_pad": True}),
    ],
)
def test_unknown_sizes_give_the_same_values(kind, more, beyond):
    x = irregular((2, 8, 7, 2))
    for padding in ["valid", "same", "causal", 1]:
        layer = ours(f"{kind}2D")(3, 2, padding, **beyond, **more)
        inputs = keras.Input((None, None, 2))
        model = keras.Model(inputs, layer(inputs))
        expected = to_numpy(layer(x))
        assert model.compute_output_shape(x.shape) == expected.shape
        np.testing.assert_allclose(
            model.predict(x, verbose=0), expected, atol=1e-6
        )


def test_places_of_unknown_sizes_come_through_a_model():
    x = irregular((2, 7, 6, 2))
    layer = MaxPooling2D(3, 2, 1, return_indices=True, ceil_mode=True)
    inputs = keras.Input((None, None, 2))
    outputs = layer(inputs)
    assert [output.dtype for output in outputs] == ["float32", "int32"]
    assert outputs[1].shape == (None, None, None, 2)
    values, places = keras.Model(inputs, outputs).predict(x, verbose=0)
    np.testing.assert_array_equal(values, to_numpy(layer(x)[0]))
    plane = x.reshape(2, -1, 2)
    taken = np.take_along_axis(plane, places.reshape(2, -1, 2), axis=1)
    np.testing.assert_array_equal(taken.reshape(values.shape), values)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_gives_an_empty_batch(name):
    rank = int(name[-2])
    x = np.ones((0, *(4,) * rank, 3), "float32")
    for beyond in ({}, {"ceil_mode": True, "padding": 1}):
        y = ours(name)(2, **beyond)(x)
        assert tuple(y.shape) == ours(name)(2, **beyond).compute_output_shape(
            x.shape
        )


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("place", [0, 1])
def test_nan_wins_over_every_number(rank, dtype, place):
    x = np.zeros((1, *(4,) * rank, 2), "float32")
    x[(0, *(place,) * rank, 0)] = np.nan
    expected = np.zeros((1, *(2,) * rank, 2))
    expected[(0, *(0,) * rank, 0)] = np.nan
    layer = ours(f"MaxPooling{rank}D")(2, dtype=dtype)
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    infinite = np.where(np.isnan(x), np.inf, x)
    expected = np.where(np.isnan(expected), np.inf, expected)
    np.testing.assert_array_equal(to_numpy(layer(infinite)), expected)


def test_nan_wins_in_a_compiled_model():
    x = np.zeros((2, 6, 6, 1), "float32")
    x[1, 3, 3, 0] = np.nan
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, MaxPooling2D(3, 2, "same")(inputs))
    y = model.predict(x, verbose=0)[..., 0]
    # 3 windows of 3 in steps of 2; pixel 3 is in the second alone.
    expected = np.zeros((2, 3, 3))
    expected[1, 1, 1] = np.nan
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mean_of_volumes_in_half_precision(dtype):
    x = irregular((2, 4, 4, 4, 2))
    y = ours("AveragePooling3D")(2, dtype=dtype)(x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    expected = reference_pool(x, [2] * 3, [2] * 3, [(0, 0)] * 3, np.mean)
    np.testing.assert_allclose(to_numpy(y), expected, atol=0.01)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_mean_of_integers_is_a_float(rank, dtype):
    x = np.arange(4**rank, dtype=dtype).reshape(1, *(4,) * rank, 1)
    for padding in ("valid", "same"):
        layer = ours(f"AveragePooling{rank}D")(2, padding=padding)
        y = layer(keras.ops.convert_to_tensor(x))
        assert keras.backend.standardize_dtype(y.dtype) == "float32"
        expected = reference_pool(
            x.astype("float64"), [2] * rank, [2] * rank, [(0, 0)] * rank,
            np.mean,
        )  # fmt: skip
        np.testing.assert_allclose(to_numpy(y), expected)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_max_pooling_keeps_integers(dtype):
    x = np.arange(1, 10, dtype=dtype).reshape(1, 3, 3, 1)
    y = MaxPooling2D(2, 1, padding=1, dtype=dtype)(x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    assert to_numpy(y)[0, 0, 0, 0] == 1
    for rank in (1, 3):
        x = np.arange(4**rank, dtype=dtype).reshape(1, *(4,) * rank, 1)
        y = ours(f"MaxPooling{rank}D")(2)(keras.ops.convert_to_tensor(x))
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        assert to_numpy(y).max() == 4**rank - 1
    symbolic = MaxPooling1D()(keras.Input((4, 1), dtype=dtype))
    assert symbolic.dtype == dtype


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"pool_size": (2, 2, 2)}, "pool_size", ValueError),
        ({"pool_size": 2.5}, "pool_size", TypeError),
        ({"strides": 0}, "strides", ValueError),
        ({"strides": "1"}, "strides", TypeError),
        ({"padding": "full"}, "padding", ValueError),
        ({"padding": (1, -1)}, "padding", ValueError),
        ({"padding": ((0, 2), (0, 0))}, "padding", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"dilation_rate": (1, 2, 1)}, "dilation_rate", ValueError),
        ({"ceil_mode": "yes"}, "ceil_mode", TypeError),
        ({"pad_mode": "mirror"}, "pad_mode", ValueError),
    ],
)
@pytest.mark.parametrize("layer", [MaxPooling2D, AveragePooling2D])
def test_wrong_argument_is_named_with_its_value(
    layer, keywords, argument, error
):
    with pytest.raises(error, match=r"Received: ") as caught:
        layer(**{"pool_size": 2, **keywords})
    text = str(caught.value)
    assert text.startswith(f"{layer.__name__}: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("name", NAMES)
def test_window_larger_than_the_input_is_an_error(name):
    x = np.ones((1, *(3,) * int(name[-2]), 1), "float32")
    with pytest.raises(ValueError, match=f"{name}: input_shape must be large"):
        ours(name)(4)(x)


@pytest.mark.parametrize(
    ("layer", "keywords", "argument", "error"),
    [
        (MaxPooling2D, {"return_indices": "yes"}, "return_indices", TypeError),
        (
            MaxPooling2D,
            {"pad_mode": "edge", "return_indices": True},
            "pad_mode",
            ValueError,
        ),
        (
            AveragePooling2D,
            {"count_include_pad": None},
            "count_include_pad",
            TypeError,
        ),
        (
            AveragePooling2D,
            {"divisor_override": 0},
            "divisor_override",
            ValueError,
        ),
        (
            AveragePooling2D,
            {"divisor_override": 0.5},
            "divisor_override",
            TypeError,
        ),
    ],
)
def test_wrong_argument_of_one_kind_is_named(layer, keywords, argument, error):
    with pytest.raises(error, match=r"Received: ") as caught:
        layer(2, **keywords)
    text = str(caught.value)
    assert text.startswith(f"{layer.__name__}: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("name", NAMES)
def test_documented_hooks_are_called_in_order(name):
    calls = []

    class Recording(ours(name)):
        def pad_inputs(self, inputs):
            calls.append("pad_inputs")
            return super().pad_inputs(inputs)

        def pool_op(self, inputs):
            calls.append("pool_op")
            return super().pool_op(inputs)

    x = np.ones((1, *(4,) * int(name[-2]), 1))
    Recording(2, padding=1, pad_mode="edge")(x)
    assert calls == ["pad_inputs", "pool_op"]
    assert all(f"`{hook}(inputs)`" in Pool.__doc__ for hook in calls)


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
    MaxPooling2D(2, padding=((0, 2), (0, 0)), dilation_rate=2)
    MaxPooling2D(2, padding=((0, 2), (0, 0)), pad_mode="wrap")


@pytest.mark.parametrize("kind", KINDS)
def test_dilated_windows_of_pads_alone_are_refused(kind):
    layer = ours(f"{kind}1D")(2, 1, padding=1, dilation_rate=2)
    assert layer(np.ones((1, 2, 1))).shape == (1, 2, 1)
    with pytest.raises(ValueError, match="a real position in every window"):
        layer(np.ones((1, 1, 1)))


def test_gradients_beyond_stock_go_where_the_numbers_came_from():
    x = irregular((1, 7, 1))
    y, gradient, _ = value_and_gradients(
        MaxPooling1D(2, 3, 1, dilation_rate=2, ceil_mode=True), [], x
    )
    factors = np.cos(1.0 + np.arange(y.size))
    expected = np.zeros(7)
    for window, factor in zip([[1], [2, 4], [5]], factors, strict=True):
        expected[max(window, key=lambda i: x[0, i, 0])] += factor
    np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-6)
    _, gradient, _ = value_and_gradients(
        AveragePooling1D(2, 3, 1, ceil_mode=True, count_include_pad=True),
        [],
        x,
    )
    # windows: [. 0], [2 3], [5 6]
    expected = factors[[0, 0, 1, 1, 1, 2, 2]] / 2
    expected[[1, 4]] = 0
    np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-6)


# --- masks of sequences ------------------------------------------------------

MASKED = ["MaxPooling1D", "AveragePooling1D", "MixedPooling1D", "SoftPooling1D"]


def of_window(name, window):
    """What a layer makes of the numbers of a window that count."""
    if not len(window):
        return 0.0
    weights = np.exp(window - window.max())
    return {
        "MaxPooling1D": window.max(),
        "AveragePooling1D": window.mean(),
        "MixedPooling1D": (window.max() + window.mean()) / 2,
        "SoftPooling1D": (weights * window).sum() / weights.sum(),
    }[name]


@given(
    name=st.sampled_from(MASKED),
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same", "causal", "ceil", "edge"]),
    seed=st.integers(0, 99),
)
def test_masked_steps_count_as_little_as_pads(
    name, size, stride, dilation, padding, seed
):
    random = np.random.default_rng(seed)
    x = random.normal(size=(2, 7, 2)).astype("float32")
    mask = random.random((2, 7)) < 0.5
    more = {"padding": padding, "dilation_rate": dilation}
    if padding == "ceil":
        more |= {"padding": "valid", "ceil_mode": True}
    elif padding == "edge":
        more |= {"padding": 1, "pad_mode": "edge"}
    layer = ours(name)(size, stride, **more)
    garbage = np.where(mask[..., None], x, np.nan).astype("float32")
    y, gradient, _ = value_and_gradients(
        lambda x: layer(x, mask=mask), [], garbage
    )
    assert np.isfinite(gradient).all()
    assert not gradient[~mask].any()
    extent = (size - 1) * dilation + 1
    before, after = {
        "causal": (extent - 1, 0),
        "same": keras_extras._shapes.same_pads(7, extent, stride),
        "edge": (1, 1),
        "ceil": (0, stride - 1),
        "valid": (0, 0),
    }[padding]
    mode = {"mode": "edge"} if padding == "edge" else {}
    steps = np.pad(x, ((0, 0), (before, after), (0, 0)), **mode)
    counts = np.pad(mask, ((0, 0), (before, after)), **mode)
    expected, valid = np.zeros(y.shape), np.zeros(y.shape[:2], bool)
    for n, i, c in np.ndindex(*y.shape):
        window = slice(i * stride, i * stride + extent, dilation)
        taken = steps[n, window, c][counts[n, window]].astype("float64")
        expected[n, i, c] = of_window(name, taken)
        valid[n, i] = len(taken) > 0
    np.testing.assert_allclose(y, expected, atol=1e-5)
    new = to_numpy(layer.compute_mask(x, mask)).astype(bool)
    np.testing.assert_array_equal(new, valid)


def test_a_mask_and_all_other_options():
    x = np.array([1.0, -2.0, 6.0, 9.0]).reshape(1, 4, 1)
    mask = np.array([[True, False, True, True]])
    y, places = MaxPooling1D(2, return_indices=True)(x, mask=mask)
    assert to_numpy(y).ravel().tolist() == [1.0, 9.0]
    assert to_numpy(places).ravel().tolist() == [0, 3]
    padded = AveragePooling1D(2, padding=1, count_include_pad=True)
    assert to_numpy(padded(x, mask=mask)).ravel().tolist() == [0.5, 6.0, 4.5]
    summed = AveragePooling1D(2, divisor_override=1)
    assert to_numpy(summed(x, mask=mask)).ravel().tolist() == [1.0, 15.0]
    first = MaxPooling1D(2, data_format="channels_first")
    y = first(np.moveaxis(x, 1, 2), mask=mask)
    assert to_numpy(y).ravel().tolist() == [1.0, 9.0]
    y = MaxPooling1D(2)(np.array([[[-5], [3]]]), mask=np.array([[True, False]]))
    assert "int" in keras.backend.standardize_dtype(y.dtype)
    assert to_numpy(y).ravel().tolist() == [-5]


@pytest.mark.parametrize("name", MASKED)
def test_without_a_mask_nothing_changes(name):
    x = irregular((2, 6, 3))
    layer, ignoring = ours(name)(2), ours(name)(2, use_mask=False)
    expected = to_numpy(ignoring(x))
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    full = np.ones((2, 6), bool)
    np.testing.assert_allclose(
        to_numpy(layer(x, mask=full)), expected, rtol=1e-6
    )
    assert layer.compute_mask(x, None) is None
    with pytest.warns(UserWarning, match="does not support masking"):
        y = ignoring(x, mask=~full)
    np.testing.assert_array_equal(to_numpy(y), expected)


def test_a_hook_that_takes_no_mask_gets_none():
    class Cubed(AveragePooling1D):
        def pool_op(self, inputs):
            return super().pool_op(inputs**3)

    class Halved(AveragePooling1D):
        def pool_op(self, inputs, mask=None):
            return super().pool_op(inputs, mask) / 2

    x, mask = np.ones((1, 4, 1)), np.array([[True, False, True, True]])
    assert not Cubed(2).supports_masking
    assert to_numpy(Halved(2)(x, mask=mask)).ravel().tolist() == [0.5, 0.5]
    for name in ("MaxPooling2D", "LpPooling1D", "BlurPooling1D"):
        assert not ours(name)(2).supports_masking
