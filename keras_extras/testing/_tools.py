"""What the checks share: numbers out of tensors, comparisons, gradients.

Only Keras's public interface is used, so that the checks run on every backend
and share nothing with the layers of this library.
"""

from typing import Any

import keras
import numpy as np

# Rounding that two ways to the same number may differ by, of the largest value
# in the result: some hundred units of the last place.
TOLERANCE = {
    "float64": 1e-9,
    "float32": 1e-4,
    "bfloat16": 0.1,
    "float16": 0.02,
}


def to_numpy(tensor: Any) -> np.ndarray:
    """Returns the numbers of a tensor; half precisions as float32."""
    if isinstance(tensor, np.ndarray):
        return tensor
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def leaves(structure: Any) -> list:
    """Returns the tensors of a nested structure."""
    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]


def numbers(structure: Any) -> list[np.ndarray]:
    """Returns the arrays of a nested structure of tensors."""
    return [to_numpy(leaf) for leaf in leaves(structure)]


def values(layer: keras.Layer) -> list[np.ndarray]:
    """Returns copies of the values of all variables of a layer."""
    return [to_numpy(variable).copy() for variable in layer.variables]


def changed_path(layer: keras.Layer, before: list[np.ndarray]) -> str:
    """Returns the path of the first variable that is not as before."""
    for variable, value in zip(layer.variables, before, strict=True):
        if not np.array_equal(to_numpy(variable), value, equal_nan=True):
            return variable.path
    return ""


def is_float(dtype: Any) -> bool:
    """Tells whether numbers of that dtype have gradients."""
    return "float" in keras.backend.standardize_dtype(dtype)


def shake(layer: keras.Layer) -> None:
    """Moves the trainable weights a little, always in the same way."""
    generator = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        if is_float(weight.dtype):
            noise = generator.normal(0, 0.1, weight.shape)
            weight.assign(weight.value + keras.ops.cast(noise, weight.dtype))


def difference(one: Any, other: Any, dtype: str = "float32") -> str:
    """Returns in words how two structures of numbers differ; `""` if not."""
    ones, others = numbers(one), numbers(other)
    if len(ones) != len(others):
        return f"{len(ones)} outputs against {len(others)}"
    for left, right in zip(ones, others, strict=True):
        if left.shape != right.shape:
            return f"shape {left.shape} against {right.shape}"
        if left.dtype.kind not in "fiub" or right.dtype.kind not in "fiub":
            if not np.array_equal(left, right):
                return "different values"
            continue
        left, right = left.astype("float64"), right.astype("float64")
        if (np.isnan(left) != np.isnan(right)).any():
            return "NaN in one of them only"
        finite = np.isfinite(right)
        scale = max(1.0, np.abs(right[finite]).max(initial=0))
        with np.errstate(invalid="ignore"):
            gap = np.abs(left - right)
        gap[left == right] = 0
        worst = np.nanmax(gap, initial=0)
        if worst > TOLERANCE[dtype] * scale:
            where = np.unravel_index(np.nanargmax(gap), gap.shape)
            place = tuple(int(index) for index in where)
            return (
                f"{left[where]:.6g} against {right[where]:.6g} at {place}, "
                f"a gap of {worst:.2g}"
            )
    return ""


class _Optimizer(keras.optimizers.Optimizer):
    """Takes None, the gradient of what no path reaches, for zero."""

    def apply(self, grads, trainable_variables=None):
        variables = list(trainable_variables or [])
        if variables:
            grads = [
                # The sum makes sparse ones dense, adding rows up that occur
                # twice; only one of them would be assigned.
                keras.ops.zeros_like(one.value)
                if grad is None
                else keras.ops.add(keras.ops.zeros_like(one.value), grad)
                for grad, one in zip(grads, variables, strict=True)
            ]
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        step = learning_rate * gradient
        self.assign_sub(variable, keras.ops.cast(step, variable.dtype))


class Descent(_Optimizer):
    """Moves each variable against its gradient."""

    def __init__(self):
        super().__init__(learning_rate=0.1)


class Gradients(_Optimizer):
    """Puts each gradient in the place of its variable: they can be read there.

    Keras has no function for gradients; its trainers have.
    """

    def __init__(self):
        super().__init__(learning_rate=1.0)

    def update_step(self, gradient, variable, learning_rate):
        self.assign(variable, keras.ops.cast(gradient, variable.dtype))


class Probe(keras.Model):
    """A layer whose inputs are weights, so that they have gradients too."""

    def __init__(self, forward, layer, inputs, cotangents):
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

    def restore(self):
        arrays = [leaf for leaf in leaves(self.inputs_) if is_float(leaf.dtype)]
        for point, value in zip(self.points, arrays, strict=True):
            point.assign(value)

    def call(self, inputs):
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
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return weighted_sum(y_pred, self.cotangents)


def weighted_sum(outputs: Any, cotangents: list[np.ndarray]):
    """Returns one number of which every output is a part."""
    floats = [leaf for leaf in leaves(outputs) if is_float(leaf.dtype)]
    return sum(
        keras.ops.sum(leaf * keras.ops.cast(cotangent, leaf.dtype))
        for leaf, cotangent in zip(floats, cotangents, strict=True)
    )


def gradients(
    forward: Any, layer: keras.Layer, inputs: Any, cotangents: list[np.ndarray]
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Returns the gradients of `weighted_sum`, and leaves the layer as it was.

    Args:
        forward: called with the layer and its inputs.
        layer: a built layer.
        inputs: arrays.
        cotangents: one array for each output that is a float.

    Returns:
        The gradients of the inputs that are floats, in order, and those of
        the layer's trainable weights, by path.
    """
    before = [to_numpy(value) for value in layer.variables]
    probe = Probe(forward, layer, inputs, cotangents)
    probe.compile(optimizer=Gradients(), run_eagerly=True)
    probe.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    of_inputs = [to_numpy(point) for point in probe.points]
    of_weights = {
        weight.path: to_numpy(weight) for weight in layer.trainable_weights
    }
    for variable, value in zip(layer.variables, before, strict=True):
        variable.assign(value)
    return of_inputs, of_weights


def copied(config: Any) -> Any:
    """Returns a copy of a config; what is no plain value is the same object.

    Some configs of Keras's own layers hold modules, which nobody can copy.
    """
    if isinstance(config, dict):
        return {key: copied(value) for key, value in config.items()}
    if type(config) in (list, tuple):
        return type(config)(copied(value) for value in config)
    return config
