"""Kernels of a given mean, length or largest singular value.

    WeightStandardization   (k - mean) / sqrt(variance + epsilon)
    WeightNorm              g * k / |k|
    UnitNorm                k / |k|
    SpectralNorm            k / sigma(k)
    LearningRateScale       k * gain / sqrt(inputs)

each per output, but sigma, which is one number per kernel.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


@keras.saving.register_keras_serializable(package="keras_extras")
class WeightStandardization(KernelTransform):
    """Gives each output's weights mean 0 and variance 1.

        (kernel - mean) / sqrt(variance + epsilon)          per output

    It smooths the loss of convolutions before a group normalization, where
    batches are small. With `scaled=True` and `use_gain=True` it is the scaled
    standardization of networks without normalization (NFNets):

        gain * (kernel - mean) / sqrt((variance + epsilon) * inputs)

    Args:
        epsilon: float > 0, keeps constant weights finite.
        scaled: bool, whether the result is divided by the root of the number
            of weights per output, so that an output of independent inputs of
            variance 1 has variance 1.
        use_gain: bool, whether each output has a trainable factor, 1 at first.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> layer = keras_extras.layers.Conv2D(
        ...     8, 3, kernel_transform="WeightStandardization"
        ... )
        >>> layer(np.ones((1, 5, 5, 2))).shape == (1, 3, 3, 8)
        True

    References:
        Qiao et al., "Micro-Batch Training with Batch-Channel Normalization
        and Weight Standardization", arXiv:1903.10520.
        Brock et al., "Characterizing signal propagation to close the
        performance gap in unnormalized ResNets", arXiv:2101.08692.
    """

    def __init__(
        self,
        epsilon: float = 1e-5,
        *,
        scaled: bool = False,
        use_gain: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = checks.positive(self, "epsilon", epsilon)
        self.scaled = checks.boolean(self, "scaled", scaled)
        self.use_gain = checks.boolean(self, "use_gain", use_gain)

    def build(self, kernel_shape: Sequence[int]) -> None:
        self.gain = None
        if self.use_gain:
            self.gain = self.add_kernel_weight(
                "gain", self.per_output(kernel_shape), self._ones
            )

    def _ones(self, kernel: Tensor) -> Tensor:
        return keras.ops.ones(self.per_output(kernel.shape), kernel.dtype)

    def call(self, kernel: Tensor) -> Tensor:
        axis = self.output_axes
        kernel = ops.standardize_kernel(kernel, axis, self.epsilon)
        if self.scaled:
            kernel = ops.equalize_kernel(kernel, axis, gain=1.0)
        return kernel if self.gain is None else self.gain * kernel


@keras.saving.register_keras_serializable(package="keras_extras")
class WeightNorm(KernelTransform):
    """Trains the length of each output's weights apart from their direction.

        g * kernel / |kernel|          per output

    g begins as the length of the kernel, so that the layer's outputs are those
    without the transform. Same numbers as
    `torch.nn.utils.parametrizations.weight_norm`, whose `original0` is g and
    `original1` the kernel.

    Args:
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> layer = keras_extras.layers.Dense(2, kernel_transform="WeightNorm")
        >>> layer.build((None, 3))
        >>> [weight.name for weight in layer.weights]
        ['kernel', 'bias', 'g']

    References:
        Salimans and Kingma, "Weight Normalization", arXiv:1602.07868.
    """

    def build(self, kernel_shape: Sequence[int]) -> None:
        self.g = self.add_kernel_weight(
            "g",
            self.per_output(kernel_shape),
            lambda kernel: ops.kernel_norm(kernel, self.output_axes),
        )

    def call(self, kernel: Tensor) -> Tensor:
        return ops.weight_norm(kernel, self.g, self.output_axes)


@keras.saving.register_keras_serializable(package="keras_extras")
class UnitNorm(KernelTransform):
    """Gives each output's weights the length 1.

        kernel / max(|kernel|, epsilon)          per output

    Unlike `keras.constraints.UnitNorm`, which changes the kernel after each
    step, it is part of the function, so that gradients go through it.

    Args:
        epsilon: float > 0, the smallest length that is divided by.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> unit = keras_extras.transforms.UnitNorm()
        >>> kernel = unit(np.array([[3.0], [4.0]], "float32"))
        >>> keras.ops.convert_to_numpy(kernel).round(4).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = checks.positive(self, "epsilon", epsilon)

    def call(self, kernel: Tensor) -> Tensor:
        return ops.weight_norm(kernel, 1.0, self.output_axes, self.epsilon)


@keras.saving.register_keras_serializable(package="keras_extras")
class SpectralNorm(KernelTransform):
    """Divides the kernel by its largest singular value.

        kernel / sigma          sigma = u . M v,  M one row per output

    A layer so bounded changes its outputs no more than its inputs (for a
    convolution: as seen by one window). `u` and `v` are kept between calls
    and brought nearer by power iteration, only if `training` is true.

    Same numbers as `torch.nn.utils.parametrizations.spectral_norm`. Unlike
    `keras.layers.SpectralNormalization`, which overwrites the kernel with the
    quotient in each training step and starts from an arbitrary vector, it
    leaves the kernel alone and starts from 15 iterations.

    Args:
        power_iterations: int >= 1, per training step.
        epsilon: float > 0, the smallest length that is divided by.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> layer = keras_extras.layers.Dense(
        ...     2, kernel_transform="SpectralNorm", use_bias=False
        ... )
        >>> y = layer(10 * np.eye(2, 3), training=True)
        >>> singular = np.linalg.svd(keras.ops.convert_to_numpy(y))[1]
        >>> bool(singular.max() <= 10.01)
        True

    References:
        Miyato et al., "Spectral Normalization for Generative Adversarial
        Networks", arXiv:1802.05957.
    """

    # From a fixed irregular vector, so that all backends agree.
    first_iterations = 15  # torch's

    def __init__(
        self, power_iterations: int = 1, epsilon: float = 1e-12, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.power_iterations = checks.integer(
            self, "power_iterations", power_iterations
        )
        self.epsilon = checks.positive(self, "epsilon", epsilon)

    def build(self, kernel_shape: Sequence[int]) -> None:
        outputs = math.prod(self.per_output(kernel_shape))
        inputs = math.prod(kernel_shape) // outputs
        self.u, self.v = (
            self.add_kernel_weight(
                name,
                (size,),
                lambda kernel, place=place: self._first_vectors(kernel)[place],
                trainable=False,
            )
            for place, (name, size) in enumerate(
                [("u", outputs), ("v", inputs)]
            )
        )

    def _first_vectors(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        outputs = math.prod(self.per_output(kernel.shape))
        inputs = math.prod(kernel.shape) // outputs
        start = keras.ops.cos(keras.ops.arange(1, inputs + 1, dtype="float32"))
        return self._iterate(kernel, start, self.first_iterations)

    def _iterate(
        self, kernel: Tensor, v: Tensor, steps: int
    ) -> tuple[Tensor, Tensor]:
        return ops.power_iteration(
            kernel, v, self.output_axes, steps, self.epsilon
        )

    def call(self, kernel: Tensor, training: bool | None = None) -> Tensor:
        u, v = self.u.value, self.v.value
        if training:
            u, v = self._iterate(kernel, v, self.power_iterations)
            self.u.assign(u)
            self.v.assign(v)
        return ops.spectral_norm(kernel, u, v, self.output_axes, self.epsilon)


@keras.saving.register_keras_serializable(package="keras_extras")
class LearningRateScale(KernelTransform):
    """Scales the kernel by the inverse root of the weights per output.

        kernel * gain / sqrt(weights per output)

    With a kernel of values about 1 ("random_normal" of standard deviation 1)
    the outputs are those of He's initializer, and optimizers that scale their
    steps, such as Adam, move all layers at the same relative speed: the
    equalized learning rate.

    Args:
        gain: float, by the activation that follows; sqrt(2) for ReLU.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> layer = keras_extras.layers.Conv2D(
        ...     8,
        ...     3,
        ...     kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
        ...     kernel_transform=keras_extras.transforms.LearningRateScale(),
        ... )
        >>> layer(np.ones((1, 5, 5, 2))).shape == (1, 3, 3, 8)
        True

    References:
        Karras et al., "Progressive Growing of GANs", arXiv:1710.10196,
        section 4.1.
    """

    def __init__(self, gain: float = math.sqrt(2), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gain = checks.number(self, "gain", gain)

    def call(self, kernel: Tensor) -> Tensor:
        return ops.equalize_kernel(kernel, self.output_axes, self.gain)
