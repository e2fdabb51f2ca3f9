"""A frozen kernel plus a trained product of two narrow matrices.

LowRank   v = kernel + (alpha / rank) * a @ b
DoRA      magnitude * v / |v|                     per output
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


@keras.saving.register_keras_serializable(package="keras_extras")
class LowRank(KernelTransform):
    """Trains a low-rank update of a kernel that stays as it is (LoRA).

        kernel + (lora_alpha / lora_rank) * a @ b

    b is zero at first, so that the layer's outputs are those without the
    transform. For fine-tuning a large trained layer with few weights; `freeze`
    of the layer adds the update to the kernel for good.

    Args:
        lora_rank: int >= 1, columns of `a` and rows of `b`.
        lora_alpha: float; `None` means `lora_rank`, which is a scale of 1.
        a_initializer: initializer of `a`, `(*kernel_shape[:-1], lora_rank)`.
        b_initializer: initializer of `b`, `(lora_rank, kernel_shape[-1])`.
        **kwargs: `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> lora = keras_extras.transforms.LowRank(2, lora_alpha=4)
        >>> layer = keras_extras.layers.Dense(8, kernel_transform=lora)
        >>> layer.build((None, 16))
        >>> [tuple(weight.shape) for weight in layer.trainable_weights]
        [(8,), (16, 2), (2, 8)]

    References:
        Hu et al., "LoRA", arXiv:2106.09685, equation 3.
    """

    trains_kernel = False

    def __init__(
        self,
        lora_rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lora_rank = checks.integer(self, "lora_rank", lora_rank)
        lora_alpha = checks.optional(
            checks.number, self, "lora_alpha", lora_alpha
        )
        self.lora_alpha = self.lora_rank if lora_alpha is None else lora_alpha
        self.a_initializer = arguments.resolve(
            self, "a_initializer", a_initializer
        )
        self.b_initializer = arguments.resolve(
            self, "b_initializer", b_initializer
        )

    def build(self, kernel_shape: Sequence[int]) -> None:
        # float32 whatever the policy: small updates vanish in half precision.
        self.lora_kernel_a = self.add_weight(
            name="lora_kernel_a",
            shape=(*kernel_shape[:-1], self.lora_rank),
            initializer=self.a_initializer,
            dtype="float32",
        )
        self.lora_kernel_b = self.add_weight(
            name="lora_kernel_b",
            shape=(self.lora_rank, kernel_shape[-1]),
            initializer=self.b_initializer,
            dtype="float32",
        )

    def reset(self) -> None:
        """Begins again with a kernel that has no update."""
        super().reset()
        self.lora_kernel_b.assign(
            keras.ops.zeros_like(self.lora_kernel_b.value)
        )

    def call(self, kernel: Tensor) -> Tensor:
        return ops.low_rank_update(
            kernel,
            self.lora_kernel_a.value,
            self.lora_kernel_b.value,
            scale=self.lora_alpha / self.lora_rank,
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class DoRA(LowRank):
    """Trains direction and length of a frozen kernel apart (DoRA).

        magnitude * v / |v|,  v = kernel + (lora_alpha / lora_rank) * a @ b

    per output. b is zero and `magnitude` the length of the kernel at first, so
    that the layer's outputs are those without the transform. It comes nearer to
    fine-tuning of the whole kernel than `LowRank`, for one more weight per
    output. The length `|v|` counts as a constant in gradients, as in the paper.

    Args:
        lora_rank: int >= 1, columns of `a` and rows of `b`.
        lora_alpha: float; `None` means `lora_rank`, which is a scale of 1.
        a_initializer: initializer of `a`, `(*kernel_shape[:-1], lora_rank)`.
        b_initializer: initializer of `b`, `(lora_rank, kernel_shape[-1])`.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> dora = keras_extras.transforms.DoRA(2, lora_alpha=4)
        >>> layer = keras_extras.layers.Dense(8, kernel_transform=dora)
        >>> layer.build((None, 16))
        >>> [tuple(weight.shape) for weight in layer.trainable_weights]
        [(8,), (1, 8), (16, 2), (2, 8)]

    References:
        Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation",
        arXiv:2402.09353. Lengths are per output, as in the authors' code.
    """

    def build(self, kernel_shape: Sequence[int]) -> None:
        self.magnitude = self.add_kernel_weight(
            "magnitude",
            self.per_output(kernel_shape),
            lambda kernel: ops.kernel_norm(kernel, self.output_axes),
        )
        super().build(kernel_shape)

    def call(self, kernel: Tensor) -> Tensor:
        return ops.dora_update(
            kernel,
            self.lora_kernel_a.value,
            self.lora_kernel_b.value,
            self.magnitude.value,
            self.lora_alpha / self.lora_rank,
            self.output_axes,
        )
