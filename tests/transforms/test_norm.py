import keras
import numpy as np
import pytest

from keras_extras import layers, transforms
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import parametrizations as torch_side

BACKEND = keras.backend.backend()


def layer_of(name, transform):
    common = {"use_bias": False, "kernel_transform": transform}
    layer = {
        "dense": lambda: layers.Dense(4, **common),
        "conv": lambda: layers.Conv2D(4, (3, 2), **common),
        "transposed": lambda: layers.Conv2DTranspose(4, (3, 2), **common),
    }[name]()
    layer.build(torch_side.INPUTS[name])
    layer.kernel.assign(torch_side.kernel_of(name))
    return layer


@pytest.fixture(scope="module")
def torch_results():
    return oracle.load("parametrizations")


@pytest.mark.skipif(BACKEND != "torch", reason="torch computes them")
def test_oracle_is_up_to_date():
    oracle.assert_up_to_date("parametrizations", torch_side.results())


@pytest.mark.parametrize("name", torch_side.LAYERS)
def test_weight_norm_equals_torch(name, torch_results):
    transform = transforms.WeightNorm()
    layer = layer_of(name, transform)
    transform.g.assign(torch_side.gains_of(name))
    outputs, _, gradients = value_and_gradients(
        layer, [layer.kernel, transform.g], torch_side.inputs_of(name)
    )
    for key, got in (
        ("outputs", outputs),
        ("kernel gradient", gradients[0]),
        ("g gradient", gradients[1]),
    ):
        expected = torch_results[f"weight_norm {name} {key}"]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", torch_side.LAYERS)
def test_spectral_norm_equals_torch(name, torch_results):
    transform = transforms.SpectralNorm(torch_side.STEPS)
    layer = layer_of(name, transform)
    transform.v.assign(torch_side.vector_of(name))
    x = torch_side.inputs_of(name)
    outputs, _, (gradient,) = value_and_gradients(
        lambda x: layer(x, training=True), [layer.kernel], x
    )
    expected = torch_results[f"spectral_norm {name} outputs"]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    expected = torch_results[f"spectral_norm {name} kernel gradient"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    transform.v.assign(torch_side.vector_of(name))
    layer(x, training=True)
    expected = torch_results[f"spectral_norm {name} u"]
    np.testing.assert_allclose(to_numpy(transform.u), expected, atol=1e-5)


KERNELS = {
    "dense": ((3, 4), (-1,)),
    "conv": ((3, 2, 2, 4), (-1,)),
    "transposed": ((2, 2, 4, 3), (-2,)),
    "depthwise": ((3, 2, 2, 3), (-2, -1)),
}


def reduced(name):
    """Kernel, axes summed over per output, and the number of these weights."""
    shape, axis = KERNELS[name]
    kernel = np.random.default_rng(0).normal(0.3, 1, shape)
    axes = tuple(i for i in range(len(shape)) if i - len(shape) not in axis)
    return kernel, axes, np.prod([shape[i] for i in axes])


def apply(transform, name, training=None):
    kernel = reduced(name)[0].astype("float32")
    if name != "dense":
        transform.attach(kernel.shape, KERNELS[name][1], lambda: kernel)
    return to_numpy(transform(kernel, training=training))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("scaled", [False, True])
def test_standardization_is_the_formula(name, scaled):
    kernel, axes, count = reduced(name)
    mean = kernel.mean(axes, keepdims=True)
    expected = (kernel - mean) / np.sqrt(kernel.var(axes, keepdims=True) + 0.1)
    transform = transforms.WeightStandardization(0.1, scaled=scaled)
    expected /= np.sqrt(count) if scaled else 1
    np.testing.assert_allclose(apply(transform, name), expected, atol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_unit_norm_and_learning_rate_scale_are_their_formulas(name):
    kernel, axes, count = reduced(name)
    lengths = np.sqrt((kernel**2).sum(axes, keepdims=True))
    got = apply(transforms.UnitNorm(), name)
    np.testing.assert_allclose(got, kernel / lengths, atol=1e-5)
    got = apply(transforms.LearningRateScale(gain=3.0), name)
    np.testing.assert_allclose(got, kernel * 3 / np.sqrt(count), atol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_spectral_norm_divides_by_the_largest_singular_value(name):
    kernel, axes, _ = reduced(name)
    others = [i for i in range(kernel.ndim) if i not in axes]
    matrix = kernel.transpose(*others, *axes)
    matrix = matrix.reshape(np.prod([kernel.shape[i] for i in others]), -1)
    largest = np.linalg.svd(matrix)[1].max()
    transform = transforms.SpectralNorm(200)
    got = apply(transform, name, training=True)
    np.testing.assert_allclose(got, kernel / largest, atol=1e-4)


def test_power_iteration_runs_in_training_only():
    transform = transforms.SpectralNorm()
    layer = layer_of("dense", transform)
    x = torch_side.inputs_of("dense")
    before = to_numpy(transform.v)
    for training in (None, False):
        layer(x, training=training)
        np.testing.assert_array_equal(to_numpy(transform.v), before)
    layer(x, training=True)
    assert np.abs(to_numpy(transform.v) - before).max() > 1e-3


@pytest.mark.parametrize("gain", [False, True])
def test_scaled_standardization_keeps_the_variance_of_a_signal(gain):
    transform = transforms.WeightStandardization(scaled=True, use_gain=gain)
    layer = layers.Dense(64, use_bias=False, kernel_transform=transform)
    x = np.random.default_rng(0).normal(size=(256, 128))
    assert abs(to_numpy(layer(x)).std() - 1) < 0.05
    if gain:
        transform.gain.assign(2 * np.ones((1, 64)))
        assert abs(to_numpy(layer(x)).std() - 2) < 0.1


@pytest.mark.parametrize("name", ["WeightNorm", "UnitNorm", "SpectralNorm"])
def test_zero_kernels_stay_finite_with_their_gradients(name):
    layer = layers.Dense(2, kernel_transform=name, kernel_initializer="zeros")
    x = np.ones((1, 3), "float32")
    layer(x)
    y, _, gradients = value_and_gradients(layer, layer.trainable_weights, x)
    assert np.isfinite(y).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("name", "keywords", "error"),
    [
        ("WeightStandardization", {"epsilon": 0}, ValueError),
        ("WeightStandardization", {"scaled": "yes"}, TypeError),
        ("WeightStandardization", {"use_gain": "yes"}, TypeError),
        ("UnitNorm", {"epsilon": "small"}, TypeError),
        ("SpectralNorm", {"power_iterations": 0}, ValueError),
        ("SpectralNorm", {"epsilon": -1.0}, ValueError),
        ("LearningRateScale", {"gain": None}, TypeError),
        ("WeightNorm", {"axis": 1.5}, TypeError),
        ("WeightNorm", {"axis": ()}, ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(name, keywords, error):
    ((argument, value),) = keywords.items()
    with pytest.raises(error, match=f"^{name}: {argument} must be") as e:
        getattr(transforms, name)(**keywords)
    assert f"Received: {argument}={value!r}" in str(e.value)
