import keras
import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy
from tests.parity import FLOAT64

KERNEL = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype("float32")
FUNCTIONS = {
    "standardize": ops.standardize_kernel,
    "weight norm": lambda kernel, axis: ops.weight_norm(kernel, 2.0, axis),
    "equalize": ops.equalize_kernel,
    "cayley": ops.cayley_kernel,
    "householder": ops.householder_kernel,
    "ternary": ops.ternary_kernel,
    "quantize": ops.quantize_kernel,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("axis", [-1, -2, 0, (2, 3), (-1, -2)])
def test_axes_of_outputs_may_stand_anywhere(name, axis):
    """Moving the outputs last, and back, changes nothing but the place."""
    function = FUNCTIONS[name]
    axes = [axis] if isinstance(axis, int) else sorted(a % 4 for a in axis)
    last = range(-len(axes), 0)
    moved = np.moveaxis(KERNEL, axes, last)
    expected = to_numpy(function(moved, tuple(last)))
    got = np.moveaxis(to_numpy(function(KERNEL, axis)), axes, last)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", FLOAT64])
def test_shape_and_dtype_stay(name, dtype):
    kernel = keras.ops.convert_to_tensor(KERNEL, dtype=dtype)
    got = FUNCTIONS[name](kernel, -1)
    assert tuple(got.shape) == KERNEL.shape
    assert keras.backend.standardize_dtype(got.dtype) == dtype


def test_a_kernel_of_outputs_alone_is_refused():
    with pytest.raises(ValueError, match="axis must be so that an axis is"):
        ops.standardize_kernel(np.ones(3, "float32"))


def test_constant_weights_are_standardized_to_zero():
    got = to_numpy(ops.standardize_kernel(np.full((3, 2), 7.0, "float32")))
    np.testing.assert_array_equal(got, 0)


def test_lengths_are_those_of_numpy():
    got = to_numpy(ops.kernel_norm(KERNEL, (-2, -1)))
    expected = np.linalg.norm(KERNEL.reshape(6, 20), axis=0)
    assert got.shape == (1, 1, 4, 5)
    np.testing.assert_allclose(got.ravel(), expected, atol=1e-5)
    got = to_numpy(ops.kernel_norm(np.zeros((3, 1), "float32"), epsilon=0.5))
    assert got.tolist() == [[0.5]]


def test_power_iteration_finds_the_singular_vectors():
    matrix = KERNEL[:, 0, :, 0].T  # (outputs, weights)
    u, v = ops.power_iteration(matrix.T, np.ones(3, "float32"), -1, 300)
    left, sizes, right = np.linalg.svd(matrix)
    assert abs(abs(to_numpy(u) @ left[:, 0]) - 1) < 1e-5
    assert abs(abs(to_numpy(v) @ right[0]) - 1) < 1e-5
    got = to_numpy(ops.spectral_norm(matrix.T, u, v))
    np.testing.assert_allclose(got, matrix.T / sizes[0], atol=1e-5)
