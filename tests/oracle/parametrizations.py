"""torch.nn.utils.parametrizations: weight_norm, spectral_norm, orthogonal."""

from typing import Any

import numpy as np

from tests.oracle import normal, save

# Kernels in our layout; channels stand last in inputs and outputs.
LAYERS = ("dense", "conv", "transposed")
KERNELS = {
    "dense": (3, 4),
    "conv": (3, 2, 2, 4),
    "transposed": (3, 2, 4, 2),
}
INPUTS = {"dense": (5, 3), "conv": (2, 5, 4, 2), "transposed": (2, 3, 3, 2)}
STEPS = 2
MAPS = ("cayley", "householder")
MATRICES = ((3, 3), (4, 2), (2, 4))  # (weights, outputs)


def kernel_of(name: str) -> np.ndarray:
    return normal(*KERNELS[name], seed=1)


def inputs_of(name: str) -> np.ndarray:
    return normal(*INPUTS[name], seed=2)


def gains_of(name: str) -> np.ndarray:
    """Lengths, one per output, in the shape they have here."""
    shape = [1] * len(KERNELS[name])
    axis = -2 if name == "transposed" else -1
    shape[axis] = KERNELS[name][axis]
    return 1 + np.abs(normal(*shape, seed=3))


def vector_of(name: str) -> np.ndarray:
    """The vector that the power iteration starts from, in our order."""
    outputs = 4
    return normal(int(np.prod(KERNELS[name])) // outputs, seed=4)


def matrix_of(shape: tuple[int, int]) -> np.ndarray:
    """A kernel; torch's reflections want ones on the diagonal."""
    matrix = normal(*shape, seed=5) / 2
    np.fill_diagonal(matrix, 1.0)
    return matrix


def to_torch(kernel: np.ndarray) -> np.ndarray:
    """Our layout into torch's: the last two axes first, and in turn."""
    order = (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))
    return np.ascontiguousarray(kernel.transpose(order))


def to_ours(weight: np.ndarray) -> np.ndarray:
    order = (*range(2, weight.ndim), 1, 0)
    return weight.transpose(order)


def results() -> dict[str, np.ndarray]:
    import torch
    from torch.nn.utils import parametrizations

    found = {}

    def run(module: Any, name: str) -> np.ndarray:
        x = torch.from_numpy(np.moveaxis(inputs_of(name), -1, 1).copy())
        y = module(x)
        y = torch.movedim(y, 1, -1)
        factors = np.cos(1.0 + np.arange(y.numel())).reshape(y.shape)
        (torch.from_numpy(factors.astype("float32")) * y).sum().backward()
        return y.detach().numpy()

    def module_of(name: str) -> Any:
        module = {
            "dense": lambda: torch.nn.Linear(3, 4, bias=False),
            "conv": lambda: torch.nn.Conv2d(2, 4, (3, 2), bias=False),
            "transposed": lambda: torch.nn.ConvTranspose2d(
                2, 4, (3, 2), bias=False
            ),
        }[name]()
        module.weight.data = torch.from_numpy(to_torch(kernel_of(name)))
        return module

    for name in LAYERS:
        dim = 1 if name == "transposed" else 0
        module: Any = parametrizations.weight_norm(module_of(name), dim=dim)
        weight = module.parametrizations.weight
        weight.original0.data = torch.from_numpy(to_torch(gains_of(name)))
        found[f"weight_norm {name} outputs"] = run(module, name)
        for key, part in (("g", "original0"), ("kernel", "original1")):
            gradient = getattr(weight, part).grad.numpy()
            found[f"weight_norm {name} {key} gradient"] = to_ours(gradient)

        module = parametrizations.spectral_norm(
            module_of(name), n_power_iterations=STEPS
        )
        weight = module.parametrizations.weight
        window = KERNELS[name][:-2]
        start = vector_of(name).reshape(*window, -1)
        weight[0]._v.copy_(torch.from_numpy(np.moveaxis(start, -1, 0).ravel()))
        found[f"spectral_norm {name} outputs"] = run(module, name)
        found[f"spectral_norm {name} kernel gradient"] = to_ours(
            weight.original.grad.numpy()
        )
        found[f"spectral_norm {name} u"] = weight[0]._u.numpy()

    for method in MAPS:
        for shape in MATRICES:
            linear: Any = torch.nn.Linear(*shape, bias=False)
            linear = parametrizations.orthogonal(
                linear, orthogonal_map=method, use_trivialization=False
            )
            original = linear.parametrizations.weight.original
            original.data = torch.from_numpy(matrix_of(shape).T.copy())
            weight = linear.weight.T
            factors = np.cos(1.0 + np.arange(weight.numel())).reshape(shape)
            (
                torch.from_numpy(factors.astype("float32")) * weight
            ).sum().backward()
            case = f"orthogonal {method} {shape[0]}x{shape[1]}"
            found[f"{case} kernel"] = weight.detach().numpy()
            found[f"{case} gradient"] = original.grad.numpy().T
    return found


if __name__ == "__main__":
    save("parametrizations", results())
