"""torch's pooling and unpooling: `python -m tests.oracle.pool` writes it.

Inputs have equal numbers in them, NaNs, and minus infinity beside the pads.
Every case names torch's function and its arguments.
"""

import numpy as np

from tests import oracle

SHAPES = {1: (2, 2, 9), 2: (2, 2, 7, 6), 3: (1, 2, 5, 6, 4)}

# rank, kernel_size, stride, padding, dilation, ceil_mode
MAX = {
    "max1": (1, 3, 2, 1, 1, False),
    "max1_ceil": (1, 2, 4, 0, 2, True),
    "max2": (2, 2, None, 0, 1, False),
    "max2_ceil": (2, (2, 3), 3, (0, 1), 1, True),
    "max2_all": (2, 3, (2, 1), 1, (2, 1), True),
    "max2_overhang": (2, 2, 3, 1, 1, True),
    "max3": (3, 2, 1, 0, (1, 2, 1), False),
    "max3_ceil": (3, (2, 3, 2), 2, (0, 1, 1), 1, True),
}

# rank, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor
AVERAGE = {
    "average1": (1, 3, 2, 1, False, False, None),
    "average1_ceil": (1, 3, 3, 1, True, True, None),
    "average2": (2, 3, 2, 1, False, True, None),
    "average2_real": (2, (2, 3), 3, (0, 1), True, False, None),
    "average2_all": (2, (2, 3), 3, (0, 1), True, True, None),
    "average2_overhang": (2, 2, 3, 1, True, True, None),
    "average2_divisor": (2, 3, 2, 1, True, False, 5),
    "average3": (3, (2, 3, 2), 2, (0, 1, 1), True, True, None),
    "average3_divisor": (3, 2, 2, 0, False, True, 3),
}

# rank, norm_type, kernel_size, stride, ceil_mode
LP = {
    "lp1": (1, 1, 3, 2, False),
    "lp1_signed": (1, 3, 2, None, True),
    "lp2": (2, 2, (3, 2), 2, True),
    "lp2_largest": (2, float("inf"), 2, 2, True),
    "lp2_smallest": (2, -float("inf"), 3, 1, False),
    "lp3": (3, 4, 2, 2, True),
}

# rank, kernel_size, stride, padding, output_size
UNPOOL = {
    "unpool1": (1, 2, None, 0, None),
    "unpool1_size": (1, 2, None, 0, (9,)),
    "unpool2": (2, 2, 2, 0, (7, 6)),
    "unpool2_overlap": (2, 3, 2, 1, (7, 6)),
    "unpool3": (3, 2, 2, 0, (5, 6, 4)),
}

# rank, kernel_size, output_size, output_ratio
FRACTIONAL = {
    "fractional2": (2, 2, (4, 3), None),
    "fractional2_ratio": (2, (3, 2), None, (0.6, 0.7)),
    "fractional2_one": (2, 2, (1, 5), None),
    "fractional3": (3, 2, (3, 4, 2), None),
}


def inputs(rank: int) -> np.ndarray:
    """Rounded numbers, so that some are equal; two NaNs; a low corner."""
    x = oracle.normal(*SHAPES[rank]).round(1)
    for place in (2, 3):
        x[(0, 1, *(place,) * rank)] = np.nan
    x[(0, 0, *(slice(0, 2),) * rank)] = -np.inf
    return x


def finite(rank: int) -> np.ndarray:
    """Irregular numbers, all different."""
    return oracle.normal(*SHAPES[rank])


def samples(rank: int) -> np.ndarray:
    """Fixed random numbers, in the order of the spatial axes."""
    generator = np.random.default_rng(7)
    return generator.random((*SHAPES[rank][:2], rank)).astype("float32")


def results() -> dict[str, np.ndarray]:
    """Computes all cases with `torch.nn.functional`."""
    import torch
    import torch.nn.functional as nnf

    found = {}
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)  # no unpooling has that name
    for case, (rank, size, stride, padding, dilation, ceil) in MAX.items():
        values, places = getattr(nnf, f"max_pool{rank}d")(
            torch.from_numpy(inputs(rank)),
            size,
            stride,
            padding,
            dilation,
            ceil,
            return_indices=True,
        )
        found[case] = values.numpy()
        found[f"{case}_places"] = places.numpy().astype("int32")
    for case, (rank, *arguments) in AVERAGE.items():
        if rank == 1:  # torch has no divisor there
            arguments = arguments[:-1]
        pool = getattr(nnf, f"avg_pool{rank}d")
        found[case] = pool(torch.from_numpy(finite(rank)), *arguments).numpy()
    for case, (rank, *arguments) in LP.items():
        pool = getattr(nnf, f"lp_pool{rank}d")
        sizes = torch.from_numpy(finite(rank)).abs()  # ours takes them itself
        found[case] = pool(sizes, *arguments).numpy()
    for case, (rank, size, stride, padding, output_size) in UNPOOL.items():
        values, places = getattr(nnf, f"max_pool{rank}d")(
            torch.from_numpy(finite(rank)),
            size,
            stride,
            padding,
            return_indices=True,
        )
        found[case] = getattr(nnf, f"max_unpool{rank}d")(
            values, places, size, stride, padding, output_size
        ).numpy()
    for case, (rank, size, output_size, ratio) in FRACTIONAL.items():
        drawn = samples(rank)
        if rank == 2:  # torch's 2D windows take the columns' sample first
            drawn = drawn[..., ::-1].copy()
        values, places = getattr(nnf, f"fractional_max_pool{rank}d")(
            torch.from_numpy(inputs(rank)),
            size,
            output_size,
            ratio,
            return_indices=True,
            _random_samples=torch.from_numpy(drawn),
        )
        found[case] = values.numpy()
        found[f"{case}_places"] = places.numpy().astype("int32")
    torch.use_deterministic_algorithms(deterministic)
    return found


if __name__ == "__main__":
    oracle.save("pool", results())
