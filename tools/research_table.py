"""Writes the table of docs/guides/research.md, with the lines of each layer.

    python tools/research_table.py

A line counts if there is code on it: no docstring, no comment, nothing blank.
A class counts with the functions of its own file that it calls, and so does a
function of `ops`. Leaves of one rank, imports and other files do not count. A
test asserts that the table is up to date.
"""

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
from pathlib import Path
from typing import Any

from keras_extras import layers, ops

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "research.md"
BEGIN, END = "<!-- begin research table -->", "<!-- end research table -->"
NOBODY = "\N{EN DASH}"


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer: its base class, what it computes, and who else has it."""

    base: str
    page: str  # under docs/reference/layers
    formula: str
    paper: str
    arxiv: str
    elsewhere: str
    functions: tuple[str, ...] = ()


ROWS = (
    Row(
        "WeightStandardizedConv",
        "conv_standardized",
        "conv(x, (k - mean(k)) / sqrt(var(k) + epsilon))",
        "Qiao 2019",
        "1903.10520",
        "timm `StdConv2d`",
        ("standardize_kernel",),
    ),
    Row(
        "PartialConv",
        "conv_partial",
        "conv(x * mask) * size / count, and the new mask",
        "Liu 2018",
        "1804.07723",
        "the authors' `PartialConv2d`",
        ("partial_conv",),
    ),
    Row(
        "CoordConv",
        "conv_coord",
        "conv([x, coordinates])",
        "Liu 2018",
        "1807.03247",
        "the authors' `CoordConv`",
        ("add_coordinates",),
    ),
    Row(
        "CosineConv",
        "conv_cosine",
        "conv(x, k) / (norm(window) * norm(k))",
        "Luo 2017",
        "1702.05870",
        "keras-contrib, which normalizes the bias too",
        ("cosine_conv",),
    ),
    Row(
        "GatedConv",
        "conv_gated",
        "f(conv(x, k1)) * sigmoid(conv(x, k2))",
        "Yu 2018",
        "1806.03589",
        "the authors' `gen_conv`",
    ),
    Row(
        "CondConv",
        "conv_conditional",
        "conv(x, sum(r * k)), r = sigmoid(mean(x) @ w + b)",
        "Yang 2019",
        "1904.04971",
        "timm `CondConv2d`",
        ("conditional_conv",),
    ),
    Row(
        "CosineDense",
        "dense_cosine",
        "x @ k / (norm(x) * norm(k))",
        "Luo 2017",
        "1702.05870",
        "keras-contrib, which normalizes the bias too",
        ("cosine_dense",),
    ),
    Row(
        "NoisyDense",
        "dense_noisy",
        "x @ (k + sigma * noise)",
        "Fortunato 2017",
        "1706.10295",
        "TF-Addons `NoisyDense`",
        ("factorized_noise", "signed_root"),
    ),
    Row(
        "Maxout",
        "maxout",
        "max over groups of features",
        "Goodfellow 2013",
        "1302.4389",
        "TF-Addons `Maxout`",
        ("maxout",),
    ),
    Row(
        "BlurPooling",
        "pool_blur",
        "sum(b * x), b binomial",
        "Zhang 2019",
        "1904.11486",
        "timm `BlurPool2d`",
        ("blur_pool",),
    ),
    Row(
        "GeMPooling",
        "pool_gem",
        "mean(x ** p) ** (1 / p), p trained",
        "Radenović 2017",
        "1711.02512",
        NOBODY,
        ("gem_pool",),
    ),
    Row(
        "GlobalGeMPooling",
        "pool_global_gem",
        "the same, over all positions",
        "Radenović 2017",
        "1711.02512",
        "the authors' `GeM`",
        ("global_gem_pool",),
    ),
    Row(
        "MixedPooling",
        "pool_mixed",
        "a * max(x) + (1 - a) * mean(x), a trained",
        "Lee 2015",
        "1509.08985",
        "timm `AdaptiveAvgMaxPool2d`: a = 1/2, whole image",
        ("mixed_pool",),
    ),
    Row(
        "SoftPooling",
        "pool_soft",
        "sum(softmax(x) * x)",
        "Stergiou 2021",
        "2101.00440",
        "the authors' `SoftPool2d`",
        ("soft_pool",),
    ),
    Row(
        "StochasticPooling",
        "pool_stochastic",
        "one x of the window, drawn with x / sum(x)",
        "Zeiler 2013",
        "1301.3557",
        NOBODY,
        ("stochastic_pool",),
    ),
    Row(
        "SpatialPyramidPooling",
        "pool_pyramid",
        "adaptive pooling at several sizes, side by side",
        "He 2014",
        "1406.4729",
        "TF-Addons, in 2D",
        ("spatial_pyramid_pool",),
    ),
    Row(
        "MaxUnpooling",
        "unpool",
        "maxima back to their places, zeros elsewhere",
        "Zeiler 2013",
        "1311.2901",
        "torch `MaxUnpool2d`",
        ("max_unpool",),
    ),
    Row(
        "DropBlock",
        "dropout_block",
        "x * mask / mean(mask), the mask 0 in blocks",
        "Ghiasi 2018",
        "1810.12890",
        "torchvision, timm `DropBlock2d`",
        ("drop_block",),
    ),
    Row(
        "StochasticDepth",
        "dropout_depth",
        "shortcut + b * residual, b per batch",
        "Huang 2016",
        "1603.09382",
        "TF-Addons `StochasticDepth`",
    ),
    Row(
        "DropPath",
        "dropout_depth",
        "x * b / (1 - rate), b per example",
        "Huang 2016",
        "1603.09382",
        "timm `DropPath`, torchvision",
    ),
)


def lines_of_code(source: str) -> int:
    """Counts the lines that hold code.

    Args:
        source: text of a class or a function, not indented.

    Returns:
        The number of lines with code: no docstring, no comment, not blank.
    """
    code = set()
    no_code = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in no_code:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                code -= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(code)


def lines_with_helpers(thing: Any) -> int:
    """Counts the code of a class or function and its helpers in the file."""
    thing = inspect.unwrap(thing)
    module = inspect.getmodule(thing)
    counted, waiting = 0, [thing.__name__]
    seen = set(waiting)
    while waiting:
        source = inspect.getsource(getattr(module, waiting.pop()))
        counted += lines_of_code(source)
        for node in ast.walk(ast.parse(source)):
            name = node.id if isinstance(node, ast.Name) else ""
            found = getattr(module, name, None)
            if (
                inspect.isfunction(found)
                and found.__module__ == thing.__module__
                and name not in seen
            ):
                seen.add(name)
                waiting.append(name)
    return counted


def lines_of_constructor(cls: type) -> int:
    """Counts the code of the class's own `__init__`, 0 if it has none."""
    if "__init__" not in vars(cls):
        return 0
    return lines_of_code(textwrap.dedent(inspect.getsource(cls.__init__)))


def table() -> str:
    """Returns the table, without the markers."""
    lines = [
        "| layer | computes | from | also in | class | `__init__` | function |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        base = getattr(layers, row.base)
        functions = [getattr(ops, name) for name in row.functions]
        cells = (
            f"[`{row.base}`](../reference/layers/{row.page}.md)",
            f"`{row.formula}`",
            f"{row.paper}, [{row.arxiv}](https://arxiv.org/abs/{row.arxiv})",
            row.elsewhere,
            str(lines_with_helpers(base)),
            str(lines_of_constructor(base)),
            str(sum(map(lines_with_helpers, functions)))
            if functions
            else NOBODY,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """Returns the page's text with the table of today between the markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(updated(page), encoding="utf-8")
