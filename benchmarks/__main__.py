"""Measures our layers against Keras's: `python -m benchmarks [backend ...]`.

Both run alternately in one process, on random inputs, float32. Printed are
the medians in milliseconds and the ratio ours / stock: below 1 we are faster.
The row `stock, stock` shows how much of a ratio is noise.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
RESULTS = Path(__file__).resolve().parent / "results"

# Layer, arguments, input shape.
CASES = [
    ("Dense", {"units": 128, "activation": "relu"}, (128, 784)),
    ("Conv1D", {"filters": 64, "kernel_size": 3}, (128, 128, 32)),
    (
        "Conv2D",
        {"filters": 32, "kernel_size": 3, "activation": "relu"},
        (128, 28, 28, 1),
    ),
    (
        "Conv2D",
        {"filters": 64, "kernel_size": 3, "padding": "same"},
        (128, 14, 14, 64),
    ),
    ("Conv3D", {"filters": 16, "kernel_size": 3}, (8, 16, 16, 16, 8)),
    ("MaxPooling1D", {"pool_size": 2}, (128, 128, 64)),
    ("MaxPooling2D", {"pool_size": 2}, (128, 24, 24, 64)),
    (
        "MaxPooling2D",
        {"pool_size": 3, "strides": 2, "padding": "same"},
        (128, 24, 24, 64),
    ),
    ("MaxPooling3D", {"pool_size": 2}, (8, 16, 16, 16, 16)),
    ("AveragePooling2D", {"pool_size": 2}, (128, 24, 24, 64)),
    (
        "AveragePooling2D",
        {"pool_size": 3, "strides": 1, "padding": "same"},
        (128, 24, 24, 64),
    ),
    ("AveragePooling3D", {"pool_size": 2}, (8, 16, 16, 16, 16)),
    (
        "Conv2DTranspose",
        {"filters": 32, "kernel_size": 3, "strides": 2, "padding": "same"},
        (64, 14, 14, 64),
    ),
    ("Conv1DTranspose", {"filters": 32, "kernel_size": 3}, (64, 128, 32)),
    ("DepthwiseConv2D", {"kernel_size": 3}, (64, 28, 28, 64)),
    (
        "SeparableConv2D",
        {"filters": 64, "kernel_size": 3, "padding": "same"},
        (64, 28, 28, 64),
    ),
    ("GlobalAveragePooling2D", {}, (128, 24, 24, 64)),
    ("GlobalMaxPooling2D", {}, (128, 24, 24, 64)),
    ("AdaptiveAveragePooling2D", {"output_size": 7}, (32, 24, 24, 64)),
    ("AdaptiveMaxPooling2D", {"output_size": 6}, (32, 24, 24, 64)),
    ("SpatialDropout2D", {"rate": 0.5}, (128, 12, 12, 64)),
    ("Flatten", {}, (128, 12, 12, 64)),
]


def measure() -> list[dict]:
    """Measures every case on the active backend; prints as it goes."""
    import keras
    import numpy as np

    import keras_extras
    from benchmarks._timing import alternate, forward, forward_and_backward

    rows = []
    for name, arguments, shape in [CASES[3], *CASES]:
        noise_floor = not rows
        generator = np.random.default_rng(0)
        inputs = keras.ops.convert_to_tensor(
            generator.normal(size=shape).astype("float32")
        )
        stock = getattr(keras.layers, name)(**arguments)
        module = keras.layers if noise_floor else keras_extras.layers
        ours = getattr(module, name)(**arguments)
        for layer in (ours, stock):
            layer.build(shape)
        ours.set_weights(stock.get_weights())
        row = {
            "layer": "stock, stock" if noise_floor else name,
            "arguments": arguments,
            "shape": shape,
        }
        for mode, function in [
            ("forward", forward),
            ("gradient", forward_and_backward),
        ]:
            one, other = alternate(
                [function(ours, inputs), function(stock, inputs)]
            )
            row[mode] = {"ours_s": one, "stock_s": other}
        rows.append(row)
        print(_line(row), flush=True)
    return rows


def _line(row: dict) -> str:
    words = ", ".join(f"{k}={v}" for k, v in row["arguments"].items())
    cells = [
        f"{row[mode]['ours_s'] * 1e3:8.2f} {row[mode]['stock_s'] * 1e3:8.2f}"
        f" {row[mode]['ours_s'] / row[mode]['stock_s']:6.2f}"
        for mode in ("forward", "gradient")
    ]
    head = f"{row['layer']}({words})"
    return f"{head:62.62s} {row['shape']!s:22s}" + " |".join(cells)


def main(backends: list[str]) -> int:
    """Runs each backend in a process of its own; returns the exit code."""
    if os.environ.get("KERAS_EXTRAS_BENCHMARK"):
        import keras

        rows = measure()
        RESULTS.mkdir(exist_ok=True)
        versions = {
            "keras": keras.__version__,
            "python": sys.version.split()[0],
        }
        report = {
            "versions": versions,
            "cpu": platform.processor(),
            "rows": rows,
        }
        path = RESULTS / f"{keras.backend.backend()}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        return 0
    code = 0
    for backend in backends or BACKENDS:
        print(f"{backend}: ours, stock (ms), ratio | with gradient")
        code |= subprocess.run(
            [sys.executable, "-m", "benchmarks"],
            env=os.environ
            | {"KERAS_BACKEND": backend, "KERAS_EXTRAS_BENCHMARK": "1"},
        ).returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
