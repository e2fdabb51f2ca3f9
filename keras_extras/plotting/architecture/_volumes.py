"""Solids in a row: what a chain of layers does to an image.

    height, depth ~ (height, width of the tensor)^0.55,  width ~ channels^0.45

Vectors are bars. Where a window slides, it is drawn on the solid that it
slides over, with lines to the place that it computes.
"""

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
from keras_extras.plotting.architecture._boxes import MAX_LETTERS, inches

_ROW_WIDTH = 7.0  # inches
_TALLEST = 1.3
_THICKEST = 0.75
_SLANT = (0.40, 0.30)  # where one inch of depth goes to
_TITLE, _TEXT, _LINE = 8.5, 7.5, 0.145
_MUTED = "#666666"
_MARGIN = 0.12
_WRAP = 0.85  # inches of text, beyond which words go to the next line

_Text = tuple[str, float, str, str]  # words, size, weight and color


def is_drawable(blocks: list[Block]) -> bool:
    """Whether blocks are a chain, of known shapes of rank 1 to 4."""
    for index, block in enumerate(blocks):
        chain = block.inputs == ((index - 1,) if index else ())
        if not chain or None in block.shape or not 1 <= len(block.shape) <= 4:
            return False
    return True


class _Solid:
    """Size, place and text of one block."""

    def __init__(
        self,
        block: Block,
        height: float,
        width: float,
        depth: float,
        lines: list[_Text],
    ) -> None:
        self.block, self.lines = block, lines
        self.height, self.width, self.depth = height, width, depth
        self.x = self.y = 0.0  # lower left corner of the front

    @property
    def reach(self) -> float:
        return self.width + _SLANT[0] * self.depth

    @property
    def rise(self) -> float:
        return self.height + _SLANT[1] * self.depth

    @property
    def text_width(self) -> float:
        return max(
            inches(text, size, weight) for text, size, weight, _ in self.lines
        )

    def corner(
        self, right: float, up: float, back: float
    ) -> tuple[float, float]:
        """The place of a point of the solid, given by three fractions."""
        return (
            self.x + right * self.width + back * _SLANT[0] * self.depth,
            self.y + up * self.height + back * _SLANT[1] * self.depth,
        )


class Volumes:
    """A drawing of blocks as solids; knows its size before it is drawn.

    Attributes:
        width: of the drawing, in inches.
        height: of the drawing, in inches.
    """

    def __init__(self, blocks: list[Block]) -> None:
        self.solids = _solids(blocks)
        self.rows: list[list[_Solid]] = [[]]
        self.width, used = 0.0, 0.0
        slots = [max(solid.reach, solid.text_width) for solid in self.solids]
        gap = (_ROW_WIDTH - sum(slots)) / len(slots)
        gap = max(0.08, min(0.2, gap)) if gap > 0.08 else 0.2
        slots = [slot + gap for slot in slots]
        total = sum(slots) - 1e-6
        rows = -(-total // _ROW_WIDTH)
        goal = total / rows  # rows of about one length
        for solid, slot in zip(self.solids, slots, strict=True):
            if self.rows[-1] and (
                used + slot > _ROW_WIDTH + 1e-6 or used + slot / 2 > goal
            ):
                self.rows.append([])
                used = 0.0
            self.rows[-1].append(solid)
            solid.x = used + (slot - solid.reach) / 2 + _MARGIN
            used += slot
            self.width = max(self.width, used + 2 * _MARGIN)
        self.height = 2 * _MARGIN
        self._heights = []
        for row in self.rows:
            lines = max(len(solid.lines) for solid in row)
            rise = max(solid.rise for solid in row)
            self._heights.append((rise, lines * _LINE + 0.12))
            self.height += rise + lines * _LINE + 0.12
        self.height += 0.28 * (len(self.rows) - 1)

    def draw(self, ax: Any, patches: Any, path: Any) -> None:
        """Draws on axes whose units are inches, with y upwards."""
        top, before = self.height - _MARGIN, None
        for row, (rise, text) in zip(self.rows, self._heights, strict=True):
            for solid in row:
                solid.y = top - rise / 2 - solid.rise / 2
                if before is not None and before in row:
                    _link(ax, patches, before, solid)
                _draw_solid(ax, patches, solid)
                for number, line in enumerate(solid.lines):
                    content, size, weight, color = line
                    ax.text(
                        solid.x + solid.reach / 2,
                        top - rise - 0.1 - _LINE * (number + 0.5),
                        label(content, MAX_LETTERS),
                        ha="center",
                        va="center_baseline",
                        fontsize=size,
                        weight=weight,
                        color=color,
                        zorder=6,
                    )
                before = solid
            top -= rise + text + 0.28


def _solids(blocks: Sequence[Block]) -> list[_Solid]:
    sides, channels, vectors = [1], [1], [1]
    parts = [_parts(block) for block in blocks]
    for height, width, depth in parts:
        if height is None:
            vectors.append(depth)
        else:
            sides += [height, width]
            channels.append(depth)
    side = _TALLEST / max(sides) ** 0.55
    thick = min(0.07, _THICKEST / max(channels) ** 0.45)
    bar = _TALLEST / max(vectors) ** 0.4
    solids = []
    for block, (height, width, depth) in zip(blocks, parts, strict=True):
        if height is None:
            size = (max(0.12, bar * depth**0.4), 0.11, 0.13)
        else:
            size = (
                max(0.08, side * height**0.55),
                max(0.05, thick * depth**0.45),
                max(0.08, side * width**0.55),
            )
        solids.append(_Solid(block, *size, _lines(block)))
    return solids


def _parts(block: Block) -> Any:
    """Returns height, width and channels; no height for a vector."""
    shape = block.shape
    if getattr(block.layer, "data_format", "") == "channels_first":
        shape = (*shape[1:], shape[0])
    if len(shape) == 1:
        return None, None, shape[0]
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    return shape[-3], shape[-2], shape[-1]


def _lines(block: Block) -> list[_Text]:
    """Returns lines of text: words, size, weight and color of each."""
    lines = [
        (text, _TITLE, "bold", INK)
        for text in _wrapped(block.title, _TITLE, "bold")
    ]
    for text in _grouped(block.details):
        lines.append((text, _TEXT, "normal", INK))
    lines.append((shape_text(block.shape), _TEXT, "normal", INK))
    weights = weights_text(block.parameters)
    if weights:
        lines += [
            (text, _TEXT, "normal", _MUTED) for text in _wrapped(weights, _TEXT)
        ]
    for name in block.after:
        lines += [
            (text, _TEXT, "normal", _MUTED)
            for text in _wrapped(f"+ {name}", _TEXT)
        ]
    return lines


def _grouped(details: Sequence[str]) -> list[str]:
    """Joins settings as long as they fit into one line."""
    lines: list[str] = []
    for detail in details:
        joined = f"{lines[-1]} {detail}" if lines else detail
        if lines and inches(joined, _TEXT) <= _WRAP:
            lines[-1] = joined
        else:
            lines.append(detail)
    return lines


def _wrapped(text: str, size: float, weight: str = "normal") -> list[str]:
    """Breaks a text at blanks and before capitals, if it is long."""
    if inches(text, size, weight) <= _WRAP:
        return [text]
    places = [
        at
        for at in range(2, len(text) - 2)
        if text[at] == " "
        or text[at - 1] == "_"
        or (text[at].isupper() and text[at - 1].islower())
    ]
    if not places:
        return [text]
    at = min(places, key=lambda at: max(at, len(text) - at))
    return [text[:at].strip(), *_wrapped(text[at:].strip(), size, weight)]


def _draw_solid(ax: Any, patches: Any, solid: _Solid) -> None:
    color = COLORS[solid.block.family]
    faces = (
        (((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)), 0.62),  # front
        (((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)), 0.38),  # top
        (((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)), 0.85),  # side
    )
    for corners, share in faces:
        ax.add_patch(
            patches.Polygon(
                [solid.corner(*corner) for corner in corners],
                closed=True,
                facecolor=_mixed(color, share),
                edgecolor="white",
                linewidth=0.7,
                joinstyle="round",
                zorder=4,
            )
        )


def _link(ax: Any, patches: Any, before: _Solid, after: _Solid) -> None:
    """Draws what leads from one solid to the next."""
    line = {"color": "#8A8A8A", "linewidth": 0.7, "zorder": 5}
    window = _window(after.block)
    height, width, _ = _parts(before.block)
    if window and height is not None:
        up, back = min(1, window[0] / height), min(1, window[-1] / width)
        low, near = 0.62 * (1 - up), 0.35 * (1 - back)
        corners = [
            before.corner(1, low + u * up, near + v * back)
            for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))
        ]
        ax.add_patch(
            patches.Polygon(
                corners,
                closed=True,
                facecolor=(1, 1, 1, 0.35),
                edgecolor=INK,
                linewidth=0.8,
                zorder=5,
            )
        )
        goal = after.corner(0, 0.45, 0)
        for corner in corners if up * before.height > 0.06 else corners[::2]:
            ax.plot(*zip(corner, goal, strict=True), **line)
        return
    if after.block.family == "dense" and height is None:
        for up in (0, 1):
            begin = before.corner(1, up, up)
            end = after.corner(0, up, 0)
            ax.plot(*zip(begin, end, strict=True), **line)
        return
    begin, end = before.corner(1, 0.5, 1), after.corner(0, 0.5, 0)
    middle = before.corner(1, 0.5, 0.5)[1]
    ax.annotate(
        "",
        (end[0] - 0.03, middle),
        (begin[0] + 0.05, middle),
        arrowprops={"arrowstyle": "-|>", "color": "#8A8A8A", "lw": 0.9},
        zorder=5,
    )


def _window(block: Block) -> tuple[int, ...] | None:
    for name in ("kernel_size", "pool_size"):
        window = getattr(block.layer, name, None)
        if isinstance(window, int):
            return (window,)
        if isinstance(window, (tuple, list)) and window:
            return tuple(window)[-2:]
    return None


def _mixed(color: str, share: float) -> tuple[float, ...]:
    """Mixes a color with white."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(1 - share * (1 - part) for part in parts)
