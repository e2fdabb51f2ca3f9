"""The course recipes: a network, its data as it wants them, its training.

    recipe = preset + prepare + optimizer + epochs, batch size, early stopping

A table with a line per recipe; its network is the preset of the same name.
`prepare` is given the training images and
returns what is done to images, those of the test too: what it learns of the
data, such as a mean, it learns from the training images alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from keras_extras._checks import choice
from keras_extras._errors import invalid_argument

Prepare = Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]


class Recipe(NamedTuple):
    """How the preset of the same name is trained.

    Args:
        course: number of the tutorial; 0 for the library's own.
        title: what it is, in a few words.
        prepare: training images -> (images -> inputs).
        optimizer: number of all steps -> a Keras optimizer.
        epochs: passes over the training images.
        batch_size: images per step.
        only_class: if given, the labels are whether it is that class.
        augment: arguments of `ImageDataGenerator`, or `None`.
        patience: epochs without a better validation loss after which the
            training stops, keeping the best weights; `None` to go on.
        validation_size: share of the training images that validate.
    """

    course: int
    title: str
    prepare: Prepare
    optimizer: Callable[[int], Any]
    epochs: int
    batch_size: int
    only_class: int | None = None
    augment: dict[str, Any] | None = None
    patience: int | None = None
    validation_size: float = 0.1


def find_recipe(name: str) -> Recipe:
    """Returns the recipe of this name."""
    return RECIPES[choice("find_recipe", "name", name, list(RECIPES))]


# --- images into inputs ------------------------------------------------------


def unit_images(train: np.ndarray) -> Any:
    """Scales to [0, 1], and adds the channel: (n, height, width, 1)."""
    from keras_extras.datasets import scale_to_unit

    return lambda images: scale_to_unit(images)[..., None]


def unit_rows(train: np.ndarray) -> Any:
    """Scales to [0, 1], one row of pixels per image: (n, pixels)."""
    from keras_extras.datasets import scale_to_unit

    return lambda images: scale_to_unit(images).reshape(len(images), -1)


def centered_rows(train: np.ndarray) -> Any:
    """Subtracts each pixel's mean, divides by the std of all of them."""
    rows = train.reshape(len(train), -1)
    mean = rows.mean(axis=0, dtype="float64")
    std = rows.std(dtype="float64")

    def center(images: np.ndarray) -> np.ndarray:
        centered = images.reshape(len(images), -1) - mean
        return (centered / std).astype("float32")

    return center


def colored_32(train: np.ndarray) -> Any:
    """Scales, pads to 32 x 32, repeats the gray three times."""
    from keras_extras.datasets import scale_to_unit

    height, width = train.shape[1:3]
    if max(height, width) > 32:
        raise invalid_argument(
            "lenet", "images", "at most 32 x 32 pixels", (height, width)
        )
    up, left = (32 - height) // 2, (32 - width) // 2
    pads = ((0, 0), (up, 32 - height - up), (left, 32 - width - left))

    def color(images: np.ndarray) -> np.ndarray:
        padded = np.pad(scale_to_unit(images), pads)
        return np.repeat(padded[..., None], 3, axis=-1)

    return color


def ink_of_thirds(train: np.ndarray) -> Any:
    """Three numbers per image: mean ink at its top, middle and bottom."""
    from keras_extras.datasets import scale_to_unit

    def ink(images: np.ndarray) -> np.ndarray:
        thirds = np.array_split(scale_to_unit(images), 3, axis=1)
        return np.stack([part.mean(axis=(1, 2)) for part in thirds], axis=1)

    # In steps of the training images' spread, so that tanh has work to do.
    values = ink(train)
    mean, std = values.mean(axis=0), values.std(axis=0)
    return lambda images: (ink(images) - mean) / std


# --- optimizers --------------------------------------------------------------


def _plain_sgd(steps: int) -> Any:
    import keras

    return keras.optimizers.SGD(0.5)


def _decayed_sgd(steps: int) -> Any:
    import keras

    # What `decay=1e-7` was in Keras 2: rate / (1 + 1e-7 * step).
    rate: Any = keras.optimizers.schedules.InverseTimeDecay(0.001, 1, 1e-7)
    return keras.optimizers.SGD(rate, momentum=0.9)


def _rmsprop(steps: int) -> Any:
    import keras

    return keras.optimizers.RMSprop()


def _adadelta(steps: int) -> Any:
    import keras

    # The old default; that of Keras 3 is a thousandth of it.
    return keras.optimizers.Adadelta(1.0)


def _adam(steps: int) -> Any:
    import keras

    return keras.optimizers.Adam()


def _settling_adam(steps: int) -> Any:
    import keras

    # Along a cosine to zero, so that the last epochs settle.
    rate: Any = keras.optimizers.schedules.CosineDecay(0.003, steps)
    return keras.optimizers.Adam(rate)


# Digits keep their sense when they are turned and moved a little, and lose it
# when they are mirrored.
_LITTLE = {
    "rotation_range": 10,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "zoom_range": 0.1,
}

RECIPES = {
    "mlp": Recipe(0, "two hidden layers", unit_images, _settling_adam, 6, 64),
    "convnet": Recipe(
        0, "two convolutions", unit_images, _settling_adam, 6, 64
    ),
    "mlp-3-4-4-1": Recipe(
        1, "3-4-4-1: is it class 1?", ink_of_thirds, _adam, 20, 32, only_class=1
    ),
    "mlp-15": Recipe(1, "784-15-10, sigmoid", unit_rows, _plain_sgd, 30, 10),
    "mlp-15-l2": Recipe(
        1, "the same, penalty on weights", unit_rows, _plain_sgd, 30, 10
    ),
    "mlp-15-dropout": Recipe(
        1, "the same, with dropout", unit_rows, _plain_sgd, 30, 10
    ),
    "lenet": Recipe(
        1,
        "LeNet for 32 x 32 x 3, augmented",
        colored_32,
        _adam,
        10,
        64,
        augment=_LITTLE,
    ),
    "idx-mlp": Recipe(
        2, "784-50-50-10, tanh, centered", centered_rows, _decayed_sgd, 50, 64
    ),
    "fashion-mlp": Recipe(
        3, "784-512-128-32-10", unit_rows, _adam, 20, 128, validation_size=0.2
    ),
    "fashion-mlp-dropout": Recipe(
        3, "the same, dropout", unit_rows, _adam, 20, 128, validation_size=0.2
    ),
    "fashion-convnet": Recipe(
        3,
        "32, 32, 64, 64, global average",
        unit_images,
        _adam,
        20,
        128,
        validation_size=0.2,
    ),
    "fashion-convnet-bn": Recipe(
        3,
        "and 128, 128, normalized, early stop",
        unit_images,
        _adam,
        40,
        128,
        patience=5,
        validation_size=0.2,
    ),
    "mnist-512": Recipe(4, "784-512-10", unit_rows, _rmsprop, 5, 128),
    "mnist-convnet": Recipe(
        5, "32, 64, pool, dropout, 128", unit_images, _adadelta, 12, 128
    ),
}
