"""How many multiply-adds a model needs for one example, in inference.

    Dense:  positions * inputs * units
    Conv:   windows * taps * inputs / groups * filters

What counts is a product of two numbers that is added to a sum, as in matrix
products and convolutions: half of the FLOPs that `torch.utils.flop_counter`
counts. What is done to each number alone (biases, activations, normalization,
pooling) counts nothing, as there. A layer without a formula is looked into; if
that fails, the number is NaN, and the reason is given.
"""

import math
from typing import Any, NoReturn

import keras

from keras_extras.inspection._families import functions
from keras_extras.inspection._macs_layers import (
    MULTIPLY_ADDS,
    Part,
    Unknown,
    einsum,
    product,
)
from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._trace import Call, is_foreign, trace


def multiply_adds(model: keras.Layer, input_shape: Any = None) -> float:
    """Returns the multiply-adds of one example, in inference.

    A multiply-add is a product that is added to a sum, in a matrix product or
    convolution; two FLOPs. Biases, activations, normalization and pooling
    count nothing. A layer says its own number with a method
    `multiply_adds(input_shape)`, which is handed the shape of its input with
    a batch of 1 and goes before all that is known of its class.

    Args:
        model: a `keras.Model` of any kind, or a layer. It is built if it is
            not.
        input_shape: shape with batch (whose size is ignored), or a list or
            dict of shapes; `None` for the one that the model was built with.

    Returns:
        An int; or NaN if the number of a layer is not known (`summary_frame`
        tells which and why).

    Raises:
        ValueError: if the shape is not known.

    Examples:
        >>> model = keras_extras.models.MLP([512])
        >>> keras_extras.inspection.multiply_adds(model, (None, 784))
        406528
    """
    call = trace(
        "multiply_adds", model, input_shape, 1, is_opened=is_looked_into
    )
    return count(call)[0]


def is_looked_into(layer: object) -> bool:
    """Returns whether the calls inside of the layer are to be counted."""
    return is_foreign(layer) and MULTIPLY_ADDS.find(layer) is None


def count(call: Call) -> tuple[float, str]:
    """Returns the multiply-adds of a call, and why they are not known.

    The call is one with a batch of 1. Unknown numbers are NaN.
    """
    try:
        return _count(call), ""
    except Unknown as reason:
        return math.nan, str(reason)


def _count(call: Call) -> int:
    operation = call.operation
    if callable(getattr(operation, "multiply_adds", None)):
        return operation.multiply_adds(call.input_shape)
    formula = MULTIPLY_ADDS.find(operation)
    if formula is not None:
        found = formula(operation, call)
        return found if isinstance(found, int) else sum(map(_part, found))
    name = f"{operation.name} ({type(operation).__name__})"
    if not is_layer(operation):
        if is_foreign(operation):
            raise Unknown(f"{name}: no formula")
        return 0  # what Keras's other functions do, they do to each number
    if call.problem:
        raise Unknown(f"{name}: {call.problem}")
    if isinstance(operation, keras.Model) or is_looked_into(operation):
        return sum(map(_count, call.inside))
    raise Unknown(f"{name}: no formula; add multiply_adds(input_shape)")


def _part(part: Part) -> int:
    """Returns the number of a layer that another one calls."""
    product(part.input_shape)
    call = trace("", part.layer, part.input_shape, 1, is_opened=is_looked_into)
    return part.times * _count(call)


# --- functions of keras.ops --------------------------------------------------


def _shapes(call: Call) -> list[tuple[Any, ...]]:
    """Returns the shapes of the tensors and variables that came in."""
    return [tuple(tensor.shape) for tensor in call.inputs]


@MULTIPLY_ADDS.of(keras.ops.matmul)
def _matmul(function: Any, call: Call) -> int:
    first = _shapes(call)[0]
    return product(call.output_shape) * product(first[-1:])


@MULTIPLY_ADDS.of(*functions("dot inner"))
def _dot(function: Any, call: Call) -> int:
    first, second = _shapes(call)[:2]
    if not first or not second:
        return 0  # a product with one number
    return product(call.output_shape) * product(first[-1:])


@MULTIPLY_ADDS.of(*functions("tensordot vdot vecdot"))
def _tensordot(function: Any, call: Call) -> int:
    first, second = map(product, _shapes(call)[:2])
    # Each contracted axis is in both, each other one in the output.
    return math.isqrt(first * second * product(call.output_shape))


@MULTIPLY_ADDS.of(keras.ops.einsum)
def _einsum(function: Any, call: Call) -> int:
    return einsum(function.subscripts, _shapes(call))


@MULTIPLY_ADDS.of(keras.ops.conv)
def _conv(function: Any, call: Call) -> int:
    kernel = _shapes(call)[1]
    return product(call.output_shape) // kernel[-1] * product(kernel)


@MULTIPLY_ADDS.of(keras.ops.depthwise_conv)
def _depthwise(function: Any, call: Call) -> int:
    kernel = _shapes(call)[1]
    return product(call.output_shape) * product(kernel[:-2])


@MULTIPLY_ADDS.of(keras.ops.separable_conv)
def _separable(function: Any, call: Call) -> int:
    _, spatial, pointwise = _shapes(call)[:3]
    windows = product(call.output_shape) // pointwise[-1]
    return windows * (product(spatial) + product(pointwise))


@MULTIPLY_ADDS.of(keras.ops.conv_transpose)
def _transpose(function: Any, call: Call) -> int:
    inputs, kernel = _shapes(call)[:2]
    return product(inputs) // kernel[-1] * product(kernel)


@MULTIPLY_ADDS.of(keras.ops.dot_product_attention)
def _attention(function: Any, call: Call) -> int:
    query, key, value = _shapes(call)[:3]  # (batch, steps, heads, size)
    return product(query) * key[1] + product(query[:-1]) * key[1] * value[-1]


# They multiply and add, or call a function of the user's, and have no formula.
@MULTIPLY_ADDS.of(
    *functions("""
        associative_scan cholesky cholesky_inverse cond convolve correlate cross
        ctc_decode ctc_loss det eig eigh expm fft fft2 fori_loop ifft2 inv irfft
        istft jvp kron lstsq lu_factor map outer pinv qr rfft scan solve
        solve_triangular stft svd switch vectorized_map while_loop
    """)
)
def _unknown(function: Any, call: Call) -> NoReturn:
    raise Unknown(f"{function.name} ({type(function).__name__}): no formula")
