import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import to_numpy, value_and_gradients

KERNEL = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


@pytest.mark.parametrize("sparsity", [0, 0.2, 0.5, 1])
def test_mask_has_the_number_of_zeros_asked_for(sparsity):
    mask = to_numpy(ops.magnitude_mask(KERNEL, sparsity))
    assert set(np.unique(mask)) <= {0.0, 1.0}
    assert (mask == 0).sum() == round(sparsity * KERNEL.size)
    if 0 < sparsity < 1:
        sizes = np.abs(KERNEL)
        assert sizes[mask == 0].max() < sizes[mask == 1].min()


def test_of_equal_weights_the_first_are_masked():
    mask = to_numpy(ops.magnitude_mask(np.ones((2, 4), "float32"), 0.375))
    assert mask.ravel().tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


def test_there_are_exactly_three_values_per_output():
    got = to_numpy(ops.ternary_kernel(KERNEL))
    for column in got.T:
        values = np.unique(column)
        assert len(values) <= 3
        np.testing.assert_array_equal(values, -values[::-1])


@pytest.mark.parametrize("function", [ops.ternary_kernel, ops.quantize_kernel])
def test_gradient_is_that_of_the_identity(function):
    _, gradient, _ = value_and_gradients(function, [], KERNEL)
    factors = np.cos(1.0 + np.arange(KERNEL.size)).reshape(KERNEL.shape)
    np.testing.assert_allclose(gradient, factors, atol=1e-6)


def test_quantized_weights_are_within_half_a_step():
    step = np.abs(KERNEL).max(0) / 7
    got = to_numpy(ops.quantize_kernel(KERNEL, bits=4))
    assert (np.abs(got - KERNEL) <= step / 2 + 1e-6).all()
    whole = got / step
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-5)
