"""What we use of Keras that Keras does not promise to keep.

Each function here touches one private name, and says why no public one would
do. No other file uses private names of Keras, so a new version of it can break
us here only; `tests/test_keras_internals.py` says then what does not work.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

# --- layers and transforms ---------------------------------------------------


@contextlib.contextmanager
def open_to_weights(layer: keras.Layer) -> Iterator[None]:
    """Lets a built layer take weights and sublayers in.

    Keras locks the tracker of a layer after `build`, and has a public way to
    add LoRA's weights for its own layers only.
    """
    tracker: Any = layer._tracker  # pyright: ignore[reportAttributeAccessIssue]
    tracker.unlock()
    try:
        yield
    finally:
        tracker.lock()


def drop_sublayer(layer: keras.Layer, sublayer: keras.Layer) -> None:
    """Makes a layer forget a sublayer and the sublayer's weights.

    Nothing public takes away what a layer has tracked: setting the attribute
    to `None` leaves the sublayer in the list of layers.
    """
    for weight in sublayer.weights:
        layer._untrack_variable(weight)
    tracker: Any = layer._tracker  # pyright: ignore[reportAttributeAccessIssue]
    tracker.untrack(sublayer)


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """Returns a layer's weights without those of its sublayers.

    `weights` has both; where its own end is said nowhere else.
    """
    books: Any = layer
    return [*books._trainable_variables, *books._non_trainable_variables]
