"""Measures our layers against Keras's: `python -m benchmarks [backend ...]`.

    make bench         all of `_cases.py` on three backends
    make bench-quick   one case a layer, fewer repeats

Ours, stock and another stock run in turn in one process, on random inputs,
float32, as a plain call (`call`), as the backend's `predict` runs it
(`forward`: compiled on TensorFlow and JAX), and as a training step (`step`).
Printed are the medians in milliseconds, the ratio ours / stock, below 1 when
we are faster, and the floor: how much the two stocks differ. A ratio over 1.05
(`LIMITS` and `ALLOWANCES` have the exceptions) beyond its floor is measured
again, and fails the run if it stays. All of it is written to
`results/<backend>.json`, if not quick.
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks._cases import CASES, floors, is_convolution_or_pooling

BACKENDS = ("tensorflow", "jax", "torch")
RESULTS = Path(__file__).resolve().parent / "results"
LIMIT = 1.05
# A NaN wins in max pooling, which TensorFlow's kernel does not let it: see
# "Decisions" in docs/design.md. By backend, and how the layer's name begins.
# A plain call has to wait for the answer, too. One of a separable convolution
# calls Keras's `conv`, which makes a function of TensorFlow's anew.
LIMITS = {
    ("tensorflow", "MaxPooling"): {"call": 3.0, None: 1.6},
    ("tensorflow", "SeparableConv"): {"call": 1.25, None: LIMIT},
}
# Seconds that do not count: of Python, which asks more here than in Keras (NaN
# in max pooling, windows that do not fit). A plain call on TensorFlow and JAX
# is mostly Python, and nobody compiled it.
ALLOWANCES = {"call": 2e-4, "forward": 1e-5, "step": 1e-5}
MODES = ("call", "forward", "step")


def measure(quick: bool) -> list[dict]:
    """Measures every case on the active backend; prints as it goes."""
    cases = CASES
    if quick:
        first = {case[0]: case for case in reversed(CASES)}
        cases = [case for case in CASES if first[case[0]] is case]
    rows = []
    for name, arguments, shape in cases:
        rows.append(_row(name, arguments, shape, quick))
        print(_line(rows[-1]), flush=True)
    rows.append(_convnet(quick))
    print(_line(rows[-1]), flush=True)
    return rows


def _row(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...], quick: bool
) -> dict[str, Any]:
    import keras
    import numpy as np

    import keras_extras
    from benchmarks import _timing

    generator = np.random.default_rng(0)
    inputs = keras.ops.convert_to_tensor(
        generator.normal(size=shape).astype("float32")
    )
    # Two stocks: what is compiled twice differs by more than what runs twice.
    ours, stock, again = layers = [
        getattr(module.layers, name)(**arguments)
        for module in (keras_extras, keras, keras)
    ]
    for layer in layers:
        layer.build(shape)
    for layer in (ours, again):
        layer.set_weights(stock.get_weights())
    operations, size = floors(stock, shape)
    backend = keras.backend.backend()
    limits = LIMITS.get((backend, name.rstrip("123D")), {None: LIMIT})
    row = {
        "layer": name,
        "arguments": arguments,
        "shape": shape,
        "operations": operations,
        "bytes": size,
    }
    plain = not quick and backend != "torch"
    for mode in MODES if plain else MODES[1:]:
        way = getattr(_timing, mode)
        row[mode] = _times(
            [way(layer, inputs) for layer in layers],
            quick,
            limit=limits.get(mode, limits[None]),
            allowance=ALLOWANCES[mode],
        )
    return row


def _times(
    functions: Sequence[Callable[[], Any]],
    quick: bool,
    seconds: float | None = None,
    limit: float = LIMIT,
    allowance: float = 0.0,
) -> dict[str, float]:
    from benchmarks._timing import alternate

    seconds = seconds or (0.15 if quick else 1.5)
    answer = {}
    for _ in range(2):  # a row that fails has a second chance, and more time
        one, two, three = alternate(functions, repeats=400, seconds=seconds)
        answer = {"ours_s": one, "stock_s": two, "stock_again_s": three}
        answer |= {"limit": limit, "allowance_s": allowance}
        if not failed(answer):
            break
        seconds *= 3
    return answer


def _convnet(quick: bool) -> dict[str, Any]:
    """The convnet of many courses: one `train_on_batch` of 128 digits."""
    import keras
    import numpy as np

    import keras_extras

    generator = np.random.default_rng(0)
    x = generator.random((128, 28, 28, 1)).astype("float32")
    y = generator.integers(0, 10, 128)
    steps = []
    for layers in (keras_extras.layers, keras.layers, keras.layers):
        model = keras.Sequential(
            [
                layers.Conv2D(32, 3, activation="relu"),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Dropout(0.25),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        steps.append(lambda model=model: model.train_on_batch(x, y))
    return {
        "layer": "classic convnet",
        "arguments": {},
        "shape": x.shape,
        "step": _times(steps, quick, 1.5 if quick else 10.0),
    }


def ratio(times: dict) -> float:
    """Returns ours / stock, with the mean of the two stocks."""
    return 2 * times["ours_s"] / (times["stock_s"] + times["stock_again_s"])


def floor(times: dict) -> float:
    """Returns by how much stock differs from itself."""
    one, other = times["stock_s"], times["stock_again_s"]
    return max(one, other) / min(one, other) - 1


def failed(times: dict) -> bool:
    """Tells whether we are slower than allowed, beyond the noise."""
    if times["ours_s"] < times["stock_s"] + times["allowance_s"]:
        return False
    return ratio(times) > times["limit"] + floor(times)


def geometric_mean(rows: list[dict], mode: str) -> float:
    """Returns that of the ratios of all convolution and pooling rows."""
    logs = [
        math.log(ratio(row[mode]))
        for row in rows
        if mode in row and is_convolution_or_pooling(row["layer"])
    ]
    return math.exp(sum(logs) / len(logs))


def _line(row: dict) -> str:
    words = ", ".join(f"{k}={v}" for k, v in row["arguments"].items())
    cells = []
    for mode in MODES:
        if mode not in row:
            continue
        times = row[mode]
        ours, stock = times["ours_s"] * 1e3, times["stock_s"] * 1e3
        mark = "!" if failed(times) else " "
        cells.append(
            f"{ours:8.2f} {stock:8.2f} {ratio(times):5.2f}"
            f" ±{floor(times):4.2f}{mark}"
        )
    head = f"{row['layer']}({words})"
    return f"{head:54.54s} {row['shape']!s:20s}" + "|".join(cells)


def _report(quick: bool) -> int:
    """Measures, writes the file, and returns the exit code."""
    import keras

    from benchmarks._timing import limits

    backend = keras.backend.backend()
    rows = measure(quick)
    products, copies = limits()
    names = ("keras", "numpy", "tensorflow-cpu", "jax", "jaxlib", "torch")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    report = {
        "backend": backend,
        "versions": versions,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "matrix_product_flops": products,
        "copy_bytes_per_s": copies,
        "quick": quick,
        "rows": rows,
    }
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{backend}.json"
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for mode in ("forward", "step"):
        mean = geometric_mean(rows, mode)
        print(f"{backend}, {mode}, convolution and pooling: {mean:.2f}")
    slow = [
        f"{backend}, {mode}: {_line(row)}"
        for row in rows
        for mode in MODES
        if mode in row and failed(row[mode])
    ]
    print(*slow, sep="\n")
    return int(bool(slow))


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [x for x in text.splitlines() if x.startswith("model name")]
    return names[0].split(":")[1].strip() if names else platform.processor()


def main(argv: list[str]) -> int:
    """Runs each backend in a process of its own; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("backends", nargs="*", default=BACKENDS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(argv)
    if os.environ.get("KERAS_EXTRAS_BENCHMARK"):
        return _report(given.quick)
    code = 0
    for backend in given.backends:
        modes = " | ".join(MODES[1:] if given.quick else MODES)
        print(f"{backend}: ours, stock (ms), ratio, floor: {modes}", flush=True)
        code |= subprocess.run(
            [sys.executable, "-m", "benchmarks", *["--quick"] * given.quick],
            env=os.environ
            | {"KERAS_BACKEND": backend, "KERAS_EXTRAS_BENCHMARK": "1"},
        ).returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
