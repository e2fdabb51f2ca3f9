import keras
import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_values_stand_at_their_places_per_example_and_channel():
    values = np.array([[[1.0, 2.0]], [[3.0, 4.0]]], "float32")
    places = np.array([[[2, 0]], [[1, 1]]])
    y = ops.max_unpool(values, places, [3], "channels_last")
    expected = np.zeros((2, 3, 2))
    expected[0, 2, 0], expected[0, 0, 1] = 1, 2
    expected[1, 1] = 3, 4
    np.testing.assert_array_equal(to_numpy(y), expected)


def test_a_place_named_twice_gets_the_mean():
    values = np.array([1.0, 5.0, 2.0], "float32").reshape(1, 3, 1)
    places = np.array([1, 1, 0]).reshape(1, 3, 1)
    y = ops.max_unpool(values, places, [2], "channels_last")
    assert to_numpy(y).ravel().tolist() == [2.0, 3.0]
    y = ops.max_unpool(
        keras.ops.cast(values, "int32"), places, [2], "channels_last"
    )
    assert to_numpy(y).ravel().tolist() == [2.0, 3.0]
