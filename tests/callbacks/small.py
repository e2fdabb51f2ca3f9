"""Small stock models and data, for the callbacks other than the recorder."""

from typing import Any

import keras
import numpy as np

# On torch, any pass through data moves the stream that the next order of the
# batches is drawn from: two trainings are compared in the given order there.
SHUFFLE = keras.backend.backend() != "torch"

KINDS = ["sequential", "functional", "subclassed"]


def data(count: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of points, told apart by two of their four numbers."""
    x = np.random.default_rng(3).normal(size=(count, 4)).astype("float32")
    return x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype("int32")


class Subclassed(keras.Model):
    """A stock subclassed model, with dropout and moving statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = keras.layers.Dense(8, "tanh", name="hidden")
        self.norm = keras.layers.BatchNormalization(name="norm")
        self.drop = keras.layers.Dropout(0.5, seed=3)
        self.out = keras.layers.Dense(2, "softmax", name="out")

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.norm(self.hidden(inputs), training=training)
        return self.out(self.drop(x, training=training))


def model(
    kind: str = "sequential",
    optimizer: Any = "adam",
    build: bool = True,
    **compiled: Any,
) -> Any:
    """Returns a compiled model; the same numbers for each kind of model."""
    keras.utils.set_random_seed(7)
    result = Subclassed()
    if kind == "subclassed":
        if build:
            result(np.zeros((1, 4), "float32"))
    else:
        stack = [result.hidden, result.norm, result.drop, result.out]
        if kind == "sequential":
            start = [keras.Input((4,))] if build else []
            result = keras.Sequential([*start, *stack])
        else:
            inputs = outputs = keras.Input((4,))
            for layer in stack:
                outputs = layer(outputs)
            result = keras.Model(inputs, outputs)
    result.compile(
        optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # Compiling takes longer than these trainings.
        **{"jit_compile": False, **compiled},
    )
    return result


class Batches(keras.utils.PyDataset):
    """The data in batches, of a length that may be kept secret."""

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 16,
        known: bool = True,
    ) -> None:
        super().__init__()
        self.x, self.y = x, y
        self.batch_size, self.known = batch_size, known

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[rows], self.y[rows]

    @property
    def num_batches(self) -> Any:  # for Keras, an int: never unknown
        return -(-len(self.x) // self.batch_size) if self.known else None


def state(trained: Any) -> list[np.ndarray]:
    """Returns copies of everything that a training changes in a model."""
    variables = [
        *trained.variables,
        *trained.metrics_variables,
        *trained.optimizer.variables,
    ]
    return [np.array(keras.ops.convert_to_numpy(one)) for one in variables]
