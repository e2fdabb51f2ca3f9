import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.layers import PixelShuffle, PixelUnshuffle
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pixel_shuffle as torch_shuffle
from tests.parity import config_without_name

FORMATS = ["channels_last", "channels_first"]
BOTH = [PixelShuffle, PixelUnshuffle]


def numbers(*shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def reference_shuffle(x, factors):
    """The formula, channels last, number by number."""
    sizes = [n * r for n, r in zip(x.shape[1:-1], factors, strict=True)]
    y = np.zeros((len(x), *sizes, x.shape[-1] // np.prod(factors)))
    for *place, c in np.ndindex(*y.shape[1:]):
        coarse = [i // r for i, r in zip(place, factors, strict=True)]
        for i, r in zip(place, factors, strict=True):
            c = c * r + i % r
        y[(slice(None), *place, c // np.prod(factors))] = x[
            (slice(None), *coarse, c)
        ]
    return y


@given(
    factors=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    channels=st.integers(1, 3),
    data_format=st.sampled_from(FORMATS),
)
@example([2, 3], 2, "channels_first")
def test_shuffle_equals_the_formula_and_unshuffle_undoes_it(
    factors, channels, data_format
):
    x = numbers(2, *(2, 3, 1)[: len(factors)], channels * np.prod(factors))
    y = reference_shuffle(x, factors)
    if data_format == "channels_first":
        x, y = np.moveaxis(x, -1, 1), np.moveaxis(y, -1, 1)
    shuffle = PixelShuffle(factors, data_format)
    unshuffle = PixelUnshuffle(factors, data_format)
    np.testing.assert_array_equal(to_numpy(shuffle(x)), y)
    np.testing.assert_array_equal(to_numpy(unshuffle(y)), x)
    assert shuffle.compute_output_shape(x.shape) == y.shape
    assert unshuffle.compute_output_shape(y.shape) == x.shape


@pytest.mark.parametrize("data_format", FORMATS)
def test_order_of_the_channels_is_that_of_torch(data_format):
    answers = oracle.load("pixel_shuffle")
    for case, factor, x in torch_shuffle.cases():
        layer = PixelUnshuffle if case.startswith("un") else PixelShuffle
        expected = answers[case]
        if data_format == "channels_last":
            x, expected = np.moveaxis(x, 1, -1), np.moveaxis(expected, 1, -1)
        np.testing.assert_array_equal(
            to_numpy(layer(factor, data_format)(x)), expected, err_msg=case
        )


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch's turn")
def test_file_holds_what_torch_answers():
    oracle.assert_up_to_date("pixel_shuffle", torch_shuffle.results())


def test_gradient_is_unshuffled():
    layer = PixelShuffle(2, "channels_last")
    _, gradient, _ = value_and_gradients(layer, [], numbers(1, 2, 1, 8))
    factors = np.cos(1.0 + np.arange(16)).reshape(1, 4, 2, 2)
    unshuffle = PixelUnshuffle(2, "channels_last")
    np.testing.assert_allclose(
        gradient, to_numpy(unshuffle(factors)), atol=1e-6
    )


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("layer", BOTH)
def test_unknown_sizes_give_the_same_values(layer, data_format):
    layer = layer((2, 3), data_format)
    last = data_format == "channels_last"
    inputs = keras.Input((None, None, 12) if last else (12, None, None))
    model = keras.Model(inputs, layer(inputs))
    channels = 2 if isinstance(layer, PixelShuffle) else 72
    assert model.output_shape[-1 if last else 1] == channels
    x = numbers(*((2, 4, 6, 12) if last else (2, 12, 4, 6)))
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), to_numpy(layer(x))
    )


@pytest.mark.parametrize("layer", BOTH)
def test_dtype_and_empty_batch_stay(layer):
    y = layer(2, "channels_last", dtype="mixed_bfloat16")(numbers(1, 2, 2, 4))
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    empty = layer(2, "channels_last")(np.ones((0, 2, 2, 4)))
    assert len(empty) == 0
    assert tuple(empty.shape)[1:] == tuple(y.shape)[1:]


@pytest.mark.parametrize("factor", [2, (2, 3), np.int64(2)])
@pytest.mark.parametrize("layer", BOTH)
def test_config_makes_the_same_layer(layer, factor):
    one = layer(factor, "channels_first")
    again = layer.from_config(one.get_config())
    assert config_without_name(again) == config_without_name(one)
    assert one.built


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"factor": 0}, "factor", ValueError),
        ({"factor": 1.5}, "factor", TypeError),
        ({"factor": "2"}, "factor", TypeError),
        ({"factor": ()}, "factor", ValueError),
        ({"factor": (2, 0)}, "factor", ValueError),
        ({"factor": (2, None)}, "factor", TypeError),
        ({"data_format": "first"}, "data_format", ValueError),
    ],
)
@pytest.mark.parametrize("layer", BOTH)
def test_wrong_argument_is_named_with_its_value(
    layer, keywords, argument, error
):
    words = f"^{layer.__name__}: {argument} must be"
    with pytest.raises(error, match=words) as caught:
        layer(**{"factor": 2, **keywords})
    assert f"Received: {argument}={keywords[argument]!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "data_format", "shape", "axis"),
    [
        (PixelShuffle, "channels_last", (1, 4, 4, 6), 3),
        (PixelShuffle, "channels_first", (1, 6, 4, 4), 1),
        (PixelUnshuffle, "channels_last", (1, 4, 5, 1), 2),
        (PixelUnshuffle, "channels_first", (1, 1, 5, 4), 2),
    ],
)
def test_shape_that_cannot_be_divided_is_an_error(
    layer, data_format, shape, axis
):
    divisor = 4 if layer is PixelShuffle else 2
    words = f"{layer.__name__}: input_shape must be a multiple of {divisor} on"
    with pytest.raises(ValueError, match=f"{words} axis {axis}"):
        layer(2, data_format)(np.ones(shape))


@pytest.mark.parametrize("layer", BOTH)
def test_wrong_rank_is_an_error(layer):
    with pytest.raises(ValueError, match="expected min_ndim=3"):
        layer(2)(np.ones((2, 4)))
    with pytest.raises(ValueError, match="expected ndim=4"):
        layer((2, 2))(np.ones((2, 4, 4)))
