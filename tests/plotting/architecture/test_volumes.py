import pytest

from keras_extras.plotting import ArchitectureDisplay
from keras_extras.plotting.architecture._blocks import blocks_of
from keras_extras.plotting.architecture._volumes import Volumes, is_drawable
from tests.plotting.architecture.test_blocks import node


def chain(*shapes, kind="Conv2D", **settings):
    return [
        node(
            kind if index else "Input",
            shape,
            (index - 1,) if index else (),
            **settings,
        )
        for index, shape in enumerate(shapes)
    ]


def solids(*shapes, **settings):
    drawing = Volumes(blocks_of(chain(*shapes, **settings)))
    return [one for row in drawing.rows for one in row]


def test_solids_follow_the_tensors():
    small, large, flat = solids((8, 8, 4), (16, 32, 4), (16, 32, 64))
    assert small.height < large.height == flat.height
    assert small.depth < large.depth == flat.depth
    assert small.width == large.width < flat.width
    assert large.height / small.height == pytest.approx(2**0.55)
    assert large.depth / small.depth == pytest.approx(4**0.55)


def test_channels_first_are_channels():
    _, last = solids((16, 32, 4), (8, 8, 64))
    (_, first) = solids((4, 16, 32), (64, 8, 8), data_format="channels_first")
    assert first.width == last.width


def test_vectors_are_bars():
    long, short = solids((1000,), (10,), kind="Dense")
    assert long.height > short.height
    assert long.width == short.width


def test_solids_and_texts_do_not_overlap():
    nodes = chain((64, 64, 3), *[(64, 64, 512)] * 9, (10,), parameters=10**8)
    display = ArchitectureDisplay(nodes, style="volumes").plot()
    display.figure_.draw_without_rendering()
    extents = [text.get_window_extent() for text in display.ax_.texts]
    page = display.figure_.bbox
    for index, extent in enumerate(extents):
        assert page.x0 <= extent.x0
        assert extent.x1 <= page.x1
        assert page.y0 <= extent.y0
        for other in extents[:index]:
            shared = min(extent.y1, other.y1) - max(extent.y0, other.y0)
            beside = extent.x0 >= other.x1 or other.x0 >= extent.x1
            assert beside or shared < 3  # lines of one text touch
    assert display.figure_.get_size_inches()[0] < 7.5


def test_what_is_no_chain_is_not_drawable():
    assert is_drawable(blocks_of(chain((8, 8, 1), (4,))))
    assert not is_drawable(blocks_of(chain((None, 8, 1), (4,))))
    skip = [*chain((4,), (4,)), node("Add", (4,), (0, 1))]
    assert not is_drawable(blocks_of(skip))
