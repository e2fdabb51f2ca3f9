import math

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import AdaptiveMaxPooling2D, AdaptivePool
from tests import oracle
from tests.gradients import to_numpy
from tests.oracle import adaptive
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

KINDS = ["AdaptiveMaxPooling", "AdaptiveAveragePooling"]
NAMES = [f"{kind}{rank}D" for kind in KINDS for rank in (1, 2, 3)]
FORMATS = ["channels_last", "channels_first"]
REDUCE = {"AdaptiveMaxPooling": np.max, "AdaptiveAveragePooling": np.mean}

# Stock in 3D compiles for a minute on JAX; torch's file has 3D as well.
RANKS = [1, 2] if keras.backend.backend() == "jax" else [1, 2, 3]

in_keras = pytest.mark.skipif(
    not hasattr(keras.layers, "AdaptiveMaxPooling1D"),
    reason="this Keras has no adaptive pooling",
)


def ours(name):
    return getattr(keras_extras.layers, name)


def irregular(*shape):
    """Different numbers everywhere, so that no maximum is a tie."""
    count = int(np.prod(shape))
    order = np.random.default_rng(0).permutation(count)
    return (order / count - 0.5).reshape(shape).astype("float32")


def reference_pool(x, output_size, reduce):
    """The formula, channels last, window by window."""
    y = np.zeros((x.shape[0], *output_size, x.shape[-1]))
    axes = tuple(range(1, x.ndim - 1))
    for place in np.ndindex(*output_size):
        window = tuple(
            slice(math.floor(i * n / o), math.ceil((i + 1) * n / o))
            for i, n, o in zip(place, x.shape[1:-1], output_size, strict=True)
        )
        y[(slice(None), *place)] = reduce(x[(slice(None), *window)], axis=axes)
    return y


def stock_is_sound(lengths, outputs):
    """Tells where Keras 3.15 can be asked.

    On TensorFlow a window as wide as the input kills the process; on JAX the
    ends of 7 windows are computed in float32, and some are one too far.
    """
    if keras.backend.backend() == "jax":
        return 7 not in outputs
    return keras.backend.backend() != "tensorflow" or all(
        math.ceil(length / output) + 1 <= length
        for length, output in zip(lengths, outputs, strict=True)
    )


@in_keras
@given(
    kind=st.sampled_from(KINDS),
    rank=st.sampled_from(RANKS),
    output_size=st.integers(1, 7),
    data_format=st.sampled_from(FORMATS),
    dtype=st.sampled_from(["float32", "mixed_bfloat16"]),
)
@example("AdaptiveMaxPooling", 2, 3, "channels_last", "float32")
@example("AdaptiveAveragePooling", 2, 3, "channels_first", "float32")
def test_adaptive_pooling_equals_stock_in_values_and_gradients(
    kind, rank, output_size, data_format, dtype
):
    lengths = (7, 6, 5)[:rank]
    if not stock_is_sound(lengths, (output_size,) * rank):
        output_size = 3
    if rank == 3:
        dtype = "float32"  # torch has no other; bfloat16 would make ties
    shape = (
        (2, *lengths, 3) if data_format == "channels_last" else (2, 3, *lengths)
    )
    keywords = {
        "output_size": output_size,
        "data_format": data_format,
        "dtype": dtype,
    }
    name = f"{kind}{rank}D"
    assert_same(
        ours(name)(**keywords),
        getattr(keras.layers, name)(**keywords),
        irregular(*shape),
    )


@given(
    kind=st.sampled_from(KINDS),
    sizes=st.lists(
        st.tuples(st.integers(1, 7), st.integers(1, 8)), min_size=1, max_size=2
    ),
)
@example("AdaptiveMaxPooling", [(5, 1), (1, 3)])
@example("AdaptiveAveragePooling", [(7, 5), (4, 8)])
def test_adaptive_pooling_equals_the_formula(kind, sizes):
    lengths, outputs = zip(*sizes, strict=True)
    x = irregular(2, *lengths, 2)
    layer = ours(f"{kind}{len(sizes)}D")(outputs, "channels_last")
    expected = reference_pool(x.astype("float64"), outputs, REDUCE[kind])
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("data_format", FORMATS)
def test_values_and_indices_are_those_of_torch(data_format):
    answers = oracle.load("adaptive")

    def turn(array):
        first = data_format == "channels_first"
        return array if first else np.moveaxis(array, 1, -1)

    for case, rank, x, size in adaptive.cases():
        if data_format == "channels_first" and rank != 2:
            continue
        mean = ours(f"AdaptiveAveragePooling{rank}D")(size, data_format)
        maximum = ours(f"AdaptiveMaxPooling{rank}D")(
            size, data_format, return_indices=True
        )
        values, indices = maximum(turn(x))
        for what, got in (
            ("mean", mean(turn(x))),
            ("max", values),
            ("indices", indices),
        ):
            expected = turn(answers[f"{case} {what}"])
            np.testing.assert_allclose(
                to_numpy(got), expected, atol=1e-6, err_msg=f"{case} {what}"
            )
        assert keras.backend.standardize_dtype(indices.dtype) == "int32"


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch's turn")
def test_file_holds_what_torch_answers():
    oracle.assert_up_to_date("adaptive", adaptive.results())


@pytest.mark.parametrize("data_format", FORMATS)
def test_indices_of_equals_are_the_first_and_of_nan_are_there(data_format):
    x = np.zeros((1, 1, 5, 5), "float32")
    x[0, 0, 1, 3] = x[0, 0, 2, 1] = 1.0  # in different columns
    x[0, 0, 4, 4] = np.nan
    x = x if data_format == "channels_first" else np.moveaxis(x, 1, -1)
    layer = AdaptiveMaxPooling2D((2, 2), data_format, return_indices=True)
    values, indices = (to_numpy(part).ravel().tolist() for part in layer(x))
    # rows 0-2 and 2-4, columns likewise
    assert values[:3] == [1.0, 1.0, 1.0]
    assert np.isnan(values[3])
    assert indices == [11, 8, 11, 24]
    whole = AdaptiveMaxPooling2D(1, data_format, return_indices=True)
    x = np.where(np.isnan(x), 0.0, x)
    assert to_numpy(whole(x)[1]).ravel().tolist() == [8]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_stays_in_its_windows(kind):
    x = np.zeros((1, 7, 1), "float32")
    x[0, 0], x[0, 6] = np.nan, np.inf
    y = to_numpy(ours(f"{kind}1D")(5, "channels_last")(x)).ravel()
    assert np.isnan(y[0])
    assert y[1:4].tolist() == [0.0, 0.0, 0.0]
    assert y[4] == np.inf


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data_format", FORMATS)
def test_unknown_sizes_give_the_same_values(name, data_format):
    rank = int(name[-2])
    output_size = (3, None, 2)[:rank]
    layer = ours(name)(output_size, data_format)
    unknown = (None,) * rank
    last = data_format == "channels_last"
    inputs = keras.Input((*unknown, 2) if last else (2, *unknown))
    model = keras.Model(inputs, layer(inputs))
    spatial = model.output_shape[1:-1] if last else model.output_shape[2:]
    assert spatial == output_size
    lengths = (7, 4, 5)[:rank]
    x = irregular(*((2, *lengths, 2) if last else (2, 2, *lengths)))
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-6
    )


def test_unknown_sizes_have_indices_too():
    layer = AdaptiveMaxPooling2D(3, "channels_last", return_indices=True)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    assert [output.dtype for output in model.outputs] == ["float32", "int32"]
    x = irregular(2, 7, 5, 2)
    for got, expected in zip(
        model.predict(x, verbose=0), layer(x), strict=True
    ):
        np.testing.assert_allclose(got, to_numpy(expected))


@pytest.mark.parametrize("name", NAMES)
def test_size_one_is_the_global_pooling(name):
    rank = int(name[-2])
    x = irregular(2, *(3, 4, 2)[:rank], 2)
    whole = ours(name.replace("Adaptive", "Global"))(
        "channels_last", keepdims=True
    )
    got = ours(name)(1, "channels_last")(x)
    np.testing.assert_allclose(to_numpy(got), to_numpy(whole(x)), atol=1e-6)


def test_empty_batch_stays_empty():
    for name in ("AdaptiveMaxPooling2D", "AdaptiveAveragePooling2D"):
        y = ours(name)((2, 3), "channels_last")(np.zeros((0, 5, 6, 2)))
        assert tuple(y.shape) == (0, 2, 3, 2)


def test_integers_have_a_maximum_and_a_mean():
    x = np.array([1, 2, 6], "int32").reshape(1, 3, 1)
    maximum = ours("AdaptiveMaxPooling1D")(2, "channels_last", dtype="int32")(x)
    assert keras.backend.standardize_dtype(maximum.dtype) == "int32"
    assert to_numpy(maximum).ravel().tolist() == [2, 6]
    mean = ours("AdaptiveAveragePooling1D")(2, "channels_last")(x)
    assert to_numpy(mean).ravel().tolist() == [1.5, 4.0]


@in_keras
@pytest.mark.parametrize("name", NAMES)
def test_signature_and_config_are_those_of_stock(name):
    assert_same_signature(name)
    size = (2, 3, 4)[: int(name[-2])]
    keywords = {"output_size": size, "data_format": "channels_first"}
    assert_takes_stock_config(
        ours(name)(**keywords), getattr(keras.layers, name)(**keywords)
    )


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"output_size": 0}, "output_size", ValueError),
        ({"output_size": -1}, "output_size", ValueError),
        ({"output_size": True}, "output_size", TypeError),
        ({"output_size": 2.5}, "output_size", TypeError),
        ({"output_size": None}, "output_size", TypeError),
        ({"output_size": "2"}, "output_size", TypeError),
        ({"output_size": (2, 2, 2, 2)}, "output_size", ValueError),
        ({"output_size": (0,)}, "output_size", ValueError),
        ({"output_size": (1.5,)}, "output_size", TypeError),
        ({"data_format": "first"}, "data_format", ValueError),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_argument_is_named_with_its_value(
    name, keywords, argument, error
):
    with pytest.raises(error, match=f"^{name}: {argument} must be") as caught:
        ours(name)(**{"output_size": 2, **keywords})
    assert f"Received: {argument}={keywords[argument]!r}" in str(caught.value)


def test_wrong_return_indices_is_named_with_its_value():
    words = r"^AdaptiveMaxPooling2D: return_indices must be True or False\. Rec"
    with pytest.raises(TypeError, match=words):
        AdaptiveMaxPooling2D(2, return_indices="yes")


def test_numpy_integers_are_taken():
    assert ours("AdaptiveMaxPooling2D")(np.int64(3)).output_size == (3, 3)
    assert ours("AdaptiveMaxPooling1D")(np.array([3])).output_size == (3,)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_shapes_are_errors(name):
    layer = ours(name)(2, "channels_last")
    with pytest.raises(ValueError, match="expected ndim="):
        layer(np.ones((2, 3)))
    with pytest.raises(ValueError, match=f"{name}: input_shape must be of at"):
        layer(np.ones((2, *(0,) * int(name[-2]), 3)))


@pytest.mark.parametrize("name", NAMES)
def test_documented_hook_is_called(name):
    calls = []

    class Recording(ours(name)):
        def pool_op(self, inputs):
            calls.append("pool_op")
            return super().pool_op(inputs)

    Recording(2)(np.ones((1, *(4,) * int(name[-2]), 1)))
    assert calls == ["pool_op"]
    assert "pool_op" in AdaptivePool.__doc__


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_one_hook_makes_mixed_pooling(rank):
    class Mixed(ours(f"AdaptiveMaxPooling{rank}D")):
        def pool_op(self, inputs):
            mean = keras_extras.ops.adaptive_average_pool(
                inputs, self.output_size, self.data_format
            )
            return (super().pool_op(inputs) + mean) / 2

    x = irregular(2, *(5, 4, 3)[:rank], 2)
    expected = sum(
        reference_pool(x, (3,) * rank, reduce) for reduce in (np.max, np.mean)
    )
    got = to_numpy(Mixed(3, "channels_last")(x))
    np.testing.assert_allclose(got, expected / 2, atol=1e-6)
