import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _shapes as shapes

SMALL = st.integers(1, 9)


def starts(length, window, stride, before, after):
    """All places where a window fits, found by trying every position."""
    return [
        start
        for start in range(-before, length + after)
        if (start + before) % stride == 0 and start + window <= length + after
    ]


@given(SMALL, SMALL, st.integers(1, 4), st.integers(0, 4), st.integers(0, 4))
def test_output_length_counts_the_windows_that_fit(
    length, window, stride, before, after
):
    fits = starts(length, window, stride, before, after)
    got = shapes.output_length(length, 0, window, stride, [(before, after)])
    assert max(got or 0, 0) == len(fits)
    counts = shapes.window_counts(length, window, stride, (before, after))
    assert counts == [
        sum(0 <= place < length for place in range(start, start + window))
        for start in fits
    ]


@given(SMALL, SMALL, st.integers(1, 4), st.integers(0, 4), st.integers(0, 4))
def test_ceil_mode_adds_the_window_that_reaches_over(
    length, window, stride, before, after
):
    before, after = min(before, window - 1), min(after, window - 1)
    fits = starts(length, window, stride, before, after)
    more = (fits[-1] + stride) if fits else None
    got = shapes.output_length(
        length, 0, window, stride, [(before, after)], ceil_mode=True
    )
    if more is not None:
        reaches_over = fits[-1] + window < length + after and more < length
        assert got == len(fits) + reaches_over
    # A wide pad behind is no place to start.
    assert shapes.overhang(4, 2, 3, (0, 0)) == 1
    assert shapes.overhang(5, 2, 3, (1, 1)) == 0
    assert shapes.overhang(2, 3, 2, (0, 0)) == 1  # none fits, one counts


def test_padded_shape_and_fewest_taps():
    shape = (None, 5, None, 3)
    args = ((3, 3), (2, 2), "same", "channels_last")
    assert shapes.padded_shape(shape, *args) == (None, 7, None, 3)
    assert shapes.fewest_taps((1, 1, 9, 3), *args, (1, 1)) == 1
    pads = ((1, 1), (0, 0))
    args = ((2, 2), (1, 1), pads, "channels_last", (2, 1))
    assert shapes.fewest_taps((1, 1, 9, 3), *args) == 0
    assert shapes.fewest_taps((1, 2, 9, 3), *args) == 1


@given(SMALL, SMALL, st.integers(1, 4))
def test_same_pads_give_one_window_per_stride(length, window, stride):
    before, after = shapes.same_pads(length, window, stride)
    outputs = -(-length // stride)
    assert 0 <= after - before <= 1
    assert len(starts(length, window, stride, before, after)) >= outputs
    assert shapes.output_length(length, 0, window, stride, "same") == outputs
    if before + after > 0:  # and not one position more than needed
        assert len(starts(length, window, stride, before, after - 1)) < outputs


@given(SMALL, st.integers(1, 4), st.integers(1, 4), SMALL)
def test_causal_windows_end_where_they_are_for(length, size, stride, dilation):
    window = shapes.extent(size, dilation)
    assert window == len(range(0, size * dilation, dilation)) * dilation - (
        dilation - 1
    )
    assert shapes.axis_pads("causal", 0, length, window, stride) == (
        window - 1,
        0,
    )
    got = shapes.output_length(length, 0, window, stride, "causal")
    assert got == -(-length // stride)


def test_unknown_lengths_stay_unknown():
    shape = shapes.window_output_shape(
        (None, None, 9, 3), (3, 3), (2, 2), "same", "channels_last", 8
    )
    assert shape == (None, None, 5, 8)
    assert shapes.axis_pads("same", 1, None, 4, 1) == (1, 2)
    with pytest.raises(TypeError, match="unknown length"):
        shapes.axis_pads("same", 1, None, 4, 2)


@pytest.mark.parametrize(
    ("data_format", "shape", "expected"),
    [
        ("channels_last", (2, 8, 6, 3), (2, 3, 2, 3)),
        ("channels_first", (2, 3, 8, 6), (2, 3, 3, 2)),
    ],
)
def test_channels_are_where_the_data_format_says(data_format, shape, expected):
    got = shapes.window_output_shape(
        shape, (3, 3), (2, 2), "valid", data_format
    )
    assert got == expected
    assert shape[shapes.channel_axis(2, data_format)] == 3


@pytest.mark.parametrize(
    ("arguments", "crops", "length"),  # of 4 inputs
    [
        (("valid", 0, 3, 2), (0, 0), 9),
        (("valid", 0, 2, 3), (0, -1), 12),
        (("valid", 0, 2, 3, 0), (0, 0), 11),
        (("same", 0, 3, 2), (0, 1), 8),
        (("same", 0, 5, 2), (1, 2), 8),
        (("same", 0, 1, 3), (0, -2), 12),
        (("same", 0, 3, 2, 0), (1, 1), 7),
        (("causal", 0, 5, 2), (0, 3), 8),
        (("causal", 1, 5, 2), (1, 2), 8),
        (([(1, 2)], 0, 3, 2), (1, 2), 6),
        (([(1, 2)], 0, 3, 2, 1), (1, 1), 7),
    ],
)
def test_transposed_windows_on_paper(arguments, crops, length):
    assert shapes.transpose_crops(*arguments) == crops
    window, stride = arguments[2:4]
    assert shapes.transpose_length(4, window, stride, crops) == length
    assert shapes.transpose_length(None, window, stride, crops) is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, 3), (2, 3), True),
        ((None, 3), (2, None), True),
        ((2, 3), (2, 4), False),
        ((None, 3), (None, 4), False),
        ((2,), (2, 3), False),
    ],
)
def test_shapes_may_be_equal_as_far_as_known(first, second, expected):
    assert shapes.may_be_equal(first, second) == expected
