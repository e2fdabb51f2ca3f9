from keras_extras.testing._sample_shapes import (
    SAMPLE_SHAPES,
    is_shape,
    map_shapes,
    shapes_in,
    size_changes,
)

NESTED = ((2, 3), [(4,), {"a": (), "b": (None, 5)}])


def test_shapes_are_told_from_tuples_of_shapes():
    assert is_shape((2, 3))
    assert is_shape(())
    assert is_shape((None, 3))
    assert not is_shape(((2, 3), (2, 3)))
    assert not is_shape([2, 3])


def test_each_shape_of_a_structure_is_mapped():
    assert map_shapes(len, NESTED) == (2, [1, {"a": 0, "b": 2}])


def test_the_shapes_of_a_structure():
    assert shapes_in(NESTED) == [(2, 3), (4,), (), (None, 5)]


def test_changes_are_of_one_axis_or_of_two():
    changes = list(size_changes(range(2), (1, 2, 3)))
    assert (((0, 1)),) in changes
    assert ((0, 2), (1, 3)) in changes
    assert len(changes) == 2 * 3 + 3 * 3


def test_of_the_images_no_two_axes_are_equal():
    images = [shape for shape in SAMPLE_SHAPES if len(shape) == 3]
    height, width, channels = images[0]
    assert len({height, width, channels}) == 3
