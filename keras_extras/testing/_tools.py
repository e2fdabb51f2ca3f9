"""What the checks share: numbers out of tensors, comparisons, gradients.

Only Keras's public interface is used, so that the checks run on every backend
and share nothing with the layers of this library.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def leaves(structure: Any) -> list[Any]:
    """Returns the tensors of a nested structure."""
    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]


def arrays(structure: Any) -> list[np.ndarray]:
    """Returns copies of the numbers of a structure, or of its strings."""
    to_numpy = keras.ops.convert_to_numpy
    found = [np.array(to_numpy(leaf)) for leaf in leaves(structure)]
    return [
        array if array.dtype.kind in "OSU" else array.astype(float)
        for array in found
    ]


def specs(structure: Any) -> list[tuple[tuple[Any, ...], str]]:
    """Returns the shape and dtype of each tensor of a nested structure."""
    dtype = keras.backend.standardize_dtype
    leaves = keras.tree.flatten(structure)
    return [(tuple(x.shape), dtype(x.dtype)) for x in leaves if x is not None]


def tolerance(outputs: Any) -> float:
    """Returns by how much two ways to the same outputs may differ.

    Some hundred units of the last place of the largest number.
    """
    found = [item for item in arrays(outputs) if item.dtype.kind == "f"]
    largest = [np.abs(item[np.isfinite(item)]).max(initial=1) for item in found]
    return float(f"{1e-4 * max(largest, default=1):.2g}")


def gap(actual: Any, expected: Any) -> str:
    """Returns where two arrays differ most, and by how much."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return f"shape {actual.shape} against {expected.shape}"
    if actual.dtype.kind in "OSU" or expected.dtype.kind in "OSU":
        place = _place(np.argmax(actual != expected), actual.shape)
        return f"'{actual[place]}' against '{expected[place]}' at {place}"
    actual, expected = actual.astype(float), expected.astype(float)
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        size = np.where(same, 0, np.abs(actual - expected))
    place = _place(np.argmax(np.nan_to_num(size, nan=np.inf)), size.shape)
    return (
        f"{actual[place]:.6g} against {expected[place]:.6g} at {place}, "
        f"a gap of {size[place]:.2g}"
    )


def _place(index: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(index, shape)))


def difference(actual: Any, expected: Any) -> str:
    """Returns how two structures of outputs differ; `""` if they do not."""
    results, references = arrays(actual), arrays(expected)
    if len(results) != len(references):
        return f"{len(results)} outputs against {len(references)}"
    for result, reference in zip(results, references, strict=True):
        if result.shape != reference.shape:
            return gap(result, reference)
        if result.dtype.kind in "OSU" or reference.dtype.kind in "OSU":
            same = np.array_equal(result, reference)
        else:
            limit = tolerance(reference)
            same = np.allclose(result, reference, 0, limit, equal_nan=True)
        if not same:
            return gap(result, reference)
    return ""


def functional(layer: Any, x: Any) -> Any:
    """Returns the functional model of a layer, for inputs like `x`."""
    symbols: Any = keras.tree.map_structure(
        lambda leaf: keras.Input(leaf.shape[1:], dtype=str(leaf.dtype)), x
    )
    outputs = layer(*symbols, training=False)
    return keras.Model(keras.tree.flatten(symbols), outputs)


def is_float(dtype: Any) -> bool:
    """Returns whether numbers of a dtype have gradients."""
    return "float" in keras.backend.standardize_dtype(dtype)


def shake(layer: keras.Layer) -> None:
    """Moves the trainable weights a little, always in the same way."""
    generator = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        if is_float(weight.dtype):
            noise = generator.normal(0, 0.1, weight.shape)
            weight.assign(weight.value + keras.ops.cast(noise, weight.dtype))


class _Gradients(keras.optimizers.Optimizer):
    """Puts each gradient in the place of its variable: they can be read there.

    Keras has no function for gradients; its trainers have.
    """

    def __init__(self) -> None:
        super().__init__(learning_rate=1.0)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        # None, the gradient of what no path reaches, is zero. The sum makes
        # sparse ones dense, adding rows up that occur twice; only one of them
        # would be assigned.
        variables = list(trainable_variables or [])
        if variables:  # JAX hands them over beforehand
            zeros = [keras.ops.zeros_like(item.value) for item in variables]
            grads = [
                zero if gradient is None else keras.ops.add(zero, gradient)
                for gradient, zero in zip(grads, zeros, strict=True)
            ]
        super().apply(grads, trainable_variables)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        self.assign(variable, keras.ops.cast(gradient, variable.dtype))


class _Probe(keras.Model):
    """A layer whose inputs are weights, so that they have gradients too."""

    def __init__(
        self,
        forward: Callable[[keras.Layer, Any], Any],
        layer: keras.Layer,
        inputs: Any,
        cotangents: Sequence[np.ndarray],
    ) -> None:
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer
        self.run = forward
        self.inputs_ = inputs
        self.cotangents = cotangents
        self.points = [
            self.add_weight(
                shape=leaf.shape,
                initializer="zeros",
                dtype=str(leaf.dtype),
                name=f"point_{index}",
            )
            for index, leaf in enumerate(leaves(inputs))
            if is_float(leaf.dtype)
        ]
        self.restore()
        self.built = True

    def restore(self) -> None:
        arrays = [leaf for leaf in leaves(self.inputs_) if is_float(leaf.dtype)]
        for point, value in zip(self.points, arrays, strict=True):
            point.assign(value)

    def call(self, inputs: Any) -> Any:
        points = iter(self.points)
        arguments = keras.tree.map_structure(
            lambda leaf: (
                # Copied: on TensorFlow, what is converted is still the
                # variable, which `custom_gradient` treats differently.
                keras.ops.copy(next(points))
                if is_float(leaf.dtype)
                else keras.ops.convert_to_tensor(leaf)
            ),
            self.inputs_,
        )
        return self.run(self.layer, arguments)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: Any = True,
    ) -> Any:
        floats = [leaf for leaf in leaves(y_pred) if is_float(leaf.dtype)]
        # Outputs may not depend on the inputs, such as those of positions.
        sums: list[Any] = [keras.ops.sum(point) for point in self.points]
        total: Any = sum(0 * number for number in sums)
        for leaf, cotangent in zip(floats, self.cotangents, strict=True):
            factor = keras.ops.cast(cotangent, leaf.dtype)
            part = keras.ops.sum(leaf * factor)
            total += keras.ops.cast(part, total.dtype) if self.points else part
        return total


def gradients(
    forward: Callable[[keras.Layer, Any], Any],
    layer: keras.Layer,
    inputs: Any,
    cotangents: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Returns the gradients of a weighted sum of all outputs of a layer.

    The layer is left as it was.

    Args:
        forward: called with the layer and its inputs.
        layer: a built layer.
        inputs: arrays.
        cotangents: one array for each output that is a float.

    Returns:
        The gradients of the inputs that are floats, in order, and those of
        the layer's trainable weights, by path.
    """
    before = _values(layer.variables)
    probe = _Probe(forward, layer, inputs, cotangents)
    probe.compile(optimizer=_Gradients(), run_eagerly=True)
    probe.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    of_inputs = _values(probe.points)
    weights = layer.trainable_weights
    paths = [weight.path for weight in weights]
    of_weights = dict(zip(paths, _values(weights), strict=True))
    for variable, value in zip(layer.variables, before, strict=True):
        variable.assign(value)
    return of_inputs, of_weights


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Returns copies of values; those of half precision as float32."""
    return [
        np.array(keras.ops.convert_to_numpy(variable))
        if keras.backend.standardize_dtype(variable.dtype) != "bfloat16"
        else np.array(keras.ops.convert_to_numpy(variable), "float32")
        for variable in variables
    ]


def copied(config: Any) -> Any:
    """Returns a copy of a config; what is no plain value is the same object.

    Some configs of Keras's own layers hold modules, which nobody can copy.
    """
    if isinstance(config, dict):
        return {key: copied(value) for key, value in config.items()}
    if type(config) in (list, tuple):
        return type(config)(copied(value) for value in config)
    return config
