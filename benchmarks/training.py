"""Measures `fit` of `models.Model` against stock's, on a small model.

    KERAS_BACKEND=tensorflow python -m benchmarks.training

The 50-50-10 MLP on 8,500 images of 784 pixels, in batches of 64; three epochs
at a time, in turn. Printed are milliseconds per step, and the ratio.
"""

import statistics
import time

import keras
import numpy as np

import keras_extras

EXAMPLES, BATCH_SIZE, EPOCHS, REPEATS = 8500, 64, 3, 15


def main() -> None:
    """Measures on the active backend."""
    generator = np.random.default_rng(0)
    x = generator.random((EXAMPLES, 784)).astype("float32")
    y = generator.integers(0, 10, EXAMPLES)
    arguments = {"units": (50, 50), "activation": "tanh", "num_classes": 10}
    models = {
        "ours": keras_extras.models.MLP(**arguments),
        "stock": keras.Sequential(
            [
                keras.layers.Dense(50, activation="tanh"),
                keras.layers.Dense(50, activation="tanh"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        ),
    }
    times = {name: [] for name in models}
    for model in models.values():
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
    for _ in range(REPEATS):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(x, y, BATCH_SIZE, EPOCHS, verbose=0)
            times[name].append(time.perf_counter() - start)
    steps = -(-EXAMPLES // BATCH_SIZE) * EPOCHS
    ours, stock = (
        statistics.median(own[2:]) / steps * 1e3 for own in times.values()
    )
    print(
        f"{keras.backend.backend()}: ours {ours:.2f} ms a step, "
        f"stock {stock:.2f} ms, ratio {ours / stock:.2f}"
    )


if __name__ == "__main__":
    main()
