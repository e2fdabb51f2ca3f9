"""What torch calls a weight, and the order of what was flattened."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import load_torch_weights, to_torch_state_dict
from tests import oracle
from tests.gradients import to_numpy

# --- what was flattened -----------------------------------------------------


@pytest.mark.parametrize("flatten_format", ["channels_last", "channels_first"])
def test_channels_first_maps_are_flattened_as_they_say(flatten_format):
    maps = keras.Sequential(
        [
            keras.Input((2, 3, 4)),
            layers.Pad2D(0, data_format="channels_first"),
            layers.Flatten(data_format=flatten_format),
            layers.Dense(5),
        ]
    )
    weight, x = oracle.normal(5, 24), oracle.normal(2, 2, 3, 4)
    load_torch_weights(maps, {"weight": weight, "bias": np.zeros(5)})
    np.testing.assert_allclose(
        to_numpy(maps(x)), x.reshape(2, 24) @ weight.T, atol=1e-5
    )


class Flat(keras.Model):
    """A model that does on the way what nobody can follow."""

    def __init__(self):
        super().__init__()
        self.flatten = layers.Flatten()
        self.head = layers.Dense(5, name="head")

    def call(self, inputs):
        flat = self.flatten(inputs)
        return self.head(keras.ops.flip(keras.ops.flip(flat, -1), -1))


def test_shape_before_flattening_can_be_said():
    model = Flat()
    x, weight = oracle.normal(2, 3, 4, 2), oracle.normal(5, 24)
    model(x)
    state = {"fc.weight": weight, "fc.bias": np.zeros(5)}
    with pytest.raises(ValueError, match=r"'head' reads what.*flattened="):
        load_torch_weights(model, state)
    load_torch_weights(model, state, flattened={"head": (2, 3, 4)})
    flat = np.moveaxis(x, -1, 1).reshape(2, 24)
    np.testing.assert_allclose(to_numpy(model(x)), flat @ weight.T, atol=1e-5)
    back = to_torch_state_dict(model, flattened={"head": (2, 3, 4)})
    np.testing.assert_array_equal(back["head.weight"], weight)
    load_torch_weights(model, state, flattened={"head": None})
    np.testing.assert_allclose(
        to_numpy(model(x)), x.reshape(2, 24) @ weight.T, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"names no layer.*\['other'\]"):
        load_torch_weights(
            model, state, flattened={"head": None, "other": (2, 3)}
        )
