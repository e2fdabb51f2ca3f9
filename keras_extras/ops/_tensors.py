"""Tensors as all operations take them: converted, widened, and measured."""

import math
from typing import Any

import keras
import numpy as np

from keras_extras._shapes import Tensor


def as_tensor(inputs: Tensor) -> Tensor:
    """Returns arrays and lists as tensors, symbolic tensors as they are."""
    if isinstance(inputs, keras.Variable):
        return keras.ops.copy(inputs)  # TensorFlow's conversion keeps it
    if keras.ops.is_tensor(inputs) or isinstance(inputs, keras.KerasTensor):
        return inputs
    return keras.ops.convert_to_tensor(inputs)


def dtype_of(tensor: Tensor) -> str:
    """Returns the name of the dtype, such as `"float32"`."""
    return keras.backend.standardize_dtype(tensor.dtype)


def as_float(inputs: Tensor) -> Tensor:
    """Returns a tensor of floats: integers in Keras's configured one."""
    inputs = as_tensor(inputs)
    if "float" in dtype_of(inputs):
        return inputs
    return keras.ops.cast(inputs, keras.config.floatx())


def widen(inputs: Tensor) -> Tensor:
    """Returns the tensor in float32 at least, for sums, squares and powers."""
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    return keras.ops.cast(inputs, dtype)


def lowest(dtype: str) -> float:
    """Returns the number that no maximum takes."""
    return -math.inf if "float" in dtype else int(np.iinfo(dtype).min)


def length_of(inputs: Tensor, axis: int) -> tuple[Any, Any]:
    """Returns the length of an axis, and the functions to compute with it.

    They are NumPy's, or those of `keras.ops` for a length that is known only
    when the graph runs.
    """
    length = inputs.shape[axis]
    if length is not None:
        return length, np
    sizes: Any = keras.ops.shape(inputs)
    return sizes[axis], keras.ops


def along(numbers: Any, axis: int, rank: int, xp: Any = keras.ops) -> Any:
    """Returns a vector of numbers along one axis of a tensor with `rank`."""
    return xp.reshape(numbers, [-1 if i == axis else 1 for i in range(rank)])


def take_slice(inputs: Tensor, axis: int, part: slice) -> Tensor:
    """Returns a slice of one axis."""
    index = [slice(None)] * len(inputs.shape)
    index[axis] = part
    return inputs[tuple(index)]
