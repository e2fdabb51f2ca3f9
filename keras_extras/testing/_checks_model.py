"""Checks of models: built, summed up, trained."""

import inspect
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import difference, is_float, leaves, to_numpy

# Keras documents 0; its default, and so its inferred type, is a string.
QUIET: Any = 0


def check_summary(subject: Subject) -> None:
    """Once built, `summary` knows every shape and counts every weight.

    Keras's default `build` of a subclassed model leaves its sublayers as they
    are; the summary then shows "?" and counts nothing.

    Repair: build the sublayers in `build`, or call them there symbolically;
    `keras_extras.models.Model` does it.
    """
    model = subject.clone()
    full = map_shapes(lambda shape: (None, *shape), subject.shapes)
    body = (
        f"layer.build({full})\n"
        "lines = []\n"
        "layer.summary(print_fn=lines.append)\n"
        'assert "?" not in str(lines) and "unbuilt" not in str(lines)'
    )
    try:
        model.build(full)
        lines: list[str] = []
        model.summary(print_fn=lambda *text, **_: lines.extend(text))
        text = "\n".join(lines)
    except Exception as error:
        raise subject.failure(
            f"build or summary raises {type(error).__name__}: "
            f"{str(error)[:200]}",
            body,
        ) from error
    if "unbuilt" in text or re.search(r"[│|]\s*\?\s*[│|]", text):
        raise subject.failure("built, its summary still shows '?'", body)
    called = subject.run()[0]
    if model.count_params() != called.count_params():
        raise subject.failure(
            f"built it has {model.count_params()} parameters, called "
            f"{called.count_params()}",
            f"layer.build({full})\nbuilt = layer.count_params()\n"
            f"{subject.call_code()}\nassert layer.count_params() == built",
        )


def check_fit(subject: Subject) -> None:
    """compile, fit, evaluate and predict work, and training changes weights.

    On random data, with the squared error, two batches of four samples. What
    `predict` gives is what a call gives, unless `predict_step` is overridden.

    Repair: `call` must take inputs of any batch size, and hand `training` on
    to the layers that need it.
    """
    _, _, outputs = subject.run()
    if not all(is_float(leaf.dtype) for leaf in leaves(outputs)):
        raise CheckSkip("its outputs are not floats")
    x = subject.inputs(batch=8)
    if isinstance(x, tuple):
        raise CheckSkip("fit hands its inputs on as one argument")
    model = subject.built()
    shapes, of_training = (
        [tuple(leaf.shape) for leaf in leaves(subject.call(model, x, flag))]
        for flag in (False, True)
    )
    if of_training != shapes:
        raise subject.failure(
            f"it gives the shapes {shapes}, in training {of_training}", _FIT
        )
    generator = np.random.default_rng(4)
    y = keras.tree.map_structure(
        lambda leaf: generator.uniform(0, 1, (8, *leaf.shape[1:])).astype(
            "float32"
        ),
        outputs,
    )
    before = [to_numpy(one).copy() for one in model.trainable_weights]
    try:
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
        history = model.fit(x, y, batch_size=4, verbose=QUIET).history
        score = model.evaluate(x, y, batch_size=4, verbose=QUIET)
        predicted = model.predict(x, batch_size=3, verbose=QUIET)
    except Exception as error:
        raise subject.failure(
            f"{type(error).__name__}: {str(error)[:300]}", _FIT, batch=8
        ) from error
    losses = [*history.values(), score]
    if not all(np.isfinite(loss).all() for loss in losses):
        raise subject.failure("the loss is not finite", _FIT, batch=8)
    after = [to_numpy(one) for one in model.trainable_weights]
    if before and all(map(np.array_equal, before, after)):
        raise subject.failure(
            "a training step changes no weight",
            f"layer(x)\nbefore = layer.get_weights()\n{_FIT}\n"
            "assert any(np.any(one != two) for one, two in "
            "zip(before, layer.get_weights()))",
            batch=8,
        )
    own = type(model).predict_step is not keras.Model.predict_step
    if own or not subject.traits.deterministic:
        return
    if words := difference(predicted, subject.call(model, x)):
        raise subject.failure(
            f"predict and a call differ: {words}", _FIT, batch=8
        )


# The functions of a model that use data, one after the other.
_FIT = """\
y = keras.tree.map_structure(lambda one: np.full(one.shape, 0.5), layer(x))
layer.compile(optimizer="sgd", loss="mse")
history = layer.fit(x, y, batch_size=4, verbose=0).history
assert np.isfinite(list(history.values())).all()
layer.evaluate(x, y, batch_size=4, verbose=0)
predicted = keras.tree.flatten(layer.predict(x, batch_size=3, verbose=0))
for one, two in zip(predicted, keras.tree.flatten(layer(x)), strict=True):
    two = keras.ops.convert_to_numpy(two)
    np.testing.assert_allclose(one, two, atol=1e-4)"""


def check_training_reaches_layers(subject: Subject) -> None:
    """In a call with `training=True`, layers that draw numbers do so.

    Dropout that is not told of the training never drops anything, and nothing
    else shows it.

    Repair: give `call` an argument `training` and hand it on, or none and
    leave it to Keras, which hands its own on.
    """
    model = subject.built()
    random = [
        layer
        for layer in getattr(model, "layers", ())
        if any(
            isinstance(value, keras.random.SeedGenerator)
            for value in vars(layer).values()
        )
        and "training" in inspect.signature(layer.call).parameters
    ]
    if not random:
        raise CheckSkip("none of its layers draws random numbers")
    for layer in random:
        told = _told(model, layer, subject)
        if told and not any(told):
            place = model.layers.index(layer)
            raise subject.failure(
                f"in training its layer {layer.name!r} is called with "
                f"training={told[0]!r}",
                f"{subject.call_code()}\n"
                f"inner, told = layer.layers[{place}], []\ncall = inner.call\n"
                "inner.call = lambda *args, training=None: (\n"
                "    told.append(training) or call(*args, training=training))\n"
                f"{subject.call_code()[:-1]}, training=True)\n"
                "assert any(told)",
            )


def _told(model: keras.Model, layer: keras.Layer, subject: Subject) -> list:
    """Returns what a layer is told of the training of the model."""
    told, call = [], layer.call

    def listening(*args, **kwargs):
        told.append(kwargs.get("training"))
        return call(*args, **kwargs)

    object.__setattr__(layer, "call", listening)
    given = subject.inputs()
    model(*(given if isinstance(given, tuple) else (given,)), training=True)
    return told


CHECKS = (check_summary, check_fit, check_training_reaches_layers)
