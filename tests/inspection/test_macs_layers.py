"""Multiply-adds of layers: torch's own counter, NumPy loops, and known sums."""

import inspect
import math

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.inspection import multiply_adds
from keras_extras.inspection._macs_layers import MULTIPLY_ADDS, einsum

stock, ours = keras.layers, keras_extras.layers

# Without a formula: what they call is not Keras's, or not layers.
UNKNOWN = {
    *("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper", "Lambda"),
    *("Layer", "Wrapper", "Pipeline"),
    # Pictures and sound are worked on before the model, not in it.
    *("AugMix", "ContrastLimitedAdaptiveHistogramEqualization", "RandAugment"),
    *("MelSpectrogram", "STFTSpectrogram", "RandomColorJitter"),
    *("RandomElasticTransform", "RandomGaussianBlur", "RandomPerspective"),
    *("RandomRotation", "RandomSharpness", "RandomShear", "RandomTranslation"),
    *("RandomZoom", "Resizing", "TextVectorization"),
}

# Half of what `torch.utils.flop_counter` says, and how it is asked there.
TORCH = {
    "Conv2D": (
        lambda: stock.Conv2D(6, 3, strides=2),
        (9, 8, 4),
        "Conv2d(4, 6, 3, 2)",
        2592,
    ),
    "grouped Conv1D": (
        lambda: stock.Conv1D(6, 5, dilation_rate=2, groups=2),
        (20, 4),
        "Conv1d(4, 6, 5, 1, 0, 2, 2)",
        720,
    ),
    "Conv3D": (
        lambda: stock.Conv3D(3, 3, padding="same"),
        (4, 5, 6, 2),
        "Conv3d(2, 3, 3, 1, 'same')",
        19440,
    ),
    "DepthwiseConv2D": (
        lambda: stock.DepthwiseConv2D(3, depth_multiplier=2),
        (7, 7, 4),
        "Conv2d(4, 8, 3, 1, 0, 1, 4)",
        1800,
    ),
    "Conv2DTranspose": (
        lambda: stock.Conv2DTranspose(5, 3, strides=2),
        (4, 6, 3),
        "ConvTranspose2d(3, 5, 3, 2)",
        3240,
    ),
    "Dense": (lambda: stock.Dense(7), (5, 4), "Linear(4, 7)", 140),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch_counts_the_same(name):
    make, shape, code, expected = TORCH[name]
    assert multiply_adds(make(), (None, *shape)) == expected
    assert multiply_adds(opened(make()), (7, *shape)) == expected
    if keras.backend.backend() == "torch":
        assert torch_counts(code, shape) == expected


def opened(layer):
    """Returns our layer of the same make."""
    model = keras.Sequential([layer])
    return keras_extras.conversion.to_extras(model).layers[0]


def torch_counts(code, shape):
    """Returns half of the FLOPs of a module, on channels first."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module = eval(f"torch.nn.{code}", {"torch": torch})
    x = torch.zeros(1, *shape)
    if "Conv" in code:
        x = torch.movedim(x, -1, 1)
    with FlopCounterMode(display=False) as counter:
        module.cpu()(x.cpu())
    return counter.get_total_flops() // 2


def mha():
    inputs = keras.Input((7, 12)), keras.Input((5, 8))
    layer = stock.MultiHeadAttention(3, 4, value_dim=6)
    return keras.Model(inputs, layer(*inputs))


def grouped():
    inputs = keras.Input((7, 12))
    layer = stock.GroupQueryAttention(5, 4, 2)
    return keras.Model(inputs, layer(inputs, inputs))


def attention():
    inputs = keras.Input((7, 4)), keras.Input((5, 4))
    return keras.Model(inputs, stock.Attention()(list(inputs)))


def dot():
    inputs = keras.Input((7, 4)), keras.Input((5, 4))
    return keras.Model(inputs, stock.Dot(axes=2)(list(inputs)))


KNOWN = {
    "lstm": (lambda: stock.LSTM(4), (10, 6), 10 * (6 + 4) * 16),
    "gru": (lambda: stock.GRU(4), (10, 6), 10 * (6 + 4) * 12),
    "rnn": (
        lambda: stock.RNN([stock.SimpleRNNCell(4), stock.LSTMCell(3)]),
        (10, 6),
        10 * ((6 + 4) * 4 + (4 + 3) * 12),
    ),
    "bidirectional": (
        lambda: stock.Bidirectional(stock.SimpleRNN(4)),
        (10, 6),
        2 * 10 * (6 + 4) * 4,
    ),
    "time distributed": (
        lambda: stock.TimeDistributed(
            keras.Sequential([stock.Conv2D(2, 3), stock.Flatten()])
        ),
        (3, 6, 6, 1),
        3 * 16 * 9 * 2,
    ),
    "lstm of images": (
        lambda: stock.ConvLSTM2D(2, 3, return_sequences=True),
        (5, 8, 8, 3),
        5 * 36 * 9 * (3 + 2) * 8,
    ),
    "einsum": (
        lambda: stock.EinsumDense("btx,xhy->bthy", (None, 3, 5)),
        (7, 4),
        7 * 4 * 3 * 5,
    ),
    "separable": (
        lambda: stock.SeparableConv2D(5, 3),
        (6, 6, 4),
        16 * (9 * 4 + 4 * 5),
    ),
    "spectral": (
        lambda: stock.SpectralNormalization(stock.Dense(3)),
        (4,),
        12,
    ),
    "embedding": (lambda: stock.Embedding(20, 4), (7,), 0),
    "normalization": (lambda: stock.BatchNormalization(), (7, 7, 3), 0),
    "ours: gated": (lambda: ours.GatedConv2D(4, 3), (6, 6, 2), 16 * 18 * 8),
    "ours: coordinates": (
        lambda: ours.CoordConv2D(4, 3),
        (6, 6, 2),
        16 * 9 * (2 + 2) * 4,
    ),
    "ours: blur": (lambda: ours.BlurPooling2D(), (8, 8, 3), 48 * 9),
    "ours: conditional": (
        lambda: ours.CondConv2D(4, 3, num_experts=2),
        (6, 6, 2),
        16 * 72 + 2 * 72 + 2 * 2 + 2 * 4,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers(name):
    make, shape, expected = KNOWN[name]
    assert multiply_adds(make(), (None, *shape)) == expected


GRAPHS = {
    "heads": (
        mha,
        7 * 12 * 12 + 5 * 8 * 12 + 5 * 8 * 18 + 7 * 5 * 30 + 7 * 18 * 12,
    ),
    "grouped": (
        grouped,
        7 * 12 * 20 + 2 * 7 * 12 * 10 + 2 * 49 * 20 + 7 * 20 * 12,
    ),
    "attention": (attention, 2 * 7 * 5 * 4),
    "dot": (dot, 7 * 5 * 4),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_layers_of_several_inputs(name):
    make, expected = GRAPHS[name]
    assert multiply_adds(make()) == expected


def test_convolution_equals_a_loop_that_counts():
    size, taps, stride, rate, inputs, filters = 11, 3, 2, 2, 2, 4
    products = 0
    for start in range(0, size - (taps - 1) * rate, stride):
        for other in range(0, size - (taps - 1) * rate, stride):
            assert max(start, other) + (taps - 1) * rate < size
            products += taps * taps * inputs * filters
    layer = ours.Conv2D(filters, taps, strides=stride, dilation_rate=rate)
    assert multiply_adds(layer, (None, size, size, inputs)) == products


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("...a,ab->...b", [(2, 3, 4), (4, 5)]),
        ("ab...,b...->a...", [(2, 3, 4, 5), (3, 4, 5)]),
    ],
)
def test_einsum_is_the_size_of_the_loop_nest(equation, shapes):
    """Every index of the loops once, by a sum of ones without an output."""
    ones = [np.ones(shape) for shape in shapes]
    total = np.einsum(equation, *ones).sum()
    assert einsum(equation, shapes) == total


def classes(module, base):
    for name, value in sorted(vars(module).items()):
        if inspect.isclass(value) and issubclass(value, base):
            yield name, value


def test_each_layer_has_a_formula_or_is_known_to_have_none():
    without = set()
    for _, cls in classes(stock, stock.Layer):
        if MULTIPLY_ADDS.find(object.__new__(cls)) is None:
            without.add(cls.__name__)
    assert without - {"Operation"} == UNKNOWN
    bases = {"Layer", "KernelLayer"}
    for _, cls in classes(ours, ours.Layer):
        has_one = MULTIPLY_ADDS.find(object.__new__(cls)) is not None
        assert has_one is (cls.__name__ not in bases), cls


def test_unknown_size_is_told():
    number = multiply_adds(stock.Conv2D(2, 3), (None, None, 8, 1))
    assert math.isnan(number)
