import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import FractionalMaxPooling, FractionalMaxPooling2D
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pool as torch_cases

RANKS = (2, 3)


def ours(rank):
    return getattr(keras_extras.layers, f"FractionalMaxPooling{rank}D")


def fixed(rank, samples):
    """The layer with these samples in place of random ones."""

    class Fixed(ours(rank)):
        def draw_samples(self, inputs):
            return samples

    return Fixed


@pytest.mark.parametrize("case", torch_cases.FRACTIONAL)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_fractional_pooling_equals_torch(case, data_format):
    rank, size, output_size, ratio = torch_cases.FRACTIONAL[case]
    layer = fixed(rank, torch_cases.samples(rank))(
        size, output_size, ratio, data_format, return_indices=True
    )
    expected = oracle.load("pool")
    x = torch_cases.inputs(rank)
    move = np.array
    if data_format == "channels_last":
        move = lambda x: np.moveaxis(x, 1, -1)  # noqa: E731
    values, places = layer(move(x))
    np.testing.assert_array_equal(to_numpy(values), move(expected[case]))
    np.testing.assert_array_equal(
        to_numpy(places), move(expected[f"{case}_places"])
    )


@pytest.mark.parametrize("rank", RANKS)
def test_steps_are_the_whole_numbers_around_the_ratio(rank):
    # Positions as values: the maximum of a window of 1 is where it stands.
    x = np.arange(10.0).reshape(10, *(1,) * (rank - 1), 1)
    x = np.broadcast_to(x, (8, *(10,) * rank, 3)).astype("float32")
    y = to_numpy(ours(rank)(1, 7, seed=1)(x))
    y = y[:, :, *(0,) * (rank - 1)]  # (batch, rows, channels)
    assert (y[:, 0] == 0).all()
    assert (y[:, -1] == 9).all()
    steps = np.diff(y, axis=1)
    assert set(steps.ravel()) == {1, 2}  # 9 / 6 is between
    patterns = {tuple(steps[n, :, c]) for n in range(8) for c in range(3)}
    assert len(patterns) > 1, "one for all examples and channels"


def test_same_seed_same_windows_and_every_call_draws_anew():
    x = np.random.default_rng(0).normal(size=(4, 9, 9, 2)).astype("float32")
    layer = FractionalMaxPooling2D(2, 6, seed=3)
    first, second = to_numpy(layer(x)), to_numpy(layer(x, training=False))
    assert (first != second).any()
    again = FractionalMaxPooling2D.from_config(layer.get_config())
    np.testing.assert_array_equal(to_numpy(again(x)), first)


def test_gradient_goes_to_the_maxima():
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 2)).astype("float32")
    samples = np.full((2, 2, 2), 0.4, "float32")
    layer = fixed(2, samples)(2, 3, return_indices=True)
    _, gradient, _ = value_and_gradients(lambda x: layer(x)[0], [], x)
    places = to_numpy(layer(x)[1]).astype(int)
    factors = np.cos(1.0 + np.arange(places.size)).reshape(places.shape)
    expected = np.zeros((2, 25, 2))
    for n, i, j, c in np.ndindex(*places.shape):
        expected[n, places[n, i, j, c], c] += factors[n, i, j, c]
    np.testing.assert_allclose(gradient.reshape(2, 25, 2), expected, atol=1e-6)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_unknown_sizes_work_in_a_model(rank, data_format):
    shape = (7, 6, 5)[:rank]
    x = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
    samples = np.random.default_rng(1).random((2, 3, rank)).astype("float32")
    unknown = (*(None,) * rank, 3)
    if data_format == "channels_first":
        x, unknown = np.moveaxis(x, -1, 1), (3, *(None,) * rank)
    for cls in (ours(rank), fixed(rank, samples)):
        layer = cls(2, output_ratio=0.6, data_format=data_format)
        inputs = keras.Input(unknown)
        model = keras.Model(inputs, layer(inputs))
        y = model.predict(x, verbose=0)
        assert y.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_array_equal(y, to_numpy(layer(x)))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "int32"])
def test_dtypes_and_empty_batches(dtype):
    x = np.arange(36).reshape(1, 6, 6, 1)
    layer = FractionalMaxPooling2D(2, 4, return_indices=True, dtype=dtype)
    x = keras.ops.cast(x, "int32" if dtype == "int32" else "float32")
    values, places = layer(x)
    expected = "int32" if dtype == "int32" else "bfloat16"
    assert keras.backend.standardize_dtype(values.dtype) == expected
    np.testing.assert_array_equal(to_numpy(values), to_numpy(places))
    empty, _ = layer(x[:0])
    assert tuple(empty.shape) == (0, 4, 4, 1)
    symbolic = layer(keras.Input((6, 6, 1), dtype=x.dtype))
    assert [part.dtype for part in symbolic] == [expected, "int32"]


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"output_size": 0}, "output_size", ValueError),
        ({"output_size": (2, 2, 2)}, "output_size", ValueError),
        ({"output_size": None}, "output_size", ValueError),
        (
            {"output_size": None, "output_ratio": 1.5},
            "output_ratio",
            ValueError,
        ),
        (
            {"output_size": None, "output_ratio": (0.5,)},
            "output_ratio",
            ValueError,
        ),
        (
            {"output_size": None, "output_ratio": "0.5"},
            "output_ratio",
            TypeError,
        ),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"return_indices": "yes"}, "return_indices", TypeError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    keywords = {"pool_size": 2, "output_size": 3, **keywords}
    with pytest.raises(error, match=r"Received: ") as caught:
        FractionalMaxPooling2D(**keywords)
    text = str(caught.value)
    assert text.startswith(f"FractionalMaxPooling2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_size_and_ratio_exclude_each_other():
    with pytest.raises(ValueError, match="if output_ratio is not"):
        FractionalMaxPooling2D(2, 3, 0.5)


@pytest.mark.parametrize(
    "keywords", [{"output_size": 5}, {"output_ratio": 0.1}]
)
def test_windows_that_do_not_fit_are_named(keywords):
    with pytest.raises(ValueError, match="output_size \\+ pool_size - 1"):
        FractionalMaxPooling2D(3, **keywords)(np.ones((1, 6, 9, 1)))


@pytest.mark.parametrize("rank", RANKS)
def test_documented_hooks_are_called_in_order(rank):
    calls = []

    class Recording(ours(rank)):
        def draw_samples(self, inputs):
            calls.append("draw_samples(inputs)")
            samples = super().draw_samples(inputs)
            assert tuple(samples.shape) == (2, 3, rank)
            return samples

        def pool_op(self, inputs, samples):
            calls.append("pool_op(inputs, samples)")
            return super().pool_op(inputs, samples)

    Recording(2, 3)(np.ones((2, *(5,) * rank, 3), "float32"))
    assert calls == ["draw_samples(inputs)", "pool_op(inputs, samples)"]
    assert all(f"`{hook}`" in FractionalMaxPooling.__doc__ for hook in calls)
