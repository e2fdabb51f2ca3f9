"""Draws the pictures of docs/guides/look_inside.md, in docs/images.

    KERAS_BACKEND=jax python tools/inside_pictures.py

A small network learns the embedded digits; its filters, feature maps, saliency
and Grad-CAM are drawn, and the architecture of four models.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_extras import datasets
from keras_extras.plotting import (
    ArchitectureDisplay,
    FeatureMapsDisplay,
    FiltersDisplay,
    HeatmapDisplay,
)

PICTURES = Path(__file__).parents[1] / "docs" / "images"


def save(display: Any, name: str) -> None:
    """Draws a display and writes it as docs/images/inside_<name>.png."""
    path = PICTURES / f"inside_{name}.png"
    display.plot().figure_.savefig(path)
    print(path.name, path.stat().st_size)


def lenet() -> keras.Model:
    """Returns a network after LeCun et al., 1998."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ],
        name="LeNet",
    )


def two_inputs() -> keras.Model:
    """Returns a model of an image and a row of numbers."""
    image = keras.Input((28, 28, 1), name="image")
    patient = keras.Input((12,), name="patient")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    y = layers.Dense(32, activation="relu")(patient)
    z = layers.Dropout(0.5)(layers.Concatenate()([x, y]))
    risk = layers.Dense(1, activation="sigmoid", name="risk")(z)
    return keras.Model([image, patient], risk, name="two inputs")


class Residual(layers.Layer):
    """A residual block, written by hand."""

    def __init__(self, filters: int, strides: int = 1) -> None:
        super().__init__()
        self.first = layers.Conv2D(filters, 3, strides, "same")
        self.norm = layers.BatchNormalization()
        self.second = layers.Conv2D(filters, 3, padding="same")
        self.shortcut = None
        if strides > 1:
            self.shortcut = layers.Conv2D(filters, 1, strides)

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: D102
        outputs = self.norm(self.first(inputs), training=training)
        outputs = self.second(keras.ops.relu(outputs))
        if self.shortcut is not None:
            inputs = self.shortcut(inputs)
        return keras.ops.relu(inputs + outputs)


class SmallResNet(keras.Model):
    """Three residual blocks: a subclassed model."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.blocks = [Residual(16), Residual(16), Residual(32, 2)]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(10, activation="softmax")

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: D102
        for block in self.blocks:
            inputs = block(inputs, training=training)
        return self.head(self.pool(inputs))


def trained() -> tuple[keras.Model, np.ndarray]:
    """Returns a network that has learnt the embedded digits, and digits."""
    keras.utils.set_random_seed(3)
    images, labels = datasets.load_mnist(kind="test")
    images = images.reshape(-1, 28, 28, 1).astype("float32") / 255
    model: Any = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.005),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(images, labels, epochs=30, verbose=0)
    print(len(images), "digits:", history.history["accuracy"][-1])
    shown = [int(np.flatnonzero(labels == digit)[1]) for digit in range(5)]
    return model, images[shown]


def main() -> None:
    """Draws all pictures."""
    save(ArchitectureDisplay.from_model(lenet()), "lenet")
    save(ArchitectureDisplay.from_model(two_inputs()), "two_inputs")
    residual = ArchitectureDisplay.from_model(SmallResNet(), (None, 32, 32, 16))
    save(residual, "residual")
    model, images = trained()
    save(FiltersDisplay.from_model(model), "filters")
    save(FeatureMapsDisplay.from_model(model, images[3], "first"), "maps")
    save(HeatmapDisplay.from_saliency(model, images, num_copies=20), "saliency")
    save(HeatmapDisplay.from_grad_cam(model, images, "second"), "grad_cam")


if __name__ == "__main__":
    main()
