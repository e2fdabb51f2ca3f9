"""torch's padding modules, as wide as they take it."""

from collections.abc import Iterator

import numpy as np

from tests.oracle import normal, save

MODULES = {  # ours: torch's
    "constant": "Constant",
    "reflect": "Reflection",
    "edge": "Replication",
    "wrap": "Circular",
}
PADS = {
    1: [(2,), (0, 3)],
    2: [(1,), (1, 2, 0, 3)],
    3: [(1,), (1, 2, 0, 1, 2, 0)],
}
VALUE = 1.5


def cases() -> Iterator[
    tuple[str, int, np.ndarray, str, list[tuple[int, ...]]]
]:
    """Yields (name, rank, input, our mode, (before, after) per axis)."""
    for rank, widths in PADS.items():
        for mode in MODULES:
            for width in widths:
                flat = width * 2 * rank if len(width) == 1 else width
                pairs = [flat[i : i + 2] for i in range(0, 2 * rank, 2)]
                inputs = normal(1, 2, *(4, 5, 4)[:rank])
                # torch counts axes from the last.
                yield f"{rank} {mode} {width}", rank, inputs, mode, pairs[::-1]


def results() -> dict[str, np.ndarray]:
    import torch

    found = {}
    for name, rank, inputs, mode, pairs in cases():
        flat = tuple(number for pair in pairs[::-1] for number in pair)
        fill = (VALUE,) if mode == "constant" else ()
        module = getattr(torch.nn, f"{MODULES[mode]}Pad{rank}d")(flat, *fill)
        found[name] = module(torch.from_numpy(inputs)).numpy()
    return found


if __name__ == "__main__":
    save("pad", results())
