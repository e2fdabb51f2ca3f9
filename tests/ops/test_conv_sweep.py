"""All kinds of convolution, whatever their arguments, against NumPy.

What a backend refuses (on TensorFlow's CPU: channels first, different strides
of a depthwise one, dilation of a transposed one, each but for some dtypes) is
computed in another way, which is found out here.
"""

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras import ops
from tests import convolutions as numpy_ways
from tests.gradients import to_numpy, value_and_gradients

BACKEND = keras.backend.backend()
FORMATS = ["channels_last", "channels_first"]
TOLERANCE = {"float64": 2e-5, "float32": 2e-5, "bfloat16": 0.1, "float16": 0.02}
DTYPES = sorted(TOLERANCE)
if BACKEND == "jax":  # which has no float64
    DTYPES.remove("float64")


def per_axis(rank, *choices):
    return st.tuples(*[st.sampled_from(choices)] * rank)


@st.composite
def arguments(draw):
    """Draws what all kinds take, so that a window fits."""
    rank = draw(st.sampled_from([1, 2, 2, 3]))
    size = draw(per_axis(rank, 1, 2, 3, 4))
    dilation = draw(per_axis(rank, 1, 1, 2, 3))
    extents = numpy_ways.extents(size, dilation)
    added = draw(per_axis(rank, 0, 1, 3))
    padding = draw(
        st.sampled_from(
            ["valid", "same", "causal", [(1, 0), (0, 2), (1, 1)][:rank]]
        )
    )
    return (
        [length + more for length, more in zip(extents, added, strict=True)],
        size,
        draw(per_axis(rank, 1, 1, 2, 3)),
        dilation,
        padding,
        draw(st.sampled_from(FORMATS)),
        draw(st.sampled_from(DTYPES)),
    )


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def moved(x, data_format):
    return np.moveaxis(x, -1, 1) if data_format == FORMATS[1] else x


def assert_is(function, x, kernel, y, gradients, data_format, dtype):
    """Asserts values, gradients and, on TensorFlow, values of a graph.

    `gradients(factors)` are those of sum(factors * y), all channels last.
    """
    y = moved(y, data_format)
    factors = np.cos(1.0 + np.arange(y.size)).reshape(y.shape)
    if data_format == FORMATS[1]:
        factors = np.moveaxis(factors, 1, -1)
    of_x, of_kernel = gradients(factors)
    variable = keras.Variable(kernel, dtype=dtype)
    x = keras.ops.cast(moved(x, data_format), dtype)

    def run(x):
        return function(x, keras.ops.convert_to_tensor(variable))

    got = value_and_gradients(run, [variable], x)
    expected = y, moved(of_x, data_format), of_kernel
    for one, other in zip(keras.tree.flatten(got), expected, strict=True):
        assert one.shape == other.shape
        scale = TOLERANCE[dtype] * max(1, np.abs(other).max())
        np.testing.assert_allclose(one, other, atol=scale)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        axis = 1 if data_format == FORMATS[1] else len(x.shape) - 1
        shape = [n if i == axis else None for i, n in enumerate(x.shape)]
        graph = tf.function(run, [tf.TensorSpec(shape, x.dtype)])
        scale = TOLERANCE[dtype] * max(1, np.abs(y).max())
        np.testing.assert_allclose(to_numpy(graph(x)), y, atol=scale)


IMAGE = [7, 6], (2, 3)


@given(arguments(), st.sampled_from([1, 1, 2, 4]))
@example((*IMAGE, (1, 2), (1, 1), "same", FORMATS[1], "float16"), 2)
def test_conv_is_the_definition(case, groups):
    lengths, size, strides, dilation, padding, data_format, dtype = case
    x, kernel = normal(2, *lengths, 4), normal(*size, 4 // groups, 8, seed=1)
    pads = numpy_ways.pads_of(
        padding, lengths, numpy_ways.extents(size, dilation), strides
    )
    how = strides, dilation, pads, groups
    assert_is(
        lambda x, kernel: ops.conv(
            x, kernel, strides, padding, data_format, dilation
        ),
        x,
        kernel,
        numpy_ways.convolve(x, kernel, *how),
        lambda factors: numpy_ways.gradients(x, kernel, *how, factors),
        data_format,
        dtype,
    )


@given(arguments(), st.sampled_from([1, 2]))
@example((*IMAGE, (1, 2), (1, 1), "same", FORMATS[0], "float16"), 1)
@example((*IMAGE, (4, 2), (1, 1), "valid", FORMATS[1], "float32"), 2)
@example(([5, 4], (3, 3), (1, 3), (1, 1), "valid", FORMATS[0], "bfloat16"), 2)
def test_depthwise_conv_is_the_definition(case, multiplier):
    lengths, size, strides, dilation, padding, data_format, dtype = case
    x, kernel = normal(2, *lengths, 4), normal(*size, 4, multiplier, seed=1)
    pads = numpy_ways.pads_of(
        padding, lengths, numpy_ways.extents(size, dilation), strides
    )
    grouped = kernel.reshape(*size, 1, -1)
    how = strides, dilation, pads, 4

    def gradients(factors):
        of_x, of_kernel = numpy_ways.gradients(x, grouped, *how, factors)
        return of_x, of_kernel.reshape(kernel.shape)

    assert_is(
        lambda x, kernel: ops.depthwise_conv(
            x, kernel, strides, padding, data_format, dilation
        ),
        x,
        kernel,
        numpy_ways.convolve(x, grouped, *how),
        gradients,
        data_format,
        dtype,
    )


@given(arguments(), st.sampled_from([1, 1, 2]), st.booleans())
@example((*IMAGE, (1, 1), (2, 2), "valid", FORMATS[0], "float16"), 1, False)
@example((*IMAGE, (1, 1), (2, 1), "same", FORMATS[1], "float32"), 1, False)
def test_conv_transpose_is_the_gradient_of_conv(case, groups, is_added):
    lengths, size, strides, dilation, padding, data_format, dtype = case
    x, kernel = normal(2, *lengths, 8), normal(*size, 4 // groups, 8, seed=1)
    extents = numpy_ways.extents(size, dilation)
    uncut = np.subtract(lengths, 1) * strides + extents
    outputs = np.multiply(lengths, strides)  # of "same" and "causal"
    added = None
    if padding == "valid":
        outputs = np.maximum(uncut, outputs)
    elif not isinstance(padding, str):
        added = [int(is_added and stride > 1) for stride in strides]
        outputs = uncut - np.sum(padding, 1) + added
    total = uncut - outputs
    before = np.maximum(total // 2, 0) * (padding != "valid")
    if padding == "causal":
        before[0] = 0
    elif not isinstance(padding, str):
        before = np.array(padding)[:, 0]
    pads = list(zip(before, total - before, strict=True))
    how = strides, dilation, pads, groups
    blank = np.zeros((2, *outputs, 4))

    def gradients(factors):
        _, of_kernel = numpy_ways.gradients(factors, kernel, *how, x)
        return numpy_ways.convolve(factors, kernel, *how), of_kernel

    if min(outputs) < 1:
        return
    y, _ = numpy_ways.gradients(blank, kernel, *how, x)
    assert_is(
        lambda x, kernel: ops.conv_transpose(
            x, kernel, strides, padding, added, data_format, dilation,
            groups=groups,
        ),
        x,
        kernel,
        y,
        gradients,
        data_format,
        dtype,
    )  # fmt: skip


@pytest.mark.parametrize("data_format", FORMATS)
def test_a_pointwise_part_follows_the_strides_of_the_other(data_format):
    x = normal(2, 7, 6, 4).astype("float32")
    depthwise, pointwise = normal(3, 2, 4, 2), normal(1, 1, 8, 3)
    y = ops.separable_conv(
        moved(x, data_format),
        depthwise.astype("float32"),
        pointwise.astype("float32"),
        (1, 2),
        data_format=data_format,
    )
    spread = numpy_ways.convolve(
        x, depthwise.reshape(3, 2, 1, 8), (1, 2), (1, 1), [(0, 0)] * 2, 4
    )
    expected = moved(spread @ pointwise[0, 0], data_format)
    np.testing.assert_allclose(to_numpy(y), expected, atol=1e-5)
