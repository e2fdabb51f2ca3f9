"""Poolings as NumPy loops in float64, and what every pooling is tested for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.gradients import to_numpy, value_and_gradients


def irregular(
    shape: tuple[int, ...], low: float = -1.0, high: float = 2.0, seed: int = 0
) -> np.ndarray:
    """Irregular numbers without ties, the same on every backend."""
    return np.random.default_rng(seed).uniform(low, high, shape)


def reduce_windows(
    reduce: Callable[..., Any],
    x: np.ndarray,
    size: int,
    strides: int,
    pads: tuple[int, int] = (0, 0),
    dilation: int = 1,
) -> np.ndarray:
    """Returns reduce(taps, numbers) of every window of channels-last x.

    `taps` are the real values of one window and channel, `numbers` their
    places in the window. The same size, stride, pads and dilation hold for
    all axes.
    """
    rank = x.ndim - 2
    extent = (size - 1) * dilation + 1
    counts = [
        (length + sum(pads) - extent) // strides + 1 for length in x.shape[1:-1]
    ]
    y = np.zeros((x.shape[0], *counts, x.shape[-1]))
    for n, *place, c in np.ndindex(*y.shape):
        taps, numbers = [], []
        for number in np.ndindex(*(size,) * rank):
            at = tuple(
                i * strides + j * dilation - pads[0]
                for i, j in zip(place, number, strict=True)
            )
            inside = all(
                0 <= a < length
                for a, length in zip(at, x.shape[1:-1], strict=True)
            )
            if inside:
                taps.append(x[(n, *at, c)])
                numbers.append(number)
        y[(n, *place, c)] = reduce(np.array(taps), numbers)
    return y


def same_pads(length: int, extent: int, strides: int) -> tuple[int, int]:
    total = max((-(-length // strides) - 1) * strides + extent - length, 0)
    return total // 2, total - total // 2


def numeric_gradient(
    function: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    step: float = 1e-5,
) -> np.ndarray:
    """Central differences of sum(c * function(x)), c as in tests.gradients."""

    def loss(x: np.ndarray) -> float:
        y = function(x)
        return np.sum(np.cos(1.0 + np.arange(y.size)) * y.ravel())

    gradient = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        moved = x.copy()
        moved[place] += step
        above = loss(moved)
        moved[place] -= 2 * step
        gradient[place] = (above - loss(moved)) / (2 * step)
    return gradient


def assert_equals_definition(
    layer: Any,
    definition: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    tolerance: float = 2e-5,
) -> list[np.ndarray]:
    """Asserts values, and the gradient in the inputs by differences.

    Returns the gradients in the layer's weights.
    """
    single = x.astype("float32")
    layer.build(single.shape)
    y, gradient, weights = value_and_gradients(
        layer, layer.trainable_weights, single
    )
    x = single.astype("float64")
    np.testing.assert_allclose(y, definition(x), atol=tolerance)
    expected = numeric_gradient(definition, x)
    np.testing.assert_allclose(gradient, expected, atol=10 * tolerance)
    return weights


def assert_unknown_sizes_work(layer: Any, x: np.ndarray) -> None:
    """Asserts that a model of unknown sizes gives the layer's values."""
    x = x.astype("float32")
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    unknown = [None] * (x.ndim - 1)
    unknown[-1 if last else 0] = x.shape[-1 if last else 1]
    inputs = keras.Input(unknown)
    outputs = layer(inputs)
    expected = to_numpy(layer(x))
    assert len(outputs.shape) == expected.ndim
    model: Any = keras.Model(inputs, outputs)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert tuple(layer.compute_output_shape(x.shape)) == expected.shape


def assert_saved_and_loaded(layer: Any, x: np.ndarray, folder: Path) -> None:
    """Asserts equal config and predictions of a model loaded from a file."""
    x = x.astype("float32")
    model: Any = keras.Sequential([keras.Input(x.shape[1:]), layer])
    expected = model.predict(x, verbose=0)
    model.save(folder / "model.keras")
    again: Any = keras.saving.load_model(folder / "model.keras")
    assert again.layers[-1].get_config() == layer.get_config()
    y = again.predict(x, verbose=0)
    np.testing.assert_allclose(y, expected, atol=1e-6)


def assert_hooks_are_called(
    cls: type,
    arguments: dict[str, Any],
    x: Any,
    hooks: list[str],
    **call_arguments: Any,
) -> None:
    """Asserts that the hooks, which take the inputs, are called in order."""
    calls = []

    def recording(hook: str) -> Callable[[Any, Any], Any]:
        def method(self: Any, inputs: Any) -> Any:
            calls.append(hook)
            return getattr(super(recorder, self), hook)(inputs)

        return method

    recorder = type("Recording", (cls,), {h: recording(h) for h in hooks})
    y = recorder(**arguments)(x, **call_arguments)
    assert calls == hooks
    expected = cls(**arguments)(x, **call_arguments)
    assert tuple(y.shape) == tuple(expected.shape)
