import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients

MODES = ["constant", "reflect", "symmetric", "edge", "wrap"]


@st.composite
def padded_arrays(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=5, max_side=4))
    # Up to three times the length: the pattern goes round more than once.
    widths = [
        (draw(st.integers(0, 3 * n)), draw(st.integers(0, 3 * n)))
        for n in shape
    ]
    return np.arange(np.prod(shape), dtype="float32").reshape(shape), widths


@given(padded_arrays(), st.sampled_from(MODES))
@example((np.ones((1, 3), "float32"), [(2, 1), (7, 8)]), "reflect")
@example((np.arange(3.0), [(8, 7)]), "symmetric")
@example((np.arange(3.0), [(8, 7)]), "wrap")
def test_pad_equals_numpy(case, mode):
    x, widths = case
    np.testing.assert_array_equal(
        to_numpy(ops.pad(x, widths, mode)), np.pad(x, widths, mode)
    )


@pytest.mark.parametrize("value", [0, -1.5, float("-inf")])
def test_constant_pads_hold_the_value(value):
    x = np.ones((2, 2), "float32")
    expected = np.pad(x, 1, constant_values=value)
    got = ops.pad(x, [(1, 1)] * 2, constant_values=value)
    np.testing.assert_array_equal(to_numpy(got), expected)


@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_summed_over_the_repeats(mode):
    x = np.arange(4, dtype="float32")
    outputs, gradient, _ = value_and_gradients(
        lambda x: ops.pad(x, [(5, 6)], mode), [], x
    )
    factors = np.cos(1.0 + np.arange(15))
    source = np.pad(
        np.arange(4),
        (5, 6),
        mode,
        **({"constant_values": -1} if mode == "constant" else {}),
    )
    expected = [factors[source == i].sum() for i in range(4)]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    assert outputs.shape == (15,)


@pytest.mark.parametrize(
    ("padding", "widths"),
    [
        ("valid", [(0, 0), (0, 0)]),
        # 3 windows of 3 over 5 pixels, 3 windows of 2 over 6, in steps of 2.
        ("same", [(1, 1), (0, 0)]),
        ("causal", [(2, 0), (0, 0)]),
        ([(1, 2), (0, 3)], [(1, 2), (0, 3)]),
    ],
)
def test_pad_spatial_pads_for_the_windows(padding, widths):
    x = np.ones((2, 5, 6, 3), "float32")
    expected = np.pad(x, [(0, 0), *widths, (0, 0)])
    got = ops.pad_spatial(x, [3, 2], [2, 2], padding, "channels_last")
    np.testing.assert_array_equal(to_numpy(got), expected)
    first = ops.pad_spatial(
        np.moveaxis(x, -1, 1), [3, 2], [2, 2], padding, "channels_first"
    )
    np.testing.assert_array_equal(np.moveaxis(to_numpy(first), 1, -1), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stride", [1, 2])
def test_unknown_lengths_are_padded_when_the_graph_runs(mode, stride):
    class Padded(keras.layers.Layer):
        def call(self, inputs):
            return ops.pad_spatial(
                inputs, [4], [stride], "same", "channels_last", mode
            )

        def compute_output_shape(self, input_shape):
            return (input_shape[0], None, input_shape[2])

    inputs = keras.Input((None, 1))
    model = keras.Model(inputs, Padded()(inputs))
    for length in (5, 6):
        x = np.arange(length, dtype="float32").reshape(1, length, 1)
        total = max((-(-length // stride) - 1) * stride + 4 - length, 0)
        widths = (total // 2, total - total // 2)
        expected = np.pad(x, [(0, 0), widths, (0, 0)], mode)
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
