import math

import keras
import numpy as np
import pytest

from keras_extras import layers, ops
from keras_extras.layers import (
    SpatialPyramidPooling1D,
    SpatialPyramidPooling2D,
)
from tests import windows
from tests.gradients import to_numpy

LEAVES = [
    getattr(layers, f"SpatialPyramidPooling{rank}D") for rank in (1, 2, 3)
]


def pyramid(x, bins, crop, reduce=np.mean):
    """Levels one after the other; channels last."""
    rank = x.ndim - 2
    columns = []
    for count in bins:
        lengths = list(x.shape[1:-1])
        if crop:
            lengths = [n - n % count if n >= count else n for n in lengths]
        for place in np.ndindex(*(count,) * rank):
            part = tuple(
                slice(math.floor(i * n / count), math.ceil((i + 1) * n / count))
                for i, n in zip(place, lengths, strict=True)
            )
            columns.append(reduce(x[:, *part], axis=tuple(range(1, rank + 1))))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("cls", LEAVES)
def test_values_and_gradients_are_those_of_the_definition(cls, crop):
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2))
    windows.assert_equals_definition(
        cls([1, 2, 3], crop=crop), lambda x: pyramid(x, [1, 2, 3], crop), x
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_numbers_of_tensorflow_addons(data_format):
    # From the tests of SpatialPyramidPooling2D there.
    x = np.arange(16.0, dtype="float32")
    first = data_format == "channels_first"
    x = x.reshape((1, 1, 4, 4) if first else (1, 4, 4, 1))
    layer = SpatialPyramidPooling2D([[1, 1], [2, 2]], data_format)
    y = to_numpy(layer(x))
    assert y.shape == ((1, 1, 5) if first else (1, 5, 1))
    assert y.ravel().tolist() == [7.5, 2.5, 4.5, 10.5, 12.5]
    spread = SpatialPyramidPooling2D([1, 3, 5], data_format)
    shape = (256, 64, None, None) if first else (256, None, None, 64)
    expected = (256, 64, 35) if first else (256, 35, 64)
    assert spread.compute_output_shape(shape) == expected


def test_cropping_leaves_the_end_out():
    x = np.array([1.0, 3.0, 5.0, 7.0, 100.0], "float32").reshape(1, 5, 1)
    y = to_numpy(SpatialPyramidPooling1D([2])(x))
    assert y.ravel().tolist() == [2, 6]
    y = to_numpy(SpatialPyramidPooling1D([2], crop=False)(x))
    np.testing.assert_allclose(y.ravel(), [3, 112 / 3], rtol=1e-6)


def test_less_positions_than_windows_overlap():
    x = np.array([1.0, 5.0], "float32").reshape(1, 2, 1)
    y = to_numpy(SpatialPyramidPooling1D([3])(x))
    assert y.ravel().tolist() == [1, 3, 5]


def test_levels_may_differ_between_axes():
    x = windows.irregular((2, 6, 5, 3)).astype("float32")
    y = to_numpy(SpatialPyramidPooling2D([(1, 2), (3, 1)], crop=False)(x))
    one = to_numpy(layers.AdaptiveAveragePooling2D((1, 2))(x))
    other = to_numpy(layers.AdaptiveAveragePooling2D((3, 1))(x))
    expected = [one.reshape(2, 2, 3), other.reshape(2, 3, 3)]
    np.testing.assert_allclose(y, np.concatenate(expected, 1), atol=1e-6)


@pytest.mark.parametrize("cls", LEAVES)
@pytest.mark.parametrize("crop", [True, False])
def test_unknown_sizes_give_the_same_values(cls, crop):
    for length in (6, 2):  # more and less positions than windows
        x = windows.irregular((2, *(length,) * cls.rank, 2))
        windows.assert_unknown_sizes_work(cls([1, 3], crop=crop), x)
    x = np.moveaxis(x, -1, 1)
    layer = cls([1, 3], "channels_first", crop=crop)
    windows.assert_unknown_sizes_work(layer, x)


@pytest.mark.parametrize("cls", LEAVES)
def test_saved_and_loaded(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    layer = cls([1, (2,) * cls.rank], crop=False)
    windows.assert_saved_and_loaded(layer, x, tmp_path)


def test_a_dense_layer_may_follow_images_of_any_size():
    model = keras.Sequential(
        [
            keras.Input((None, None, 2)),
            SpatialPyramidPooling2D([1, 2]),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    for sizes in ((4, 6), (7, 3)):
        assert model(np.ones((1, *sizes, 2), "float32")).shape == (1, 3)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"bins": []}, "bins", ValueError),
        ({"bins": 3}, "bins", TypeError),
        ({"bins": [0]}, "bins", ValueError),
        ({"bins": [1, (2, 2, 2)]}, "bins", ValueError),
        ({"bins": "12"}, "bins", TypeError),
        ({"bins": [1.5]}, "bins", TypeError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"crop": "yes"}, "crop", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error, match=r"Received: ") as caught:
        SpatialPyramidPooling2D(**{"bins": [1, 2], **keywords})
    text = str(caught.value)
    assert text.startswith(f"SpatialPyramidPooling2D: {argument} must be ")
    value = keywords[argument]
    if argument == "bins" and isinstance(value, list) and value:
        value = value[-1]  # the level that is wrong
    assert f"Received: {argument}={value!r}" in text


def test_no_positions_are_named():
    words = "SpatialPyramidPooling2D: input_shape must be"
    with pytest.raises(ValueError, match=words):
        SpatialPyramidPooling2D([1])(np.ones((1, 0, 5, 1), "float32"))


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls,
        {"bins": [1, 2]},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pool_op"],
    )


@pytest.mark.parametrize("cls", LEAVES)
def test_the_maxima_of_the_paper_are_one_attribute(cls):
    class MaxPyramid(cls):
        reduce = staticmethod(ops.adaptive_max_pool)

    x = windows.irregular((2, *(7, 5, 4)[: cls.rank], 2)).astype("float32")
    y = to_numpy(MaxPyramid([1, 2, 3], crop=False)(x))
    expected = pyramid(x, [1, 2, 3], crop=False, reduce=np.max)
    np.testing.assert_array_equal(y, expected)
