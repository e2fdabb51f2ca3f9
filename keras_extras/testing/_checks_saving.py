"""Checks of files and copies: what comes back is the same layer."""

import copy
import pickle
import sys
import tempfile
from typing import Any

import keras

from keras_extras.testing._check import check
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import assert_close, functional


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


@check()
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
        for pickled in (False, True) if importable else (False,):
            subject.verify(copy_is_equal, pickled=pickled)


def copy_is_equal(layer: Any, x: Any, pickled: bool) -> None:
    expected = layer(*x, training=False)
    if pickled:
        again = pickle.loads(pickle.dumps(layer))
    else:
        again = copy.deepcopy(layer)
    assert_close(again(*x, training=False), expected, "the copy gives")
    parts = {id(part) for part in (layer, *layer.variables)}
    shared = parts & {id(part) for part in (again, *again.variables)}
    assert not shared, "the copy is the layer itself, or shares its variables"


@check()
def check_saving(subject: Subject) -> None:
    """A model with the layer, saved as `.keras` and loaded, predicts the same.

    Repair: create all weights in `build` and sublayers in `__init__`; what is
    neither weight, sublayer nor constructor argument is not in the file.
    """
    subject.require_deterministic()
    with subject.scope():
        subject.verify(loaded_is_equal, layer=subject.built(), seed=3)


def loaded_is_equal(layer: Any, x: Any) -> None:
    expected = layer(*x, training=False)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.keras"
        functional(layer, x).save(path)
        loaded: Any = keras.saving.load_model(path)
    again = next(part for part in loaded.layers if type(part) is type(layer))
    assert_close(again(*x, training=False), expected, "the loaded layer gives")
