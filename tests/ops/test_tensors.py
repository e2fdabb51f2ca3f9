import keras
import numpy as np

from keras_extras.ops._tensors import as_float, dtype_of, widen


def test_integers_become_floats_and_half_precision_single():
    numbers = as_float(np.arange(3))
    assert dtype_of(numbers) == "float32"
    half = keras.ops.cast(numbers, "bfloat16")
    assert dtype_of(as_float(half)) == "bfloat16"
    assert dtype_of(widen(half)) == "float32"
