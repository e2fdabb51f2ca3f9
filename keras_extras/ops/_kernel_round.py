"""Kernels with few values: zeros where they are small, or whole steps.

What is rounded has the gradient of what was not, so that it can be trained
(Bengio et al., "Estimating or Propagating Gradients Through Stochastic
Neurons", arXiv:1308.3432).
"""

import math
from typing import Any

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._kernel import Axes, other_axes
from keras_extras.ops._tensors import as_tensor, widen


def magnitude_mask(kernel: Tensor, sparsity: float) -> Tensor:
    """Returns 0 where a kernel is smallest, and 1 elsewhere.

    Args:
        kernel: tensor of any rank.
        sparsity: float from 0 to 1, the fraction of zeros; their number is
            rounded as Python rounds. Of equal weights the first are 0.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> y = keras_extras.ops.magnitude_mask(np.array([3.0, -1.0, 2.0]), 0.4)
        >>> keras.ops.convert_to_numpy(y).tolist()
        [1.0, 0.0, 1.0]

    References:
        Han et al., "Learning both Weights and Connections for Efficient
        Neural Networks", arXiv:1506.02626.
    """
    kernel = as_tensor(kernel)
    zeros = round(sparsity * math.prod(kernel.shape))
    order = keras.ops.argsort(keras.ops.reshape(keras.ops.abs(kernel), (-1,)))
    places: Any = keras.ops.reshape(keras.ops.argsort(order), kernel.shape)
    return keras.ops.cast(places >= zeros, kernel.dtype)


def ternary_kernel(
    kernel: Tensor, axis: Axes = -1, threshold: float = 0.7
) -> Tensor:
    """Rounds each output's weights to one of three values, -a, 0 and a.

        a * sign(w)  where |w| > d, else 0          d = threshold * mean |w|
        a = mean of the |w| above d                 per output

    The gradient passes as if nothing were rounded.

    Args:
        kernel: tensor of any rank.
        axis: int or ints, the axes of the outputs.
        threshold: float, d in units of the mean absolute weight.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> y = keras_extras.ops.ternary_kernel(np.array([[1.0], [-3], [0.5]]))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [0.0, -3.0, 0.0]

    References:
        Li et al., "Ternary Weight Networks", arXiv:1605.04711, equations 4
        to 6.
    """
    kernel = as_tensor(kernel)
    axes = other_axes(kernel, axis)
    sizes: Any = keras.ops.abs(widen(kernel))
    mean: Any = keras.ops.mean(sizes, axes, keepdims=True)
    large: Any = keras.ops.cast(sizes > threshold * mean, sizes.dtype)
    total: Any = keras.ops.sum(large * sizes, axes, keepdims=True)
    count = keras.ops.sum(large, axes, keepdims=True)
    scale = total / keras.ops.maximum(count, 1)
    steps: Any = keras.ops.cast(scale * large, kernel.dtype)
    return _straight_through(kernel, steps * keras.ops.sign(kernel))


def quantize_kernel(
    kernel: Tensor, axis: Axes | None = -1, bits: int = 8
) -> Tensor:
    """Rounds weights to multiples of a step, as integers would hold them.

        step * round(w / step)          step = max |w| / (2**(bits - 1) - 1)

    The gradient passes as if nothing were rounded.

    Args:
        kernel: tensor of any rank.
        axis: int or ints, the axes of the outputs, each of which has a step
            of its own; `None`: one step for all.
        bits: int >= 2, width of the integers.

    Returns:
        Tensor with the shape and dtype of `kernel`.

    Examples:
        >>> kernel = np.array([[3.0], [1.2]])
        >>> y = keras_extras.ops.quantize_kernel(kernel, bits=3)
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[3.0], [1.0]]

    References:
        Jacob et al., "Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference", arXiv:1712.05877; here
        symmetric about 0, as weights are stored.
    """
    kernel = as_tensor(kernel)
    axes = None if axis is None else other_axes(kernel, axis)
    largest: Any = keras.ops.max(
        keras.ops.abs(kernel), axis=axes, keepdims=True
    )
    step = largest / (2 ** (bits - 1) - 1)
    step = keras.ops.where(step > 0, step, keras.ops.ones_like(step))
    multiples: Any = keras.ops.round(kernel / step)
    return _straight_through(kernel, multiples * step)


def _straight_through(kernel: Tensor, rounded: Tensor) -> Tensor:
    """Returns the values of `rounded`, with the gradient of `kernel`."""
    stop = keras.ops.stop_gradient
    return stop(rounded) + (kernel - stop(kernel))  # exactly rounded + 0
