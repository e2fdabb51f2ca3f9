"""Checks of files and copies: what comes back is the same layer."""

import copy
import pickle
import sys
import tempfile
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._subject import Subject


@check()
def check_registered(subject: Subject) -> None:
    """The class is registered, so that `load_model` finds it by its name.

    Repair: `@keras.saving.register_keras_serializable(package="my_package")`
    above the class.
    """
    if subject.cls.__module__.partition(".")[0] != "keras":
        subject.verify(is_registered, cls=subject.cls)


def is_registered(cls: type) -> None:
    name = keras.saving.get_registered_name(cls)
    assert keras.saving.get_registered_object(name) is cls, (
        "not registered: a saved model with it loads only with custom_objects"
    )


@check(needs=CLONED)
def check_copies(subject: Subject) -> None:
    """`copy.deepcopy` and `pickle` give a layer with the same outputs.

    Python pickles only objects whose class can be imported; of others the
    copy alone is checked.

    Repair: see `check_saving`; Keras copies a layer by saving it. Keep locks,
    open files and lambdas out of the attributes.
    """
    subject.require_deterministic()
    module = sys.modules.get(subject.cls.__module__)
    importable = getattr(module, subject.name, None) is subject.cls
    with subject.scope():
        subject.verify(copy_is_equal, gap="the copy gives")
        subject.verify(copy_is_another)
        if importable:
            subject.verify(pickled_is_equal, gap="the copy gives")


def copy_is_equal(layer: Any, x: Any, atol: float, to_numpy: Any) -> None:
    expected = to_numpy(layer(*x, training=False))
    actual = to_numpy(copy.deepcopy(layer)(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def copy_is_another(layer: Any, x: Any) -> None:
    layer(*x, training=False)
    again = copy.deepcopy(layer)
    parts = {id(part) for part in (layer, *layer.variables)}
    shared = parts & {id(part) for part in (again, *again.variables)}
    assert not shared, "the copy is the layer itself, or shares its variables"


def pickled_is_equal(layer: Any, x: Any, atol: float, to_numpy: Any) -> None:
    expected = to_numpy(layer(*x, training=False))
    again = pickle.loads(pickle.dumps(layer))
    actual = to_numpy(again(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check(needs=CLONED)
def check_saving(subject: Subject) -> None:
    """A model with the layer, saved as `.keras` and loaded, predicts the same.

    Repair: create all weights in `build` and sublayers in `__init__`; what is
    neither weight, sublayer nor constructor argument is not in the file.
    """
    subject.require_deterministic()
    with subject.scope():
        subject.verify(
            loaded_is_equal,
            gap="the loaded layer gives",
            layer=subject.built(),
            seed=3,
        )


def loaded_is_equal(
    layer: Any, x: Any, symbols: Any, atol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    outputs = layer(*symbols, training=False)
    model = keras.Model(keras.tree.flatten(symbols), outputs)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded: Any = keras.saving.load_model(f"{folder}/model.keras")
    actual = to_numpy(loaded(keras.tree.flatten(x), training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)
