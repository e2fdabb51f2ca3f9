"""Kernels of few values, trained as if they had all.

    Ternary        -a, 0 or a per output
    FakeQuantize   step * integer

What is rounded has the gradient of what was not: a straight-through estimate.
"""

from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


@keras.saving.register_keras_serializable(package="keras_extras")
class Ternary(KernelTransform):
    """Rounds each output's weights to one of three values, -a, 0 and a.

        a * sign(w)  where |w| > d, else 0          d = threshold * mean |w|
        a = mean of the |w| above d                 per output

    Args:
        threshold: float > 0, d in units of the mean absolute weight.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> ternary = keras_extras.transforms.Ternary()
        >>> y = ternary(np.array([[1.0], [-3.0], [0.5]]))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [0.0, -3.0, 0.0]

    References:
        Li et al., "Ternary Weight Networks", arXiv:1605.04711.
    """

    def __init__(self, threshold: float = 0.7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = checks.positive(self, "threshold", threshold)

    def call(self, kernel: Tensor) -> Tensor:
        return ops.ternary_kernel(kernel, self.output_axes, self.threshold)


@keras.saving.register_keras_serializable(package="keras_extras")
class FakeQuantize(KernelTransform):
    """Rounds weights to multiples of a step, as integers would hold them.

        step * round(w / step)          step = max |w| / (2**(bits - 1) - 1)

    Training with it finds weights that survive the rounding of a quantized
    layer.

    Args:
        bits: int >= 2, width of the integers.
        per_channel: bool, whether each output has a step of its own.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> coarse = keras_extras.transforms.FakeQuantize(bits=3)
        >>> y = coarse(np.array([[3.0], [1.2], [-0.4]]))
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [3.0, 1.0, 0.0]

    References:
        Jacob et al., "Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference", arXiv:1712.05877.
    """

    def __init__(
        self, bits: int = 8, *, per_channel: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.bits = checks.integer(self, "bits", bits, minimum=2)
        self.per_channel = checks.boolean(self, "per_channel", per_channel)

    def call(self, kernel: Tensor) -> Tensor:
        axis = self.output_axes if self.per_channel else None
        return ops.quantize_kernel(kernel, axis, self.bits)
