"""Values and gradients of a layer, as NumPy arrays, on whatever backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def to_numpy(tree: Any) -> Any:
    return keras.tree.map_structure(
        lambda leaf: np.asarray(
            keras.ops.convert_to_numpy(keras.ops.cast(leaf, "float64"))
            if keras.backend.backend() != "jax"
            else keras.ops.convert_to_numpy(leaf),
            dtype="float64",
        ),
        tree,
    )


def value_and_gradients(
    function: Callable[[Any], Any], variables: Sequence[Any], inputs: Any
) -> tuple[Any, Any, Any]:
    """Returns y = function(x), dL/dx and dL/dv for each trainable variable.

    L = sum(c * y) with fixed, irregular c, so that no element's gradient can
    hide behind another's.
    """
    inputs = keras.ops.convert_to_tensor(inputs)
    implementation = {
        "tensorflow": _tensorflow,
        "jax": _jax,
        "torch": _torch,
    }[keras.backend.backend()]
    outputs, input_gradient, gradients = implementation(
        function, variables, inputs
    )
    return to_numpy(outputs), to_numpy(input_gradient), to_numpy(gradients)


def _loss(outputs: Any) -> Any:
    count = int(np.prod(outputs.shape))
    factors = np.cos(1.0 + np.arange(count)).reshape(outputs.shape)
    factors = keras.ops.cast(factors.astype("float32"), outputs.dtype)
    return keras.ops.sum(factors * outputs)


def _tensorflow(
    function: Callable[[Any], Any], variables: Sequence[Any], inputs: Any
) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
        loss = _loss(outputs)
    values = [variable.value for variable in variables]
    input_gradient, *gradients = tape.gradient(
        loss,
        [inputs, *values],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return outputs, input_gradient, gradients


def _jax(
    function: Callable[[Any], Any], variables: Sequence[Any], inputs: Any
) -> tuple[Any, Any, Any]:
    import jax

    def loss(values: list[Any], tensor: Any) -> tuple[Any, Any]:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            outputs = function(tensor)
        return _loss(outputs), outputs

    values = [variable.value for variable in variables]
    # Compiled as one: operation by operation takes four times as long.
    differentiate = jax.jit(
        jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    )
    (_, outputs), (gradients, input_gradient) = differentiate(values, inputs)
    return outputs, input_gradient, gradients


def _torch(
    function: Callable[[Any], Any], variables: Sequence[Any], inputs: Any
) -> tuple[Any, Any, Any]:
    import torch

    inputs = inputs.detach().clone().requires_grad_(True)
    values = [variable.value for variable in variables]
    outputs = function(inputs)
    loss = _loss(outputs)
    gradients = [None] * (1 + len(values))
    if loss.requires_grad:
        gradients = torch.autograd.grad(
            loss, [inputs, *values], allow_unused=True
        )
    input_gradient, *gradients = [
        torch.zeros_like(value) if gradient is None else gradient
        for value, gradient in zip([inputs, *values], gradients, strict=True)
    ]
    return outputs.detach(), input_gradient, gradients
