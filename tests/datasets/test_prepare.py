import tracemalloc

import hypothesis.extra.numpy as hnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    _prepare,
    load_mnist,
    mean_and_std,
    one_hot,
    scale_to_signed,
    scale_to_unit,
    standardize,
)

UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
pixels = st.sampled_from(UNSIGNED).flatmap(
    lambda dtype: hnp.arrays(dtype, SHAPES)
)
tables = hnp.arrays(
    st.sampled_from(["uint8", "int32", "float32", "float64"]),
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
    elements=st.integers(0, 200),
)


def formula(train, x, mean_axis=0, std_axis=None):
    train, x = np.asarray(train, "float64"), np.asarray(x, "float64")
    mean = train.mean(mean_axis, keepdims=True)
    std = train.std(std_axis, keepdims=True)
    return (x - mean) / np.where(std > 1e-9, std, 1)


# --- scaling ---


@given(pixels)
def test_scale_to_unit_divides_by_the_largest_number(images):
    scaled = scale_to_unit(images)
    expected = images.astype("float64") / np.iinfo(images.dtype).max

    assert isinstance(scaled, np.ndarray)
    assert scaled.dtype == np.float32
    assert scaled.shape == images.shape
    assert ((scaled >= 0) & (scaled <= 1)).all()
    np.testing.assert_allclose(scaled, expected, rtol=3e-7)


@given(pixels)
def test_scale_to_signed_is_centered(images):
    scaled = scale_to_signed(images)
    expected = images.astype("float64") / np.iinfo(images.dtype).max * 2 - 1

    assert isinstance(scaled, np.ndarray)
    assert scaled.dtype == np.float32
    assert scaled.shape == images.shape
    assert ((scaled >= -1) & (scaled <= 1)).all()
    np.testing.assert_allclose(scaled, expected, atol=3e-7)


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_ends_of_the_range_are_exact(dtype):
    ends = np.array([0, np.iinfo(dtype).max], dtype)

    assert scale_to_unit(ends).tolist() == [0, 1]
    assert scale_to_signed(ends).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("function", "layer"),
    [
        (scale_to_unit, keras.layers.Rescaling(1 / 255)),
        (scale_to_signed, keras.layers.Rescaling(1 / 127.5, offset=-1)),
    ],
)
def test_scaling_equals_the_rescaling_of_keras(function, layer):
    images = np.arange(256, dtype="uint8").reshape(2, 8, 16)
    expected = keras.ops.convert_to_numpy(layer(images.astype("float32")))

    np.testing.assert_allclose(function(images), expected, atol=1e-6)


@pytest.mark.parametrize("function", [scale_to_unit, scale_to_signed])
def test_images_stay_as_they_were(function):
    images = np.arange(256, dtype="uint8")
    images.flags.writeable = False
    function(images)

    assert images.tolist() == list(range(256))


@pytest.mark.parametrize("function", [scale_to_unit, scale_to_signed])
@pytest.mark.parametrize(
    ("dtype", "advice"),
    [
        ("int64", "images.astype('uint8')"),
        ("int8", "images.astype('uint8')"),
        ("float32", "0 to 1 already"),
        ("float64", "0 to 1 already"),
        ("bool", "images.astype('float32')"),
        ("complex64", "uint8"),
        ("U1", "uint8"),
    ],
)
def test_scaling_of_other_dtypes_is_refused(function, dtype, advice):
    images = np.zeros(2, dtype)

    with pytest.raises(TypeError) as caught:
        function(images)
    assert str(caught.value).startswith(
        f"{function.__name__}: images.dtype must be an unsigned integer"
    )
    assert f"Received: images.dtype={str(images.dtype)!r}." in str(caught.value)
    assert advice in str(caught.value)


# --- standardizing ---


@given(tables, st.integers(0, 3))
def test_standardize_is_the_formula_with_training_statistics(train, count):
    other = np.resize(train[::-1] * 3, (count, *train.shape[1:]))
    for result, x in zip(
        standardize(train, other), (train, other), strict=True
    ):
        assert isinstance(result, np.ndarray)
        assert result.dtype == np.float32
        assert result.shape == x.shape
        np.testing.assert_allclose(result, formula(train, x), atol=1e-5)


@pytest.mark.parametrize(
    ("mean_axis", "std_axis"),
    [(0, None), (None, None), (0, 0), ((0, 1, 2), (0, 1, 2)), (-4, (0, -1))],
)
def test_standardize_takes_the_statistics_over_the_axes(mean_axis, std_axis):
    random = np.random.default_rng(0)
    train = random.normal(3, 2, (6, 4, 5, 3))
    test = random.normal(3, 2, (2, 4, 5, 3))
    axes = {"mean_axis": mean_axis, "std_axis": std_axis}

    mean, std = mean_and_std(train, **axes)
    results = standardize(train, test, **axes)

    for result, x in zip(results, (train, test), strict=True):
        np.testing.assert_allclose(
            result, formula(train, x, **axes), 1e-4, 1e-6
        )
        np.testing.assert_allclose(result, (x - mean) / std, 1e-4, 1e-6)
    assert mean.ndim == std.ndim == 4


def test_standardized_digits_have_mean_zero_and_std_about_one():
    images, _ = load_mnist(kind="test")
    (result,) = standardize(images)
    mean, std = mean_and_std(images)

    np.testing.assert_allclose(result.mean(0, dtype="float64"), 0, atol=1e-6)
    assert 0.5 < result.std() < 1
    assert mean.shape == (1, 28, 28)
    assert std.shape == (1, 1, 1)
    assert float(std.item()) == pytest.approx(images.std())


def test_one_array_gives_a_tuple_of_one():
    assert len(standardize([1.0, 3.0])) == 1
    assert len(standardize([1.0, 3.0], [2.0], [4.0])) == 3


def test_test_data_does_not_move_the_statistics():
    train = np.arange(12.0).reshape(4, 3)
    (alone,) = standardize(train)
    together, _ = standardize(train, np.full((5, 3), 1e6))

    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("number", [0, 7, 0.1, -3.3e7, 1e-30])
@pytest.mark.parametrize("std_axis", [None, 0])
def test_constant_features_become_zero(number, std_axis):
    train = np.full((7, 3), number)
    mean, std = mean_and_std(train, std_axis=std_axis)
    scaled, other = standardize(train, train + 1, std_axis=std_axis)

    assert (std == 1).all()
    np.testing.assert_allclose(mean, number, rtol=1e-12)
    np.testing.assert_allclose(scaled, 0, atol=1e-7)
    np.testing.assert_allclose(other, 1, atol=1e-7)


def test_small_spread_on_large_numbers_is_kept():
    train = np.array([1e9 - 1, 1e9 + 1])

    assert standardize(train)[0].tolist() == [-1, 1]


def test_small_numbers_are_kept():
    assert standardize([1e-60, 3e-60])[0].tolist() == [-1, 1]


def test_more_data_than_one_block_is_standardized_alike():
    train = np.arange(3 * 2**20, dtype="int32").reshape(-1, 512)

    np.testing.assert_allclose(
        standardize(train)[0], formula(train, train), atol=1e-6
    )


def test_half_precision_does_not_overflow():
    train = np.array([-60000, 60000], "float16")

    assert standardize(train)[0].tolist() == [-1, 1]


def test_training_data_stays_as_it_was():
    train = np.arange(4.0)
    train.flags.writeable = False
    standardize(train, train)

    assert train.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arrays", "axes", "error", "words"),
    [
        ([np.zeros((0, 3))], {}, ValueError, "train.shape must be"),
        ([np.float64(3)], {}, ValueError, "train.shape must be"),
        ([[1.0, np.nan]], {}, ValueError, "1 of its numbers are NaN"),
        ([[1.0, -np.inf]], {}, ValueError, "1 of its numbers are NaN or inf"),
        ([[1e300, -1e300]], {}, ValueError, "finite mean and standard"),
        ([[1j, 2]], {}, TypeError, "train.dtype must be"),
        ([["a", "b"]], {}, TypeError, "train.dtype must be"),
        ([[[1, 2]]], {"mean_axis": 1}, ValueError, "mean_axis must be None or"),
        ([[[1, 2]]], {"std_axis": (1,)}, ValueError, "std_axis must be None"),
        ([[[1, 2]]], {"std_axis": 2}, ValueError, "out of bounds"),
        ([[[1, 2]], [[1, 2, 3]]], {}, ValueError, "others[0].shape must be"),
        ([[1, 2], 3], {}, ValueError, "others[0].shape must be"),
        ([[1, 2], [3], ["a"]], {}, TypeError, "others[1].dtype must be"),
    ],
)
def test_standardize_refuses_what_it_cannot_do(arrays, axes, error, words):
    with pytest.raises(error) as caught:
        standardize(*arrays, **axes)
    assert words in str(caught.value)
    if "bounds" not in words:
        assert str(caught.value).startswith("standardize: ")


def test_mean_and_std_speaks_under_its_own_name():
    with pytest.raises(ValueError, match=r"^mean_and_std: train\.shape"):
        mean_and_std([])


# --- one-hot ---


@given(
    hnp.arrays(
        st.sampled_from(["uint8", "int8", "int64", "uint64", ">i2"]),
        hnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
        elements=st.integers(0, 9),
    ),
    st.integers(10, 12),
)
def test_one_hot_has_one_at_the_label(labels, num_classes):
    rows = one_hot(labels, num_classes)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]

    assert rows.dtype == np.float32
    assert rows.shape == (*labels.shape, num_classes)
    for index in np.ndindex(rows.shape):
        assert rows[index] == float(labels[index[:-1]] == index[-1])
    np.testing.assert_array_equal(rows.argmax(-1), labels)


def test_one_hot_equals_the_one_of_keras():
    labels = np.array([[1, 0], [3, 3]])
    expected = keras.ops.convert_to_numpy(keras.ops.one_hot(labels, 5))

    np.testing.assert_array_equal(one_hot(labels, 5), expected)


@given(hnp.arrays("uint8", hnp.array_shapes(max_dims=3, max_side=4)))
def test_one_hot_has_the_shape_of_to_categorical(labels):
    expected = keras.utils.to_categorical(labels, 256)
    np.testing.assert_array_equal(one_hot(labels, 256), expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    "axes", [{}, {"mean_axis": (0, 1), "std_axis": (0, 1)}]
)
def test_standardizing_takes_little_more_memory_than_its_result(
    dtype, axes, monkeypatch
):
    monkeypatch.setattr(_prepare, "_BLOCK", 1 << 14)
    images = np.random.default_rng(0).integers(0, 256, (20_000, 200))
    images = images.astype(dtype)
    tracemalloc.start()
    try:
        (result,) = standardize(images, **axes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * result.nbytes + 40 * _prepare._BLOCK


def test_one_hot_counts_the_classes_itself():
    assert one_hot([2, 0]).shape == (2, 3)
    assert one_hot(np.uint8(4)).tolist() == [0, 0, 0, 0, 1]
    assert one_hot(np.zeros(0, "uint8"), 3).shape == (0, 3)
    assert one_hot([0], np.int64(2)).shape == (1, 2)


@pytest.mark.parametrize(
    ("labels", "num_classes", "error", "words"),
    [
        (
            [0, 3],
            3,
            ValueError,
            "labels must be from 0 to 2. Received: labels=3",
        ),
        ([[0, 1], [5, -1]], 5, ValueError, "flat index 2; 2 of 4 labels"),
        ([0, -1], None, ValueError, "Received: labels=-1"),
        ([-2, -1], None, ValueError, "from 0 to 0. Received: labels=-2"),
        (np.uint64([2**64 - 1]), 3, ValueError, "labels=18446744073709551615"),
        ([0.0, 1.0], 3, TypeError, "labels.astype('int64')"),
        ([True], 3, TypeError, "labels.dtype must be an integer"),
        (["a"], 3, TypeError, "labels.dtype must be an integer"),
        ([0], 0, ValueError, "num_classes must be a positive integer"),
        ([0], -3, ValueError, "Received: num_classes=-3"),
        ([0], 3.0, TypeError, "Received: num_classes=3.0"),
        ([0], "3", TypeError, "Received: num_classes='3'"),
        (np.zeros(0, "int8"), None, ValueError, "when there are no labels"),
    ],
)
def test_one_hot_refuses_what_is_no_class(labels, num_classes, error, words):
    with pytest.raises(error) as caught:
        one_hot(labels, num_classes)
    assert str(caught.value).startswith("one_hot: ")
    assert words in str(caught.value)
