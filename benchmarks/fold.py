"""How much faster a model is in inference with its normalization folded.

Both models in one process, alternating, medians. From the root of the project:

    KERAS_BACKEND=jax python -m benchmarks.fold
"""

import statistics
import time
from typing import Any

import keras
import numpy as np

from keras_extras.conversion import fold_batch_norm
from keras_extras.inspection import multiply_adds

REPEATS = 5
BATCH = 4
NAMES = ("MobileNetV2", "ResNet50")


def seconds(model: Any, x: np.ndarray) -> float:
    """Returns the time of one prediction of a batch."""
    start = time.perf_counter()
    model.predict_on_batch(x)
    return time.perf_counter() - start


def compare(name: str) -> str:
    """Returns a line: the model, both times, their ratio, the error."""
    keras.utils.set_random_seed(0)
    size = 224
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None
    )
    folded = fold_batch_norm(model)
    x = np.random.default_rng(0).random((BATCH, size, size, 3), np.float32)
    expected, got = (each.predict_on_batch(x) for each in (model, folded))
    error = np.abs(got - expected).max() / np.abs(expected).max()
    times = [
        [seconds(each, x) for each in (model, folded)] for _ in range(REPEATS)
    ]
    before, after = map(statistics.median, zip(*times, strict=True))
    return (
        f"{name:12} {multiply_adds(model) / 1e9:6.2f} G multiply-adds, batch "
        f"{BATCH}: {before * 1e3:7.1f} ms, folded {after * 1e3:7.1f} ms, "
        f"ratio {after / before:.2f}, largest error {error:.1e}"
    )


if __name__ == "__main__":
    print(f"Keras {keras.__version__} on {keras.backend.backend()}")
    for each in NAMES:
        print(compare(each))
