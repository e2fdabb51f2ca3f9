"""What is measured: every layer that Keras has too, in telling shapes.

For each layer a large case, where the arithmetic shows, and a small or odd
one, where the overhead does: no padding and padding, strides, groups, a first
layer with one channel and one with three.
"""

import math
from typing import Any

SAME: dict[str, Any] = {"padding": "same"}
# Layer, arguments, input shape.
CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Dense", {"units": 128, "activation": "relu"}, (128, 784)),
    ("Dense", {"units": 512}, (128, 3136)),
    ("Conv1D", {"filters": 64, "kernel_size": 3}, (128, 128, 32)),
    ("Conv1D", {"filters": 64, "kernel_size": 3, "groups": 4}, (128, 128, 32)),
    ("Conv2D", {"filters": 64, "kernel_size": 3}, (128, 26, 26, 32)),
    ("Conv2D", {"filters": 64, "kernel_size": 3} | SAME, (128, 14, 14, 64)),
    (
        "Conv2D",
        {"filters": 32, "kernel_size": 3, "activation": "relu"},
        (128, 28, 28, 1),
    ),
    ("Conv2D", {"filters": 32, "kernel_size": 3} | SAME, (64, 32, 32, 3)),
    (
        "Conv2D",
        {"filters": 64, "kernel_size": 3, "strides": 2} | SAME,
        (64, 28, 28, 32),
    ),
    (
        "Conv2D",
        {"filters": 64, "kernel_size": 3, "groups": 4},
        (64, 28, 28, 32),
    ),
    ("Conv2D", {"filters": 64, "kernel_size": 1}, (64, 28, 28, 64)),
    ("Conv3D", {"filters": 16, "kernel_size": 3}, (8, 16, 16, 16, 8)),
    ("Conv3D", {"filters": 32, "kernel_size": 3} | SAME, (8, 12, 12, 12, 32)),
    ("DepthwiseConv1D", {"kernel_size": 3}, (64, 128, 64)),
    ("DepthwiseConv1D", {"kernel_size": 5} | SAME, (64, 128, 32)),
    ("DepthwiseConv2D", {"kernel_size": 3}, (64, 28, 28, 64)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2} | SAME,
     (64, 28, 28, 64)),
    ("SeparableConv1D", {"filters": 64, "kernel_size": 3}, (64, 128, 64)),
    ("SeparableConv1D", {"filters": 32, "kernel_size": 5} | SAME,
     (64, 128, 32)),
    ("SeparableConv2D", {"filters": 64, "kernel_size": 3} | SAME,
     (64, 28, 28, 64)),
    ("SeparableConv2D", {"filters": 32, "kernel_size": 3, "strides": 2} | SAME,
     (64, 28, 28, 32)),
    ("Conv1DTranspose", {"filters": 32, "kernel_size": 3}, (64, 128, 32)),
    ("Conv1DTranspose", {"filters": 32, "kernel_size": 4, "strides": 2} | SAME,
     (64, 64, 32)),
    ("Conv2DTranspose", {"filters": 32, "kernel_size": 3, "strides": 2} | SAME,
     (64, 14, 14, 64)),
    ("Conv2DTranspose", {"filters": 64, "kernel_size": 4, "strides": 2} | SAME,
     (64, 14, 14, 128)),
    ("Conv2DTranspose", {"filters": 32, "kernel_size": 3}, (64, 14, 14, 32)),
    ("Conv3DTranspose", {"filters": 8, "kernel_size": 3}, (8, 8, 8, 8, 8)),
    ("Conv3DTranspose", {"filters": 8, "kernel_size": 2, "strides": 2},
     (8, 8, 8, 8, 16)),
    *(
        case
        for kind in ("Max", "Average")
        for case in (
            (f"{kind}Pooling1D", {"pool_size": 2}, (128, 128, 64)),
            (f"{kind}Pooling1D", {"pool_size": 3, "strides": 2} | SAME,
             (128, 128, 64)),
            (f"{kind}Pooling2D", {"pool_size": 2}, (128, 24, 24, 64)),
            (f"{kind}Pooling2D", {"pool_size": 3, "strides": 2} | SAME,
             (128, 24, 24, 64)),
            (f"{kind}Pooling2D", {"pool_size": 3, "strides": 1} | SAME,
             (128, 24, 24, 64)),
            (f"{kind}Pooling3D", {"pool_size": 2}, (8, 16, 16, 16, 16)),
            (f"{kind}Pooling3D", {"pool_size": 2} | SAME, (8, 15, 15, 15, 16)),
            (f"Adaptive{kind}Pooling1D", {"output_size": 7}, (64, 100, 64)),
            (f"Adaptive{kind}Pooling1D", {"output_size": 8}, (64, 96, 64)),
            (f"Adaptive{kind}Pooling2D", {"output_size": 7}, (32, 24, 24, 64)),
            (f"Adaptive{kind}Pooling2D", {"output_size": 6}, (32, 24, 24, 64)),
            (f"Adaptive{kind}Pooling3D", {"output_size": 3},
             (8, 10, 10, 10, 16)),
            (f"Adaptive{kind}Pooling3D", {"output_size": 4},
             (8, 12, 12, 12, 16)),
            (f"Global{kind}Pooling1D", {}, (128, 128, 64)),
            (f"Global{kind}Pooling1D", {}, (32, 128, 16)),
            (f"Global{kind}Pooling2D", {}, (128, 24, 24, 64)),
            (f"Global{kind}Pooling2D", {"keepdims": True}, (128, 7, 7, 256)),
            (f"Global{kind}Pooling3D", {}, (8, 16, 16, 16, 16)),
            (f"Global{kind}Pooling3D", {}, (8, 8, 8, 8, 64)),
        )
    ),
    ("Dropout", {"rate": 0.5}, (128, 12, 12, 64)),
    ("Dropout", {"rate": 0.5}, (128, 128)),
    ("SpatialDropout1D", {"rate": 0.5}, (128, 128, 64)),
    ("SpatialDropout1D", {"rate": 0.2}, (32, 64, 32)),
    ("SpatialDropout2D", {"rate": 0.5}, (128, 12, 12, 64)),
    ("SpatialDropout2D", {"rate": 0.2}, (32, 24, 24, 32)),
    ("SpatialDropout3D", {"rate": 0.5}, (8, 12, 12, 12, 32)),
    ("SpatialDropout3D", {"rate": 0.2}, (8, 8, 8, 8, 16)),
    ("Flatten", {}, (128, 12, 12, 64)),
    ("Flatten", {}, (128, 28, 28, 1)),
]  # fmt: skip


def is_convolution_or_pooling(layer: str) -> bool:
    """Tells whether a row counts in the geometric mean of that name."""
    return "Conv" in layer or "Pool" in layer


def floors(layer: Any, shape: tuple[int, ...]) -> tuple[float, float]:
    """Returns floating-point operations and bytes of one forward pass.

    Bytes are those of inputs and outputs, once each; what is read again is
    the layer's own doing.
    """
    outputs = layer.compute_output_shape(shape)
    operations = 0
    for weight in layer.trainable_variables:
        if weight.name == "bias":
            continue
        size = math.prod(weight.shape)
        name, rank = type(layer).__name__, len(weight.shape) - 2
        if "Transpose" in name:
            operations += 2 * math.prod(shape[:-1]) * size
        elif "Depthwise" in name or weight.name == "depthwise_kernel":
            operations += 2 * math.prod(outputs[:-1]) * size
        else:
            products = math.prod(weight.shape[: rank + 1])
            operations += 2 * math.prod(outputs) * products
    return operations, 4.0 * (math.prod(shape) + math.prod(outputs))
