"""Writes what every layer answers on the active backend, for comparison.

python -m tests.agreement FILE.npz
"""

import sys
from typing import Any

import numpy as np

from tests import samples
from tests.gradients import value_and_gradients


def answers() -> dict[str, Any]:
    """Outputs and gradients of every sample: {name: array}."""
    found = {}
    for name in samples.names():
        layer, shape = samples.make(name)
        x = samples.inputs(shape)
        layer.build(x.shape)
        samples.set_weights(layer)
        outputs, gradient, gradients = value_and_gradients(
            layer, layer.trainable_weights, x
        )
        found[f"{name} outputs"] = outputs
        found[f"{name} input gradient"] = gradient
        for weight, values in zip(
            layer.trainable_weights, gradients, strict=True
        ):
            found[f"{name} {weight.name} gradient"] = values
    return found


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], **answers())
