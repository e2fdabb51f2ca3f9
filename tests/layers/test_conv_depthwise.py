import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras.layers import (
    Conv2D,
    DepthwiseConv,
    DepthwiseConv1D,
    DepthwiseConv2D,
    DepthwiseConv3D,
)
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import images, reference_conv
from tests.oracle import conv as torch_cases
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

RANKS = {1: DepthwiseConv1D, 2: DepthwiseConv2D, 3: DepthwiseConv3D}
STOCK = {
    rank: getattr(keras.layers, f"DepthwiseConv{rank}D") for rank in (1, 2)
}
HOOKS = [
    "pad_inputs",
    "transform_kernel",
    "convolution_op",
    "add_bias",
    "activate",
]


def reference(x, kernel, *arguments):
    """Each channel by itself, its outputs next to each other."""
    channels = [
        reference_conv(x[..., [c]], kernel[..., [c], :], *arguments)
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1)


@st.composite
def stock_arguments(draw):
    rank = draw(st.sampled_from([1, 2]))
    return rank, {
        "kernel_size": draw(st.integers(1, 3)),
        "strides": draw(st.integers(1, 2)),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "depth_multiplier": draw(st.integers(1, 2)),
        "dilation_rate": draw(st.integers(1, 2)),
        "data_format": draw(
            st.sampled_from(["channels_last", "channels_first"])
        ),
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "tanh"])),
        "dtype": draw(
            st.sampled_from(["float32", "float32", "mixed_bfloat16"])
        ),
    }


@given(stock_arguments())
@example((2, {"kernel_size": (3, 2), "depth_multiplier": 2}))
@example((2, {"kernel_size": 3, "strides": 2, "dilation_rate": 2}))
def test_depthwise_equals_stock_in_values_and_gradients(arguments):
    rank, keywords = arguments
    # 7: stock on TensorFlow adds a bias along the wrong axis where the last
    # one, channels first, has as many positions as there are channels.
    x = images(rank, 5, 7)
    if keywords.get("data_format") == "channels_first":
        x = np.moveaxis(x, -1, 1)
    assert_same(RANKS[rank](**keywords), STOCK[rank](**keywords), x)


@st.composite
def all_arguments(draw):
    rank = draw(st.sampled_from([1, 2]))
    each = lambda low, high: [  # noqa: E731
        draw(st.integers(low, high)) for _ in range(rank)
    ]
    pads = list(zip(each(0, 3), each(0, 3), strict=True))
    mode = draw(
        st.sampled_from(["constant", "reflect", "symmetric", "edge", "wrap"])
    )
    first = draw(st.booleans())
    return each(1, 3), each(1, 3), each(1, 2), pads, mode, first


@given(all_arguments())
@example(([3], [2], [2], [(1, 2)], "wrap", False))
@example(([3, 2], [2, 1], [1, 2], [(1, 2), (0, 1)], "constant", True))
@example(
    (
        [2, 3, 1],
        [2, 1, 2],
        [2, 1, 1],
        [(1, 2), (0, 1), (2, 0)],
        "reflect",
        False,
    )
)
@example(([2, 1, 3], [1, 2, 1], [1] * 3, [(0, 0)] * 3, "constant", True))
def test_depthwise_equals_the_formula_with_any_padding(arguments):
    size, strides, dilation, pads, mode, first = arguments
    rank = len(size)
    x = images(rank, 6 if rank < 3 else 4, 2)
    layer = RANKS[rank](
        size,
        strides=strides,
        dilation_rate=dilation,
        padding=pads,
        depth_multiplier=3,
        pad_mode=mode,
        data_format="channels_first" if first else "channels_last",
        bias_initializer="ones",
    )
    order = {"source": -1, "destination": 1 if first else -1}
    outputs = to_numpy(layer(np.moveaxis(x, **order)))
    expected = 1 + reference(
        x.astype("float64"),
        to_numpy(layer.kernel),
        strides,
        pads,
        dilation,
        {"mode": mode},
    )
    expected = np.moveaxis(expected, **order)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    shape = np.moveaxis(x, **order).shape
    assert layer.compute_output_shape(shape) == expected.shape


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("padding", ["same", "causal"])
def test_named_paddings_are_those_of_conv(rank, padding):
    x = images(rank, 5, 2)
    layer = RANKS[rank](3, 2, padding, use_bias=False)
    outputs = to_numpy(layer(x))
    # At stride 2 five positions have three windows of three: (1, 1).
    pads = [(1, 1)] * rank
    if padding == "causal":
        pads[0] = (2, 0)
    expected = reference(
        x.astype("float64"),
        to_numpy(layer.kernel),
        [2] * rank,
        pads,
        [1] * rank,
        {"mode": "constant"},
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("rank", RANKS)
def test_bias_stands_with_the_channels_where_all_axes_are_alike(rank):
    x = np.zeros((1, *(3,) * (rank + 1)), "float32")
    layer = RANKS[rank](1, data_format="channels_first")
    layer.build(x.shape)
    layer.set_weights([layer.get_weights()[0], np.arange(3)])
    outputs = to_numpy(layer(x))[0]
    for channel in range(3):
        assert (outputs[channel] == channel).all()


def test_three_dimensions_have_gradients():
    layer = DepthwiseConv3D(2, depth_multiplier=2, use_bias=False)
    x = images(3, 3, 2)
    layer.build(x.shape)
    outputs, to_inputs, (to_kernel,) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    # L = sum(c * y) is linear in both, so <gradient, value> = L.
    factors = np.cos(1.0 + np.arange(outputs.size)).reshape(outputs.shape)
    loss = (factors * outputs).sum()
    kernel = to_numpy(layer.kernel)
    np.testing.assert_allclose((to_inputs * x).sum(), loss, rtol=1e-3)
    np.testing.assert_allclose((to_kernel * kernel).sum(), loss, rtol=1e-3)


def test_torch_groups_are_depthwise():
    """torch's Conv2d(groups=channels), in the file of `conv`."""
    case = "depthwise"
    _, x, weight, bias = torch_cases.inputs(case)
    layer = DepthwiseConv2D(
        3,
        padding=1,
        strides=2,
        depth_multiplier=2,
        data_format="channels_first",
    )
    layer.build(x.shape)
    # torch: (channels * multiplier, 1, height, width)
    kernel = np.moveaxis(weight.reshape(4, 2, 3, 3), (0, 1), (2, 3))
    layer.set_weights([kernel, bias])
    np.testing.assert_allclose(
        to_numpy(layer(x)), oracle.load("conv")[case], atol=1e-4
    )


@pytest.mark.parametrize("rank", STOCK)
def test_signature_and_config_are_those_of_stock(rank):
    assert_same_signature(f"DepthwiseConv{rank}D")
    keywords = {
        "kernel_size": 3,
        "depth_multiplier": 2,
        "activation": "relu",
        "depthwise_regularizer": "l2",
        "bias_constraint": "non_neg",
        "name": "depthwise",
    }
    assert_takes_stock_config(RANKS[rank](**keywords), STOCK[rank](**keywords))


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_unknown_sizes_give_the_same_values(rank, padding):
    layer = RANKS[rank](3, 2, padding, dilation_rate=2 if rank == 2 else 1)
    inputs = keras.Input((*(None,) * rank, 2))
    model = keras.Model(inputs, layer(inputs))
    assert layer.compute_output_shape((*(None,) * (rank + 1), 2)) == (
        *(None,) * (rank + 1),
        2,
    )
    x = images(rank, 6, 2)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"kernel_size": 0}, "kernel_size", ValueError),
        ({"kernel_size": (3, 3, 3)}, "kernel_size", ValueError),
        ({"strides": -1}, "strides", ValueError),
        ({"padding": "smae"}, "padding", ValueError),
        ({"padding": -1}, "padding", ValueError),
        ({"depth_multiplier": 0}, "depth_multiplier", ValueError),
        ({"depth_multiplier": None}, "depth_multiplier", TypeError),
        ({"data_format": "channels_middle"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"activation": "rleu"}, "activation", ValueError),
        (
            {"depthwise_initializer": "zeroes"},
            "depthwise_initializer",
            ValueError,
        ),
        ({"bias_initializer": 3}, "bias_initializer", TypeError),
        ({"depthwise_regularizer": "l3"}, "depthwise_regularizer", ValueError),
        ({"bias_regularizer": 3}, "bias_regularizer", TypeError),
        ({"activity_regularizer": "l3"}, "activity_regularizer", ValueError),
        (
            {"depthwise_constraint": "positive"},
            "depthwise_constraint",
            ValueError,
        ),
        ({"bias_constraint": 3}, "bias_constraint", TypeError),
        ({"pad_mode": "mirror"}, "pad_mode", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error) as caught:
        DepthwiseConv2D(**{"kernel_size": 3, **keywords})
    text = str(caught.value)
    assert text.startswith(f"DepthwiseConv2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize(
    "keywords", [{"groups": 2}, {"filters": 2}, {"kernel_initializer": "ones"}]
)
def test_arguments_of_conv_are_refused(keywords):
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        DepthwiseConv2D(3, **keywords)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (DepthwiseConv2D(5), (1, 4, 9, 1), "large enough for one window"),
        (DepthwiseConv2D(3), (1, 4, 4, None), "the channels (axis 3) known"),
        (DepthwiseConv2D(3), (1, 4, 4, 4, 1), "of 4 axes"),
    ],
)
def test_wrong_input_shape_is_named(layer, shape, words):
    with pytest.raises(ValueError, match=r"^DepthwiseConv2D: ") as caught:
        layer.build(shape)
    assert words in str(caught.value)
    assert str(shape) in str(caught.value)


def test_rank_general_base_asks_for_a_rank():
    with pytest.raises(TypeError, match="DepthwiseConv: the class attribute"):
        DepthwiseConv(3)


@pytest.mark.parametrize("rank", RANKS)
def test_every_documented_hook_is_called_in_order(rank):
    calls = []

    def hook(name):
        def step(self, *args):
            calls.append(name)
            return getattr(RANKS[rank], name)(self, *args)

        return step

    steps = {name: hook(name) for name in HOOKS}
    type("Recording", (RANKS[rank],), steps)(2)(images(rank, 3, 1))
    assert calls == HOOKS
    assert all(f"`{name}(" in DepthwiseConv.__doc__ for name in HOOKS)


@keras.saving.register_keras_serializable("tests")
class Blur2D(DepthwiseConv2D):
    """Blurring before thinning out: kernels that sum to one."""

    def transform_kernel(self, kernel):
        exponents = keras.ops.exp(kernel)
        return exponents / keras.ops.sum(exponents, (0, 1), keepdims=True)


def test_one_hook_makes_a_blur(tmp_path):
    layer = Blur2D(3, 2, 1, pad_mode="edge", use_bias=False)
    x = np.full((1, 6, 6, 2), 7.0, "float32")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    np.testing.assert_allclose(to_numpy(layer(x)), 7.0, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again.layers[0], Blur2D)
    np.testing.assert_allclose(again.predict(x, verbose=0), 7.0, rtol=1e-5)


def test_equals_a_convolution_with_as_many_groups_as_channels():
    x = images(2, 5, 3)
    grouped = Conv2D(6, 3, groups=3)
    layer = DepthwiseConv2D(3, depth_multiplier=2)
    layer.build(x.shape)
    grouped.build(x.shape)
    kernel, bias = layer.get_weights()
    grouped.set_weights([kernel.reshape(3, 3, 1, 6), bias])
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(grouped(x)), atol=1e-5
    )
