"""Private names of Keras that the callbacks need."""

import keras
import pytest

from keras_extras import _keras_internals as internals


@pytest.mark.parametrize("scaled", [False, True])
def test_the_schedule_of_an_optimizer(scaled):
    """If Keras renames it, the finder would lose the schedule of a model."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    for rate, expected in ((schedule, schedule), (0.1, None)):
        optimizer = keras.optimizers.SGD(rate)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        assert internals.learning_rate_schedule(optimizer) is expected
