"""What is done to a kernel before a layer uses it: kernel into kernel.

    y = layer with T_n( ... T_2(T_1(kernel)))      instead of kernel

A transform is a small Keras layer whose input is a kernel. It may have weights
of its own, which the layer trains and saves with its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import keras

from keras_extras import _checks as checks
from keras_extras._config import FromCall
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape, Tensor


class KernelTransform(FromCall, keras.layers.Layer):
    """Maps a kernel to the kernel that a layer uses in its place.

    Base of all transforms; a subclass writes `call`. Give it to a layer as
    `kernel_transform=`, alone or in a list, of which the first is applied
    first. The layer builds it, calls it with its kernel in the dtype of the
    weights (never less than float32), and casts the result.

    Store each constructor argument under its own name; nothing else is needed
    to save it. Each layer needs a transform of its own.

    Args:
        axis: int or ints, the axes of the kernel that tell its outputs
            apart. `None`: what the layer says, which is -1, for transposed
            convolutions -2, for depthwise ones (-2, -1).
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Input shape:
        `(*kernel_shape)`
    Output shape:
        The same.

    Raises:
        ValueError: if a second layer is given the same object.

    Hooks:
        `build(kernel_shape)`: adds weights, with `add_weight`, or with
            `add_kernel_weight` if their first values depend on the kernel.
        `call(kernel, training=None)`: returns the kernel to use, of the same
            shape and dtype.
        `trains_kernel`: class attribute, False if the kernel stays as it is
            while the transform's weights are trained.

    Examples:
        >>> class Positive(keras_extras.transforms.KernelTransform):
        ...     def call(self, kernel):
        ...         return keras.ops.abs(kernel)
        >>> layer = keras_extras.layers.Dense(2, kernel_transform=Positive())
        >>> bool(keras.ops.all(layer(np.ones((1, 3))) >= 0))
        True
    """

    trains_kernel = True
    _refused_arguments: ClassVar[Mapping[str, str]] = {
        "autocast": "A layer in half precision would cast the weights."
    }

    def __init__(
        self, *, axis: int | Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.axis: tuple[int, ...] | None = checks.axes(self, "axis", axis)
        self.output_axes: tuple[int, ...] = (
            (-1,) if self.axis is None else self.axis
        )
        self._kernel_before: Callable | None = None
        self._first_values = []

    def attach(
        self,
        kernel_shape: Sequence[int],
        output_axes: Sequence[int],
        kernel: Callable[[], Tensor],
        dtype: str = "float32",
    ) -> None:
        """Builds the transform for the kernel of a layer, which calls this.

        Args:
            kernel_shape: the kernel's shape.
            output_axes: its axes that tell the outputs apart.
            kernel: function that returns what the transform will be given.
            dtype: dtype of that kernel.
        """
        if self.built:
            raise ValueError(
                f"{type(self).__name__}: the transform {self.name!r} belongs "
                "to a kernel already. Each kernel needs a transform of its own."
            )
        if self.axis is None:
            self.output_axes = tuple(output_axes)
        if not all(
            -len(kernel_shape) <= axis < len(kernel_shape)
            for axis in self.output_axes
        ):
            raise invalid_argument(
                self,
                "axis",
                f"within the {len(kernel_shape)} axes of the kernel",
                self.axis,
            )
        self._kernel_before, self._kernel_dtype = kernel, dtype
        self.build(tuple(kernel_shape))

    def __call__(self, kernel: Tensor, **kwargs: Any) -> Tensor:
        if not self.built:  # used by itself
            kernel = keras.ops.convert_to_tensor(kernel)
            dtype = keras.backend.standardize_dtype(kernel.dtype)
            self.attach(kernel.shape, self.output_axes, lambda: kernel, dtype)
        return super().__call__(kernel, **kwargs)

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, kernel_shape: Sequence[int]
    ) -> None:
        """Adds no weights; subclasses may."""
        self.built = True

    def add_kernel_weight(
        self,
        name: str,
        shape: Sequence[int],
        first_value: Callable[[Tensor], Tensor],
        trainable: bool = True,
    ) -> keras.Variable:
        """Adds a weight that begins with a function of the kernel.

        Args:
            name: name of the weight.
            shape: shape of the weight.
            first_value: function of the kernel, called when the weight is
                made, and again when a kernel is loaded without this weight.
            trainable: whether the weight is trained.

        Returns:
            The `keras.Variable`.
        """

        def initializer(shape: Sequence[int], dtype: Any = None) -> Tensor:
            return keras.ops.cast(first_value(self.current_kernel()), dtype)

        variable = self.add_weight(
            name=name,
            shape=tuple(shape),
            initializer=initializer,
            trainable=trainable,
            dtype=self._kernel_dtype,
        )
        self._first_values.append((variable, first_value))
        return variable

    def current_kernel(self) -> Tensor:
        """Returns the kernel that the transform is given at present."""
        if self._kernel_before is None:
            raise ValueError(
                f"{type(self).__name__}: there is no kernel yet. Give the "
                "transform to a layer, or call it with a kernel, first."
            )
        return self._kernel_before()

    def reset(self) -> None:
        """Begins again from the present kernel; a layer loads one."""
        for variable, first_value in self._first_values:
            variable.assign(
                keras.ops.cast(
                    first_value(self.current_kernel()), variable.dtype
                )
            )

    def compute_output_shape(self, kernel_shape: Sequence[int]) -> Shape:
        """Returns the shape of the kernel."""
        return tuple(kernel_shape)

    def quantize(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises; `model.quantize`, which asks all layers, shows the reason."""
        raise NotImplementedError(
            f"{type(self).__name__}: Keras quantizes no layer whose kernel is "
            "transformed. Its method freeze() writes what the transform does "
            "into the kernel."
        )

    def get_build_config(self) -> None:
        """Returns `None`: it is the layer that builds the transform."""
        return

    def load_own_variables(self, store: Any) -> None:
        """Loads the weights; a file without them leaves those of `reset`."""
        if len(store.keys()):
            super().load_own_variables(store)

    def per_output(self, kernel_shape: Sequence[int]) -> tuple[int, ...]:
        """Returns the shape of one number per output, 1 on other axes."""
        kept = {axis % len(kernel_shape) for axis in self.output_axes}
        return tuple(
            size if axis in kept else 1
            for axis, size in enumerate(kernel_shape)
        )


def get(identifier: Any) -> KernelTransform | list[KernelTransform] | None:
    """Returns the transform, or the list of them, that is meant.

    Args:
        identifier: a `KernelTransform`, its config, the name of a registered
            class, a list of these, or `None`.

    Returns:
        A `KernelTransform`, a list of them, or `None`.

    Raises:
        ValueError: if a name or a config is none of a `KernelTransform`.
        TypeError: if it is none of these.

    Examples:
        >>> keras_extras.transforms.get("WeightNorm").axis is None
        True
    """
    if isinstance(identifier, list | tuple):
        return [_one(item) for item in identifier]
    return None if identifier is None else _one(identifier)


def _one(identifier: Any) -> KernelTransform:
    found = identifier
    if isinstance(identifier, str):
        registered = keras.saving.get_registered_object
        cls = registered(identifier) or registered(f"keras_extras>{identifier}")
        if isinstance(cls, type) and issubclass(cls, KernelTransform):
            return cls()
    elif isinstance(identifier, dict):
        found = keras.saving.deserialize_keras_object(identifier)
    if not isinstance(found, KernelTransform):
        named = isinstance(identifier, str | dict)
        error = ValueError if named else TypeError
        names = sorted(each.__name__ for each in _subclasses(KernelTransform))
        sentences = [
            f"{identifier!r} is no KernelTransform.",
            checks.did_you_mean(identifier, names),
            f"There are {', '.join(names)}.",
        ]
        raise error(" ".join(sentence for sentence in sentences if sentence))
    return found


def _subclasses(cls: type) -> Iterator[type]:
    """Yields the public classes that are made from `cls`."""
    for each in cls.__subclasses__():
        if not each.__name__.startswith("_"):
            yield each
        yield from _subclasses(each)
