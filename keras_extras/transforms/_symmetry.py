"""Kernels that mirror themselves, or whose outputs are orthonormal.

Symmetric       (k + R k) / 2          R turns the window round,
Antisymmetric   (k - R k) / 2          or transposes a matrix
Orthogonal      Q(M)                   Q Q' = I
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


class _Reflection(KernelTransform):
    """Base of those that compare the kernel with its mirror image."""

    def __init__(
        self, flip_axes: int | Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.flip_axes = checks.axes(self, "flip_axes", flip_axes)

    def build(self, kernel_shape: Sequence[int]) -> None:
        sizes = set(kernel_shape)
        if self.flip_axes is None and len(kernel_shape) == 2 and len(sizes) > 1:
            raise invalid_argument(
                self,
                "kernel",
                "square, to be compared with its transpose",
                tuple(kernel_shape),
            )

    def reflect(self, kernel: Tensor) -> Tensor:
        """Returns the mirror image of the kernel."""
        return ops.reflect_kernel(kernel, self.flip_axes)


@keras.saving.register_keras_serializable(package="keras_extras")
class Symmetric(_Reflection):
    """Makes a kernel equal to its mirror image.

        (kernel + R kernel) / 2

    R turns the window of a convolution round, all its axes at once; of a
    square matrix it is the transpose.

    Args:
        flip_axes: int or ints, the axes that are reversed, all at once:
            `1` is left and right of an image's window. `None`: those of the
            window, and for a matrix its transpose.
        **kwargs: `name`, `dtype`, `trainable`; see `KernelTransform`.

    Raises:
        ValueError: if a matrix is not square and `flip_axes` not given.

    Examples:
        >>> even = keras_extras.transforms.Symmetric()
        >>> y = even(np.array([[1.0, 2], [4, 1]]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[1.0, 3.0], [3.0, 1.0]]
    """

    def call(self, kernel: Tensor) -> Tensor:
        return (kernel + self.reflect(kernel)) / 2


@keras.saving.register_keras_serializable(package="keras_extras")
class Antisymmetric(_Reflection):
    """Makes a kernel the opposite of its mirror image.

        (kernel - R kernel) / 2

    R as in `Symmetric`. A window so made is a derivative: its sum is 0. A
    square matrix so made has imaginary eigenvalues, which keeps a recurrence
    from growing or vanishing.

    Args:
        flip_axes: int or ints, as in `Symmetric`.
        **kwargs: `name`, `dtype`, `trainable`; see `KernelTransform`.

    Raises:
        ValueError: if a matrix is not square and `flip_axes` not given.

    Examples:
        >>> odd = keras_extras.transforms.Antisymmetric()
        >>> y = odd(np.array([[1.0, 2], [4, 1]]))
        >>> keras.ops.convert_to_numpy(y).tolist()
        [[0.0, -1.0], [1.0, 0.0]]

    References:
        Chang et al., "AntisymmetricRNN", arXiv:1902.09689.
    """

    def call(self, kernel: Tensor) -> Tensor:
        return (kernel - self.reflect(kernel)) / 2


METHODS = {
    "cayley": ops.cayley_kernel,
    "householder": ops.householder_kernel,
}


@keras.saving.register_keras_serializable(package="keras_extras")
class Orthogonal(KernelTransform):
    """Makes the outputs' weights orthonormal.

        Q(M)          Q Q' = I, or Q' Q = I if outputs outnumber weights

    M has one row per output. Lengths of inputs are kept, so that signals and
    gradients neither grow nor vanish. Same numbers as
    `torch.nn.utils.parametrizations.orthogonal` with `use_trivialization=
    False` and the same map, for dense kernels. torch's third map, the matrix
    exponential, has no function in `keras.ops`; Cayley's map reaches the same
    matrices but those with the eigenvalue -1.

    Args:
        method: `"cayley"`, which solves a system of the size of the larger
            side of M and begins near the identity; or `"householder"`, a
            product of reflections, which solves one of the smaller side and
            is cheaper for long M.
        **kwargs: `axis`, `name`, `dtype`, `trainable`; see `KernelTransform`.

    Examples:
        >>> layer = keras_extras.layers.Dense(
        ...     4, use_bias=False, kernel_transform="Orthogonal"
        ... )
        >>> y = keras.ops.convert_to_numpy(layer(np.eye(4)))
        >>> (y.T @ y).round(4).tolist()[0]
        [1.0, 0.0, 0.0, 0.0]

    References:
        Lezcano-Casado and Martínez-Rubio, "Cheap Orthogonal Constraints in
        Neural Networks", arXiv:1901.08428.
    """

    def __init__(self, method: str = "cayley", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method = checks.choice(self, "method", method, tuple(METHODS))

    def call(self, kernel: Tensor) -> Tensor:
        return METHODS[self.method](kernel, self.output_axes)
