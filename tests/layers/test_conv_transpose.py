import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras import layers
from keras_extras.layers import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    ConvTranspose,
)
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import conv_transpose as torch_cases
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

RANKS = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}
STOCK = {rank: getattr(keras.layers, f"Conv{rank}DTranspose") for rank in RANKS}


def images(rank, size, channels, batch=2):
    return oracle.normal(batch, *(size,) * rank, channels)


def reference(x, kernel, strides, dilation, groups=1):
    """The uncut formula, in float64, channels last, one input at a time."""
    *size, filters, channels = kernel.shape
    window = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    lengths = [
        (n - 1) * s + w
        for n, s, w in zip(x.shape[1:-1], strides, window, strict=True)
    ]
    y = np.zeros((x.shape[0], *lengths, groups * filters))
    share = channels // groups
    for place in np.ndindex(*x.shape[1:-1]):
        for tap in np.ndindex(*size):
            target = tuple(
                i * s + j * d
                for i, s, j, d in zip(
                    place, strides, tap, dilation, strict=True
                )
            )
            for g in range(groups):
                channel = slice(g * share, (g + 1) * share)
                filter_ = slice(g * filters, (g + 1) * filters)
                y[(slice(None), *target, filter_)] += (
                    x[(slice(None), *place, channel)]
                    @ kernel[(*tap, slice(None), channel)].T
                )
    return y


def cut(y, crops):
    """Cuts (before, after) off each spatial axis, or adds zeros."""
    for axis, (before, after) in enumerate(crops, start=1):
        widths = [(0, 0)] * y.ndim
        widths[axis] = max(-before, 0), max(-after, 0)
        y = np.pad(y, widths)
        places = range(max(before, 0), y.shape[axis] - max(after, 0))
        y = np.take(y, places, axis=axis)
    return y


@st.composite
def stock_arguments(draw):
    """Arguments that stock takes on every backend: rank and keywords."""
    rank = draw(st.sampled_from([1, 2]))  # 3 compiles for long: example
    strides = draw(st.integers(1, 3))
    size = draw(st.integers(1, 3))
    padding = draw(st.sampled_from(["valid", "same"]))
    added = draw(st.sampled_from([None, *range(strides)]))
    if padding == "same" and size % 2 == 0 and added == 0:
        added = None  # stock's TensorFlow backend crashes
    return rank, {
        "filters": 2,
        "kernel_size": size,
        "strides": strides,
        "padding": padding,
        "output_padding": added,
        "dilation_rate": 1 if strides > 1 else draw(st.integers(1, 2)),
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
@example((2, {"filters": 2, "kernel_size": (3, 2), "strides": (2, 1)}))
@example((1, {"filters": 2, "kernel_size": 2, "strides": 3}))
@example((3, {"filters": 2, "kernel_size": 3, "strides": (2, 1, 2)}))
@example((3, {"filters": 2, "kernel_size": 2, "padding": "same"}))
@example(
    (
        2,
        {
            "filters": 2,
            "kernel_size": 3,
            "strides": 2,
            "padding": "same",
            "output_padding": 0,
        },
    )
)
def test_conv_transpose_equals_stock_in_values_and_gradients(arguments):
    rank, keywords = arguments
    x = images(rank, 3, 3)
    if keywords.get("data_format") == "channels_first":
        x = np.moveaxis(x, -1, 1)
    assert_same(RANKS[rank](**keywords), STOCK[rank](**keywords), x)


@st.composite
def all_arguments(draw):
    """Beyond stock: pads, groups, stride with dilation, output padding."""
    rank = draw(st.sampled_from([1, 2]))
    each = lambda low, high: [  # noqa: E731
        draw(st.integers(low, high)) for _ in range(rank)
    ]
    strides, dilation = each(1, 3), each(1, 2)
    return {
        "size": each(1, 3),
        "strides": strides,
        "dilation": dilation,
        "pads": list(zip(each(0, 3), each(0, 3), strict=True)),
        "added": [
            draw(st.integers(0, max(pair) - 1))
            for pair in zip(strides, dilation, strict=True)
        ],
        "groups": draw(st.sampled_from([1, 2])),
        "first": draw(st.booleans()),
    }


@given(all_arguments())
@example(
    {
        "size": [3],
        "strides": [2],
        "dilation": [2],
        "pads": [(1, 3)],
        "added": [1],
        "groups": 2,
        "first": True,
    }
)
@example(  # cuts more than a kernel's width
    {
        "size": [1],
        "strides": [2],
        "dilation": [1],
        "pads": [(3, 2)],
        "added": [0],
        "groups": 1,
        "first": False,
    }
)
def test_conv_transpose_equals_the_formula_with_any_padding(case):
    rank = len(case["size"])
    x = images(rank, 5, 6)
    layer = RANKS[rank](
        2 * case["groups"],
        case["size"],
        strides=case["strides"],
        dilation_rate=case["dilation"],
        padding=case["pads"],
        output_padding=case["added"],
        groups=case["groups"],
        data_format="channels_first" if case["first"] else "channels_last",
        bias_initializer="ones",
    )
    crops = [
        (before, after - added)
        for (before, after), added in zip(
            case["pads"], case["added"], strict=True
        )
    ]
    order = {"source": -1, "destination": 1 if case["first"] else -1}
    shape = np.moveaxis(x, **order).shape
    if not fits(case, 5):
        with pytest.raises(ValueError, match="padding must be so small"):
            layer.build(shape)
        return
    outputs = to_numpy(layer(np.moveaxis(x, **order)))
    expected = 1 + cut(
        reference(
            x.astype("float64"),
            to_numpy(layer.kernel),
            case["strides"],
            case["dilation"],
            case["groups"],
        ),
        crops,
    )
    expected = np.moveaxis(expected, **order)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert layer.compute_output_shape(shape) == expected.shape


def fits(case, length):
    return all(
        (length - 1) * s + (k - 1) * d + 1 - sum(pads) + added > 0
        for k, s, d, pads, added in zip(
            *(case[name] for name in ("size", "strides", "dilation")),
            *(case[name] for name in ("pads", "added")),
            strict=True,
        )
    )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid", "causal", 1])
def test_strides_with_dilation_have_stock_lengths(padding, groups):
    """The formula of stock, which refuses to compute it."""
    x = images(1, 4, 2)
    layer = Conv1DTranspose(
        2, 3, 3, padding, dilation_rate=2, groups=groups, use_bias=False
    )
    outputs = to_numpy(layer(x))
    crops = {
        "valid": (0, 0),  # the window, 5, is not shorter than the stride
        "same": (1, 1),
        "causal": (0, 2),
        1: (1, 1),
    }[padding]
    expected = reference(x, to_numpy(layer.kernel), [3], [2], groups)
    np.testing.assert_allclose(outputs, cut(expected, [crops]), atol=1e-5)
    assert outputs.shape[1] == {"valid": 14}.get(padding, 12)


@pytest.mark.parametrize("rank", RANKS)
def test_it_is_the_gradient_of_our_convolution(rank):
    """<conv(x), z> = <x, conv_transpose(z)>, the definition on paper."""
    arguments = {
        "strides": 2,
        "dilation_rate": 2,
        "padding": 1,
        "groups": 2,
        "use_bias": False,
    }
    down = getattr(layers, f"Conv{rank}D")(4, 2, **arguments)
    up = RANKS[rank](2, 2, **arguments)
    x, z = images(rank, 5, 2), images(rank, 3, 4)
    down.build(x.shape)
    up.build(z.shape)
    up.set_weights(down.get_weights())
    left = (to_numpy(down(x)) * z).sum()
    right = (x * to_numpy(up(z))).sum()
    np.testing.assert_allclose(left, right, rtol=1e-4)
    outputs, to_inputs, _ = value_and_gradients(up, up.trainable_weights, z)
    assert outputs.shape == x.shape
    assert np.abs(to_inputs).min() > 0


def test_causal_outputs_see_no_later_input():
    layer = Conv1DTranspose(2, 5, strides=2, padding="causal")
    x = images(1, 6, 3)
    before = to_numpy(layer(x))
    x[:, 3:] += 1
    after = to_numpy(layer(x))
    assert before.shape == (2, 12, 2)
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert np.abs(before[:, 6] - after[:, 6]).min() > 0


def test_what_crashes_in_stock_on_tensorflow_has_the_shape_of_the_others():
    layer = Conv2DTranspose(2, 2, 2, padding="same", output_padding=0)
    x = images(2, 3, 1)
    full = reference(x, to_numpy_kernel(layer, x), [2, 2], [1, 1])
    np.testing.assert_allclose(
        to_numpy(layer(x)), cut(full, [(1, 1), (1, 1)]), atol=1e-5
    )


def to_numpy_kernel(layer, x):
    layer.build(x.shape)
    return to_numpy(layer.kernel)


@pytest.mark.parametrize("case", torch_cases.CASES)
def test_equal_to_torch(case):
    arguments, x, weight, bias = torch_cases.inputs(case)
    rank = x.ndim - 2
    layer = RANKS[rank](
        arguments["out_channels"],
        arguments["kernel_size"],
        strides=arguments.get("stride", 1),
        padding=arguments.get("padding", 0),
        output_padding=arguments.get("output_padding", 0),
        dilation_rate=arguments.get("dilation", 1),
        groups=arguments.get("groups", 1),
        data_format="channels_first",
    )
    layer.build(x.shape)
    # torch: (channels, filters / groups, *size)
    layer.set_weights([np.moveaxis(weight, (0, 1), (-1, -2)), bias])
    expected = oracle.load("conv_transpose")
    outputs, gradient, (kernel, _) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    np.testing.assert_allclose(outputs, expected[case], atol=1e-4)
    np.testing.assert_allclose(gradient, expected[f"{case}/x"], atol=1e-4)
    np.testing.assert_allclose(
        np.moveaxis(kernel, (-1, -2), (0, 1)),
        expected[f"{case}/weight"],
        atol=1e-3,
    )


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch computes them"
)
def test_torch_file_is_up_to_date():
    oracle.assert_up_to_date("conv_transpose", torch_cases.results())


@pytest.mark.parametrize("rank", RANKS)
def test_signature_and_config_are_those_of_stock(rank):
    assert_same_signature(f"Conv{rank}DTranspose")
    keywords = {
        "filters": 4,
        "kernel_size": 3,
        "strides": 2,
        "output_padding": 1,
        "activation": "relu",
        "kernel_regularizer": "l2",
        "bias_constraint": "non_neg",
        "name": "up",
    }
    assert_takes_stock_config(RANKS[rank](**keywords), STOCK[rank](**keywords))


def test_third_dimension_has_stocks_order_of_arguments():
    layer = Conv3DTranspose(4, 3, 2, "same", "channels_first", 1)
    assert layer.data_format == "channels_first"
    assert layer.output_padding == (1, 1, 1)
    again = Conv3DTranspose.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_aliases_are_the_same_class(rank):
    alias = getattr(layers, f"Convolution{rank}DTranspose")
    assert alias is RANKS[rank]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same", "causal", 1])
def test_unknown_sizes_give_the_same_values(padding, groups):
    layer = Conv2DTranspose(2, 3, 2, padding, groups=groups)
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    assert layer.compute_output_shape((None, None, 3, 2))[:2] == (None, None)
    x = images(2, 3, 2)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"filters": 0}, "filters", ValueError),
        ({"filters": 2.5}, "filters", TypeError),
        ({"kernel_size": 0}, "kernel_size", ValueError),
        ({"kernel_size": (3, 3, 3)}, "kernel_size", ValueError),
        ({"strides": -1}, "strides", ValueError),
        ({"padding": "smae"}, "padding", ValueError),
        ({"padding": -1}, "padding", ValueError),
        ({"padding": (1, 2, 3)}, "padding", ValueError),
        ({"output_padding": -1}, "output_padding", ValueError),
        ({"output_padding": 1}, "output_padding", ValueError),
        ({"output_padding": (0, 0, 0)}, "output_padding", ValueError),
        ({"data_format": "channels_middle"}, "data_format", ValueError),
        ({"dilation_rate": 0}, "dilation_rate", ValueError),
        ({"groups": 0}, "groups", ValueError),
        ({"groups": 3}, "groups", ValueError),
        ({"activation": "rleu"}, "activation", ValueError),
        ({"kernel_initializer": "zeroes"}, "kernel_initializer", ValueError),
        ({"bias_initializer": 3}, "bias_initializer", TypeError),
        ({"kernel_regularizer": "l3"}, "kernel_regularizer", ValueError),
        ({"bias_regularizer": 3}, "bias_regularizer", TypeError),
        ({"activity_regularizer": "l3"}, "activity_regularizer", ValueError),
        ({"kernel_constraint": "positive"}, "kernel_constraint", ValueError),
        ({"bias_constraint": 3}, "bias_constraint", TypeError),
        ({"pad_mode": "reflect"}, "pad_mode", ValueError),
        ({"pad_value": 1.0}, "pad_value", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error) as caught:
        Conv2DTranspose(**{"filters": 4, "kernel_size": 3, **keywords})
    text = str(caught.value)
    assert text.startswith(f"Conv2DTranspose: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_output_padding_may_reach_the_dilation_as_in_torch():
    layer = Conv2DTranspose(1, 3, padding=1, output_padding=1, dilation_rate=2)
    assert layer.compute_output_shape((None, 4, 4, 1)) == (None, 7, 7, 1)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (Conv2DTranspose(2, 2, padding=2), (1, 2, 4, 1), "leaves -1 on axis 1"),
        (Conv2DTranspose(2, 3, groups=2), (1, 4, 4, 3), "has 3 channels"),
        (Conv2DTranspose(2, 3), (1, 4, 4, None), "the channels (axis 3) known"),
        (Conv2DTranspose(2, 3), (1, 4, 4, 4, 1), "of 4 axes"),
    ],
)
def test_wrong_input_shape_is_named(layer, shape, words):
    with pytest.raises(ValueError, match=r"^Conv2DTranspose: ") as caught:
        layer.build(shape)
    assert words in str(caught.value)
    assert str(shape) in str(caught.value)


def test_rank_general_base_asks_for_a_rank():
    with pytest.raises(TypeError, match="ConvTranspose: the class attribute"):
        ConvTranspose(4, 3)


HOOKS = [
    "pad_inputs",
    "transform_kernel",
    "convolution_op",
    "add_bias",
    "activate",
]


def recording(base, calls):
    """A subclass whose every hook writes its name and goes on."""

    def hook(name):
        def step(self, *args):
            calls.append(name)
            return getattr(base, name)(self, *args)

        return step

    return type("Recording", (base,), {name: hook(name) for name in HOOKS})


@pytest.mark.parametrize("rank", RANKS)
def test_every_documented_hook_is_called_in_order(rank):
    calls = []
    recording(RANKS[rank], calls)(2, 3)(images(rank, 3, 1))
    assert calls == HOOKS
    assert all(f"`{hook}(" in ConvTranspose.__doc__ for hook in HOOKS)


@keras.saving.register_keras_serializable("tests")
class Interpolating(Conv1DTranspose):
    """Linear interpolation: a fixed kernel, scaled by the learned one."""

    def transform_kernel(self, kernel):
        weights = keras.ops.reshape(
            keras.ops.convert_to_tensor([0.5, 1.0, 0.5]), (3, 1, 1)
        )
        return keras.ops.cast(weights, kernel.dtype) * kernel


def test_one_hook_makes_an_interpolation(tmp_path):
    layer = Interpolating(
        1, 3, 2, padding=1, kernel_initializer="ones", name="between"
    )
    x = np.array([0.0, 2.0, 6.0], "float32").reshape(1, 3, 1)
    model = keras.Sequential([keras.Input((3, 1)), layer])
    assert to_numpy(layer(x)).ravel().tolist() == [0, 1, 2, 4, 6]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), to_numpy(layer(x)))


def test_lora_adds_a_low_rank_update():
    layer = Conv2DTranspose(2, 3, lora_rank=1, lora_alpha=2)
    x = images(2, 3, 3)
    layer(x)
    layer.lora_kernel_b.assign(keras.ops.ones((1, 3)))
    merged = to_numpy(layer._kernel) + 2 * to_numpy(layer.lora_kernel_a)
    np.testing.assert_allclose(to_numpy(layer.kernel), merged, rtol=1e-5)
