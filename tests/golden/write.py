"""Writes the files of this folder: what a user may have saved.

    KERAS_BACKEND=tensorflow python -m tests.golden.write FOLDER

Run once, on 2026-11-29, by the code of version 0.1.0.dev0 with Keras 3.15.1.
The files are never written again: every later version loads them.
"""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_extras import layers, models, transforms
from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import history_frame


def mlp() -> tuple[Any, tuple[int, ...]]:
    return models.MLP([12, 8], 5, dropout=0.2, activation="tanh"), (6,)


def convnet() -> tuple[Any, tuple[int, ...]]:
    return models.ConvNet(
        [4, (6, 6)],
        kernel_size=3,
        units=[8],
        num_classes=3,
        padding="same",
        dropout=0.1,
        batch_normalization=True,
    ), (12, 12, 2)


def families() -> tuple[Any, tuple[int, ...]]:
    """A layer of each family that pictures pass through."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Pad2D(1, pad_mode="reflect")(inputs)
    x = layers.Conv2D(
        6,
        3,
        pad_mode="wrap",
        padding="same",
        activation="relu",
        kernel_transform=[transforms.WeightNorm()],
    )(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
    x = layers.MaxPooling2D(2, dilation_rate=1, ceil_mode=True)(x)
    x = layers.SeparableConv2D(5, 3, padding="same")(x)
    x = layers.Conv2DTranspose(4, 4, strides=2)(x)
    x = layers.AdaptiveAveragePooling2D((4, 3))(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(
        4, kernel_transform=transforms.SpectralNorm(), activation="softmax"
    )(x)
    return keras.Model(inputs, outputs), (16, 16, 3)


def research() -> tuple[Any, tuple[int, ...]]:
    """Layers that Keras has not."""
    inputs = keras.Input((20, 4))
    x = layers.GatedConv1D(6, 3)(inputs)
    x = layers.CosineConv1D(5, 3)(x)
    x = layers.LpPooling1D(2)(x)
    x = layers.CondConv1D(6, 3)(x)
    x = layers.GlobalGeMPooling1D()(x)
    x = layers.Maxout(3)(x)
    outputs = layers.CosineDense(2)(x)
    return keras.Model(inputs, outputs), (20, 4)


def sequential() -> tuple[Any, tuple[int, ...]]:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.WeightStandardizedConv2D(4, 3),
            layers.BlurPooling2D(),
            layers.GlobalAveragePooling2D(),
            layers.NoisyDense(3),
        ]
    )
    return model, (8, 8, 1)


MODELS = [mlp, convnet, families, research, sequential]


def inputs_of(shape: tuple[int, ...]) -> np.ndarray:
    """Returns the same inputs on every machine: no generator is asked."""
    count = 3 * int(np.prod(shape))
    return np.sin(np.arange(count, dtype="float32")).reshape(3, *shape)


def main(target: str) -> None:
    """Writes all files into a folder."""
    folder = Path(target)
    expected = {}
    for make in MODELS:
        keras.utils.set_random_seed(7)
        model, shape = make()
        x = inputs_of(shape)
        model(x)
        model.compile("adam", "mse", metrics=["mae"])
        classes = model(x).shape[-1]
        model.fit(x, np.zeros((3, classes)), epochs=1, verbose=0)
        model.save(folder / f"{make.__name__}.keras")
        expected[make.__name__] = np.asarray(model.predict(x, verbose=0))
        if make is families:
            model.save_weights(folder / "families.weights.h5")
    np.savez_compressed(folder / "expected.npz", **expected)

    keras.utils.set_random_seed(7)
    model, shape = mlp()
    x = inputs_of(shape)
    model(x)
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    path = folder / "record.jsonl"
    for epochs in 2, 3:  # the second recorder goes on with the file
        recorder = HistoryRecorder(path, per_batch=True, metadata={"seed": 7})
        model.fit(
            x,
            np.array([0, 1, 2]),
            epochs=epochs,
            initial_epoch=recorder.last_epoch,
            batch_size=2,
            verbose=0,
            validation_data=(x, np.array([0, 1, 1])),
            callbacks=[recorder],
        )
    history_frame(recorder).to_csv(folder / "record.csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
