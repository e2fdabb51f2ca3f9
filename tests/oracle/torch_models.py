"""What small torch models answer, and their state_dicts.

Run `python -m tests.oracle.torch_models` to write the file anew.
"""

from typing import Any

import numpy as np

from tests import oracle

# Shape of each case's input, without the batch, in torch's order.
INPUTS = {
    "mlp": (5,),
    "conv": (4, 7, 6),
    "conv modes": (2, 7, 6),
    "conv1d": (2, 9),
    "transposed": (4, 3, 4),
    "separable": (2, 6, 6),
    "normalized": (3, 5, 4),
    "volume": (2, 4, 5, 4),
    "lenet": (1, 14, 12),
    "tokens": (6,),
}


def modules() -> dict[str, Any]:
    """Returns {case: torch module}."""
    from torch import nn

    return {
        "mlp": nn.Sequential(
            nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3, bias=False)
        ),
        "conv": nn.Sequential(
            nn.Conv2d(4, 6, (3, 2), 2, padding=1, groups=2),
            nn.Conv2d(6, 4, 2, dilation=(1, 2), padding=2),
        ),
        "conv modes": nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode="reflect"),
            nn.Conv2d(3, 3, 3, padding=1, padding_mode="replicate"),
            nn.Conv2d(3, 2, 3, padding=2, padding_mode="circular"),
        ),
        "conv1d": nn.Sequential(
            nn.Conv1d(2, 4, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(4),
            nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1),
        ),
        "transposed": nn.Sequential(
            nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2),
            nn.ConvTranspose2d(6, 2, (2, 3), dilation=2),
        ),
        "separable": nn.Sequential(
            nn.Conv2d(2, 4, 3, groups=2, padding=1, bias=False),
            nn.Conv2d(4, 3, 1),
            nn.Conv2d(3, 6, 3, groups=3),
        ),
        "normalized": nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.PReLU(4),
            nn.GroupNorm(2, 4),
            nn.BatchNorm2d(4, affine=False),
        ),
        "volume": nn.Sequential(
            nn.Conv3d(2, 3, 2), nn.ConvTranspose3d(3, 2, 2, stride=2)
        ),
        "lenet": nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.BatchNorm1d(16),
            nn.Linear(16, 5),
            nn.ReLU(),
            nn.Linear(5, 3),
        ),
        "tokens": nn.Sequential(
            nn.Embedding(9, 4), nn.LayerNorm(4), nn.Linear(4, 2)
        ),
    }


def inputs(case: str) -> np.ndarray:
    """Returns the case's input, in torch's order."""
    x = oracle.normal(3, *INPUTS[case])
    return abs(x * 4).astype("int32") % 9 if case == "tokens" else x


def fill(module: Any) -> Any:
    """Gives the module fixed irregular weights; variances above 0."""
    import torch

    state = module.state_dict()
    for seed, (key, tensor) in enumerate(state.items()):
        if tensor.ndim:
            values = oracle.normal(*tensor.shape, seed=seed + 10) / 2
            values = abs(values) + 0.5 if "running_var" in key else values
            state[key] = torch.from_numpy(values.astype("float32"))
    module.load_state_dict(state)
    return module.eval()


def results() -> dict[str, np.ndarray]:
    """Returns {case: outputs, case/key: the state_dict}."""
    import torch

    stored = {}
    for case, module in modules().items():
        fill(module)
        with torch.no_grad():
            outputs = module(torch.from_numpy(inputs(case)))
        stored[case] = outputs.numpy()
        for key, tensor in module.state_dict().items():
            stored[f"{case}/{key}"] = tensor.numpy()
    return stored


if __name__ == "__main__":
    oracle.save("torch_models", results())
