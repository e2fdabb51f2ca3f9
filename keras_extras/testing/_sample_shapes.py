"""Shapes of one sample, alone or nested: which are tried, how to walk them."""

import itertools
from collections.abc import Callable
from typing import Any

from keras_extras.testing._tools import leaves

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


def flat(inputs: Any) -> Any:
    """Returns the inputs as a functional model takes them: one, or a list."""
    found = leaves(inputs)
    return found[0] if len(found) == 1 else found


def map_shapes(function: Callable, shapes: Any) -> Any:
    """Applies `function` to each shape of a nested structure of shapes."""
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_shapes(function, one) for key, one in shapes.items()}
    return type(shapes)(map_shapes(function, shape) for shape in shapes)


def is_shape(shapes: Any) -> bool:
    return isinstance(shapes, tuple) and all(
        size is None or isinstance(size, int) for size in shapes
    )


def shapes_in(shapes: Any) -> list[tuple]:
    found: list[tuple] = []
    map_shapes(lambda shape: found.append(shape) or shape, shapes)
    return found


def size_changes(axes, sizes):
    """Yields all ways to give one or two axes another size."""
    for axis in axes:
        yield from (((axis, size),) for size in sizes)
    for pair in itertools.combinations(axes, 2):
        yield from (
            tuple(zip(pair, two, strict=True))
            for two in itertools.product(sizes[:4], repeat=2)
        )
