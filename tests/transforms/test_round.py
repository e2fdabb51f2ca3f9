import numpy as np
import pytest

from keras_extras import layers, transforms
from tests.gradients import to_numpy, value_and_gradients

KERNEL = np.random.default_rng(0).normal(size=(3, 2, 5)).astype("float32")


def per_output(function, kernel, axes):
    """Applies a function of one output's weights to each output."""
    result = np.zeros_like(kernel)
    for place in np.ndindex(*(kernel.shape[axis] for axis in axes)):
        index = [slice(None)] * kernel.ndim
        for axis, number in zip(axes, place, strict=True):
            index[axis] = number
        result[tuple(index)] = function(kernel[tuple(index)])
    return result


def ternary(weights):
    limit = 0.7 * np.abs(weights).mean()
    large = np.abs(weights) > limit
    return np.where(large, np.abs(weights)[large].mean(), 0) * np.sign(weights)


def quantized(bits):
    def function(weights):
        step = np.abs(weights).max() / (2 ** (bits - 1) - 1)
        return np.rint(weights / step) * step

    return function


@pytest.mark.parametrize("axis", [(-1,), (-2,), (-2, -1)])
def test_ternary_is_the_formula(axis):
    got = to_numpy(transforms.Ternary(axis=axis)(KERNEL))
    expected = per_output(ternary, KERNEL, axis)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    if axis == (-1,):
        assert all(len(np.unique(got[..., i])) <= 3 for i in range(5))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("axis", [(-1,), (-2, -1), None])
def test_quantized_weights_are_steps(bits, axis):
    transform = transforms.FakeQuantize(
        bits, per_channel=axis is not None, axis=axis
    )
    got = to_numpy(transform(KERNEL))
    function = quantized(bits)
    expected = (
        function(KERNEL) if axis is None else per_output(function, KERNEL, axis)
    )
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["Ternary", "FakeQuantize"])
def test_gradient_passes_straight_through(name):
    layer = layers.Dense(3, kernel_transform=name, use_bias=False)
    plain = layers.Dense(3, use_bias=False)
    x = np.random.default_rng(1).normal(size=(2, 4)).astype("float32")
    for each in (layer, plain):
        each.build(x.shape)
    _, _, got = value_and_gradients(layer, [layer.kernel], x)
    _, _, expected = value_and_gradients(plain, [plain.kernel], x)
    np.testing.assert_allclose(got[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("name", ["Ternary", "FakeQuantize"])
def test_zero_kernel_stays_zero(name):
    got = to_numpy(getattr(transforms, name)()(np.zeros((3, 2), "float32")))
    np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize(
    ("name", "keywords", "error"),
    [
        ("Ternary", {"threshold": -0.1}, ValueError),
        ("Ternary", {"threshold": "high"}, TypeError),
        ("FakeQuantize", {"bits": 1}, ValueError),
        ("FakeQuantize", {"bits": 8.0}, TypeError),
        ("FakeQuantize", {"per_channel": "yes"}, TypeError),
    ],
)
def test_wrong_argument_is_named_with_its_value(name, keywords, error):
    ((argument, value),) = keywords.items()
    with pytest.raises(error, match=f"^{name}: {argument} must be") as e:
        getattr(transforms, name)(**keywords)
    assert f"Received: {argument}={value!r}" in str(e.value)
