"""Our layer against the stock one: same config, weights, values, gradients."""

import inspect
from typing import Any

import keras
import numpy as np

import keras_extras
from tests.gradients import value_and_gradients

# Both run the same backend's kernels, often the very same one; what is left
# is rounding, in another order of additions. Measured in units of the dtype's
# epsilon, times the number of terms a window adds up (at most about 100 here).
TOLERANCE = {
    "float64": 1e-12,
    "float32": 2e-5,
    "bfloat16": 0.1,
    "float16": 0.01,
}


# JAX has no float64 unless the whole process is switched to it.
FLOAT64 = "float32" if keras.backend.backend() == "jax" else "float64"


def assert_same(
    ours: Any, stock: Any, inputs: Any, **call_arguments: Any
) -> None:
    """Asserts equal outputs, input gradients and weight gradients."""
    ours.build(inputs.shape)
    stock.build(inputs.shape)
    assert [w.shape for w in ours.weights] == [w.shape for w in stock.weights]
    assert [w.name for w in ours.weights] == [w.name for w in stock.weights]
    generator = np.random.default_rng(0)
    stock.set_weights(
        [generator.normal(0, 0.5, weight.shape) for weight in stock.weights]
    )
    ours.set_weights(stock.get_weights())
    results = [
        value_and_gradients(
            lambda x, layer=layer: layer(x, **call_arguments),
            layer.trainable_weights,
            inputs,
        )
        for layer in (ours, stock)
    ]
    tolerance = TOLERANCE[keras.backend.standardize_dtype(ours.compute_dtype)]
    names = ["outputs", "input gradient", "weight gradients"]
    for name, got, expected in zip(names, *results, strict=True):
        pairs = zip(
            keras.tree.flatten(got), keras.tree.flatten(expected), strict=True
        )
        for one, other in pairs:
            scale = max(1.0, np.abs(other).max(initial=0))
            np.testing.assert_allclose(
                one, other, rtol=0, atol=tolerance * scale, err_msg=name
            )
    symbolic = ours.compute_output_shape(inputs.shape)
    assert tuple(symbolic) == tuple(results[0][0].shape)


def assert_same_signature(name: str) -> None:
    """Asserts stock's positional arguments and defaults, and only new others.

    A default may be spelled for all ranks at once, 1 instead of (1, 1).
    """
    ours = inspect.signature(getattr(keras_extras.layers, name)).parameters
    stock = inspect.signature(getattr(keras.layers, name)).parameters
    positional = [
        parameter
        for parameter in ours.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    expected = [
        parameter
        for parameter in stock.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    assert [p.name for p in positional] == [p.name for p in expected]
    for one, other in zip(positional, expected, strict=True):
        default = other.default
        if isinstance(default, tuple) and len(set(default)) == 1:
            default = default[0]
        assert one.default == default or one.default is default, one.name


def assert_takes_stock_config(ours: Any, stock: Any) -> None:
    """Asserts that stock's config makes our layer, and ours holds the same."""
    revived = type(ours).from_config(stock.get_config())
    config, expected = revived.get_config(), stock.get_config()
    for key, value in expected.items():
        assert config[key] == value, key


def config_without_name(layer: Any) -> dict[str, Any]:
    return {
        key: value for key, value in layer.get_config().items() if key != "name"
    }
