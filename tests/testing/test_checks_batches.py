import keras
import numpy as np
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, layer_checks
from tests.testing.broken import Simple
from tests.testing.broken_shapes import (
    BatchOfTwo,
    ClaimsToMixBatch,
    NotLinear,
    SqueezesBatch,
)


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (SqueezesBatch(), "check_batch_sizes", "a batch of 1 gives the shape"),
        (BatchOfTwo(), "check_batch_sizes", "a batch of 1 "),
        (ClaimsToMixBatch(), "check_batch_independence", "does not depend"),
        (NotLinear(), "check_linear", "declares linear, but is not: "),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


def test_linear_is_tested_where_it_is_declared():
    with pytest.raises(CheckSkip, match="does not declare linear"):
        dict(layer_checks(keras.layers.Dense(2)))["check_linear"]()


class Twice(Simple):
    """Calls a sublayer twice, which is no retracing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.ReLU()

    def call(self, inputs):
        return self.inner(self.inner(inputs) + np.float32(1))


def test_no_false_alarm():
    checks = dict(layer_checks(Twice()))
    for name in ("check_retracing", "check_compiled", "check_batch_sizes"):
        checks[name]()
