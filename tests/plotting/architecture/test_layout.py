"""The layout, by its rules: below, apart, few crossings, straight."""

from hypothesis import given
from hypothesis import strategies as st

from keras_extras.plotting.architecture._layout import (
    crossings,
    layout,
    ranks_of,
)


@st.composite
def graphs(draw):
    """Draws the inputs of boxes, each out of the boxes before it."""
    count = draw(st.integers(1, 12))
    return [
        tuple(
            draw(
                st.lists(
                    st.integers(0, index - 1), max_size=min(3, index),
                    unique=True,
                )
            )
            if index
            else ()
        )
        for index in range(count)
    ]  # fmt: skip


@given(graphs(), st.sampled_from([2.0, 100.0]))
def test_boxes_stand_below_their_inputs_and_apart(inputs, max_height):
    sizes = [(1.0 + index % 3, 0.4) for index in range(len(inputs))]
    plan = layout(sizes, inputs, max_height=max_height)
    for target, sources in enumerate(inputs):
        for source in sources:
            if plan.columns[source] == plan.columns[target]:
                assert plan.centers[source][1] + 0.4 < plan.centers[target][1]
            else:
                assert plan.columns[source] < plan.columns[target]
    for one in range(len(sizes)):
        for other in range(one):
            (x, y), (u, v) = plan.centers[one], plan.centers[other]
            wide = (sizes[one][0] + sizes[other][0]) / 2
            assert abs(x - u) > wide or abs(y - v) > 0.4
    for (x, y), (width, height) in zip(plan.centers, sizes, strict=False):
        assert -1e-6 <= x - width / 2 <= x + width / 2 <= plan.width + 1e-6
        assert -1e-6 <= y - height / 2 <= y + height / 2 <= plan.height + 1e-6


@given(graphs())
def test_lines_pass_beside_boxes(inputs):
    sizes = [(1.0, 0.4)] * len(inputs)
    plan = layout(sizes, inputs, max_height=100.0)
    wanted = {(s, t) for t, sources in enumerate(inputs) for s in sources}
    assert {(line.source, line.target) for line in plan.lines} == wanted
    for line in plan.lines:
        for x, top, bottom in line.points[:-1]:
            for u, v in plan.centers:
                if top - 0.01 < v < bottom + 0.01:
                    assert abs(x - u) > 0.5


def test_the_longest_path_is_straight():
    # 0 -> 1 -> 2 -> 3, with skips 0 -> 3 and 0 -> 2.
    plan = layout([(1, 0.4)] * 4, [(), (0,), (0, 1), (0, 2)])
    assert len({round(x, 4) for x, _ in plan.centers}) == 1
    lanes = [line.points for line in plan.lines if len(line.points)]
    assert all(len({round(x, 4) for x, *_ in points}) <= 1 for points in lanes)


def test_ranks_are_near_what_they_are_for():
    # A long branch, and an input that is used only at its end.
    assert ranks_of([(), (0,), (1,), (), (2, 3)]) == [0, 1, 2, 2, 3]


def test_a_ladder_without_crossings_is_drawn_without():
    inputs = [(), (), (0,), (1,), (2,), (3,)]
    assert crossings([[0, 1], [3, 2], [4, 5]], [(0, 2), (1, 3)]) == 1
    plan = layout([(1, 0.4)] * 6, inputs)
    lefts = [plan.centers[index][0] for index in (0, 2, 4)]
    rights = [plan.centers[index][0] for index in (1, 3, 5)]
    signs = {a < b for a, b in zip(lefts, rights, strict=True)}
    assert len(signs) == 1


def test_long_graphs_are_broken_where_one_box_feeds_all():
    # Residual blocks: 0 -> 1 -> 2, 0 -> 2 -> ...
    inputs, at = [()], 0
    for _ in range(10):
        inputs += [(at,), (at, at + 1)]
        at += 2
    plan = layout([(1, 0.4)] * len(inputs), inputs, max_height=5.0)
    assert max(plan.columns) >= 1
    assert plan.height < 6.5
    points = len(plan.centers) - len(inputs)
    assert points == max(plan.columns)
    tall = layout([(1, 0.4)] * len(inputs), inputs, max_height=100.0)
    assert max(tall.columns) == 0
