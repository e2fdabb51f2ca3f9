"""How many multiply-adds a model needs for one example, in inference.

    Dense:  positions * inputs * units
    Conv:   windows * taps * inputs / groups * filters

What counts is a product of two numbers that is added to a sum, as in matrix
products and convolutions: half of the FLOPs that `torch.utils.flop_counter`
counts. What is done to each number alone (biases, activations, normalization,
pooling) counts nothing, as there. A layer without a formula is looked into; if
that fails, the number is NaN, and the reason is told.
"""

import math

import keras

from keras_extras.inspection._macs_layers import (
    Unknown,
    einsum,
    formula_of,
    product,
)
from keras_extras.inspection._trace import Call, is_foreign, is_layer, trace


def multiply_adds(model, input_shape=None) -> float:
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


def is_looked_into(layer) -> bool:
    """Returns whether the calls inside of the layer are to be counted."""
    return is_foreign(layer) and formula_of(layer) is None


def count(call: Call) -> tuple[float, str]:
    """Returns the multiply-adds of the call, and why they are NaN if so.

    The call is one with a batch of 1.
    """
    try:
        return _count(call), ""
    except Unknown as reason:
        return math.nan, str(reason)


def _count(call: Call) -> int:
    operation = call.operation
    if callable(getattr(operation, "multiply_adds", None)):
        return operation.multiply_adds(call.input_shape)
    if is_layer(operation):
        return _count_layer(operation, call)
    kind = type(operation).__name__
    if is_foreign(operation) or kind in _UNKNOWN_FUNCTIONS.split():
        raise Unknown(f"{operation.name} ({kind}): no formula")
    formula = _FUNCTIONS.get(kind)
    return formula(operation, call) if formula else 0


def _count_layer(layer, call: Call) -> int:
    formula = formula_of(layer)
    if formula is not None:
        found = formula(layer, call)
        return found if isinstance(found, int) else sum(map(_part, found))
    name = f"{layer.name} ({type(layer).__name__})"
    if call.problem:
        raise Unknown(f"{name}: {call.problem}")
    if isinstance(layer, keras.Model) or is_looked_into(layer):
        return sum(map(_count, call.inside))
    raise Unknown(f"{name}: no formula; add multiply_adds(input_shape)")


def _part(part) -> int:
    """Returns the number of a layer that another one calls."""
    product(part.input_shape)
    call = trace("", part.layer, part.input_shape, 1, is_opened=is_looked_into)
    return part.times * _count(call)


# --- functions of keras.ops --------------------------------------------------


def _shapes(call: Call) -> list:
    """Returns the shapes of the tensors and variables that came in."""
    return [tuple(tensor.shape) for tensor in call.inputs]


def _matmul(function, call):
    first = _shapes(call)[0]
    return product(call.output_shape) * product(first[-1:])


def _dot(function, call):
    first, second = _shapes(call)[:2]
    if not first or not second:
        return 0  # a product with one number
    return product(call.output_shape) * product(first[-1:])


def _tensordot(function, call):
    first, second = map(product, _shapes(call)[:2])
    # Each contracted axis is in both, each other one in the output.
    return math.isqrt(first * second * product(call.output_shape))


def _einsum(function, call):
    return einsum(function.subscripts, _shapes(call))


def _conv(function, call):
    kernel = _shapes(call)[1]
    return product(call.output_shape) // kernel[-1] * product(kernel)


def _depthwise(function, call):
    kernel = _shapes(call)[1]
    return product(call.output_shape) * product(kernel[:-2])


def _separable(function, call):
    _, spatial, pointwise = _shapes(call)[:3]
    windows = product(call.output_shape) // pointwise[-1]
    return windows * (product(spatial) + product(pointwise))


def _transpose(function, call):
    inputs, kernel = _shapes(call)[:2]
    return product(inputs) // kernel[-1] * product(kernel)


def _attention(function, call):
    query, key, value = _shapes(call)[:3]  # (batch, steps, heads, size)
    return product(query) * key[1] + product(query[:-1]) * key[1] * value[-1]


_FUNCTIONS = {
    "Conv": _conv,
    "ConvTranspose": _transpose,
    "DepthwiseConv": _depthwise,
    "Dot": _dot,
    "DotProductAttention": _attention,
    "Einsum": _einsum,
    "Inner": _dot,
    "Matmul": _matmul,
    "SeparableConv": _separable,
    "Tensordot": _tensordot,
    "Vdot": _tensordot,
    "Vecdot": _tensordot,
}

# They multiply and add, or call a function of the user's, and have no formula.
_UNKNOWN_FUNCTIONS = """
    AssociativeScan CTCDecode CTCLoss Cholesky CholeskyInverse Cond Convolve
    Correlate Cross Det Eig Eigh Expm FFT FFT2 ForiLoop IFFT2 IRFFT ISTFT Inv
    JVP Kron Lstsq LuFactor Map Outer Pinv QR RFFT STFT SVD Scan Solve
    SolveTriangular Switch VectorizedMap WhileLoop
"""
