"""torch's adaptive pooling: means, maxima, positions, axes left as they are."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.oracle import normal, save

SIZES = {
    1: ([(7,), (6,)], [4, 3]),
    2: ([(7, 6)], [1, 3, (None, 4), (5, 2)]),
    3: ([(3, 4, 5)], [(1, None, 3)]),
}


def cases() -> Iterator[tuple[str, int, np.ndarray, Any]]:
    """Yields (name, rank, input with channels first, output size)."""
    for rank, (lengths, outputs) in SIZES.items():
        for size, output in itertools.product(lengths, outputs):
            yield f"{size}-{output}", rank, normal(2, 2, *size), output


def results() -> dict[str, np.ndarray]:
    import torch

    found = {}
    for name, rank, inputs, output in cases():
        x = torch.from_numpy(inputs)
        mean = getattr(torch.nn, f"AdaptiveAvgPool{rank}d")(output)
        maximum = getattr(torch.nn, f"AdaptiveMaxPool{rank}d")(
            output, return_indices=True
        )
        values, indices = maximum(x)
        found[f"{name} mean"] = mean(x).numpy()
        found[f"{name} max"] = values.numpy()
        found[f"{name} indices"] = indices.numpy().astype("int32")
    return found


if __name__ == "__main__":
    save("adaptive", results())
