"""What `torch.nn.ConvTranspose1d`, `2d` and `3d` answer.

Run `python -m tests.oracle.conv_transpose` to write the file anew.
"""

from typing import Any

import numpy as np

from tests import oracle
from tests.oracle import conv

# Arguments of torch; the input has `in_channels` and positions 4, 5, 3.
CASES = {
    "plain": {"rank": 2, "kernel_size": 3, "stride": 2},
    "short kernel": {"rank": 1, "kernel_size": 2, "stride": 3},
    "padding": {"rank": 2, "kernel_size": 4, "stride": 2, "padding": 1},
    "cut": {"rank": 1, "kernel_size": 2, "stride": 2, "padding": 2},
    "output padding": {
        "rank": 2,
        "kernel_size": (3, 2),
        "stride": (3, 2),
        "padding": (1, 0),
        "output_padding": (2, 1),
    },
    "dilation": {
        "rank": 2,
        "kernel_size": 3,
        "padding": 1,
        "dilation": 2,
        "output_padding": 1,
    },
    "groups": {"rank": 2, "kernel_size": 3, "groups": 2, "padding": 1},
    "all 1": {
        "rank": 1,
        "kernel_size": 3,
        "stride": 3,
        "padding": 2,
        "output_padding": 1,
        "dilation": 2,
        "groups": 4,
    },
    "all 3": {
        "rank": 3,
        "kernel_size": (2, 3, 1),
        "stride": (2, 1, 3),
        "padding": (1, 2, 0),
        "output_padding": (1, 1, 2),
        "dilation": (1, 2, 1),
        "groups": 2,
    },
}


def inputs(case: str) -> tuple[Any, ...]:
    """Returns torch's arguments, the input, the weight and the bias."""
    arguments = {"in_channels": 4, "out_channels": 4, **CASES[case]}
    rank = arguments.pop("rank")
    size = arguments["kernel_size"]
    size = (size,) * rank if isinstance(size, int) else size
    return (
        arguments,
        oracle.normal(2, 4, *(4, 5, 3)[:rank]),
        oracle.normal(4, 4 // arguments.get("groups", 1), *size, seed=1),
        oracle.normal(4, seed=2),
    )


def results() -> dict[str, np.ndarray]:
    """Returns {case: outputs, case/x and case/weight: gradients}."""
    return conv.answers("ConvTranspose", CASES, inputs)


if __name__ == "__main__":
    oracle.save("conv_transpose", results())
