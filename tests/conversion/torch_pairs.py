"""Models of Keras and torch with the same weights, and their outputs compared.

For tests on the torch backend, where torch itself is the oracle.
"""

from typing import Any

import keras
import numpy as np
import torch
from torch import nn

from tests import oracle
from tests.gradients import to_numpy


class Torch(nn.Module):
    """Modules by name, and a function of them and the inputs."""

    def __init__(self, function: Any, **modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs: Any) -> Any:
        return self.function(self, *inputs)


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Returns the module with irregular weights; variances above 0."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim:
                values = generator.normal(size=tuple(tensor.shape)) / 2
                values = abs(values) + 0.5 if "running_var" in key else values
                tensor.copy_(torch.from_numpy(values.astype("float32")))
    return module.eval()


def keras_order(array: np.ndarray) -> np.ndarray:
    """Channels from torch's place to Keras's."""
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def inputs_like(module: nn.Module, *shapes: tuple[int, ...]) -> list[Any]:
    return [
        oracle.normal(2, *shape, seed=seed) for seed, shape in enumerate(shapes)
    ]


def off(
    model: Any, module: nn.Module, *inputs: np.ndarray, is_moved: bool = True
) -> float:
    """Returns how far the outputs are apart, in parts of the largest."""
    move = keras_order if is_moved else np.asarray
    with torch.no_grad():
        expected = module(*map(torch.from_numpy, inputs))
    arrays = [move(array) for array in inputs]
    actual = model(arrays if len(arrays) > 1 else arrays[0])
    pairs = zip(
        keras.tree.flatten(actual),
        expected if isinstance(expected, tuple | list) else [expected],
        strict=True,
    )
    return max(
        np.abs(to_numpy(ours) - move(theirs.numpy())).max()
        / np.abs(theirs.numpy()).max()
        for ours, theirs in pairs
    )
