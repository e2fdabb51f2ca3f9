"""Boxes and arrows: any model, from top to bottom.

Lengths are inches, so that text and boxes fit each other at any size of the
model; the figure is as large as the drawing.
"""

import functools
from collections.abc import Sequence
from typing import Any

from keras_extras.plotting._display import INK
from keras_extras.plotting._style import label
from keras_extras.plotting.architecture._blocks import (
    COLORS,
    Block,
    shape_text,
    weights_text,
)
from keras_extras.plotting.architecture._layout import Layout, Line, layout

_TITLE, _TEXT = 9.0, 8.0  # points
_LINE = 0.155  # height of a line of text
_PAD = 0.09
_MUTED = "#666666"
_ARROW = "#6B6B6B"
_COLUMN = 7.0  # inches
MARGIN = 0.12
MAX_LETTERS = 80

_Point = tuple[float, float]
_Text = tuple[str, str, str, float]  # left, right, weight and size


class Boxes:
    """A drawing of blocks as boxes; knows its size before it is drawn.

    Attributes:
        width: of the drawing, in inches.
        height: of the drawing, in inches.
    """

    def __init__(self, blocks: list[Block], max_height: float = 8.0) -> None:
        self.blocks = blocks
        texts = [_lines(block) for block in blocks]
        self.texts = texts
        inputs = [block.inputs for block in blocks]
        # Wider than a column of text it would be made small: rather higher,
        # but for what is so long that it is a poster anyway.
        for height, equal in (
            (max_height, True),
            (2 * max_height, True),
            (float("inf"), True),
            (float("inf"), False),
        ):
            self.sizes = self._sizes(equal)
            self.layout: Layout = layout(self.sizes, inputs, max_height=height)
            if self.layout.width <= _COLUMN:
                break
        if self.layout.height > 4 * max_height:
            self.layout = layout(self.sizes, inputs, max_height=2 * max_height)
        points = len(self.layout.centers) - len(blocks)
        self.sizes += [(0.0, 0.0)] * points
        self.width = self.layout.width + 2 * MARGIN
        # Lines from column to column run above and below.
        self.height = self.layout.height + 2 * MARGIN + 0.3 * (points > 0)

    def _sizes(self, equal: bool) -> list[tuple[float, float]]:
        """Equally wide, a chain of boxes reads like a column of text."""
        widths = [_text_width(text) for text in self.texts]
        boxes = [
            width
            for block, width in zip(self.blocks, widths, strict=True)
            if block.family != "join"
        ]
        widest = max(boxes, default=1.0)
        return [
            (
                width + 0.1
                if block.family == "join"
                else (widest if equal else width),
                _PAD + 0.06 + _LINE * len(text),
            )
            for block, width, text in zip(
                self.blocks, widths, self.texts, strict=True
            )
        ]

    def draw(self, ax: Any, patches: Any, path: Any) -> None:
        """Draws on axes whose units are inches, with y upwards."""
        for line in self.layout.lines:
            self._line(ax, patches, path, line)
        for index in range(len(self.blocks)):
            self._box(ax, patches, index)

    def _at(self, x: float, y: float) -> _Point:
        top = MARGIN + 0.15 * (len(self.sizes) > len(self.blocks))
        return x + MARGIN, self.height - top - y

    def _box(self, ax: Any, patches: Any, index: int) -> None:
        block, (width, height) = self.blocks[index], self.sizes[index]
        x, y = self._at(*self.layout.centers[index])
        left, bottom = x - width / 2, y - height / 2
        color = COLORS[block.family]
        round_ = height / 2 if block.family in ("join", "input") else 0.05
        shape = patches.FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={min(round_, 0.16)}",
            facecolor=_tint(color, 0.13),
            edgecolor=color,
            linewidth=1.0,
            zorder=3,
        )
        ax.add_patch(shape)
        if block.family not in ("join", "input"):
            band = patches.Rectangle(
                (left, bottom), 0.07, height, facecolor=color, zorder=4
            )
            band.set_clip_path(shape)
            ax.add_patch(band)
        for number, line in enumerate(self.texts[index]):
            base = bottom + height - _PAD / 2 - 0.03 - _LINE * (number + 0.5)
            self._text(ax, line, left, left + width, base, block.family)

    def _text(
        self,
        ax: Any,
        line: _Text,
        left: float,
        right: float,
        y: float,
        family: str,
    ) -> None:
        first, second, weight, size = line
        bare = family == "join" or not second
        style = {"va": "center_baseline", "zorder": 5, "clip_on": True}
        ax.text(
            (left + right) / 2 if bare and family == "join" else left + 0.15,
            y,
            label(first, MAX_LETTERS),
            ha="center" if bare and family == "join" else "left",
            weight=weight,
            fontsize=size,
            color=INK,
            **style,
        )
        if second:
            ax.text(
                right - 0.1,
                y,
                label(second, MAX_LETTERS),
                ha="right",
                fontsize=_TEXT,
                color=_MUTED,
                **style,
            )

    def _ports(self, line: Line) -> tuple[_Point, _Point]:
        """Returns where a line leaves and enters, beside the others."""
        source = self.layout.centers[line.source]
        target = self.layout.centers[line.target]
        shift = 0.0
        if line.points is not None:
            # The straight one enters in the middle, others on their side.
            beside = [
                other
                for other in self.layout.lines
                if other.target == line.target and self._side(other)
            ]
            side = self._side(line)
            same = [other for other in beside if self._side(other) == side]
            if side and len(same) < len(self._into(line.target)):
                step = min(
                    0.2, 0.4 * self.sizes[line.target][0] / (len(same) + 1)
                )
                shift = side * step * (1 + same.index(line))
            elif side:
                step = 0.2
                shift = step * (same.index(line) - (len(same) - 1) / 2)
        return (
            (source[0], source[1] + self.sizes[line.source][1] / 2),
            (target[0] + shift, target[1] - self.sizes[line.target][1] / 2),
        )

    def _into(self, target: int) -> list[Line]:
        return [other for other in self.layout.lines if other.target == target]

    def _side(self, line: Line) -> int:
        """-1, 0 or 1: whether a line comes from left, above or right."""
        if line.points is None:
            return 0
        goal = self.layout.centers[line.target][0]
        x = self.layout.centers[line.source][0]
        if line.points:
            x = line.points[-1][0]
        return (x > goal + 0.05) - (x < goal - 0.05)

    def _line(self, ax: Any, patches: Any, path: Any, line: Line) -> None:
        start, stop = self._ports(line)
        if line.points is None:
            corners = self._around(line, start, stop)
            vertices, codes = [corners[0]], [path.Path.MOVETO]
            for a, b, c in zip(corners, corners[1:], corners[2:], strict=False):
                vertices += [_toward(b, a), b, _toward(b, c)]
                codes += [path.Path.LINETO, path.Path.CURVE3, path.Path.CURVE3]
            vertices.append(corners[-1])
            codes.append(path.Path.LINETO)
        else:
            vertices, codes = [start], [path.Path.MOVETO]
            for x, top, bottom in [*line.points, (*stop, stop[1])]:
                x0, y0 = vertices[-1]
                middle = (y0 + top) / 2
                vertices += [(x0, middle), (x, middle), (x, top)]
                codes += [path.Path.CURVE4] * 3
                if bottom > top:
                    vertices.append((x, bottom))
                    codes.append(path.Path.LINETO)
        ax.add_patch(
            patches.FancyArrowPatch(
                path=path.Path(
                    [self._at(*vertex) for vertex in vertices], codes
                ),
                arrowstyle=(
                    "-|>,head_length=3.2,head_width=1.9"
                    if line.target < len(self.blocks)
                    else "-"
                ),
                linewidth=1.0,
                color=_ARROW,
                shrinkA=0,
                shrinkB=0,
                zorder=2,
                joinstyle="miter",
                capstyle="butt",
            )
        )

    def _around(self, line: Line, start: _Point, stop: _Point) -> list[_Point]:
        """The way from the bottom of a column to the top of the next."""
        plan = self.layout
        between = (
            plan.edges[plan.columns[line.source]][1]
            + plan.edges[plan.columns[line.target]][0]
        ) / 2
        low, high = start[1] + 0.12, stop[1] - 0.12
        return [
            start,
            (start[0], low),
            (between, low),
            (between, high),
            (stop[0], high),
            stop,
        ]


def _lines(block: Block) -> list[_Text]:
    """Returns the lines of text: left, right, weight and size of each."""
    weights = weights_text(block.parameters)
    settings = ", ".join(block.details)
    if block.family == "join":
        after = "".join(f" + {name}" for name in block.after)
        return [(block.title + after, "", "bold", _TITLE)]
    if block.family == "input":
        return [(block.title, shape_text(block.shape), "bold", _TITLE)]
    lines = [
        (block.title, shape_text(block.shape), "bold", _TITLE),
        (settings, weights, "normal", _TEXT),
    ]
    if block.after:
        lines.append(("+ " + ", ".join(block.after), "", "normal", _TEXT))
    return [line for line in lines if line[0] or line[1]]


def _text_width(lines: Sequence[_Text]) -> float:
    widest = 0.0
    for first, second, weight, size in lines:
        width = inches(first, size, weight) + 0.25
        if second:
            width += inches(second, _TEXT, "normal") + 0.25
        widest = max(widest, width)
    return widest


@functools.cache
def inches(text: str, size: float, weight: str = "normal") -> float:
    """Returns the width of a text, in inches."""
    if not text.strip():
        return 0.0
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=size, weight=weight)
    path = TextPath((0, 0), label(text, MAX_LETTERS), prop=font)
    return float(path.get_extents().width) / 72


def _tint(color: str, share: float) -> tuple[float, ...]:
    """Mixes a color with white."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(1 - share * (1 - part) for part in parts)


def _toward(corner: _Point, other: _Point, radius: float = 0.08) -> _Point:
    (x, y), (u, v) = corner, other
    length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-9)
    share = min(0.5, radius / length)
    return x + share * (u - x), y + share * (v - y)
