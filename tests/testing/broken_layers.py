"""The corpus: layers with one fault each, and the check that must catch it."""

from tests.testing import (
    broken_config,
    broken_numbers,
    broken_promises,
    broken_shapes,
    broken_state,
    broken_weights,
)

CORPUS = [
    *broken_config.CORPUS,
    *broken_shapes.CORPUS,
    *broken_numbers.CORPUS,
    *broken_state.CORPUS,
    *broken_weights.CORPUS,
    *broken_promises.CORPUS,
]
