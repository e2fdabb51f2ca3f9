"""Writes the table of docs/guides/speed.md, and draws its picture.

    python tools/speed_page.py

Both are made of benchmarks/results/*.json, which `make bench` writes. A test
asserts that the table is up to date.
"""

import json
import math
from pathlib import Path
from typing import Any

from benchmarks.__main__ import BACKENDS, RESULTS, geometric_mean, ratio

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "guides" / "speed.md"
PICTURE = ROOT / "docs" / "images" / "speed.png"
BEGIN, END = "<!-- begin speed table -->", "<!-- end speed table -->"
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}
COLORS = {"tensorflow": "#e69f00", "jax": "#0072b2", "torch": "#009e73"}
MARKERS = {"tensorflow": "s", "jax": "o", "torch": "^"}


def reports() -> dict[str, dict]:
    """Returns what was measured, by backend."""
    found = {}
    for backend in BACKENDS:
        path = RESULTS / f"{backend}.json"
        if path.is_file():
            report = json.loads(path.read_text(encoding="utf-8"))
            if "matrix_product_flops" in report:  # not of an older `make bench`
                found[backend] = report
    return found


def table(given: dict[str, dict]) -> str:
    """Returns the text between the marks."""
    lines = [] if given else ["Not measured yet: run `make bench`."]
    for backend, report in given.items():
        versions = report["versions"]
        package = "tensorflow-cpu" if backend == "tensorflow" else backend
        products = report["matrix_product_flops"] / 1e9
        copies = report["copy_bytes_per_s"] / 1e9
        lines += [
            f"### {NAMES[backend]} {versions.get(package, '')}".rstrip(),
            "",
            f"Keras {versions['keras']}, {report['cpu']},"
            f" {report['cores']} cores. A matrix product runs at"
            f" {products:.0f} GFLOP/s, a copy at {copies:.0f} GB/s. Geometric"
            " mean of all convolution and pooling rows: forward"
            f" {geometric_mean(report['rows'], 'forward'):.2f}, training step"
            f" {geometric_mean(report['rows'], 'step'):.2f}.",
            "",
            "| layer | forward: ours | stock | ratio | limit"
            " | step: ours | stock | ratio | limit |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_line(row, report) for row in report["rows"]]
        lines.append("")
    return "\n".join(lines)


def _line(row: dict[str, Any], report: dict[str, Any]) -> str:
    cells = [label(row)]
    for mode, times in (("forward", 1), ("step", 3)):
        if mode not in row:
            cells += [""] * 4
            continue
        own = row[mode]
        cells += [f"{own[name] * 1e3:.2f}" for name in ("ours_s", "stock_s")]
        cells.append(f"{ratio(own):.2f}")
        cells.append(_share(row, own["ours_s"] / times, report))
    return "| " + " | ".join(cells) + " |"


def _share(row: dict[str, Any], seconds: float, report: dict[str, Any]) -> str:
    """Returns how much of what the machine can do is done, in percent."""
    if "operations" not in row:
        return ""
    least = max(
        row["operations"] / report["matrix_product_flops"],
        row["bytes"] / report["copy_bytes_per_s"],
    )
    return f"{min(100 * least / seconds, 100):.0f}%"


def label(row: dict) -> str:
    """Returns the call and the shape of the inputs, in few words."""
    words = {
        "kernel_size": "{}",
        "pool_size": "{}",
        "output_size": "{}",
        "strides": "/{}",
        "filters": "{} filters",
        "units": "{} units",
        "rate": "{}",
        "groups": "{} groups",
        "padding": "{}",
        "activation": "{}",
        "keepdims": "keepdims",
    }
    said = [words[k].format(v) for k, v in row["arguments"].items()]
    shape = "x".join(map(str, row["shape"]))
    return " ".join([row["layer"], ", ".join(said), f"({shape})"]).replace(
        "  ", " "
    )


def updated(page: str) -> str:
    """Returns the page with the table of now."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(reports())}\n{END}{after}"


def draw(given: dict[str, dict]) -> Any:
    """Returns the figure: each row a point on each backend, step by step."""
    from matplotlib.figure import Figure

    labels: list[str] = []
    for report in given.values():
        for row in report["rows"]:
            if label(row) not in labels:
                labels.append(label(row))
    figure = Figure(figsize=(7, 1 + 0.19 * len(labels)), layout="constrained")
    axes = figure.subplots()
    places = {text: len(labels) - 1 - i for i, text in enumerate(labels)}
    for backend, report in given.items():
        rows = [row for row in report["rows"] if "step" in row]
        axes.scatter(
            [ratio(row["step"]) for row in rows],
            [places[label(row)] for row in rows],
            color=COLORS[backend],
            marker=MARKERS[backend],
            s=18,
            label=NAMES[backend],
            zorder=3,
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ticks = [2.0**power for power in range(-5, 2)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    lowest = min(
        ratio(row["step"])
        for report in given.values()
        for row in report["rows"]
        if "step" in row
    )
    axes.set_xlim(2 ** math.floor(math.log2(lowest)), 2)
    axes.set_yticks(list(places.values()), list(places), fontsize=6)
    axes.set_ylim(-1, len(labels))
    axes.grid(color="0.9", zorder=0)
    axes.set_xlabel("time of a training step, ours / stock Keras (log scale)")
    axes.legend(loc="upper left", fontsize=8)
    return figure


def main() -> None:
    """Writes the page and the picture."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(updated(page), encoding="utf-8")
    if reports():
        draw(reports()).savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
