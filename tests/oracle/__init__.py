"""What torch answers, in files, so that every backend is compared with it.

Two frameworks in one process disturb each other, so torch's numbers are made
once, by `python -m tests.oracle.<family>`, and committed as
`tests/oracle/<family>.npz`. A family's module has `results()`, which computes
them with `torch.nn` from fixed inputs; on the torch backend a test runs it
again and compares, so that the file cannot fall behind the module.
"""

from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Fixed irregular numbers, the same for torch and for ours."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape).astype("float32")


def save(family: str, results: dict[str, Any]) -> None:
    """Writes {case: array} as `<family>.npz`."""
    np.savez_compressed(FOLDER / f"{family}.npz", **results)


def load(family: str) -> dict[str, np.ndarray]:
    """Returns {case: array} as `save` wrote it."""
    with np.load(FOLDER / f"{family}.npz") as arrays:
        return dict(arrays)


def assert_up_to_date(family: str, results: dict[str, np.ndarray]) -> None:
    """Asserts that the file holds what torch computes now."""
    stored = load(family)
    assert stored.keys() == results.keys()
    for case, value in results.items():
        np.testing.assert_allclose(
            stored[case], value, rtol=1e-5, atol=1e-5, err_msg=case
        )
