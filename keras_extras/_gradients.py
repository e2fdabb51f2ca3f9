"""Derivatives on every backend, without a framework.

    gradients(f, [a, b]) = [df/da, df/db]

Keras has no function for gradients, but its trainers compute them and hand
them to the optimizer. Here the arrays become the weights of a tiny model whose
loss is `f`, and its optimizer, instead of moving them, keeps what it is given.

What `f` reads of a real model stays as it is: `f` runs in a `StatelessScope`,
where each variable has the value it is mapped to and no update reaches it.
Neither weights, moving statistics, seeds and metrics nor functions compiled
before are touched. (On torch, Keras's dropout draws from torch's own generator,
which goes on.)
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np


def gradients(
    function: Callable[..., Any],
    arrays: Sequence[Any],
    model: keras.Model | None = None,
) -> list[np.ndarray]:
    """Returns the derivatives of a scalar function by each of its arguments.

    It is computed anew, operation by operation, at each call: meant for a few
    batches, not for training.

    Args:
        function: takes as many tensors as there are arrays, of dtype
            `keras.config.floatx()`, and returns one number as a tensor. It is
            written with `keras.ops` and layers.
        arrays: where the derivatives are wanted: arrays of real numbers.
        model: the model that `function` calls, if any; its variables count as
            constants, and nothing that the call changes in them lasts.

    Returns:
        One array per argument, of its shape; zeros where the function does
        not depend on it.
    """

    def held(*tensors: Any) -> Any:
        with _scope(model):
            return function(*tensors)

    return _differentiate(held, arrays)


def weight_gradients(
    model: keras.Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    training: bool = True,
) -> list[np.ndarray]:
    """Returns the gradients of the compiled loss by the trainable weights.

    They are those that `fit` computes on this batch: with the regularizers and
    the losses that layers add, without the scaling of mixed precision.

    One difference: on JAX, Keras 3.15 does not tell the sublayers of a
    subclassed model that it trains, unless its `call` hands them `training`.
    Here they are told, as on the other backends.

    Args:
        model: a built and compiled model. It is left exactly as it is.
        x: one batch of inputs: an array, or a list or dict of arrays.
        y: its targets; `None` if the losses are added by layers.
        sample_weight: weights of the examples, or `None`.
        training: whether layers such as dropout act as in training. A model
            whose `call` does not take it acts as in inference, as in `fit`.

    Returns:
        One array for each of `model.trainable_variables`, in their order.
    """
    x, y, sample_weight = (
        as_tensors(x),
        as_tensors(y),
        as_tensors(sample_weight),
    )
    variables = list(model.trainable_variables)
    # As Keras's trainers do: without the argument, layers act as in inference.
    takes_training = "training" in inspect.signature(model.call).parameters
    mode = {"training": training} if takes_training else {}

    def loss(*tensors: Any) -> Any:
        with _scope(model, zip(variables, tensors, strict=True)):
            outputs = model(x, **mode)
            return model.compute_loss(
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=training,
            )

    return _differentiate(loss, [_array(variable) for variable in variables])


def _differentiate(
    function: Callable[..., Any], arrays: Sequence[Any]
) -> list[np.ndarray]:
    arrays = [np.asarray(array, keras.config.floatx()) for array in arrays]
    if not arrays:
        return []
    recorder = _Recorder()
    probe = _Probe(function, arrays)
    probe.compile(optimizer=recorder, run_eagerly=True)
    nothing = np.zeros((1, 1), "float32")  # a trainer wants a batch
    probe.train_on_batch(nothing, nothing)
    return recorder.recorded


def _scope(
    model: keras.Model | None, mapping: Iterable[tuple[Any, Any]] = ()
) -> keras.StatelessScope:
    """A scope in which a model is constant but for the variables mapped."""
    constants = [] if model is None else model.variables
    # A later pair wins over an earlier one. `stop_gradient`: torch would sum
    # gradients up in each weight that takes part.
    pairs = [
        (constant, keras.ops.stop_gradient(constant.value))
        for constant in constants
        if _is_number(constant.dtype)
    ]
    return keras.StatelessScope([*pairs, *mapping], collect_losses=True)


class _Recorder(keras.optimizers.Optimizer):
    """Keeps the gradients, and moves nothing."""

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0)
        self.recorded = []

    def apply(
        self, grads: Sequence[Any], trainable_variables: Any = None
    ) -> None:
        self.recorded = [_array(gradient) for gradient in grads]


class _Probe(keras.Model):
    """A model whose weights are the arguments, and whose loss the function."""

    def __init__(
        self, function: Callable[..., Any], arrays: Sequence[Any]
    ) -> None:
        super().__init__(dtype=keras.config.floatx())
        # In a lambda: a model that were an attribute would become a part.
        self.value = lambda *tensors: function(*tensors)
        self.points = [
            self.add_weight(
                shape=array.shape, initializer="zeros", name=f"point_{index}"
            )
            for index, array in enumerate(arrays)
        ]
        for point, array in zip(self.points, arrays, strict=True):
            point.assign(array)
        self.built = True

    def call(self, inputs: Any) -> Any:
        # Copied: on TensorFlow, what is converted is still the variable, which
        # functions with gradients of their own treat differently.
        tensors = [keras.ops.copy(point) for point in self.points]
        # The sums are zero. They make every gradient a dense array, of zeros
        # where the function does not reach.
        value: Any = keras.ops.cast(self.value(*tensors), self.compute_dtype)
        for tensor in tensors:
            flat: Any = keras.ops.reshape(tensor, (-1,))
            value = value + keras.ops.sum(flat[:0])
        return value

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool | None = True,
    ) -> Any:
        return y_pred


def _array(tensor: Any) -> np.ndarray:
    """Returns the numbers of a tensor; half precisions in the usual one."""
    if not isinstance(tensor, np.ndarray):
        tensor = keras.ops.cast(tensor, keras.config.floatx())
    return np.array(keras.ops.convert_to_numpy(tensor))


def _is_number(dtype: Any) -> bool:
    return keras.backend.standardize_dtype(dtype) != "string"


def as_tensors(structure: Any) -> Any:
    """Converts arrays as `fit` does: floats to the usual precision."""

    def convert(leaf: Any) -> Any:
        if leaf is None:
            return None
        tensor: Any = keras.ops.convert_to_tensor(leaf)
        if keras.backend.is_float_dtype(tensor.dtype):
            tensor = keras.ops.cast(tensor, keras.config.floatx())
        return tensor

    return keras.tree.map_structure(convert, structure)


def as_array(tensor: Any) -> np.ndarray:
    """Returns the numbers of a tensor; half precisions as float32."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("bfloat16", "float16"):
        tensor = keras.ops.cast(tensor, "float32")
    return np.array(keras.ops.convert_to_numpy(tensor))
