"""torch's PixelShuffle and PixelUnshuffle."""

from collections.abc import Iterator

import numpy as np

from tests.oracle import normal, save

FACTORS = (1, 2, 3)


def cases() -> Iterator[tuple[str, int, np.ndarray]]:
    """Yields (name, torch's module, factor, input with channels first)."""
    for factor in FACTORS:
        yield f"shuffle {factor}", factor, normal(2, 2 * factor**2, 2, 3)
        yield f"unshuffle {factor}", factor, normal(2, 2, 2 * factor, factor)


def results() -> dict[str, np.ndarray]:
    import torch

    modules = {
        "shuffle": torch.nn.PixelShuffle,
        "unshuffle": torch.nn.PixelUnshuffle,
    }
    return {
        name: modules[name.split()[0]](factor)(torch.from_numpy(x)).numpy()
        for name, factor, x in cases()
    }


if __name__ == "__main__":
    save("pixel_shuffle", results())
