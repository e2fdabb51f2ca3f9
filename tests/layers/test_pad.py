import math

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras.layers import Pad, Pad1D, Pad2D
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import pad as torch_pad
from tests.parity import assert_same, config_without_name

NAMES = ["Pad1D", "Pad2D", "Pad3D"]
FORMATS = ["channels_last", "channels_first"]
MODES = ["constant", "reflect", "symmetric", "edge", "wrap"]


def ours(name):
    return getattr(keras_extras.layers, name)


def irregular(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@st.composite
def pads(draw):
    """Rank, and (before, after) per axis, wider than the input too."""
    rank = draw(st.sampled_from([1, 2, 3]))
    width = st.integers(0, 5)
    return rank, [(draw(width), draw(width)) for _ in range(rank)]


@given(
    case=pads(),
    mode=st.sampled_from(MODES),
    data_format=st.sampled_from(FORMATS),
)
@example((2, [(4, 3), (0, 5)]), "reflect", "channels_first")
@example((3, [(1, 2), (3, 0), (0, 1)]), "symmetric", "channels_last")
def test_pads_are_those_of_numpy(case, mode, data_format):
    rank, widths = case
    x = irregular(2, *(3, 4, 2)[:rank], 2)
    layer = ours(f"Pad{rank}D")(widths, mode, 0.5, data_format)
    last = data_format == "channels_last"
    ends = [(0, 0)]
    full = ends + widths + ends if last else ends * 2 + widths
    fill = {"constant_values": 0.5} if mode == "constant" else {}
    expected = np.pad(x, full, mode, **fill)
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_zeros_equal_stock_in_values_and_gradients(rank, dtype):
    stock = getattr(keras.layers, f"ZeroPadding{rank}D")
    keywords = {"padding": ((1, 2), (0, 1), (3, 0))[:rank], "dtype": dtype}
    theirs = {**keywords, "padding": (1, 2)} if rank == 1 else keywords
    keywords["data_format"] = theirs["data_format"] = "channels_last"
    assert_same(
        ours(f"Pad{rank}D")(**keywords),
        stock(**theirs),
        irregular(2, *(3, 4, 2)[:rank], 3),
    )


@pytest.mark.parametrize("mode", MODES)
def test_gradient_goes_to_the_repeated_position(mode):
    x = irregular(1, 3, 1)
    layer = ours("Pad1D")(4, mode, data_format="channels_last")
    _, gradient, _ = value_and_gradients(layer, [], x)
    positions = np.pad(np.arange(3), 4, mode)
    factors = np.cos(1.0 + np.arange(11))
    if mode == "constant":
        factors[:4] = factors[7:] = 0
    expected = np.bincount(positions, factors, 3)
    np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("data_format", FORMATS)
def test_pads_are_those_of_torch(data_format):
    answers = oracle.load("pad")
    for case, rank, x, mode, pairs in torch_pad.cases():
        expected = answers[case]
        if data_format == "channels_last":
            x, expected = np.moveaxis(x, 1, -1), np.moveaxis(expected, 1, -1)
        layer = ours(f"Pad{rank}D")(pairs, mode, torch_pad.VALUE, data_format)
        np.testing.assert_array_equal(
            to_numpy(layer(x)), expected, err_msg=case
        )


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch's turn")
def test_file_holds_what_torch_answers():
    oracle.assert_up_to_date("pad", torch_pad.results())


@pytest.mark.parametrize("mode", MODES)
def test_unknown_sizes_give_the_same_values(mode):
    layer = Pad2D(((1, 0), (2, 3)), mode, 0.5, "channels_last")
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 2)
    x = irregular(2, 4, 3, 2)
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), to_numpy(layer(x))
    )


def test_config_makes_the_same_layer():
    layer = Pad2D((1, 2), "wrap", 3.0, "channels_first")
    config = layer.get_config()
    assert config["padding"] == ((1, 1), (2, 2))
    again = Pad2D.from_config(config)
    assert config_without_name(again) == config_without_name(layer)
    assert ours("Pad1D")().padding == ((1, 1),)
    assert layer.built


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"padding": "same"}, "padding", TypeError),
        ({"padding": -1}, "padding", ValueError),
        ({"padding": ((1, -1),) * 3}, "padding", ValueError),
        ({"padding": 1.5}, "padding", TypeError),
        ({"padding": (1, 1, 1, 1)}, "padding", ValueError),
        ({"pad_mode": "mirror"}, "pad_mode", ValueError),
        ({"pad_mode": None}, "pad_mode", TypeError),
        ({"pad_value": "0"}, "pad_value", TypeError),
        ({"pad_value": None}, "pad_value", TypeError),
        ({"data_format": "first"}, "data_format", ValueError),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_argument_is_named_with_its_value(
    name, keywords, argument, error
):
    with pytest.raises(error, match=f"^{name}: {argument} must be") as caught:
        ours(name)(**keywords)
    assert f"Received: {argument}={keywords[argument]!r}" in str(caught.value)


def test_errors_say_where_to_look():
    with pytest.raises(ValueError, match=r"keras\.layers\.Cropping2D takes"):
        Pad2D((1, -1))
    with pytest.raises(ValueError, match="torch's 'circular' is 'wrap' here"):
        Pad2D(1, "circular")


@pytest.mark.parametrize("name", NAMES)
def test_wrong_shapes_are_errors(name):
    rank = int(name[-2])
    with pytest.raises(ValueError, match="expected ndim="):
        ours(name)()(np.ones((2, 3)))
    empty = np.ones((2, *(0,) * rank, 3))
    with pytest.raises(ValueError, match=f"{name}: input_shape must be of at"):
        ours(name)(1, "edge", data_format="channels_last")(empty)
    zeros = ours(name)(data_format="channels_last")(empty)
    assert tuple(zeros.shape) == (2, *(2,) * rank, 3)


@pytest.mark.parametrize("name", NAMES)
def test_documented_hook_is_called(name):
    calls = []

    class Recording(ours(name)):
        def pad_inputs(self, inputs):
            calls.append("pad_inputs")
            return super().pad_inputs(inputs)

    Recording()(np.ones((1, *(2,) * int(name[-2]), 1)))
    assert calls == ["pad_inputs"]
    assert "pad_inputs" in Pad.__doc__


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_one_hook_makes_antisymmetric_padding(rank):
    class OddPad(ours(f"Pad{rank}D")):
        def pad_inputs(self, inputs):
            inside = super().pad_inputs(keras.ops.ones_like(inputs))
            edge = type(self).from_config(
                {**self.get_config(), "pad_mode": "edge"}
            )
            return super().pad_inputs(inputs) * inside + (
                inside - 1
            ) * Pad.pad_inputs(edge, inputs)

    x = irregular(1, *(2, 3, 2)[:rank], 1)
    got = to_numpy(OddPad(1, data_format="channels_last")(x))
    corner = (0,) * (rank + 2)
    np.testing.assert_allclose(got[corner], -x[corner])


def test_the_lowest_number_pads_before_a_maximum():
    layer = Pad1D(1, pad_value=-math.inf)
    padded = keras.ops.convert_to_numpy(layer(np.ones((1, 2, 1))))
    assert padded.ravel().tolist() == [-math.inf, 1, 1, -math.inf]
    copy = Pad1D.from_config(layer.get_config())
    assert copy.pad_value == -math.inf
