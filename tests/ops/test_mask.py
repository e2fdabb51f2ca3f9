"""Masks behind windows, against windows that are written out one by one."""

import keras
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from keras_extras import ops
from tests.gradients import to_numpy

masks = st.lists(st.booleans(), min_size=1, max_size=9)
pads = st.tuples(st.integers(0, 3), st.integers(0, 3))
sizes = st.integers(1, 4)


def listed(mask):
    return to_numpy(mask).astype(bool)[0].tolist()


def windows(steps, size, stride, before, after, dilation):
    """The steps of each window; what is beside the sequence is None."""
    extent = (size - 1) * dilation + 1
    return [
        [
            steps[i] if 0 <= i < len(steps) else None
            for i in range(start, start + extent, dilation)
        ]
        for start in range(-before, len(steps) + after - extent + 1, stride)
    ]


@given(steps=masks, size=sizes, stride=sizes, dilation=sizes)
def test_a_window_without_pads_is_valid_if_all_its_steps_are(
    steps, size, stride, dilation
):
    extent = (size - 1) * dilation + 1
    assume(extent <= len(steps))
    # Steps between the taps count as well: there the sequence has a gap.
    expected = [all(w) for w in windows(steps, extent, stride, 0, 0, 1)]
    got = ops.conv_mask([steps], size, stride, "valid", dilation)
    assert listed(got) == expected


@given(steps=masks, size=sizes, stride=sizes, dilation=sizes)
def test_outputs_that_keep_the_length_stand_for_their_steps(
    steps, size, stride, dilation
):
    for padding in ("same", "causal"):
        got = ops.conv_mask([steps], size, stride, padding, dilation)
        assert listed(got) == steps[::stride]


@given(
    count=st.integers(1, 9),
    filled=st.integers(0, 4),
    size=sizes,
    stride=sizes,
    pair=pads,
    dilation=st.integers(1, 2),
)
@example(count=2, filled=2, size=1, stride=1, pair=(2, 1), dilation=1)
def test_filling_up_adds_no_valid_output(
    count, filled, size, stride, pair, dilation
):
    extent = (size - 1) * dilation + 1
    outputs = (count + sum(pair) - extent) // stride + 1
    assume(outputs > 0)
    steps = [True] * count + [False] * filled
    got = listed(ops.conv_mask([steps], size, stride, [pair], dilation))
    assert got == [i < outputs for i in range(len(got))]
    total = (count + filled + sum(pair) - extent) // stride + 1
    assert len(got) == total


@given(
    steps=masks,
    size=sizes,
    stride=sizes,
    pair=pads,
    dilation=st.integers(1, 2),
)
def test_a_pooled_window_is_valid_if_any_of_its_steps_is(
    steps, size, stride, pair, dilation
):
    extent = (size - 1) * dilation + 1
    assume(extent <= len(steps) + sum(pair))
    expected = [
        any(filter(None, window))
        for window in windows(steps, size, stride, *pair, dilation)
    ]
    assert listed(ops.pool_mask([steps], size, stride, [pair], dilation)) == (
        expected
    )


def test_pads_that_repeat_steps_are_as_valid_as_those():
    steps = [True, False, False, True]
    for mode, padded in (
        ("edge", [True, True, False, False, True, True]),
        ("wrap", [True, True, False, False, True, True]),
        ("reflect", [False, True, False, False, True, False]),
    ):
        got = ops.pool_mask([steps], 1, 1, [(1, 1)], pad_mode=mode)
        assert listed(got) == padded
    got = ops.pool_mask([[True] * 4 + [False]], 2, ceil_mode=True)
    assert listed(got) == [True, True, False]


@given(
    count=st.integers(1, 5),
    filled=st.integers(0, 3),
    size=sizes,
    stride=sizes,
    padding=st.sampled_from(["valid", "same", "causal", ((1, 0),)]),
    added=st.sampled_from([None, 0]),
)
def test_a_transposed_convolution_of_a_filled_sequence(
    count, filled, size, stride, padding, added
):
    assume(isinstance(padding, str) or size > 1)
    assume(added is None or padding == "valid")
    kernel = np.ones((size, 1, 1), "float32")

    def outputs(steps):
        steps = np.zeros((1, steps, 1), "float32")
        return ops.conv_transpose(
            steps, kernel, stride, padding, output_padding=added
        ).shape[1]

    steps = [True] * count + [False] * filled
    got = listed(ops.conv_transpose_mask([steps], size, stride, padding, added))
    assert len(got) == outputs(count + filled)
    valid = [i < outputs(count) for i in range(len(got))]
    assert got == valid


@pytest.mark.parametrize("steps", [None, 6])
def test_a_symbolic_mask_gives_one_node_that_is_saved(steps, tmp_path):
    x = keras.Input((steps,), dtype="bool")
    y = ops.pool_mask(ops.conv_mask(x, 3, padding=((1, 1),)), 2)
    z = ops.conv_transpose_mask(y, 3, 2)
    model = keras.Model(x, [y, z])
    assert [type(each).__name__ for each in model.operations][1:] == (
        ["OutputMask"] * 3
    )
    assert (y.dtype, z.dtype) == ("bool", "bool")
    assert y.shape == (None, steps and 3)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    mask = np.array([[1, 1, 1, 0, 0, 0]], bool)
    for one, other in zip(model(mask), again(mask), strict=True):
        assert listed(one) == listed(other)
