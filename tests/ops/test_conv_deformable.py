"""Deformable convolution, against the definition tap by tap, and torch."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients


def between(image, point):
    """A pixel between pixels, (channels,); zero beside the image."""
    value = np.zeros(image.shape[-1])
    low = [int(np.floor(p)) for p in point]
    for corner in itertools.product((0, 1), repeat=len(point)):
        at = [a + b for a, b in zip(low, corner, strict=True)]
        if all(0 <= a < n for a, n in zip(at, image.shape, strict=False)):
            weight = np.prod(
                [1 - abs(p - a) for p, a in zip(point, at, strict=True)]
            )
            value += weight * image[tuple(at)]
    return value


def reference(
    x, kernel, offsets, modulation, strides, pads, dilation, offset_groups
):
    """The definition in float64, channels last."""
    *size, channels, filters = kernel.shape
    rank, taps = len(size), list(np.ndindex(*size))
    groups = x.shape[-1] // channels
    y = np.zeros((*offsets.shape[:-1], filters))
    part = x.shape[-1] // offset_groups
    for n, *place in np.ndindex(*offsets.shape[:-1]):
        moves = offsets[(n, *place)].reshape(offset_groups, len(taps), rank)
        for tap, number in zip(taps, range(len(taps)), strict=True):
            seen = []
            for g in range(offset_groups):
                point = [
                    i * s + j * d - p + o
                    for i, s, j, d, p, o in zip(
                        place, strides, tap, dilation, pads,
                        moves[g, number], strict=True,
                    )
                ]  # fmt: skip
                value = between(x[n, ..., g * part : (g + 1) * part], point)
                if modulation is not None:
                    weights = modulation[(n, *place)]
                    value = (
                        value * weights.reshape(offset_groups, -1)[g, number]
                    )
                seen.append(value)
            seen = np.concatenate(seen)
            for f in range(filters):
                first = channels * (f * groups // filters)
                weights = kernel[(*tap, slice(None), f)]
                y[(n, *place, f)] += seen[first : first + channels] @ weights
    return y


@given(
    rank=st.integers(1, 3),
    size=st.integers(1, 2),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    pad=st.integers(0, 1),
    groups=st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]),
    modulated=st.booleans(),
    first=st.booleans(),
    seed=st.integers(0, 999),
)
def test_function_is_the_definition(
    rank, size, stride, dilation, pad, groups, modulated, first, seed
):
    random = np.random.default_rng(seed)
    groups, offset_groups = groups
    x = random.normal(size=(2, *(4, 3, 3)[:rank], 4))
    kernel = random.normal(size=(*(size,) * rank, 4 // groups, 2))
    extent = (size - 1) * dilation + 1
    windows = [(n + 2 * pad - extent) // stride + 1 for n in x.shape[1:-1]]
    taps = size**rank * offset_groups
    offsets = random.normal(0, 1.5, (2, *windows, taps * rank))
    weights = random.random((2, *windows, taps)) if modulated else None
    strides, rates = (stride,) * rank, (dilation,) * rank
    expected = reference(
        x, kernel, offsets, weights, strides, (pad,) * rank, rates,
        offset_groups,
    )  # fmt: skip
    tensors = [x, kernel, offsets, weights]
    if first:
        tensors = [
            each if i == 1 or each is None else np.moveaxis(each, -1, 1)
            for i, each in enumerate(tensors)
        ]
        expected = np.moveaxis(expected, -1, 1)
    got = ops.deformable_conv(
        *(None if each is None else each.astype("float32") for each in tensors),
        strides=strides,
        padding=((pad, pad),) * rank,
        data_format="channels_first" if first else "channels_last",
        dilation_rate=rates,
        offset_groups=offset_groups,
    )
    np.testing.assert_allclose(to_numpy(got), expected, atol=1e-4)


def test_gradients_are_slopes():
    random = np.random.default_rng(3)
    x = random.normal(size=(1, 4, 4, 2)).astype("float32")
    kernel = random.normal(size=(2, 2, 2, 1)).astype("float32")
    offsets = random.normal(0, 0.6, (1, 3, 3, 8)).astype("float32")
    weights = random.random((1, 3, 3, 4)).astype("float32")
    arrays = [x, kernel, offsets, weights]
    more = ((1, 1), (0, 0), (1, 1), 1)
    factors = np.cos(1.0 + np.arange(9)).reshape(1, 3, 3, 1)

    for place in range(4):

        def function(tensor, place=place):
            tensors = [*arrays]
            tensors[place] = tensor
            return ops.deformable_conv(*tensors)

        _, gradient, _ = value_and_gradients(function, [], arrays[place])
        for index in list(np.ndindex(*arrays[place].shape))[::3]:
            step = np.zeros(arrays[place].shape)
            step[index] = 1e-5
            sides = []
            for sign in (1, -1):
                tensors = [each.astype("float64") for each in arrays]
                tensors[place] = tensors[place] + sign * step
                sides.append((factors * reference(*tensors, *more)).sum())
            slope = (sides[0] - sides[1]) / 2e-5
            np.testing.assert_allclose(gradient[index], slope, atol=2e-3)


def test_points_are_those_of_torch():
    """`grid_sample` with zero padding, a second oracle for what taps see."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 5, 6, 3)).astype("float32")
    offsets = random.normal(0, 3, (2, 5, 6, 2)).astype("float32")
    kernel = np.eye(3, dtype="float32").reshape(1, 1, 3, 3)
    got = to_numpy(ops.deformable_conv(x, kernel, offsets))
    rows, columns = np.mgrid[:5, :6]
    grid = np.stack(
        [
            (2 * (columns + offsets[..., 1]) + 1) / 6 - 1,
            (2 * (rows + offsets[..., 0]) + 1) / 5 - 1,
        ],
        -1,
    ).astype("float32")
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(np.moveaxis(x, -1, 1)),
        torch.from_numpy(grid),
        padding_mode="zeros",
        align_corners=False,
    ).numpy()
    np.testing.assert_allclose(got, np.moveaxis(expected, 1, -1), atol=1e-4)


def test_without_offsets_it_is_a_convolution_and_far_away_is_nothing():
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 6, 5, 4)).astype("float32")
    kernel = random.normal(size=(3, 2, 2, 6)).astype("float32")
    for padding in ("valid", "same", "causal"):
        plain = to_numpy(ops.conv(x, kernel, 2, padding))
        offsets = np.zeros((*plain.shape[:-1], 12), "float32")
        got = ops.deformable_conv(x, kernel, offsets, None, 2, padding)
        np.testing.assert_allclose(to_numpy(got), plain, atol=1e-5)
    far = np.full((*plain.shape[:-1], 12), 1e9, "float32")
    got = ops.deformable_conv(x, kernel, far, None, 2, "causal")
    assert not to_numpy(got).any()
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
