"""Checks of models: built, summed up, trained."""

import inspect
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import CLONED, check
from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import arrays, is_float, leaves


@check(needs=CLONED, of="models")
def check_summary(subject: Subject) -> None:
    """Once built, `summary` knows every shape and counts every weight.

    Keras's default `build` of a subclassed model leaves its sublayers as they
    are; the summary then shows "?" and counts nothing.

    Repair: build the sublayers in `build`, or call them there symbolically;
    `keras_extras.models.Model` does it.
    """
    subject.verify(
        summary_is_complete,
        action="build or summary",
        layer=subject.clone(),
        input_shape=map_shapes(lambda shape: (None, *shape), subject.shapes),
    )


def summary_is_complete(layer: Any, x: Any, input_shape: Any) -> None:
    layer.build(input_shape)
    lines: list[str] = []
    layer.summary(print_fn=lambda *text, **_: lines.extend(text))
    unknown = re.search(r"unbuilt|[│|]\s*\?\s*[│|]", "\n".join(lines))
    assert not unknown, "built, its summary still shows '?'"
    built = layer.count_params()
    called = type(layer).from_config(layer.get_config())
    called(*x, training=False)
    assert built == called.count_params(), (
        f"built it has {built} parameters, called {called.count_params()}"
    )


@check(of="models")
def check_fit(subject: Subject) -> None:
    """compile, fit, evaluate and predict work, and training changes weights.

    On random data, with the squared error, two batches of four samples. What
    `predict` gives is what a call gives, unless `predict_step` is overridden.

    Repair: `call` must take inputs of any batch size, and hand `training` on
    to the layers that need it.
    """
    if not all(is_float(leaf.dtype) for leaf in leaves(subject.run()[2])):
        raise CheckSkip("its outputs are not floats")
    if isinstance(subject.inputs(), tuple):
        raise CheckSkip("fit hands its inputs on as one argument")
    model: Any = subject.built()
    subject.verify(fit_learns, layer=model, batch=8)
    own = subject.cls.predict_step is not keras.Model.predict_step
    if subject.traits.deterministic and not own:
        subject.verify(
            predict_is_a_call,
            gap="predict and a call differ:",
            layer=model,
            batch=8,
        )


def fit_learns(layer: Any, x: Any) -> None:
    generator = np.random.default_rng(4)
    y = keras.tree.map_structure(
        lambda leaf: generator.uniform(0, 1, leaf.shape).astype("float32"),
        layer(*x, training=False),
    )
    before = arrays(layer.trainable_weights)
    layer.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    history = layer.fit(*x, y, batch_size=4, verbose=0).history
    score = layer.evaluate(*x, y, batch_size=4, verbose=0)
    losses = [*history.values(), score]
    finite = all(np.isfinite(loss).all() for loss in losses)
    assert finite, "the loss is not finite"
    after = arrays(layer.trainable_weights)
    still = all(map(np.array_equal, before, after))
    assert not before or not still, "a training step changes no weight"


def predict_is_a_call(layer: Any, x: Any, atol: float, to_numpy: Any) -> None:
    actual = to_numpy(layer.predict(*x, batch_size=3, verbose=0))
    expected = to_numpy(layer(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check()
def check_training_reaches_layers(subject: Subject) -> None:
    """In a call with `training=True`, layers that draw numbers do so.

    Dropout that is not told of the training never drops anything, and nothing
    else shows it.

    Repair: give `call` an argument `training` and hand it on, or none and
    leave it to Keras, which hands its own on.
    """
    model: Any = subject.built()
    random = [
        index
        for index, layer in enumerate(sublayers(model))
        if any(
            isinstance(value, keras.random.SeedGenerator)
            for value in vars(layer).values()
        )
        and "training" in inspect.signature(layer.call).parameters
    ]
    if not random:
        raise CheckSkip("none of its layers draws random numbers")
    for index in random:
        subject.verify(training_reaches_layer, layer=model, index=index)


def sublayers(layer: Any) -> list[Any]:
    parts = [value for value in vars(layer).values() if value is not layer]
    flat = [
        item
        for part in parts
        for item in (part if isinstance(part, list) else [part])
    ]
    return [item for item in flat if isinstance(item, keras.layers.Layer)]


def training_reaches_layer(layer: Any, x: Any, index: int) -> None:
    layer(*x, training=False)
    inner = sublayers(layer)[index]
    call = inner.call
    modes = []

    def listen(*args: Any, **kwargs: Any) -> Any:
        modes.append(kwargs.get("training"))
        return call(*args, **kwargs)

    object.__setattr__(inner, "call", listen)
    layer(*x, training=True)
    assert not modes or any(modes), (
        f"in training its layer {inner.name!r} is called with "
        f"training={modes[0]!r}"
    )
