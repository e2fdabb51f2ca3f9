from keras_extras.plotting import ArchitectureDisplay
from keras_extras.plotting.architecture._blocks import blocks_of
from keras_extras.plotting.architecture._boxes import Boxes, inches
from tests.plotting.architecture.test_blocks import node


def chain(length):
    return [node("Input")] + [
        node("Dense", (8,), (index,), parameters=72) for index in range(length)
    ]


def test_no_text_leaves_its_box():
    nodes = [
        node("Input"),
        node("Dense", (8,), (0,), name="a_rather_long_name", parameters=10**9),
        node("Add", (8,), (0, 1)),
        node("Dropout", (8,), (2,), rate=0.5),
    ]
    display = ArchitectureDisplay(nodes, style="boxes").plot()
    figure = display.figure_
    figure.draw_without_rendering()
    boxes = [
        patch.get_window_extent()
        for patch in display.ax_.patches
        if type(patch).__name__ == "FancyBboxPatch"
    ]
    for text in display.ax_.texts:
        extent = text.get_window_extent()
        assert any(
            box.x0 < extent.x0
            and extent.x1 < box.x1
            and box.y0 < extent.y0
            and extent.y1 < box.y1
            for box in boxes
        ), text.get_text()
    for one in display.ax_.texts:
        for other in display.ax_.texts:
            if one is not other:
                overlap = one.get_window_extent().overlaps(
                    other.get_window_extent()
                )
                assert not overlap, (one.get_text(), other.get_text())


def test_a_long_chain_goes_on_in_columns_within_a_page():
    drawing = Boxes(blocks_of(chain(30)))
    assert drawing.width < 7.5
    assert drawing.height < 10
    assert drawing.layout.columns[-1] > drawing.layout.columns[0]
    assert Boxes(blocks_of(chain(3))).layout.columns == [0] * 4


def test_each_edge_is_an_arrow():
    display = ArchitectureDisplay(chain(30), style="boxes").plot()
    arrows = [
        patch
        for patch in display.ax_.patches
        if type(patch).__name__ == "FancyArrowPatch"
    ]
    # A line from column to column turns four times; its end is no arrow.
    turns = [len(arrow.get_path().vertices) for arrow in arrows]
    breaks = max(Boxes(blocks_of(chain(30))).layout.columns)
    assert len(arrows) == 30 + breaks
    assert sum(count > 8 for count in turns) == breaks


def test_the_width_of_text():
    assert inches("", 9) == 0
    assert 0 < inches("i", 9) < inches("iii", 9) < inches("iii", 18)
