"""The layer's side: kernels that are transformed, frozen and loaded.

    used = T_n( ... T_2(T_1(kernel)))

`KernelOwner` holds this for any number of kernels per layer, each named by the
prefix of its arguments: `kernel_initializer`, `kernel_transform`, and so on.
"""

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_extras import _keras_internals as internals
from keras_extras._shapes import Tensor
from keras_extras.transforms._base import KernelTransform


class KernelOwner(keras.layers.Layer):
    """Base of layers with kernels: applies what `<prefix>_transform` says.

    The layer stores that argument, normalized by `keras_extras.transforms.get`,
    hands each kernel to `own_kernel` in `build`, and takes it from
    `apply_transforms` in `call`. The bases of `keras_extras.layers` do so; use
    it for a kernel of a layer that is not built on them.

    Examples:
        >>> class Scaled(keras_extras.transforms.KernelOwner):
        ...     def __init__(self, kernel_transform=None, **kwargs):
        ...         super().__init__(**kwargs)
        ...         get = keras_extras.transforms.get
        ...         self.kernel_transform = get(kernel_transform)
        ...
        ...     def build(self, input_shape):
        ...         shape = (input_shape[-1], 1)
        ...         self.own_kernel("kernel", self.add_weight(shape))
        ...
        ...     def call(self, inputs):
        ...         return inputs @ self.apply_transforms("kernel")
        >>> layer = Scaled("WeightNorm")
        >>> layer(np.ones((2, 3), "float32")).shape == (2, 1)
        True
    """

    # The axes that tell outputs apart, of the kernel that `<prefix>_*` make.
    output_axes: ClassVar[dict[str, tuple[int, ...]]] = {"kernel": (-1,)}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    @functools.cached_property
    def _kernels(self) -> dict[str, Any]:
        """The kernels that there are, by prefix."""
        return {}

    def own_kernel(self, prefix: str, kernel: Tensor) -> None:
        """Builds the transforms of a new kernel, one kernel per prefix.

        Args:
            prefix: what the kernel's arguments begin with.
            kernel: the `keras.Variable`.
        """
        self._kernels[prefix] = kernel
        for place, transform in enumerate(self._chain(prefix)):
            self._attach(transform, prefix, place)

    def apply_transforms(
        self, prefix: str, training: bool | None = None
    ) -> Tensor:
        """Returns what `<prefix>_transform` makes of the kernel."""
        # A tensor, not the variable: `ones_like(variable)` raises on JAX.
        kernel = self._transformed(prefix, training)
        return keras.ops.cast(kernel, self.compute_dtype)

    def freeze(self) -> None:
        """Writes the transformed kernels into the kernels, for good.

        The transforms and their weights are gone, the outputs are the same as
        before in inference: for deployment, or to train on without them. What
        a subclass does in the hook `transform_kernel` is not touched. A model
        that has been called by `fit` or `predict` holds the old functions:
        compile it again, or call `make_predict_function(force=True)`.

        Raises:
            ValueError: if the layer is not built.

        Examples:
            >>> layer = keras_extras.layers.Dense(
            ...     2, kernel_transform="WeightNorm"
            ... )
            >>> layer.build((None, 3))
            >>> layer.freeze()
            >>> [weight.name for weight in layer.weights]
            ['kernel', 'bias']
        """
        self._require_built("freeze")
        for prefix, kernel in self._kernels.items():
            chain = self._chain(prefix)
            if not chain:
                continue
            kernel.assign(self._transformed(prefix, training=False))
            for transform in chain:
                internals.drop_sublayer(self, transform)
                if not transform.trains_kernel:
                    kernel.trainable = self.trainable
            setattr(self, f"{prefix}_transform", None)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights, or all but those of the transforms.

        Without theirs, as `get_weights` of the stock layer returns them, the
        transforms begin again from the new kernel.
        """
        own = self._own_weights()
        if len(weights) == len(own) < len(self.weights):
            given = dict(zip(map(id, own), weights, strict=True))
            super().set_weights(
                [given.get(id(each), each) for each in self.weights]
            )
            self._begin_again()
        else:
            super().set_weights(weights)

    def load_own_variables(self, store: Any) -> None:
        """Loads the kernels and biases; the transforms load theirs after."""
        super().load_own_variables(store)
        self._begin_again()

    @keras.layers.Layer.trainable.setter
    def trainable(self, value: Any) -> None:
        """Whether the layer is trained; bases of `LowRank` never are."""
        keras.layers.Layer.trainable.fset(self, value)  # pyright: ignore
        for prefix, kernel in self._kernels.items():
            if not self._trains_kernel(prefix):
                kernel.trainable = False

    def _chain(self, prefix: str) -> list[KernelTransform]:
        """Returns the transforms of a kernel, the first first."""
        chain = getattr(self, f"{prefix}_transform", None) or []
        return list(chain) if isinstance(chain, list) else [chain]

    def _all_transforms(self) -> list[KernelTransform]:
        return [
            each for prefix in self._kernels for each in self._chain(prefix)
        ]

    def _is_changed(self, prefix: str) -> bool:
        """Returns whether something is done to the kernel before its use."""
        return bool(self._chain(prefix))

    def _trains_kernel(self, prefix: str) -> bool:
        """Returns whether the kernel itself is trained."""
        return all(each.trains_kernel for each in self._chain(prefix))

    def _own_weights(self) -> list[keras.Variable]:
        """Returns the weights that a file of the layer holds."""
        return internals.own_variables(self)

    def _begin_again(self) -> None:
        """Makes the transforms begin from the present kernels."""
        for transform in self._all_transforms():
            transform.reset()

    def _attach(
        self, transform: KernelTransform, prefix: str, place: int
    ) -> None:
        """Builds a transform, which asks for its kernel when it needs it."""
        kernel = self._kernels[prefix]
        transform.attach(
            kernel.shape,
            self.output_axes[prefix],
            functools.partial(
                self._transformed, prefix, training=False, until=place
            ),
            _wide(kernel.dtype),
        )
        if not transform.trains_kernel:
            kernel.trainable = False

    def _transformed(
        self,
        prefix: str,
        training: bool | None = None,
        until: int | None = None,
    ) -> Tensor:
        """Returns the kernel after `until` of its transforms, or all."""
        kernel = self._untransformed(prefix)
        chain = self._chain(prefix)[:until]
        if chain:
            kernel = self._widened(kernel)
        # Keras takes an explicit None for "no", and not for "as my caller".
        mode = {} if training is None else {"training": training}
        for transform in chain:
            kernel = transform(kernel, **mode)
        return kernel

    def _untransformed(self, prefix: str) -> Tensor:
        """Returns the kernel that the first transform is given."""
        return keras.ops.convert_to_tensor(self._kernels[prefix])

    def _widened(self, kernel: Tensor) -> Tensor:
        """Returns the kernel in the dtype that is computed in."""
        return keras.ops.cast(kernel, _wide(self.variable_dtype))

    def _require_built(self, method: str) -> None:
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}: {method} needs a built layer. "
                "Call the layer, or its build(input_shape), first."
            )


def _wide(dtype: str) -> str:
    """Returns the dtype that transforms compute in: half precision is not."""
    return dtype if dtype == "float64" else "float32"
