"""Models with weights as trained ones have, and their outputs compared."""

from typing import Any

import keras
import numpy as np

from keras_extras import layers
from keras_extras.conversion import to_extras, to_keras


def randomize(model: Any, seed: int = 0) -> Any:
    """Weights as in a trained network, batch statistics too."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name == "gamma" or "variance" in weight.name:
            weight.assign(generator.uniform(0.5, 2.0, shape))
        elif len(shape) > 1:
            fan = np.prod(shape[:-1])
            weight.assign(generator.normal(0, (2 / fan) ** 0.5, shape))
        elif "float" in weight.dtype:  # not a seed or a count
            weight.assign(generator.normal(0, 0.1, shape))
    return model


def values(*shape: int, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape).astype("float32")


def run(model: Any, *inputs: Any) -> Any:
    outputs = model(*inputs)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def assert_same_outputs(one: Any, other: Any, inputs: Any) -> None:
    expected, got = run(one, inputs), run(other, inputs)
    for left, right in zip(
        keras.tree.flatten(got), keras.tree.flatten(expected), strict=True
    ):
        scale = np.abs(right).max()
        assert scale > 0
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5 * scale)


def names(model: Any) -> list[str]:
    return [layer.name for layer in model.layers]


def ours_in(model: Any) -> list[layers.Layer]:
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, layers.Layer)
    ]


def assert_moves(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Asserts that the model goes to ours and back, and returns both."""
    before = [weight.copy() for weight in model.get_weights()]
    opened = to_extras(model)
    closed = to_keras(opened)
    for new in (opened, closed):
        assert names(new) == names(model)
        assert new.name == model.name
        assert_same_outputs(model, new, inputs)
        assert len(new.weights) == len(model.weights)
        shared = {id(w) for w in new.weights} & {id(w) for w in model.weights}
        assert not shared
    assert ours_in(opened)
    assert not ours_in(closed)
    assert not ours_in(model)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    return opened, closed
