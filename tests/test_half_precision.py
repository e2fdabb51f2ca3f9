"""Sums over many elements do not overflow or stall in half precision."""

import keras
import numpy as np
import pytest

from keras_extras import layers, ops
from tests.gradients import to_numpy, value_and_gradients

DTYPES = ["float16", "bfloat16"]
STEPS = 900  # of about 100 add up to 90,000; float16 ends at 65,504
POOLS = {
    "AdaptiveAveragePooling": {"output_size": 7},
    "AveragePooling": {"pool_size": 800, "strides": 50},
    "BlurPooling": {"pool_size": 5},
    "GeMPooling": {"pool_size": 800, "strides": 50},
    "GlobalAveragePooling": {},
    "GlobalGeMPooling": {},
    "LpPooling": {"pool_size": 300, "order": 3},
    "MixedPooling": {"pool_size": 800, "strides": 50},
    "SoftPooling": {"pool_size": 50},
    "SpatialPyramidPooling": {"bins": [1, 7]},
    "StochasticPooling": {"pool_size": 50},
}
CASES = [
    (name, rank, {**arguments, **more}, data_format, dtype)
    for name, arguments in POOLS.items()
    for rank in (1, 2, 3)
    for more in ({}, {"padding": "same"})
    for data_format in ("channels_last", "channels_first")
    for dtype in DTYPES
    # All ranks and formats run the same lines, which JAX compiles each time.
    if keras.backend.backend() != "jax"
    or (rank, data_format, dtype) == (1, "channels_last", "float16")
    if "pool_size" in arguments or not more
    # TensorFlow's gradient of a 3D maximum goes to each of equals.
    if (name, rank) != ("MixedPooling", 3)
]
CONVS = {
    "CondConv": {"num_experts": 2},
    "CosineConv": {},
    "PartialConv": {"padding": "same"},
    "WeightStandardizedConv": {},
}


def inputs(rank, data_format="channels_last"):
    """Numbers near 100, on one long axis."""
    shape = (1, *(1,) * (rank - 1), STEPS, 2)
    x = np.random.default_rng(0).uniform(96, 104, shape)
    x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    # As half precision has them.
    return to_numpy(keras.ops.cast(x, "bfloat16")).astype("float32")


def assert_near_single(make, x, dtype, *, call=None, tolerance=0.02):
    """Asserts values and gradients near those of the layer in float32."""
    call = call or (lambda layer, x: layer(x))
    answers = []
    for each in ("float32", dtype):
        layer = make(each)
        layer.build(x.shape)
        for weight in layer.weights:
            if weight.path.endswith("kernel"):
                # Squares beyond float16, and sums within.
                size = 1 if "routing" in weight.path else 300
                generator = np.random.default_rng(0)
                weight.assign(generator.uniform(-size, size, weight.shape))
        outputs, gradient, _ = value_and_gradients(
            lambda x, layer=layer: call(layer, x),
            [],
            keras.ops.cast(x, each),
        )
        assert each in str(call(layer, keras.ops.cast(x, each)).dtype)
        answers.append((outputs, gradient))
    for one, other in zip(*answers, strict=True):
        scale = np.abs(one).max()
        np.testing.assert_allclose(other, one, atol=tolerance * scale + 1e-5)


@pytest.mark.parametrize(
    ("name", "rank", "arguments", "data_format", "dtype"),
    CASES,
    ids=[f"{name}{rank}D-{n}" for n, (name, rank, *_) in enumerate(CASES)],
)
def test_poolings_add_up_in_single_precision(
    name, rank, arguments, data_format, dtype
):
    arguments = {
        key: (*(1,) * (rank - 1), value)
        if key in ("pool_size", "strides", "output_size")
        and isinstance(value, int)
        else value
        for key, value in arguments.items()
    }
    if name == "SpatialPyramidPooling" and rank > 1:
        arguments = {"bins": [1, (*(1,) * (rank - 1), 7)]}

    def make(dtype):
        return getattr(layers, f"{name}{rank}D")(
            **arguments, data_format=data_format, dtype=dtype
        )

    assert_near_single(make, inputs(rank, data_format), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_masked_mean_adds_up_in_single_precision(dtype):
    mask = np.arange(STEPS)[None] % 3 != 1
    assert_near_single(
        lambda dtype: layers.GlobalAveragePooling1D(dtype=dtype),
        inputs(1),
        dtype,
        call=lambda layer, x: layer(x, mask=mask),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CONVS)
def test_convolutions_of_large_windows_stay_finite(name, dtype):
    x = inputs(1) if name == "CosineConv" else inputs(1) / 1024
    assert_near_single(
        lambda dtype: getattr(layers, f"{name}1D")(
            2, 300, **CONVS[name], dtype=dtype
        ),
        x,
        dtype,
        tolerance=0.05,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "function",
    [
        ops.standardize_kernel,
        ops.kernel_norm,
        lambda kernel: ops.weight_norm(kernel, 10.0),
        lambda kernel: ops.spectral_norm(
            kernel, *ops.power_iteration(kernel, np.ones(400), steps=3)
        ),
        ops.ternary_kernel,
    ],
)
def test_moments_and_norms_of_large_kernels_are_those_of_single(
    function, dtype
):
    kernel = np.random.default_rng(0).uniform(200, 400, (400, 3))
    kernel = to_numpy(keras.ops.cast(kernel, "bfloat16")).astype("float32")
    answers = [
        value_and_gradients(function, [], keras.ops.cast(kernel, each))[:2]
        for each in ("float32", dtype)
    ]
    for one, other in zip(*answers, strict=True):
        scale = np.abs(one).max()
        np.testing.assert_allclose(other, one, atol=0.02 * scale + 1e-5)
