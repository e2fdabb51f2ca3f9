"""TensorFlow's loop runs the step that Keras compiled."""

import keras
import numpy as np
import pytest

from tests.fitting.both import compiled, data, dense, fitted

if keras.backend.backend() != "tensorflow":
    pytest.skip("about TensorFlow's loop", allow_module_level=True)

import tensorflow as tf

from keras_extras._keras_internals import compiled_step
from keras_extras.fitting._loop import loop, why_not


def batches(numbers):
    return iter(tf.data.Dataset.from_tensor_slices(numbers).batch(2))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_as_many_steps_as_asked_for(steps):
    total = tf.Variable(0.0)

    @tf.function
    def step(batch):
        total.assign_add(tf.reduce_sum(batch))
        return {"total": total.read_value()}

    numbers = np.arange(9, dtype="float32")  # the last batch is smaller
    iterator = batches(numbers)
    run = loop(step, iterator)
    logs = run(iterator, steps)
    expected = numbers[: 2 * steps].sum()
    assert float(logs["total"]) == float(total) == expected
    assert next(iterator)[0] == 2 * steps


def test_logs_that_no_loop_carries():
    calls = []

    @tf.function
    def step(batch):
        calls.append(1)
        return {"batch": tf.zeros([1] * len(calls))}

    # A step that is traced again gives logs of another shape.
    def changing(batch):
        calls.append(1)
        return {"batch": tf.zeros([1] * len(calls))}

    assert "cannot join" in loop(changing, batches(np.ones(4)))
    assert "distributed" in loop(step, iter([1]))


def test_python_within_a_step():
    @tf.function
    def step(batch):
        return {"sum": tf.numpy_function(np.sum, [batch], tf.float32)}

    assert "calls Python" in loop(step, batches(np.ones(4, "float32")))


def test_who_runs_functions_eagerly():
    model = compiled(dense())
    assert why_not(model) == ""
    tf.config.run_functions_eagerly(True)
    try:
        assert "eagerly" in why_not(model)
    finally:
        tf.config.run_functions_eagerly(False)
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        assert "strategy" in why_not(compiled(dense()))


def test_the_step_is_that_of_keras():
    model = compiled(dense())
    fitted(model, True, *data(16))
    step = compiled_step(model.train_function)
    x, y = data(8)
    before = int(model.optimizer.iterations)
    step((x, y))
    assert int(model.optimizer.iterations) == before + 1
