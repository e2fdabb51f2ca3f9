"""The operator norm, against the SVD of the matrix that a convolution is."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients


def unrolled(kernel, lengths, strides, pads, dilation, groups, wrap=False):
    """The matrix, entry by entry, in float64."""
    *size, channels, filters = kernel.shape
    outputs = [
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, p, k, d, s in zip(
            lengths, pads, size, dilation, strides, strict=True
        )
    ]
    shape = (*outputs, filters, *lengths, channels * groups)
    matrix = np.zeros(shape)
    for place in np.ndindex(*outputs):
        for tap in np.ndindex(*size):
            at = [
                i * s + j * d - p[0]
                for i, s, j, d, p in zip(
                    place, strides, tap, dilation, pads, strict=True
                )
            ]
            if wrap:
                at = [i % n for i, n in zip(at, lengths, strict=True)]
            if not all(0 <= i < n for i, n in zip(at, lengths, strict=True)):
                continue
            for f in range(filters):
                first = channels * (f * groups // filters)
                span = slice(first, first + channels)
                matrix[(*place, f, *at, span)] += kernel[(*tap, slice(None), f)]
    return matrix.reshape(np.prod(outputs) * filters, -1)


def largest(matrix):
    return np.linalg.svd(matrix, compute_uv=False).max()


def random_kernel(rank, size, channels, filters, seed):
    shape = ((size,) if rank == 1 else (size, 2)) + (channels, filters)
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@given(
    rank=st.integers(1, 2),
    size=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same", (1, 0)]),
    groups=st.integers(1, 2),
    seed=st.integers(0, 999),
)
def test_zero_padding_by_steps(
    rank, size, stride, dilation, padding, groups, seed
):
    kernel = random_kernel(rank, size, 2, 2, seed)
    lengths = (6, 5)[:rank]
    sizes = kernel.shape[:rank]
    extents = [(k - 1) * dilation + 1 for k in sizes]
    assume(padding != (1, 0) or min(extents) > 1)
    pads = [(0, 0)] * rank
    if padding == "same":
        needed = [
            max((-(-n // stride) - 1) * stride + e - n, 0)
            for n, e in zip(lengths, extents, strict=True)
        ]
        pads = [(n // 2, n - n // 2) for n in needed]
    elif padding == (1, 0):
        pads = padding = [(1, 0)] * rank
    matrix = unrolled(
        kernel, lengths, [stride] * rank, pads, [dilation] * rank, groups
    )
    got = ops.conv_norm(
        kernel, lengths, stride, padding, dilation, groups, steps=150
    )
    expected = largest(matrix)
    assert float(got) <= expected * (1 + 1e-5)  # from below
    np.testing.assert_allclose(float(got), expected, rtol=0.01)


@given(
    rank=st.integers(1, 2),
    size=st.integers(1, 4),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 2),
    seed=st.integers(0, 999),
)
def test_circular_padding_is_exact(rank, size, dilation, groups, seed):
    kernel = random_kernel(rank, size, 3, 4, seed)
    lengths = (5, 4)[:rank]
    pads = [
        (0, (k - 1) * dilation) for k in kernel.shape[:rank]
    ]  # as many outputs as inputs
    matrix = unrolled(
        kernel, lengths, [1] * rank, pads, [dilation] * rank, groups, True
    )
    got = ops.conv_norm(
        kernel, lengths, 1, "same", dilation, groups, pad_mode="wrap"
    )
    np.testing.assert_allclose(float(got), largest(matrix), rtol=1e-4)


@pytest.mark.parametrize("pad_mode", ["constant", "wrap"])
def test_the_gradient_is_that_of_the_singular_value(pad_mode):
    kernel = random_kernel(1, 3, 2, 2, 4)
    wrap = pad_mode == "wrap"
    pads = [(0, 2)] if wrap else [(0, 0)]

    def norm(kernel):
        return largest(unrolled(kernel, (5,), [1], pads, [1], 1, wrap))

    value, gradient, _ = value_and_gradients(
        lambda k: ops.conv_norm(k, 5, pad_mode=pad_mode, steps=500), [], kernel
    )
    assert to_numpy(value).shape == ()
    for place in np.ndindex(*kernel.shape):
        step = np.zeros(kernel.shape)
        step[place] = 1e-4
        slope = (norm(kernel + step) - norm(kernel - step)) / 2e-4
        # `value_and_gradients` weighs the only output by cos(1).
        np.testing.assert_allclose(
            gradient[place], slope * np.cos(1.0), atol=5e-3
        )


def test_a_delta_moves_and_stretches_nothing():
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[0, 2] = 1
    for pad_mode in ("constant", "wrap"):
        norm = ops.conv_norm(kernel, (7, 6), padding="same", pad_mode=pad_mode)
        np.testing.assert_allclose(float(norm), 1, rtol=1e-4)


def test_what_has_no_frequencies_is_refused():
    kernel = np.ones((3, 1, 1), "float32")
    with pytest.raises(ValueError, match="strides must be 1 for pad_mode"):
        ops.conv_norm(kernel, 8, 2, pad_mode="wrap")
    with pytest.raises(ValueError, match="pad_mode must be one of"):
        ops.conv_norm(kernel, 8, pad_mode="edge")
