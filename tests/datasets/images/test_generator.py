"""Drop-in: the arguments of old Keras, in its order, with its defaults."""

import inspect

import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy

from keras_extras.datasets import ImageDataGenerator

METHODS = [
    "__init__",
    "flow",
    "flow_from_directory",
    "flow_from_dataframe",
    "fit",
    "standardize",
    "random_transform",
    "apply_transform",
    "get_random_transform",
]


@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_those_of_old_keras(method):
    def arguments(cls):
        return {
            name: parameter.default
            for name, parameter in inspect.signature(
                getattr(cls, method)
            ).parameters.items()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }

    old = arguments(legacy.ImageDataGenerator)
    ours = arguments(ImageDataGenerator)
    assert list(ours)[: len(old)] == list(old)
    assert {name: ours[name] for name in old} == old


def test_a_course_program_runs():
    datagen = ImageDataGenerator(
        rotation_range=15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=0.2,
        zoom_range=0.1,
        horizontal_flip=True,
        fill_mode="nearest",
        rescale=1.0 / 255,
    )
    x = np.random.default_rng(0).uniform(0, 255, (1, 10, 10, 3))
    count = 0
    for batch in datagen.flow(x, batch_size=1):
        assert batch.shape == (1, 10, 10, 3)
        count += 1
        if count == 20:
            break
    assert count == 20
