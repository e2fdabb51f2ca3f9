"""The noisy dense layer: weights with noise whose strength is learned.

    y = f( x . (T(kernel) + sigma_kernel * eps_kernel)
           + bias + sigma_bias * eps_bias )          eps = 0 but in training

A subclass chooses what `Dense` leaves open. Cost: that of `Dense`, and one
product per weight.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.layers._dense import Dense


@keras.saving.register_keras_serializable(package="keras_extras")
class NoisyDense(Dense):
    """Adds noise to weights and bias while training, as strong as is learned.

        y = activation(x @ (kernel + sigma_kernel * eps_kernel)
                       + bias + sigma_bias * eps_bias)

    For exploration in reinforcement learning: the network learns where to be
    random, and how much. The noise is the same for all examples, and from call
    to call until `reset_noise`; it counts only with `training=True`, which an
    agent passes when it explores. Shapes as in `Dense`, of which this is a
    subclass; each weight has a sigma beside it, with the same regularizer and
    constraint.

    Args:
        units: int >= 1. Size of the output's last axis.
        sigma: float, the first value of the sigmas, times the square root of
            the number of inputs. Without `use_factorised` they start at 0.017.
        use_factorised: bool. `True` makes the noise of the kernel of one
            random number per input and one per unit, `False` of one per
            weight.
        activation: name or function, applied last. `None` is the identity.
        use_bias: bool, whether a bias is added.
        kernel_initializer: initializer of the kernel, `(inputs, units)`.
            `None`: uniform from `-l` to `l`, with `l = sqrt(1 / inputs)`, or
            `sqrt(3 / inputs)` without `use_factorised`.
        bias_initializer: initializer of the bias; `None`: as the kernel.
        hold_noise: bool, whether the noise stays until `reset_noise`. `False`
            draws it anew in each call with `training=True`, as `fit` needs.
        seed: int or `None`.
        **kwargs: further arguments of `Dense`.

    Call arguments:
        inputs: tensor `(batch, ..., inputs)`.
        training: bool, whether there is noise.

    Hooks:
        Those of `Dense`.

    Examples:
        >>> layer = keras_extras.layers.NoisyDense(1, seed=0)
        >>> x = np.ones((1, 3))
        >>> noisy, quiet = layer(x, training=True), layer(x)
        >>> bool(noisy[0, 0] == quiet[0, 0])
        False
        >>> layer.remove_noise()
        >>> bool(layer(x, training=True)[0, 0] == quiet[0, 0])
        True

    References:
        Fortunato et al., "Noisy Networks for Exploration", arXiv:1706.10295.
        Arguments and numbers are those of `tensorflow_addons.layers.NoisyDense`
        but for inference, which has the noise there.
    """

    def __init__(
        self,
        units: int,
        sigma: float = 0.5,
        use_factorised: bool = True,
        activation: Any = None,
        use_bias: bool = True,
        *,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        hold_noise: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **kwargs,
        )
        self.sigma = checks.number(self, "sigma", sigma)
        self.use_factorised = checks.boolean(
            self, "use_factorised", use_factorised
        )
        self.hold_noise = checks.boolean(self, "hold_noise", hold_noise)
        self.seed = checks.seed(self, seed)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def add_weights(
        self, kernel_shape: Sequence[int], num_outputs: int
    ) -> None:
        """Adds kernel and bias, a sigma for each, and the noise."""
        inputs = kernel_shape[0]
        given = self.kernel_initializer, self.bias_initializer
        limit = ((1 if self.use_factorised else 3) / inputs) ** 0.5
        self.kernel_initializer, self.bias_initializer = (
            each or keras.initializers.RandomUniform(-limit, limit)
            for each in given
        )
        super().add_weights(kernel_shape, num_outputs)
        self.kernel_initializer, self.bias_initializer = given
        sigma = self.sigma / inputs**0.5 if self.use_factorised else 0.017
        self.sigma_kernel = self._add_sigma("kernel", kernel_shape, sigma)
        if self.use_bias:
            self.sigma_bias = self._add_sigma("bias", (num_outputs,), sigma)
        first = kernel_shape[:1] if self.use_factorised else kernel_shape
        self.eps = [
            self.add_weight(
                name=name,
                shape=shape,
                initializer=self._normal,
                trainable=False,
            )
            for name, shape in (("eps", first), ("eps_units", (num_outputs,)))
        ]

    def _add_sigma(
        self, name: str, shape: Sequence[int], value: float
    ) -> keras.Variable:
        return self.add_weight(
            name=f"sigma_{name}",
            shape=shape,
            initializer=keras.initializers.Constant(value),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    # Its own `call`: no step of `Dense` is told whether it is training.
    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not training:
            return super().call(inputs, training=training)
        if not self.hold_noise:
            self.reset_noise()
        kernel_noise, bias_noise = self._noise()
        kernel = self._kernel_for_use(training)
        kernel = kernel + self.sigma_kernel * kernel_noise
        outputs = self.add_bias(self.dense_op(inputs, kernel))
        if self.use_bias:
            outputs = outputs + self.sigma_bias * bias_noise
        return self.activate(outputs)

    def reset_noise(self) -> None:
        """Draws the noise anew."""
        for eps in self.eps:
            eps.assign(self._normal(eps.shape, eps.dtype))

    def remove_noise(self) -> None:
        """Sets the noise to zero, until `reset_noise`."""
        for eps in self.eps:
            eps.assign(keras.ops.zeros_like(eps.value))

    def _noise(self) -> tuple[Tensor, Tensor]:
        first, units = self.eps
        if not self.use_factorised:
            return first, units
        return ops.factorized_noise(first, units), ops.signed_root(units)

    def _normal(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return keras.random.normal(shape, dtype=dtype, seed=self.seed_generator)
