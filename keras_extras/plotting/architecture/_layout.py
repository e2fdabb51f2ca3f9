"""Places for boxes and lines, so that a graph can be read from top to bottom.

    rank    a box stands below those whose output it takes
    order   within a rank, each stands near its neighbors: few crossings
    place   as near to its neighbors as the boxes beside it allow;
            the longest path is a straight line

After Sugiyama, Tagawa & Toda, 1981. A line over several ranks has a lane of
its own in each, so that it passes beside the boxes. A long graph is cut where
all lines that cross come from one box, and goes on in the next column, where a
point stands for that box.
"""

import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

from keras_extras.plotting._style import isotonic

_SWEEPS = 12
_LANE = 0.16  # width of a passing line
_GAP = 0.22  # between neighbors

_Size = tuple[float, float]
_Lane = tuple[int, int, int]  # source, target and rank
_Thing = int | _Lane  # what stands in a row: a box, or a lane
_Near = dict[_Thing, list[_Thing]]


class Line(NamedTuple):
    """A line between two boxes: points, each with the height it runs past.

    Attributes:
        source: index of the box, or point, where it begins.
        target: index of the box, or point, where it ends.
        points: places `(x, top, bottom)` of its lanes, from top to bottom;
            `None` if it goes from one column to the next.
    """

    source: int
    target: int
    points: list[tuple[float, float, float]] | None


class Layout(NamedTuple):
    """Centers of boxes, `(x, y)` with y downwards, and the lines.

    Attributes:
        centers: one `(x, y)` per box, then one per point.
        lines: the lines.
        columns: column of each of them.
        edges: left and right edge of each column.
        width: of the whole.
        height: of the whole.
    """

    centers: list[tuple[float, float]]
    lines: list[Line]
    columns: list[int]
    edges: list[tuple[float, float]]
    width: float
    height: float


def layout(
    sizes: Sequence[tuple[float, float]],
    inputs: Sequence[Sequence[int]],
    *,
    max_height: float = 8.0,
    rank_gap: float = 0.24,
    column_gap: float = 0.5,
) -> Layout:
    """Finds the places of boxes.

    Args:
        sizes: width and height of each box.
        inputs: for each box, the boxes whose output it takes; all of them
            stand before it.
        max_height: a graph taller than this is broken into columns.
        rank_gap: height between ranks, for the lines.
        column_gap: width between columns.
    """
    sizes, inputs = list(sizes), [tuple(sources) for sources in inputs]
    ranks = ranks_of(inputs)
    first = _cut(ranks, inputs, _heights(ranks, sizes), max_height, rank_gap)
    ranks, first = _add_points(sizes, inputs, ranks, first)
    heights = _heights(ranks, sizes)

    column_of = [sum(rank >= start for start in first) - 1 for rank in ranks]
    centers = [(0.0, 0.0)] * len(sizes)
    lines, edges, left, tallest = [], [], 0.0, 0.0
    for column, start in enumerate(first):
        stop = [*first, len(heights)][column + 1]
        members = [i for i, node in enumerate(column_of) if node == column]
        tops = [
            sum(heights[start:r]) + rank_gap * (r - start)
            for r in range(start, stop)
        ]
        tallest = max(tallest, tops[-1] + heights[stop - 1])
        x, passing, right = _places(members, sizes, inputs, ranks)
        for node in members:
            rank = ranks[node] - start
            middle = tops[rank] + heights[ranks[node]] / 2
            centers[node] = (left + x[node], middle)
        for (source, target), lanes in passing.items():
            points = [
                (
                    left + x[lane],
                    tops[lane[2] - start],
                    tops[lane[2] - start] + heights[lane[2]],
                )
                for lane in lanes
            ]
            lines.append(Line(source, target, points))
        edges.append((left, left + right))
        left += right + column_gap
    lines += [
        Line(source, target, None)
        for target, sources in enumerate(inputs)
        for source in sources
        if column_of[source] != column_of[target]
    ]
    width = edges[-1][1] if edges else 0.0
    return Layout(centers, lines, column_of, edges, width, tallest)


def ranks_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """Returns the rank of each box: below its inputs, near what it is for."""
    ranks: list[int] = []
    for sources in inputs:
        ranks.append(1 + max((ranks[node] for node in sources), default=-1))
    for index in reversed(range(len(inputs))):
        below = [
            ranks[target]
            for target, sources in enumerate(inputs)
            if index in sources
        ]
        if below:
            ranks[index] = min(below) - 1
    return ranks


def _heights(ranks: Sequence[int], sizes: Sequence[_Size]) -> list[float]:
    heights = [0.0] * (max(ranks, default=-1) + 1)
    for rank, (_, height) in zip(ranks, sizes, strict=True):
        heights[rank] = max(heights[rank], height)
    return heights


def _add_points(
    sizes: list[_Size],
    inputs: list[tuple[int, ...]],
    ranks: list[int],
    first: list[int],
) -> tuple[list[int], list[int]]:
    """Puts a point on top of each further column, for where lines come from.

    Appends to `sizes` and `inputs`; returns the new ranks, and the first rank
    of each column.
    """
    boxes = range(len(inputs))
    old: list[float] = list(ranks)
    for start in first[1:]:
        crossing = [
            (source, target)
            for target in boxes
            for source in inputs[target]
            if old[source] < start <= old[target]
        ]
        point = len(sizes)
        sizes.append((0.0, 0.0))
        inputs.append((crossing[0][0],))
        old.append(start - 0.5)
        for source, target in crossing:
            inputs[target] = tuple(
                point if node == source else node for node in inputs[target]
            )
    moved = [rank + sum(rank >= start for start in first[1:]) for rank in ranks]
    begins = [start + number for number, start in enumerate(first)]
    begins = [max(0, start - 1) if at else 0 for at, start in enumerate(begins)]
    return [*moved, *begins[1:]], begins


def crossings(order: Sequence[Sequence], edges: Sequence[tuple]) -> int:
    """Counts the crossings between neighboring ranks."""
    place = {node: at for rank in order for at, node in enumerate(rank)}
    level = {node: at for at, rank in enumerate(order) for node in rank}
    count = 0
    for i, (a, b) in enumerate(edges):
        for c, d in edges[i + 1 :]:
            if level[a] == level[c]:
                count += (place[a] - place[c]) * (place[b] - place[d]) < 0
    return count


def _cut(
    ranks: Sequence[int],
    inputs: Sequence[Sequence[int]],
    heights: Sequence[float],
    max_height: float,
    gap: float,
) -> list[int]:
    """Returns the first rank of each column."""
    total = sum(heights) + gap * (len(heights) - 1)
    count = max(1, -(-total // max_height))
    goal, first, used = total / count, [0], 0.0
    for rank in range(len(heights) - 1):
        used += heights[rank] + gap
        origins = {
            source
            for target, sources in enumerate(inputs)
            for source in sources
            if ranks[source] <= rank < ranks[target]
        }
        if len(origins) == 1 and used >= goal - heights[rank] / 2:
            first.append(rank + 1)
            used = 0.0
    starts = [*first, len(heights)]
    longest = max(b - a for a, b in itertools.pairwise(starts))
    # Two columns of which one is nearly all are worse than one.
    return first if longest <= 0.7 * len(heights) else [0]


def _places(
    members: Sequence[int],
    sizes: Sequence[_Size],
    inputs: Sequence[Sequence[int]],
    ranks: Sequence[int],
) -> tuple[dict[_Thing, float], dict[tuple[int, int], list[_Lane]], float]:
    """Returns x of boxes and lanes of one column, the lanes, and its width."""
    inside = set(members)
    order: dict[int, list[_Thing]] = {}
    for node in members:
        order.setdefault(ranks[node], []).append(node)
    edges: list[tuple[_Thing, _Thing]] = []
    passing: dict[tuple[int, int], list[_Lane]] = {}
    for target in members:
        for source in inputs[target]:
            if source not in inside:
                continue
            lanes = [
                (source, target, rank)
                for rank in range(ranks[source] + 1, ranks[target])
            ]
            passing[source, target] = lanes
            for lane in lanes:
                order[lane[2]].append(lane)
            chain: list[_Thing] = [source, *lanes, target]
            edges += itertools.pairwise(chain)
    rows = [order[rank] for rank in sorted(order)]
    up: _Near = {}
    down: _Near = {}
    for above, below in edges:
        up.setdefault(below, []).append(above)
        down.setdefault(above, []).append(below)

    rows = _ordered(rows, up, down, edges)
    width: dict[_Thing, float] = {
        node: _LANE if isinstance(node, tuple) else sizes[node][0]
        for row in rows
        for node in row
    }
    x = _spread(rows, up, down, width, _spine(members, inputs, ranks))
    _straighten(x, rows, width, passing.values())
    left = min(x[node] - width[node] / 2 for node in x)
    right = max(x[node] + width[node] / 2 for node in x)
    return {node: at - left for node, at in x.items()}, passing, right - left


def _ordered(
    rows: list[list[_Thing]],
    up: _Near,
    down: _Near,
    edges: list[tuple[_Thing, _Thing]],
) -> list[list[_Thing]]:
    best, least = rows, crossings(rows, edges)
    for sweep in range(_SWEEPS):
        if not least:
            break
        near = up if sweep % 2 == 0 else down
        place = {node: at for row in rows for at, node in enumerate(row)}
        new = []
        for row in rows if sweep % 2 == 0 else reversed(rows):

            def wish(
                node: _Thing,
                place: dict[_Thing, int] = place,
                near: _Near = near,
            ) -> float:
                around = near.get(node, [])
                if not around:
                    return place[node]
                return sum(place[other] for other in around) / len(around)

            row = sorted(row, key=wish)
            place.update({node: at for at, node in enumerate(row)})
            new.append(row)
        rows = new if sweep % 2 == 0 else new[::-1]
        count = crossings(rows, edges)
        if count < least:
            best, least = rows, count
    return best


def _spine(
    members: Sequence[int],
    inputs: Sequence[Sequence[int]],
    ranks: Sequence[int],
) -> set[int]:
    """Returns the boxes of the longest path."""
    inside, length, before = set(members), {}, {}
    for node in sorted(members, key=ranks.__getitem__):
        sources = [source for source in inputs[node] if source in inside]
        before[node] = max(sources, key=length.__getitem__, default=None)
        length[node] = 1 + (length[before[node]] if sources else 0)
    at, spine = max(members, key=length.__getitem__), set()
    while at is not None:
        spine.add(at)
        at = before[at]
    return spine


def _spread(
    rows: list[list[_Thing]],
    up: _Near,
    down: _Near,
    width: dict[_Thing, float],
    spine: set[int],
) -> dict[_Thing, float]:
    """Moves each thing towards its neighbors; the spine stands still."""
    x: dict[_Thing, float] = {}
    for row in rows:
        at = 0.0
        for node in row:
            x[node] = at + width[node] / 2
            at += width[node] + _GAP

    def pull(node: _Thing, other: _Thing) -> float:
        lanes = isinstance(node, tuple) + isinstance(other, tuple)
        return (4.0, 1.0, 400.0)[lanes]

    for sweep in range(4 * _SWEEPS):
        near = (up, down)[sweep % 2]
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wishes, weights = [], []
            for node in row:
                around = [
                    (pull(node, other), x[other])
                    for other in near.get(node, [])
                ]
                weight = sum(part for part, _ in around)
                wish = x[node]
                if node in spine:
                    wish, weight = 0.0, 1e9
                elif weight:
                    wish = sum(part * at for part, at in around) / weight
                wishes.append(wish)
                weights.append(weight or 0.5)
            x.update(zip(row, _apart(row, wishes, weights, width), strict=True))
    return x


def _straighten(
    x: dict[_Thing, float],
    rows: list[list[_Thing]],
    width: dict[_Thing, float],
    lanes: Collection[list[_Lane]],
) -> None:
    """Moves the lanes of each line to the outermost of them."""
    row_of = {node: row for row in rows for node in row}
    for _ in range(3):
        for chain in lanes:
            outer = max((x[lane] for lane in chain), key=abs, default=0.0)
            for lane in chain:
                x[lane] = outer
        for lane in [lane for chain in lanes for lane in chain]:
            _push(x, row_of[lane], width)


def _push(
    x: dict[_Thing, float], row: list[_Thing], width: dict[_Thing, float]
) -> None:
    """Restores the gaps of a row, outwards from the middle."""
    middle = min(range(len(row)), key=lambda at: abs(x[row[at]]))
    for step in (1, -1):
        at = middle
        while 0 <= at + step < len(row):
            node, other = row[at], row[at + step]
            least = (width[node] + width[other]) / 2 + _GAP
            if step * (x[other] - x[node]) < least:
                x[other] = x[node] + step * least
            at += step


def _apart(
    row: list[_Thing],
    wishes: list[float],
    weights: list[float],
    width: dict[_Thing, float],
) -> list[float]:
    """Returns the places nearest to the wishes that leave gaps, in order.

    Least squares: neighbors that would come too close move as one group.
    """
    offsets, at = [], 0.0
    for node, before in zip(row, [None, *row], strict=False):
        if before is not None:
            at += (width[before] + width[node]) / 2 + _GAP
        offsets.append(at)
    wanted = [
        wish - offset for wish, offset in zip(wishes, offsets, strict=True)
    ]
    places = isotonic(wanted, weights)
    return [a + b for a, b in zip(places, offsets, strict=True)]
