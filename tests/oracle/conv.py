"""What `torch.nn.Conv1d`, `2d` and `3d` answer.

Run `python -m tests.oracle.conv` to write the file anew.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tests import oracle

# Arguments of torch; the input has 4 channels and positions 5, 6, 4.
CASES = {
    "plain": {"rank": 2, "kernel_size": 3, "stride": 2},
    "padding": {"rank": 2, "kernel_size": (4, 3), "padding": (3, 1)},
    "stride and dilation": {
        "rank": 2,
        "kernel_size": (2, 3),
        "stride": (2, 1),
        "padding": (1, 3),
        "dilation": (1, 2),
    },
    "groups": {"rank": 1, "kernel_size": 3, "groups": 2, "padding": 2},
    "depthwise": {
        "rank": 2,
        "kernel_size": 3,
        "groups": 4,
        "out_channels": 8,
        "padding": 1,
        "stride": 2,
    },
    "reflect": {
        "rank": 2,
        "kernel_size": 3,
        "padding": (2, 1),
        "padding_mode": "reflect",
    },
    "replicate": {
        "rank": 2,
        "kernel_size": 3,
        "padding": (7, 1),
        "stride": 2,
        "padding_mode": "replicate",
    },
    "circular": {
        "rank": 1,
        "kernel_size": 3,
        "padding": 5,
        "dilation": 2,
        "padding_mode": "circular",
    },
    "all 3": {
        "rank": 3,
        "kernel_size": (2, 3, 1),
        "stride": (2, 1, 3),
        "padding": (1, 2, 3),
        "dilation": (1, 2, 1),
        "groups": 2,
        "padding_mode": "circular",
    },
}


def inputs(case: str) -> tuple[Any, ...]:
    """Returns torch's arguments, the input, the weight and the bias."""
    arguments = {"in_channels": 4, "out_channels": 4, **CASES[case]}
    rank = arguments.pop("rank")
    size = arguments["kernel_size"]
    size = (size,) * rank if isinstance(size, int) else size
    filters = arguments["out_channels"]
    return (
        arguments,
        oracle.normal(2, 4, *(5, 6, 4)[:rank]),
        oracle.normal(filters, 4 // arguments.get("groups", 1), *size, seed=1),
        oracle.normal(filters, seed=2),
    )


def answers(
    kind: str, cases: Iterable[str], inputs: Callable[[str], tuple[Any, ...]]
) -> dict[str, np.ndarray]:
    """Returns outputs and gradients of each case, by `torch.nn.<kind>*d`."""
    import torch

    stored = {}
    for case in cases:
        arguments, *arrays = inputs(case)
        x, weight, bias = map(torch.from_numpy, arrays)
        layer = getattr(torch.nn, f"{kind}{x.ndim - 2}d")(**arguments)
        layer.weight.data, layer.bias.data = weight, bias
        x.requires_grad_(True)
        outputs = layer(x)
        # The loss of tests/gradients.py.
        count = np.arange(outputs.numel(), dtype="float64")
        factors = np.cos(1.0 + count).astype("float32")
        loss = (torch.from_numpy(factors) * outputs.flatten()).sum()
        gradients = torch.autograd.grad(loss, [x, layer.weight])
        stored[case] = outputs.detach().numpy()
        stored[f"{case}/x"], stored[f"{case}/weight"] = (
            gradient.numpy() for gradient in gradients
        )
    return stored


def results() -> dict[str, np.ndarray]:
    """Returns {case: outputs, case/x and case/weight: gradients}."""
    return answers("Conv", CASES, inputs)


if __name__ == "__main__":
    oracle.save("conv", results())
