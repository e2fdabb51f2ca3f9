"""Checks of models: built, summed up, trained."""

import re

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import flat, map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import is_float, leaves, numbers, to_numpy


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

    On random data, with the squared error, two batches of four samples.

    Repair: `call` must take inputs of any batch size, and hand `training` on
    to the layers that need it.
    """
    _, _, outputs = subject.run()
    if not all(is_float(leaf.dtype) for leaf in leaves(outputs)):
        raise CheckSkip("its outputs are not floats")
    model = subject.clone()
    x = flat(subject.inputs(batch=8))
    generator = np.random.default_rng(4)
    y = [
        generator.uniform(0, 1, (8, *leaf.shape[1:])).astype("float32")
        for leaf in leaves(outputs)
    ]
    y = y[0] if len(y) == 1 else y
    body = (
        f"y = np.zeros({subject.call_code()}.shape)\n"
        'layer.compile(optimizer="sgd", loss="mse")\n'
        "history = layer.fit(x, y, batch_size=1, verbose=0)\n"
        "assert np.isfinite(history.history['loss']).all()\n"
        "layer.evaluate(x, y, verbose=0)\n"
        "assert layer.predict(x, verbose=0).shape == y.shape"
    )
    try:
        model(x)
        before = [to_numpy(one).copy() for one in model.trainable_weights]
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
        history = model.fit(x, y, batch_size=4, verbose=0).history
        score = model.evaluate(x, y, batch_size=4, verbose=0)
        predicted = model.predict(x, batch_size=3, verbose=0)
    except Exception as error:
        raise subject.failure(
            f"{type(error).__name__}: {str(error)[:300]}", body
        ) from error
    if not np.isfinite([*history["loss"], *np.ravel(score)]).all():
        raise subject.failure("the loss is not finite", body)
    if [leaf.shape for leaf in numbers(predicted)] != [
        leaf.shape for leaf in numbers(y)
    ]:
        raise subject.failure("predict gives another shape than a call", body)
    after = [to_numpy(one) for one in model.trainable_weights]
    if before and all(map(np.array_equal, before, after)):
        raise subject.failure(
            "a training step changes no weight",
            f"{subject.call_code()}\nbefore = layer.get_weights()\n"
            f"{body}\nassert any(np.any(one != two) for one, two in "
            "zip(before, layer.get_weights()))",
        )


CHECKS = (check_summary, check_fit)
