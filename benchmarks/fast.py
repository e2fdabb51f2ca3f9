"""Measures each row of `ops/_fast` against the generic way.

    KERAS_BACKEND=jax python -m benchmarks.fast

Prints generic / fast, forward and with gradient: above 1 the row pays.
"""

from typing import Any

import keras
import numpy as np

from benchmarks._timing import alternate, forward, step
from keras_extras import ops

SHAPE = (128, 24, 24, 64)
# Name, shapes of kernels, further arguments.
CASES = [
    ("max_pool", (), (2, 2, "valid", "channels_last")),
    ("max_pool", (), (3, 2, "same", "channels_last")),
    ("average_pool", (), (2, 2, "valid", "channels_last")),
    ("average_pool", (), (3, 1, "same", "channels_last")),
    ("global_average_pool", (), ("channels_last",)),
    ("global_max_pool", (), ("channels_last",)),
    ("adaptive_max_pool", (), (6, "channels_last")),
    ("adaptive_max_pool", (), (7, "channels_last")),
    ("adaptive_average_pool", (), (6, "channels_last")),
    ("adaptive_average_pool", (), (7, "channels_last")),
    ("conv", ((3, 3, 64, 64),), (1, "valid", "channels_last")),
    ("conv", ((3, 3, 64, 64),), (1, "same", "channels_last")),
    ("conv", ((3, 3, 16, 64),), (1, "same", "channels_last")),
    ("conv_transpose", ((3, 3, 32, 64),), (2, "same", None, "channels_last")),
    ("depthwise_conv", ((3, 3, 64, 1),), (1, "same", "channels_last")),
    (
        "separable_conv",
        ((3, 3, 64, 1), (1, 1, 64, 64)),
        (1, "same", "channels_last"),
    ),
]


def main() -> None:
    """Measures on the active backend."""
    generator = np.random.default_rng(0)

    def normal(shape: tuple[int, ...]) -> Any:
        return keras.ops.convert_to_tensor(
            generator.normal(size=shape).astype("float32")
        )

    inputs = normal(SHAPE)
    for name, shapes, arguments in CASES:
        operation = getattr(ops, name)
        if not hasattr(operation, "__wrapped__"):
            continue
        given = (*map(normal, shapes), *arguments)
        layers = [
            keras.layers.Lambda(lambda x, f=f, a=given: f(x, *a))
            for f in (operation, operation.__wrapped__)
        ]
        for layer in layers:
            layer.build(SHAPE)
        ratios = []
        for mode in (forward, step):
            fast, generic = alternate([mode(layer, inputs) for layer in layers])
            ratios.append(f"{generic / fast:6.2f}")
        print(keras.backend.backend(), name, arguments, *ratios, flush=True)


if __name__ == "__main__":
    main()
