"""What a drawing of a model shows: blocks, made of the nodes of its graph.

    block = a layer, with the layers after it that keep the shape

Normalization, activation and dropout change no shape; a block that takes them
in halves the length of a drawing and loses nothing.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_extras.plotting._display import BLUE, GRAY

# Okabe & Ito, 2008. The text of a block says the same as its color.
COLORS = {
    "input": GRAY,
    "conv": BLUE,
    "pool": "#E69F00",
    "dense": "#009E73",
    "norm": "#CC79A7",
    "join": "#404040",
    "sequence": "#56B4E9",
    "other": GRAY,
}
_FAMILIES = (
    ("norm", r"Normalization"),
    ("pool", r"Pool"),
    ("conv", r"Conv|UpSampling"),
    ("dense", r"Dense"),
    ("small", r"Dropout|Noise|ReLU|ELU|Softmax|Activation|Masking|Identity"),
    ("sequence", r"LSTM|GRU|RNN|Bidirectional|Attention|Embedding"),
    ("join", r"^(Add|Subtract|Multiply|Average|Maximum|Concatenate)$"),
)
_TIMES = "\N{MULTIPLICATION SIGN}"
_ACTIVATIONS_WITHOUT_NAME = ("linear", None)


class Block(NamedTuple):
    """One box or volume of a drawing.

    Attributes:
        title: name that somebody chose, else the class of the layer.
        details: what the layer is set to, such as its activation.
        after: the layers taken in, such as `["Dropout 25%"]`.
        shape: shape of the output, without the batch.
        parameters: number of the weights' values, of all its layers.
        family: key of `COLORS`.
        inputs: indices of the blocks that it takes.
        layer: the layer, or `None`.
    """

    title: str
    details: list[str]
    after: list[str]
    shape: tuple
    parameters: int
    family: str
    inputs: tuple[int, ...]
    layer: Any


def blocks_of(nodes: Any, merge: bool = True) -> list[Block]:
    """Returns the blocks of a graph.

    Args:
        nodes: as `keras_extras.inspection.model_graph` returns them.
        merge: whether blocks take in the layers that keep their shape.
    """
    consumers = [0] * len(nodes)
    for node in nodes:
        for source in node.inputs:
            consumers[source] += 1
    blocks: list[Block] = []
    place: dict[int, int] = {}  # node -> block
    for index, node in enumerate(nodes):
        family = family_of(node)
        sources = tuple(dict.fromkeys(place[source] for source in node.inputs))
        if merge and _follows(node, family, consumers, blocks, sources):
            (at,) = sources
            block = blocks[at]
            # Dropout of nothing is there to be switched on, and is no news.
            news = getattr(node.layer, "rate", None) != 0
            blocks[at] = block._replace(
                after=block.after + [" ".join(_lines_of(node))] * news,
                parameters=block.parameters + node.parameters,
            )
            place[index] = at
            continue
        title, details = _title(node)
        blocks.append(
            Block(
                title=title,
                details=details,
                after=[],
                shape=tuple(node.output_shape),
                parameters=node.parameters,
                family="other" if family == "small" else family,
                inputs=sources,
                layer=node.layer,
            )
        )
        place[index] = len(blocks) - 1
    return blocks


def family_of(node: Any) -> str:
    """Returns the family of a node: a key of `COLORS`, or `"small"`."""
    if node.kind == "Input":
        return "input"
    for family, pattern in _FAMILIES:
        if re.search(pattern, node.kind):
            return family
    return "join" if len(node.inputs) > 1 else "other"


def shape_text(shape: tuple) -> str:
    """Returns a shape as text, with a cross between the numbers."""
    if not shape:
        return "1"
    return _TIMES.join("?" if size is None else f"{size}" for size in shape)


def weights_text(parameters: int) -> str:
    """Returns a number of parameters as text; `""` for none."""
    if not parameters:
        return ""
    return f"{parameters:,} parameter{'s' * (parameters != 1)}"


def _follows(
    node: Any,
    family: str,
    consumers: Sequence[int],
    blocks: Sequence[Block],
    sources: tuple[int, ...],
) -> bool:
    if family not in ("norm", "small") or len(node.inputs) != 1:
        return False
    block = blocks[sources[0]]
    return (
        consumers[node.inputs[0]] == 1
        and block.family != "input"
        and block.shape == tuple(node.output_shape)
    )


def _title(node: Any) -> tuple[str, list[str]]:
    lines = _lines_of(node)
    if node.kind == "Input" or not node.layer or _is_given(node):
        title = node.name if node.layer or node.kind == "Input" else node.kind
        return title, lines if node.layer else []
    return lines[0], lines[1:]


def _is_given(node: Any) -> bool:
    """Whether somebody chose the name: Keras makes `conv2d_1` of `Conv2D`."""
    snake = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", node.kind)
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", snake).lower()
    return not re.fullmatch(re.escape(snake) + r"(_\d+)?", node.name)


def _lines_of(node: Any) -> list[str]:
    """Returns the class of a layer, and what it is set to."""
    layer, lines = node.layer, [node.kind]
    if layer is None:
        return lines
    for name in ("kernel_size", "pool_size", "size"):
        window = getattr(layer, name, None)
        if isinstance(window, int):
            window = (window,)
        if isinstance(window, (tuple, list)):
            lines.append(_TIMES.join(map(str, window)))
    strides = getattr(layer, "strides", None)
    if isinstance(strides, int):
        strides = (strides,)
    if strides and hasattr(layer, "kernel_size") and max(strides) > 1:
        strides = sorted(set(strides)) if len(set(strides)) == 1 else strides
        lines.append("stride " + _TIMES.join(map(str, strides)))
    rate = getattr(layer, "rate", None)
    if isinstance(rate, float):
        lines.append(f"{100 * rate:g}%")
    activation = getattr(layer, "activation", None)
    activation = getattr(activation, "__name__", None)
    if activation not in _ACTIVATIONS_WITHOUT_NAME:
        if node.kind == "Activation":
            return [activation]
        lines.append(activation)
    return lines
