import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import Conv, Conv1D, Conv2D, Conv3D
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import conv as torch_cases
from tests.parity import (
    assert_same,
    assert_same_signature,
    assert_takes_stock_config,
)

RANKS = {1: Conv1D, 2: Conv2D, 3: Conv3D}
STOCK = {rank: getattr(keras.layers, f"Conv{rank}D") for rank in RANKS}


def reference_conv(x, kernel, strides, pads, dilation, pad):
    """The formula, in float64, channels last, one output at a time."""
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), *pads, (0, 0)], **pad)
    groups = x.shape[-1] // kernel.shape[-2]
    extents = [
        (k - 1) * d + 1
        for k, d in zip(kernel.shape[:rank], dilation, strict=True)
    ]
    sizes = [
        (n - e) // s + 1
        for n, e, s in zip(x.shape[1:-1], extents, strides, strict=True)
    ]
    y = np.zeros((x.shape[0], *sizes, kernel.shape[-1]))
    inputs, filters = kernel.shape[-2], kernel.shape[-1] // groups
    for place in np.ndindex(*sizes):
        window = tuple(
            slice(i * s, i * s + e, d)
            for i, s, e, d in zip(
                place, strides, extents, dilation, strict=True
            )
        )
        patch = x[(slice(None), *window)]
        for group in range(groups):
            y[
                (
                    slice(None),
                    *place,
                    slice(group * filters, (group + 1) * filters),
                )
            ] = np.tensordot(
                patch[..., group * inputs : (group + 1) * inputs],
                kernel[..., group * filters : (group + 1) * filters],
                rank + 1,
            )
    return y


def images(rank, size, channels, batch=2, seed=0):
    shape = (batch, *(size,) * rank, channels)
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@st.composite
def stock_arguments(draw):
    """Arguments that stock takes: rank, keyword arguments, channels."""
    rank = draw(st.sampled_from([1, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 2]))
    strides = draw(st.integers(1, 2))
    paddings = ["valid", "same"] + ["causal"] * (rank == 1)
    padding = draw(st.sampled_from(paddings))
    return rank, {
        "filters": 2 * groups,
        "kernel_size": draw(st.integers(1, 3)),
        "strides": strides,
        "padding": padding,
        "dilation_rate": 1 if strides > 1 else draw(st.integers(1, 2)),
        "groups": groups,
        "data_format": "channels_last"
        if padding == "causal"
        else draw(st.sampled_from(["channels_last", "channels_first"])),
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "tanh"])),
        "dtype": draw(
            st.sampled_from(["float32", "float32", "mixed_bfloat16"])
        ),
    }


@given(stock_arguments())
@example((2, {"filters": 4, "kernel_size": 3, "groups": 2, "padding": "same"}))
@example((2, {"filters": 2, "kernel_size": (3, 2), "strides": (2, 1)}))
@example(
    (
        1,
        {
            "filters": 2,
            "kernel_size": 3,
            "padding": "causal",
            "dilation_rate": 2,
        },
    )
)
def test_conv_equals_stock_in_values_and_gradients(arguments):
    rank, keywords = arguments
    x = images(rank, 5, 4)
    if keywords.get("data_format") == "channels_first":
        x = np.moveaxis(x, -1, 1)
        if keras.backend.backend() == "tensorflow":
            # Keras 3.15 adds the bias along the last axis there if that has
            # as many positions as there are filters.
            keywords = {**keywords, "use_bias": False}
    assert_same(RANKS[rank](**keywords), STOCK[rank](**keywords), x)


@st.composite
def all_arguments(draw):
    """Arguments beyond stock's: explicit pads, modes, stride with dilation."""
    rank = draw(st.sampled_from([1, 2]))
    each = lambda low, high: [  # noqa: E731
        draw(st.integers(low, high)) for _ in range(rank)
    ]
    pads = list(zip(each(0, 3), each(0, 3), strict=True))
    mode = draw(
        st.sampled_from(["constant", "reflect", "symmetric", "edge", "wrap"])
    )
    return rank, each(1, 3), each(1, 2), each(1, 2), pads, mode


@given(all_arguments())
@example((1, [3], [2], [2], [(1, 2)], "wrap"))
def test_conv_equals_the_formula_with_any_padding(arguments):
    rank, size, strides, dilation, pads, mode = arguments
    x = images(rank, 6, 2)
    layer = RANKS[rank](
        3,
        size,
        strides=strides,
        dilation_rate=dilation,
        padding=pads,
        pad_mode=mode,
        bias_initializer="ones",
    )
    outputs = to_numpy(layer(x))
    expected = 1 + reference_conv(
        x.astype("float64"),
        to_numpy(layer.kernel),
        strides,
        pads,
        dilation,
        {"mode": mode},
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == expected.shape
    first = RANKS[rank].from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    first.build(np.moveaxis(x, -1, 1).shape)
    first.set_weights(layer.get_weights())
    moved = np.moveaxis(to_numpy(first(np.moveaxis(x, -1, 1))), 1, -1)
    np.testing.assert_allclose(moved, outputs, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_strides_with_dilation_equal_every_second_output(padding):
    x = images(1, 9, 2)
    dense = Conv1D(2, 3, dilation_rate=2, padding="causal")
    thin = Conv1D(2, 3, dilation_rate=2, padding="causal", strides=2)
    dense.build(x.shape)
    thin.build(x.shape)
    thin.set_weights(dense.get_weights())
    np.testing.assert_allclose(
        to_numpy(thin(x)), to_numpy(dense(x))[:, ::2], atol=1e-6
    )


@pytest.mark.parametrize("rank", RANKS)
def test_bias_is_added_along_the_channels_whatever_the_sizes(rank):
    layer = RANKS[rank](
        4, 1, data_format="channels_first", kernel_initializer="zeros"
    )
    x = np.zeros((1, 2, *(4,) * rank), "float32")  # as many pixels as filters
    layer.build(x.shape)
    layer.bias.assign(np.arange(4.0))
    got = np.moveaxis(to_numpy(layer(x)), 1, -1).reshape(-1, 4)
    assert (got == np.arange(4.0)).all()


def test_pad_value_fills_the_pads():
    x = np.zeros((1, 2, 1), "float32")
    layer = Conv1D(1, 3, padding=1, pad_value=5.0, kernel_initializer="ones")
    assert to_numpy(layer(x)).ravel().tolist() == [5.0, 5.0]


def test_delta_kernel_returns_the_input():
    x = images(2, 5, 1)
    delta = np.zeros((3, 3, 1, 1))
    delta[1, 1] = 1
    layer = Conv2D(1, 3, padding="same", use_bias=False)
    layer.build(x.shape)
    layer.set_weights([delta])
    np.testing.assert_allclose(to_numpy(layer(x)), x, atol=1e-6)


@pytest.mark.parametrize("rank", RANKS)
def test_signature_and_config_are_those_of_stock(rank):
    assert_same_signature(f"Conv{rank}D")
    keywords = {
        "filters": 4,
        "kernel_size": 3,
        "groups": 2,
        "activation": "relu",
        "kernel_regularizer": "l2",
        "bias_constraint": "non_neg",
        "name": "conv",
    }
    assert_takes_stock_config(RANKS[rank](**keywords), STOCK[rank](**keywords))


@pytest.mark.parametrize("padding", ["valid", "same", "causal", 1])
@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
def test_unknown_sizes_give_the_same_values(padding, pad_mode):
    layer = Conv2D(2, 3, strides=2, padding=padding, pad_mode=pad_mode)
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(inputs))
    assert layer.compute_output_shape((None, None, 7, 1))[:2] == (None, None)
    x = images(2, 7, 1)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


def test_lora_alpha_scales_the_update_and_is_saved_merged(tmp_path):
    x = images(2, 4, 3)
    layer = Conv2D(4, 3, lora_rank=2, lora_alpha=8)
    layer(x)
    layer.lora_kernel_b.assign(keras.ops.ones(layer.lora_kernel_b.shape))
    merged = to_numpy(layer._kernel) + 8 / 2 * (
        to_numpy(layer.lora_kernel_a) @ to_numpy(layer.lora_kernel_b)
    )
    np.testing.assert_allclose(to_numpy(layer.kernel), merged, rtol=1e-5)
    assert layer.get_config()["lora_alpha"] == 8
    assert len(layer.trainable_weights) == 3
    model = keras.Sequential([layer])
    model.build((None, 4, 4, 3))
    expected = model.predict(x, verbose=0)
    model.save_weights(tmp_path / "lora.weights.h5")
    plain = keras.Sequential([Conv2D(4, 3)])
    plain.build((None, 4, 4, 3))
    plain.load_weights(tmp_path / "lora.weights.h5")
    np.testing.assert_allclose(plain.predict(x, verbose=0), expected, atol=1e-5)
    model.load_weights(tmp_path / "lora.weights.h5")
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"filters": 0}, "filters", ValueError),
        ({"filters": 2.5}, "filters", TypeError),
        ({"filters": None}, "filters", TypeError),
        ({"kernel_size": 0}, "kernel_size", ValueError),
        ({"kernel_size": (3, 3, 3)}, "kernel_size", ValueError),
        ({"kernel_size": (3, 2.5)}, "kernel_size", TypeError),
        ({"kernel_size": None}, "kernel_size", TypeError),
        ({"strides": -1}, "strides", ValueError),
        ({"strides": "2"}, "strides", TypeError),
        ({"padding": "smae"}, "padding", ValueError),
        ({"padding": -1}, "padding", ValueError),
        ({"padding": (1, 2, 3)}, "padding", ValueError),
        ({"padding": None}, "padding", TypeError),
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
        ({"pad_mode": "mirror"}, "pad_mode", ValueError),
        ({"lora_rank": 0}, "lora_rank", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error) as caught:
        Conv2D(**{"filters": 4, "kernel_size": 3, **keywords})
    text = str(caught.value)
    assert text.startswith(f"Conv2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


def test_torch_padding_mode_is_explained():
    with pytest.raises(ValueError, match="'circular' is 'wrap' here"):
        Conv2D(1, 3, pad_mode="circular")


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (Conv2D(2, 5), (1, 4, 9, 1), "large enough for one window"),
        (Conv2D(2, 3, groups=2), (1, 4, 4, 3), "The input has 3 channels"),
        (Conv2D(2, 3), (1, 4, 4, None), "the channels (axis 3) known"),
        (Conv2D(2, 3), (1, 4, 4, 4, 1), "of 4 axes"),
    ],
)
def test_wrong_input_shape_is_named(layer, shape, words):
    with pytest.raises(ValueError, match=r"^Conv2D: ") as caught:
        layer.build(shape)
    assert words in str(caught.value)
    assert str(shape) in str(caught.value)


def test_rank_general_base_asks_for_a_rank():
    with pytest.raises(TypeError, match="Conv: the class attribute rank"):
        Conv(4, 3)


def test_kernel_before_build_is_explained():
    with pytest.raises(AttributeError, match="kernel"):
        _ = Conv2D(1, 3).kernel


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
    recording(RANKS[rank], calls)(2, 3)(images(rank, 4, 1))
    assert calls == HOOKS
    assert all(f"`{hook}(" in Conv.__doc__ for hook in HOOKS)


def weight_standardized(base):
    class WeightStandardized(base):
        def __init__(self, *args, gain=1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.gain = gain

        def transform_kernel(self, kernel):
            axes = list(range(len(kernel.shape) - 1))
            centred = kernel - keras.ops.mean(kernel, axes, keepdims=True)
            scale = keras.ops.std(kernel, axes, keepdims=True) + 1e-5
            return self.gain * centred / scale

    WeightStandardized.__name__ = f"WeightStandardized{base.__name__}"
    return keras.saving.register_keras_serializable("tests")(WeightStandardized)


STANDARDIZED = {rank: weight_standardized(cls) for rank, cls in RANKS.items()}


@pytest.mark.parametrize("rank", RANKS)
def test_one_hook_makes_a_layer_of_any_rank(rank, tmp_path):
    x = images(rank, 4, 2, batch=8)
    y = x.sum(axis=tuple(range(1, rank + 2)))
    layer = STANDARDIZED[rank](3, 3, gain=2.0, name="standardized")
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layer,
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("standardized").gain == 2.0
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    kernel = to_numpy(layer.transform_kernel(layer.kernel.value))
    np.testing.assert_allclose(kernel.reshape(-1, 3).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(
        kernel.reshape(-1, 3).std(axis=0), 2.0, rtol=1e-3
    )


def test_gradient_reaches_the_kernel_through_the_transform():
    layer = STANDARDIZED[2](3, 3)
    x = images(2, 4, 2)
    layer.build(x.shape)
    _, _, (kernel, bias) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    # A standardized kernel does not change when a constant is added to it.
    np.testing.assert_allclose(kernel.sum(axis=(0, 1, 2)), 0, atol=1e-3)
    assert np.abs(kernel).max() > 1e-3
    assert np.abs(bias).max() > 1e-3


def test_weights_of_a_stock_model_drop_in(tmp_path):
    x = images(2, 6, 3)
    build = lambda layers: keras.Sequential(  # noqa: E731
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    stock, ours = build(keras.layers), build(keras_extras.layers)
    stock.save_weights(tmp_path / "stock.weights.h5")
    ours.load_weights(tmp_path / "stock.weights.h5")
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), stock.predict(x, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize("case", torch_cases.CASES)
def test_equal_to_torch(case):
    arguments, x, weight, bias = torch_cases.inputs(case)
    modes = {"replicate": "edge", "circular": "wrap", "reflect": "reflect"}
    layer = RANKS[x.ndim - 2](
        arguments["out_channels"],
        arguments["kernel_size"],
        strides=arguments.get("stride", 1),
        padding=arguments.get("padding", 0),
        dilation_rate=arguments.get("dilation", 1),
        groups=arguments.get("groups", 1),
        pad_mode=modes.get(arguments.get("padding_mode"), "constant"),
        data_format="channels_first",
    )
    layer.build(x.shape)
    # torch: (filters, channels / groups, *size)
    layer.set_weights([np.moveaxis(weight, (0, 1), (-1, -2)), bias])
    expected = oracle.load("conv")
    outputs, gradient, (kernel, _) = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    kernel = np.moveaxis(kernel, (-1, -2), (0, 1))
    np.testing.assert_allclose(outputs, expected[case], atol=1e-4)
    np.testing.assert_allclose(gradient, expected[f"{case}/x"], atol=1e-4)
    np.testing.assert_allclose(kernel, expected[f"{case}/weight"], atol=1e-3)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch computes them"
)
def test_torch_file_is_up_to_date():
    oracle.assert_up_to_date("conv", torch_cases.results())


# --- masks of sequences ------------------------------------------------------

MASKED = {
    "Conv1D": {"filters": 3, "kernel_size": 3},
    "DepthwiseConv1D": {"kernel_size": 3, "depth_multiplier": 2},
    "SeparableConv1D": {"filters": 3, "kernel_size": 3},
    "GatedConv1D": {"filters": 3, "kernel_size": 3},
    "CosineConv1D": {"filters": 3, "kernel_size": 3},
    "WeightStandardizedConv1D": {"filters": 3, "kernel_size": 3},
    "Conv1DTranspose": {"filters": 3, "kernel_size": 3},
}


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize(
    "more",
    [
        {"padding": "valid"},
        {"padding": "same"},
        {"padding": "causal", "dilation_rate": 2},
        {"padding": "valid", "strides": 2},
        {"padding": ((2, 1),)},
        {"padding": "same", "data_format": "channels_first"},
    ],
    ids=str,
)
def test_a_filled_up_sequence_is_the_sequence_alone(name, more):
    layer = getattr(keras_extras.layers, name)(**MASKED[name], **more)
    first = more.get("data_format") == "channels_first"
    lengths = (4, 7, 6)
    x = np.random.default_rng(1).normal(size=(3, 7, 2)).astype("float32")
    mask = np.arange(7) < np.array(lengths)[:, None]
    filled = np.where(mask[..., None], x, np.nan).astype("float32")

    def call(x, mask=None):
        x = np.moveaxis(x, -1, 1) if first else x
        y = layer(x, mask=mask)
        return np.moveaxis(to_numpy(y), 1, -1) if first else to_numpy(y)

    y = call(filled, mask)
    valid = to_numpy(layer.compute_mask(None, mask)).astype(bool)
    assert valid.shape == y.shape[:2]
    assert np.isfinite(y[valid]).all()
    for number, length in enumerate(lengths):
        alone = call(x[number : number + 1, :length])[0]
        assert valid[number].sum() == len(alone)
        np.testing.assert_allclose(y[number][valid[number]], alone, atol=1e-5)


@given(
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same", "causal"]),
    seed=st.integers(0, 99),
)
def test_masked_steps_are_zeros_to_stock_and_have_no_gradient(
    kernel, stride, padding, seed
):
    random = np.random.default_rng(seed)
    x = random.normal(size=(2, 6, 2)).astype("float32")
    mask = random.random((2, 6)) < 0.6
    ours = Conv1D(3, kernel, stride, padding)
    theirs = keras.layers.Conv1D(3, kernel, stride, padding)
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    zeroed = x * mask[..., None]
    outputs, gradient, gradients = value_and_gradients(
        lambda x: ours(x, mask=mask), ours.trainable_weights, x
    )
    expected, same, those = value_and_gradients(
        theirs, theirs.trainable_weights, zeroed
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(gradient, same * mask[..., None], atol=1e-5)
    for one, other in zip(gradients, those, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", MASKED)
def test_without_a_mask_nothing_changes(name):
    make = getattr(keras_extras.layers, name)
    layer, ignoring = (
        make(**MASKED[name], use_mask=use_mask) for use_mask in (True, False)
    )
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    layer(x)
    ignoring.build(x.shape)
    ignoring.set_weights(layer.get_weights())
    expected = to_numpy(ignoring(x))
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    full = np.ones((2, 6), bool)
    np.testing.assert_array_equal(to_numpy(layer(x, mask=full)), expected)
    assert to_numpy(layer.compute_mask(x, full)).all()
    assert layer.compute_mask(x, None) is None
    assert make.from_config(ignoring.get_config()).use_mask is False
    with pytest.warns(UserWarning, match="does not support masking"):
        y = ignoring(x, mask=np.zeros((2, 6), bool))
    np.testing.assert_array_equal(to_numpy(y), expected)


def test_masked_steps_hold_what_pads_hold():
    layer = Conv1D(1, 1, pad_value=5.0, kernel_initializer="ones")
    x = np.array([1.0, 2.0]).reshape(1, 2, 1)
    y = layer(x, mask=np.array([[True, False]]))
    assert to_numpy(y).ravel().tolist() == [1.0, 5.0]


def test_a_mask_goes_through_a_model(tmp_path):
    x = np.array([[1, 2, 3, 4, 0, 0], [5, 4, 3, 2, 1, 2], [1, 2, 0, 0, 0, 0]])
    model = keras.Sequential(
        [
            keras.layers.Embedding(6, 3, mask_zero=True),
            Conv1D(4, 2, padding="causal"),
            keras_extras.layers.MaxPooling1D(2),
            Conv1D(4, 3, padding="same", activation="relu"),
            keras_extras.layers.GlobalAveragePooling1D(),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(x, np.ones((3, 4)), verbose=0)
    y = model.predict(x, verbose=0)
    for number, length in enumerate((4, 6, 2)):
        alone = model.predict(x[number : number + 1, :length], verbose=0)
        np.testing.assert_allclose(y[number], alone[0], atol=1e-5)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), y)


@pytest.mark.parametrize("name", ["Conv2D", "CondConv1D", "CoordConv1D"])
def test_layers_without_a_meaning_for_masks_say_so(name):
    layer = getattr(keras_extras.layers, name)(2, 2)
    assert not layer.supports_masking


@pytest.mark.parametrize("late", [False, True])
def test_lora_weights_are_the_layers_own_as_in_stock(late):
    found = []
    for cls in (Conv2D, keras.layers.Conv2D):
        keywords = {} if late else {"lora_rank": 2, "lora_alpha": 3}
        layer = cls(3, 2, name="conv", **keywords)
        keras.Sequential([keras.Input((4, 4, 2)), layer], name="model")
        if late:
            layer.enable_lora(2, lora_alpha=3)
        config = layer.get_config()
        found.append(
            [(config["lora_rank"], config["lora_alpha"])]
            + [(w.path, w.shape, w.dtype, w.trainable) for w in layer.weights]
        )
    assert found[0] == found[1]
    assert found[0][3][0] == "model/conv/lora_kernel_a"


def test_quantize_is_refused_in_the_words_of_keras():
    texts = []
    for cls in (Conv2D, keras.layers.Conv2D):
        layer = cls(3, 2)
        layer.build((None, 4, 4, 2))
        with pytest.raises(NotImplementedError) as caught:
            layer.quantize("int8")
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
