"""What the scripts of `test_scale` share: numbered images, and who saw them.

Image number i is full of i, so that a model tells which images came to it,
whatever happened on the way.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.datasets import IdxDataset, ImageDataGenerator, write_idx

COUNT = 64


def datasets(
    folder: str, count: int = COUNT, **arguments: Any
) -> Iterator[tuple[str, Any]]:
    """Yields (name, data set): of files, of arrays and of a folder."""
    numbers = np.arange(count, dtype="uint8")
    images = numbers[:, None, None, None] + np.zeros((count, 3, 3, 1), "uint8")
    write_idx(f"{folder}/images", images)
    write_idx(f"{folder}/labels", numbers)
    os.makedirs(f"{folder}/pictures/all", exist_ok=True)
    for number, image in zip(numbers, images, strict=True):
        keras.utils.save_img(
            f"{folder}/pictures/all/{number:03}.png", image, scale=False
        )
    generator = ImageDataGenerator(horizontal_flip=True)
    arguments = {"batch_size": 16, "shuffle": True, "seed": 3, **arguments}
    yield (
        "idx",
        IdxDataset(f"{folder}/images", f"{folder}/labels", **arguments),
    )
    yield "arrays", generator.flow(images, numbers, **arguments)
    yield (
        "folder",
        generator.flow_from_directory(
            f"{folder}/pictures",
            (3, 3),
            "grayscale",
            class_mode="input",
            **arguments,
        ),
    )


class Seen(keras.metrics.Metric):
    """Counts which images came, per replica, inside the training step."""

    def __init__(
        self, replicas: int = 1, replica: Callable[[], Any] = lambda: 0
    ) -> None:
        super().__init__(name="seen")
        self.replicas, self.replica = replicas, replica
        self.counts = self.add_weight(
            shape=(replicas, COUNT), initializer="zeros", name="counts"
        )

    def update_state(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds those whose numbers the model handed through."""
        ops = keras.ops
        numbers = ops.cast(y_pred[:, 1] + 0.5, "int32")
        counts = ops.sum(ops.one_hot(numbers, COUNT), 0)
        row: Any = ops.one_hot(self.replica(), self.replicas)
        self.counts.assign(self.counts + row[:, None] * counts)

    def result(self) -> dict[str, Any]:
        """Returns how often the images came, and how many to a replica."""
        ops = keras.ops
        each = ops.sum(self.counts, 0)
        share = ops.sum(self.counts, 1)
        return {
            "fewest": ops.min(each),
            "most": ops.max(each),
            "least_share": ops.min(share),
            "largest_share": ops.max(share),
        }


def model(**seen: Any) -> Any:
    """Returns a line through the pixels; its second output is the number."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3, 3, 1))
    pixels = keras.layers.Flatten()(inputs)
    line = keras.layers.Dense(1)(pixels / COUNT)
    outputs = keras.layers.Concatenate()([line, pixels[:, :1]])
    result = keras.Model(inputs, outputs)
    result.compile(
        keras.optimizers.SGD(0.05),
        loss=lambda y, p: (p[:, 1] / COUNT - 2 * p[:, 0]) ** 2,
        metrics=[Seen(**seen)],
    )
    return result


def fitted(dataset: Any, **seen: Any) -> tuple[Any, dict[str, list[float]]]:
    """Trains two epochs, and returns what was counted and the weights."""
    trained = model(**seen)
    history = trained.fit(dataset, epochs=2, shuffle=False, verbose=0).history
    history = {k: [float(v) for v in values] for k, values in history.items()}
    return trained, history


def report(**values: Any) -> None:
    """Adds a line to what `test_scale` reads, a file for each process."""
    path = f"{os.environ['SCALE_RESULTS']}.{os.getpid()}"
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
