import math

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.layers import BlurPooling1D, BlurPooling2D
from tests import windows
from tests.gradients import to_numpy

LEAVES = [getattr(layers, f"BlurPooling{rank}D") for rank in (1, 2, 3)]


def blur(size):
    """The binomial weights of the real taps, scaled to a sum of 1."""

    def reduce(taps, numbers):
        weights = np.array(
            [math.prod(math.comb(size - 1, j) for j in n) for n in numbers]
        )
        return (weights * taps).sum() / weights.sum()

    return reduce


def centered(x, size, strides):
    """What timm pads: so many positions on both sides, by reflection."""
    pad = (strides - 1 + size - 1) // 2
    widths = [(0, 0), *[(pad, pad)] * (x.ndim - 2), (0, 0)]
    return np.pad(x, widths, "reflect")


@pytest.mark.parametrize("cls", LEAVES)
def test_values_and_gradients_are_those_of_the_paper(cls):
    x = windows.irregular((2, *(5, 4, 3)[: cls.rank], 2))
    windows.assert_equals_definition(
        cls(),
        lambda x: windows.reduce_windows(blur(3), centered(x, 3, 2), 3, 2),
        x,
    )


@pytest.mark.parametrize(
    ("size", "strides"),
    [(2, 2), (3, 1), (4, 2), (5, 2), (5, 3), (7, 4), (1, 2)],
)
def test_pads_of_every_filter_are_those_of_timm(size, strides):
    x = windows.irregular((1, 9, 8, 2))
    expected = windows.reduce_windows(
        blur(size), centered(x, size, strides), size, strides
    )
    y = to_numpy(BlurPooling2D(size, strides)(x.astype("float32")))
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_padded_positions_never_count_in_constant_mode():
    x = windows.irregular((1, 6, 5, 2)).astype("float32")
    expected = windows.reduce_windows(blur(3), x, 3, 2, (1, 1))
    layer = BlurPooling2D(pad_mode="constant")
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("padding", "pads"), [("valid", (0, 0)), ("same", (0, 1)), (2, (2, 2))]
)
def test_other_pads_are_taken_as_given(padding, pads):
    x = windows.irregular((1, 6, 2))
    expected = windows.reduce_windows(
        blur(3), np.pad(x, [(0, 0), pads, (0, 0)], "edge"), 3, 2
    )
    y = BlurPooling1D(3, 2, padding, pad_mode="edge")(x.astype("float32"))
    np.testing.assert_allclose(to_numpy(y), expected, atol=1e-6)


def test_a_stride_of_none_is_the_size_and_windows_may_be_dilated():
    x = windows.irregular((1, 12, 2))
    expected = windows.reduce_windows(blur(3), x, 3, 3, (0, 0), 2)
    y = BlurPooling1D(3, None, "valid", dilation_rate=2)(x.astype("float32"))
    np.testing.assert_allclose(to_numpy(y), expected, atol=1e-6)


def test_a_shift_by_one_changes_less_than_under_plain_strides():
    x = windows.irregular((1, 33, 1)).astype("float32")
    one, other = x[:, :-1], x[:, 1:]
    blurred = to_numpy(BlurPooling1D(5)(one)) - to_numpy(
        BlurPooling1D(5)(other)
    )
    plain = one[:, ::2] - other[:, ::2]
    assert np.abs(blurred).mean() < 0.5 * np.abs(plain).mean()


def test_integers_and_half_precision():
    x = keras.ops.convert_to_tensor(np.array([4, 0, 0, 8]).reshape(1, 4, 1))
    y = BlurPooling1D()(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert to_numpy(y).ravel().tolist() == [2, 2]
    large = np.full((1, 4, 1), 6e4, "float32")
    half = BlurPooling1D(7, 2, dtype="mixed_float16")(large)
    np.testing.assert_allclose(to_numpy(half), 6e4, rtol=1e-3)


@pytest.mark.parametrize("cls", LEAVES)
def test_unknown_sizes_and_files_give_the_same_values(cls, tmp_path):
    x = windows.irregular((2, *(6, 5, 4)[: cls.rank], 2))
    windows.assert_unknown_sizes_work(cls(), x)
    windows.assert_unknown_sizes_work(cls(3, 2, "same", pad_mode="wrap"), x)
    windows.assert_unknown_sizes_work(cls(pad_mode="constant"), x)
    windows.assert_saved_and_loaded(cls(4, 1), x, tmp_path)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"pool_size": 0}, "pool_size", ValueError),
        ({"strides": 0}, "strides", ValueError),
        ({"padding": "full"}, "padding", ValueError),
        ({"data_format": "first"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"ceil_mode": "yes"}, "ceil_mode", TypeError),
        ({"pad_mode": "zeros"}, "pad_mode", ValueError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    words = f"^BlurPooling2D: {argument} must be "
    with pytest.raises(error, match=words):
        BlurPooling2D(**keywords)


def test_window_of_pads_alone_is_named():
    words = "BlurPooling1D: padding must be smaller than the window"
    with pytest.raises(ValueError, match=words):
        BlurPooling1D(2, 6, pad_mode="constant")


def test_window_larger_than_the_input_is_named():
    words = "BlurPooling2D: input_shape must be"
    with pytest.raises(ValueError, match=words):
        BlurPooling2D(5, padding="valid")(np.ones((1, 3, 5, 1), "float32"))


@pytest.mark.parametrize("cls", LEAVES)
def test_hooks_are_called(cls):
    windows.assert_hooks_are_called(
        cls,
        {},
        np.ones((1, *(4,) * cls.rank, 1), "float32"),
        ["pad_inputs", "pool_op"],
    )


def test_maximum_before_the_blur_is_one_hook():
    class MaxBlurPooling1D(BlurPooling1D):
        def pad_inputs(self, inputs):
            return super().pad_inputs(layers.MaxPooling1D(2, 1)(inputs))

    x = np.array([4.0, 0.0, 0.0, 8.0, 1.0], "float32").reshape(1, 5, 1)
    y = to_numpy(MaxBlurPooling1D()(x)).ravel()
    assert y.tolist() == [2, 6]  # of 4 0 8 8
