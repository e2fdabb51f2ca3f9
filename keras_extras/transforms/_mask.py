"""Kernels with some weights held at zero.

mask * kernel          mask of zeros and ones
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


@keras.saving.register_keras_serializable(package="keras_extras")
class Mask(KernelTransform):
    """Holds chosen weights at zero: a given pattern, or the smallest ones.

        mask * kernel

    The mask is a weight that is not trained. A given `mask` makes sparse or
    causal connections (MADE, PixelCNN); `sparsity` prunes: the mask is taken
    from the kernel when the layer is built and stays until `update`.

    Args:
        mask: array of numbers that fits the kernel's shape, 0 or False where
            weights are held; axes of length 1 are repeated. Or `None`.
        sparsity: float from 0 to 1, fraction of the weights to hold, those of
            the smallest absolute values.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Raises:
        ValueError: if both `mask` and `sparsity` are given, or none.

    Examples:
        >>> prune = keras_extras.transforms.Mask(sparsity=0.5)
        >>> layer = keras_extras.layers.Dense(3, kernel_transform=prune)
        >>> layer.build((None, 4))
        >>> prune.update(sparsity=0.75)
        >>> int(keras.ops.sum(prune.values))
        3

    References:
        Han et al., "Learning both Weights and Connections for Efficient
        Neural Networks", arXiv:1506.02626.
        Germain et al., "MADE", arXiv:1502.03509.
    """

    def __init__(
        self, mask: Any = None, *, sparsity: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (mask is None) == (sparsity is None):
            raise invalid_argument(
                self,
                "mask",
                "given if sparsity is not, and None if it is",
                mask,
                context=f"sparsity={sparsity!r}.",
            )
        self.mask = None if mask is None else self._array(mask)
        self.sparsity = checks.optional(
            checks.fraction, self, "sparsity", sparsity
        )

    def _array(self, mask: Tensor) -> np.ndarray:
        try:
            return np.asarray(mask, dtype="float32")
        except (TypeError, ValueError) as cause:
            raise invalid_argument(
                self, "mask", "an array of numbers", mask, error=type(cause)
            ) from cause

    def build(self, kernel_shape: Sequence[int]) -> None:
        if self.mask is not None:
            self._check_shape(self.mask.shape, tuple(kernel_shape))
        self.values = self.add_kernel_weight(
            "mask", kernel_shape, self._find, trainable=False
        )

    def _check_shape(
        self, shape: Sequence[int], kernel_shape: tuple[int, ...]
    ) -> None:
        try:
            fits = np.broadcast_shapes(shape, kernel_shape) == kernel_shape
        except ValueError:
            fits = False
        if not fits:
            allowed = f"of a shape that fits the kernel's, {kernel_shape}"
            raise invalid_argument(self, "mask", allowed, shape)

    def _find(self, kernel: Tensor) -> Tensor:
        if self.sparsity is not None:
            return ops.magnitude_mask(kernel, self.sparsity)
        return keras.ops.broadcast_to(self.mask, kernel.shape)

    def update(self, sparsity: float | None = None) -> None:
        """Takes the mask anew from the present kernel.

        Args:
            sparsity: float from 0 to 1, the new fraction; `None`: as before.
        """
        if self.mask is not None:
            raise invalid_argument(
                self, "mask", "None for update", self.mask.shape
            )
        if sparsity is not None:
            self.sparsity = checks.fraction(self, "sparsity", sparsity)
        self.reset()

    def call(self, kernel: Tensor) -> Tensor:
        return self.values * kernel
