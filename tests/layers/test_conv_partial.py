import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import PartialConv1D, PartialConv2D
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import images, reference_conv
from tests.parity import assert_same

RANKS = {
    rank: getattr(keras_extras.layers, f"PartialConv{rank}D")
    for rank in (1, 2, 3)
}
PADS = {"mode": "constant"}


def masks(rank, size, channels=1, batch=2, share=0.4):
    shape = (batch, *(size,) * rank, channels)
    return (np.random.default_rng(5).random(shape) < share).astype("float32")


def reference(x, mask, kernel, bias, strides, pads, dilation):
    """The paper's equations 1 and 2, in float64: (outputs, new mask)."""
    x, mask = x.astype("float64"), mask.astype("float64")
    sums = reference_conv(
        np.where(mask == 0, 0, x) * mask, kernel, strides, pads, dilation, PADS
    )
    ones = np.ones((*kernel.shape[:-2], mask.shape[-1], 1))
    counts = reference_conv(mask, ones, strides, pads, dilation, PADS)
    new = (counts > 0).astype("float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(counts > 0, sums * ones.size / counts + bias, 0)
    return scaled, new


@st.composite
def cases(draw):
    rank = draw(st.sampled_from([1, 2]))
    each = lambda low, high: [  # noqa: E731
        draw(st.integers(low, high)) for _ in range(rank)
    ]
    pads = list(zip(each(0, 2), each(0, 2), strict=True))
    groups = draw(st.sampled_from([1, 2]))
    wide = draw(st.booleans())
    return rank, each(1, 3), each(1, 2), each(1, 2), pads, groups, wide


@given(cases())
@example((3, [2, 2, 2], [2, 1, 1], [1, 1, 2], [(1, 0)] * 3, 2, False))
@example((2, [3, 2], [2, 1], [1, 2], [(1, 1), (0, 2)], 1, True))
def test_partial_conv_equals_the_formula(arguments):
    rank, size, strides, dilation, pads, groups, wide = arguments
    x = images(rank, 6, 4)
    mask = masks(rank, 6, 4 if wide else 1)
    layer = RANKS[rank](
        2 * groups,
        size,
        strides=strides,
        dilation_rate=dilation,
        padding=pads,
        groups=groups,
        return_mask=True,
        bias_initializer="ones",
    )
    outputs, new = map(to_numpy, layer(x, mask))
    expected, expected_mask = reference(
        x, mask, to_numpy(layer.kernel), 1, strides, pads, dilation
    )
    np.testing.assert_array_equal(new, expected_mask)
    np.testing.assert_allclose(outputs, expected, atol=2e-4)
    shapes = layer.compute_output_shape(x.shape)
    assert shapes == (expected.shape, expected_mask.shape)


@pytest.mark.parametrize("rank", RANKS)
def test_without_holes_it_is_the_stock_convolution(rank):
    keywords = {"filters": 3, "kernel_size": 2, "strides": 2}
    stock = getattr(keras.layers, f"Conv{rank}D")(**keywords)
    assert_same(RANKS[rank](**keywords), stock, images(rank, 4, 2))


def test_without_a_mask_only_the_pads_are_holes():
    # A mean over real positions: the border is not darker than the rest.
    layer = PartialConv2D(1, 3, padding="same", kernel_initializer="ones")
    y = to_numpy(layer(np.full((1, 4, 4, 1), 2.0, "float32")))
    np.testing.assert_allclose(y, 18, rtol=1e-6)
    x = images(2, 5, 2)
    layer = PartialConv2D(3, 3, padding=1)
    np.testing.assert_array_equal(
        to_numpy(layer(x)), to_numpy(layer(x, np.ones_like(x[..., :1])))
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_holes_never_count_and_get_no_gradient(data_format):
    x = images(2, 5, 2)
    mask = masks(2, 5)
    if data_format == "channels_first":
        x, mask = np.moveaxis(x, -1, 1), np.moveaxis(mask, -1, 1)
    layer = PartialConv2D(3, 3, padding=1, data_format=data_format)
    layer.build(x.shape)
    holes = np.broadcast_to(mask == 0, x.shape)
    clean, other = (np.where(holes, fill, x) for fill in (0.0, np.nan))
    results = [
        value_and_gradients(
            lambda values: layer(values, mask), layer.trainable_weights, part
        )
        for part in (clean.astype("float32"), other.astype("float32"))
    ]
    for one, two in zip(*map(keras.tree.flatten, results), strict=True):
        assert np.isfinite(two).all()
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert (results[0][1][holes] == 0).all()
    assert (results[0][1][~holes] != 0).any()


def test_gradients_equal_those_of_stock_steps():
    x, mask = images(2, 5, 2), masks(2, 5)
    layer = PartialConv2D(3, 3, activation="tanh")
    stock = keras.layers.Conv2D(3, 3, use_bias=False)
    layer.build(x.shape)
    stock.build(x.shape)
    stock.set_weights(layer.get_weights()[:1])
    counts = reference_conv(
        mask, np.ones((3, 3, 1, 1)), (1, 1), [(0, 0)] * 2, (1, 1), PADS
    )
    scale = np.where(counts > 0, 9 / np.maximum(counts, 1), 0)
    mask, scale = (
        keras.ops.convert_to_tensor(each.astype("float32"))
        for each in (mask, scale)
    )
    got = value_and_gradients(
        lambda values: layer(values, mask), layer.trainable_weights[:1], x
    )
    expected = value_and_gradients(
        lambda values: keras.ops.tanh(stock(values * mask) * scale),
        stock.trainable_weights,
        x,
    )
    for one, other in zip(
        *map(keras.tree.flatten, (got, expected)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_soft_mask_weighs_as_in_the_authors_code():
    x = np.array([2.0, 4.0], "float32").reshape(1, 2, 1)
    mask = np.array([0.5, 0.25], "float32").reshape(1, 2, 1)
    layer = PartialConv1D(1, 2, kernel_initializer="ones", return_mask=True)
    y, new = layer(x, mask)
    # 2 / 0.75 * min(0.75, 1) * (2 * 0.5 + 4 * 0.25), once more by the new mask
    assert to_numpy(new).item() == 0.75
    assert to_numpy(y).item() == pytest.approx(2 * 2.0 * 0.75)


def test_other_pad_modes_repeat_the_mask_with_the_input():
    x = np.array([1.0, 2.0, 3.0], "float32").reshape(1, 3, 1)
    mask = np.array([1, 0, 1]).reshape(1, 3, 1)
    layer = PartialConv1D(
        1, 3, padding=1, pad_mode="reflect", kernel_initializer="ones"
    )
    # windows 2 1 2, 1 2 3 and 2 3 2, of which every 2 is a hole
    assert to_numpy(layer(x, mask)).ravel().tolist() == [3, 6, 9]


def test_masks_of_keras_arrive_and_end_here():
    x = np.array([1.0, 2.0, 0.0, 0.0, 3.0], "float32").reshape(1, 5, 1)
    layer = PartialConv1D(1, 2, kernel_initializer="ones")
    y = layer(keras.layers.Masking(0.0)(x))
    assert to_numpy(y).ravel().tolist() == [3, 4, 0, 6]
    assert getattr(y, "_keras_mask", None) is None


def test_mask_by_keyword_and_of_bools_without_channels():
    x = images(2, 4, 3)
    mask = masks(2, 4)
    layer = PartialConv2D(2, 3)
    expected = to_numpy(layer(x, mask))
    for other in (mask[..., 0] == 1, mask.astype("int32")):
        np.testing.assert_allclose(
            to_numpy(layer(x, mask=other)), expected, atol=1e-6
        )


def test_model_with_unknown_sizes_is_saved_with_its_masks(tmp_path):
    inputs, mask = keras.Input((None, None, 2)), keras.Input((None, None, 1))
    outputs, new = PartialConv2D(3, 3, 2, "same", return_mask=True)(
        inputs, mask
    )
    outputs, _ = PartialConv2D(2, 3, return_mask=True)(outputs, new)
    model = keras.Model([inputs, mask], outputs)
    data = [images(2, 9, 2), masks(2, 9, share=0.1)]
    expected = model.predict(data, verbose=0)
    first, second = model.layers[-2:]
    again = second(*first(*data))[0]
    np.testing.assert_allclose(to_numpy(again), expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(data, verbose=0), expected, atol=1e-6
    )


def test_half_precision_counts_exactly():
    x = np.ones((1, 20, 20, 1), "float32")
    layer = PartialConv2D(
        1, 20, dtype="mixed_bfloat16", kernel_initializer="ones"
    )
    mask = np.ones_like(x)
    mask[0, 0, 0] = 0
    y = layer(x, mask)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    np.testing.assert_allclose(to_numpy(y), 400, rtol=0.01)


@pytest.mark.parametrize(
    "shape", [(2, 4, 5, 1), (2, 4, 4, 2), (2, 4), (1, 4, 4, 1)]
)
def test_wrong_mask_is_named_with_its_shape(shape):
    layer = PartialConv2D(2, 3)
    with pytest.raises(
        ValueError, match="PartialConv2D: mask must be "
    ) as caught:
        layer(np.ones((2, 4, 4, 3), "float32"), np.ones(shape, "float32"))
    assert f"Received: mask={shape}" in str(caught.value)
    assert "(2, 4, 4, 3)" in str(caught.value)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="PartialConv2D: pad_value must be 0"):
        PartialConv2D(2, 3, pad_value=1.0)
    with pytest.raises(TypeError, match="return_mask must be True or False"):
        PartialConv2D(2, 3, return_mask="yes")


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_config_makes_it_again(rank):
    calls = []
    base = RANKS[rank]

    class Recording(base):
        def pad_inputs(self, inputs):
            calls.append("pad_inputs")
            return super().pad_inputs(inputs)

        def transform_kernel(self, kernel):
            calls.append("transform_kernel")
            return super().transform_kernel(kernel)

        def convolution_op(self, inputs, kernel, mask=None):
            calls.append("convolution_op")
            return super().convolution_op(inputs, kernel, mask)

        def add_bias(self, outputs):
            calls.append("add_bias")
            return super().add_bias(outputs)

        def activate(self, outputs):
            calls.append("activate")
            return super().activate(outputs)

    x = images(rank, 4, 1)
    layer = Recording(2, 3, 2, padding=1, return_mask=True)
    layer(x)
    assert sorted(calls[:3]) == ["pad_inputs", "pad_inputs", "transform_kernel"]
    assert calls[3:] == ["convolution_op", "add_bias", "activate"]
    again = base.from_config(layer.get_config())
    assert (again.return_mask, again.strides) == (True, (2,) * rank)
