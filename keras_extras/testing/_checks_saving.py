"""Checks of files and copies: what comes back is the same layer."""

import copy
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras

from keras_extras.testing._results import CheckFailure
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import difference


def check_registered(subject: Subject) -> None:
    """The class is registered, so that `load_model` finds it by its name.

    Repair: `@keras.saving.register_keras_serializable(package="my_package")`
    above the class.
    """
    if subject.cls.__module__.partition(".")[0] == "keras":
        return
    name = keras.saving.get_registered_name(subject.cls)
    if keras.saving.get_registered_object(name) is not subject.cls:
        raise CheckFailure(
            "not registered: a saved model with it loads only with "
            "custom_objects",
            "\n".join(
                [
                    "import keras",
                    subject.import_line(),
                    "",
                    f"name = keras.saving.get_registered_name({subject.name})",
                    "assert keras.saving.get_registered_object(name) is "
                    f"{subject.name}",
                ]
            ),
        )


def check_copies(subject: Subject) -> None:
    """`copy.deepcopy` and `pickle` give a layer with the same outputs.

    Python pickles only objects whose class can be imported; of others the
    copy alone is checked.

    Repair: see `check_saving`; Keras copies a layer by saving it. Keep locks,
    open files and lambdas out of the attributes.
    """
    subject.require_deterministic()
    layer, inputs, outputs = subject.run()
    ways = [
        (copy.deepcopy, "import copy\nagain = copy.deepcopy(layer)"),
        (
            lambda one: pickle.loads(pickle.dumps(one)),
            "import pickle\nagain = pickle.loads(pickle.dumps(layer))",
        ),
    ]
    module = sys.modules.get(subject.cls.__module__)
    importable = getattr(module, subject.name, None) is subject.cls
    for how, code in ways if importable else ways[:1]:
        body = (
            f"expected = {subject.array_code()}\n{code}\n"
            "np.testing.assert_allclose(\n"
            f"    {subject.array_code('again')}, expected, atol=1e-4)"
        )
        try:
            with subject.scope():
                again = how(layer)
                got = subject.call(again, inputs)
        except Exception as error:
            raise subject.failure(
                f"{type(error).__name__}: {str(error)[:300]}", body
            ) from error
        if words := difference(got, outputs):
            raise subject.failure(f"the copy gives {words}", body)
        shared = {id(one) for one in (layer, *layer.variables)} & {
            id(one) for one in (again, *again.variables)
        }
        if shared:
            raise subject.failure(
                "the copy is the layer itself, or shares its variables",
                f"{subject.call_code()}\n{code}\n"
                "assert again is not layer\n"
                "for one, two in zip(layer.variables, again.variables):\n"
                "    assert one is not two",
            )


def check_saving(subject: Subject) -> None:
    """A model with the layer, saved as `.keras` and loaded, predicts the same.

    Repair: create all weights in `build` and sublayers in `__init__`; what is
    neither weight, sublayer nor constructor argument is not in the file.
    """
    subject.require_deterministic()
    layer = subject.built()
    inputs = subject.inputs(seed=3)
    expected = subject.call(layer, inputs)
    body = (
        f"{subject.model_code()}\n"
        f"expected = {subject.array_code()}\n"
        'model.save("model.keras")\n'
        'again = keras.saving.load_model("model.keras").layers[-1]\n'
        "np.testing.assert_allclose(\n"
        f"    {subject.array_code('again')}, expected, atol=1e-4)"
    )
    with tempfile.TemporaryDirectory() as folder, subject.scope():
        path = Path(folder, "model.keras")
        try:
            model = subject.functional(layer)
            model.save(path)
            again: Any = keras.saving.load_model(path)
            got = subject.call(_layer_of(again, subject), inputs)
        except Exception as error:
            raise subject.failure(
                f"{type(error).__name__}: {str(error)[:300]}", body
            ) from error
    if words := difference(got, expected):
        raise subject.failure(f"the loaded layer gives {words}", body)


def _layer_of(model: keras.Model, subject: Subject) -> keras.Layer:
    return next(layer for layer in model.layers if type(layer) is subject.cls)


CHECKS = (
    check_registered,
    check_copies,
    check_saving,
)
