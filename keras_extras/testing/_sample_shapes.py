"""Shapes of one sample, alone or nested: which are tried, how to walk them."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# Tried in this order until the layer takes one. No two axes of an image are
# equal, so that swapped axes show; eight channels can be split in 2, 4 and 8.
SAMPLE_SHAPES = (
    (8, 4),
    (8, 6, 4),
    (4, 6, 4, 8),
    (6,),
    (16, 12, 8),
    (24, 4),
    (12, 10, 8, 8),
    (32, 32, 3),
    (28, 28, 1),
    (5, 6, 6, 4),
    (12,),
    (),
)


def map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """Applies `function` to each shape of a nested structure of shapes."""
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {
            key: map_shapes(function, shape) for key, shape in shapes.items()
        }
    return type(shapes)(map_shapes(function, shape) for shape in shapes)


def is_shape(shapes: Any) -> bool:
    """Returns whether it is one shape, not a tuple of several."""
    return isinstance(shapes, tuple) and all(
        size is None or isinstance(size, int) for size in shapes
    )


def shapes_in(shapes: Any) -> list[tuple[int | None, ...]]:
    """Returns the shapes of a nested structure, in order."""
    found: list[tuple[int | None, ...]] = []
    map_shapes(found.append, shapes)
    return found


def size_changes(
    axes: Iterable[int], sizes: tuple[int, ...]
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yields all ways to give one or two axes another size."""
    axes = list(axes)
    for count, choices in ((1, sizes), (2, sizes[:4])):
        for chosen in itertools.combinations(axes, count):
            for new in itertools.product(choices, repeat=count):
                yield tuple(zip(chosen, new, strict=True))
