"""Values of variables that are put back."""

import keras
import numpy as np
import pytest

from keras_extras.callbacks._snapshot import Snapshot


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool"])
def test_values_come_back_bit_for_bit(dtype):
    variable = keras.Variable([1, 0, 1], dtype=dtype, trainable=False)
    if dtype == "float32":
        variable.assign(np.array([np.nan, -0.0, 1e-45], "float32"))
    bits = np.array(keras.ops.convert_to_numpy(variable.value)).tobytes()
    snapshot = Snapshot([variable])
    for _ in range(2):
        variable.assign(keras.ops.cast([0, 1, 1], dtype))
        snapshot.restore()
        after = np.array(keras.ops.convert_to_numpy(variable.value))
        assert after.tobytes() == bits
