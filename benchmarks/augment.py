"""Measures `ImageDataGenerator` against the one that Keras took away.

    python -m benchmarks.augment

The old one is Keras's private copy, which needs SciPy. Both give the same
number of augmented batches alternately, in one process, with the same settings
and data in memory; what is printed are medians of images per second of
processor time, the median of the ratios of neighboring runs, and the range
that half of these ratios lie in. Both use one processor. Where others use the
machine too, both get slower, ours by more, since it lives on the caches.
"""

import statistics
import time
import warnings
from typing import Any

import numpy as np

SETTINGS = {
    "rotation_range": 20,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "zoom_range": 0.1,
    "horizontal_flip": True,
}
# Shape of an image, images per run, the ratio to reach.
CASES = [((28, 28, 1), 1024, 10), ((150, 150, 3), 96, 5)]
BATCH = 32


def seconds(flow: Any) -> float:
    """Returns the processor time of one epoch, batch by batch."""
    start = time.process_time()
    for index in range(len(flow)):
        flow[index]
    return time.process_time() - start


def main(repeats: int = 15) -> None:
    """Prints a line per case."""
    from keras.src.legacy.preprocessing import image as legacy

    from keras_extras.datasets import ImageDataGenerator

    warnings.simplefilter("ignore", DeprecationWarning)  # SciPy's
    for shape, count, goal in CASES:
        images = np.random.default_rng(0).uniform(0, 255, (count, *shape))
        images = images.astype("float32")
        flows = [
            generator(**SETTINGS).flow(
                images, np.zeros(count), batch_size=BATCH, seed=1
            )
            for generator in (ImageDataGenerator, legacy.ImageDataGenerator)
        ]
        for flow in flows:
            flow[0]  # what happens once only
        runs = [[seconds(flow) for flow in flows] for _ in range(repeats)]
        ours, old = (statistics.median(one) for one in zip(*runs, strict=True))
        ratios = sorted(legacy / own for own, legacy in runs)
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{shape}: {count / ours:,.0f} images/s, old {count / old:,.0f}; "
            f"{middle:.1f} times as many ({low:.1f} to {high:.1f}), "
            f"goal {goal}",
            flush=True,
        )


if __name__ == "__main__":
    main()
