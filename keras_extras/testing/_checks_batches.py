"""Checks of batches and of compiling: the same numbers however it is run."""

from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    arrays,
    leaves,
    specs,
)


@check()
def check_compiled(subject: Subject) -> None:
    """Compiled, in a model's `predict`, the layer gives its eager outputs.

    On torch Keras does not compile unless it is asked to; there this checks
    `predict`.

    Repair: no Python control flow on the values of tensors, no NumPy on
    tensors, no attribute that `call` writes.
    """
    subject.require_deterministic()
    subject.verify(
        compiled_is_equal,
        action="eager it works, compiled it",
        gap="compiled it gives",
        symbolic=subject.full_shapes(batch=2),
    )


def compiled_is_equal(
    layer: Any, x: Any, x_other: Any, symbols: Any, atol: float, to_numpy: Any
) -> None:
    outputs = layer(*symbols, training=False)
    model = keras.Model(keras.tree.flatten(symbols), outputs)
    # Once more with other numbers: constants of the first trace show.
    for x_now in (x, x_other):
        actual = to_numpy(model.predict_on_batch(keras.tree.flatten(x_now)))
        expected = to_numpy(layer(*x_now, training=False))
        np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check()
def check_batch_sizes(subject: Subject) -> None:
    """Batches of 0, 1 and 5 samples work, in shape and dtype.

    An empty batch comes at the end of a data set, or on one of many devices.

    Repair: no division by the batch size, no `reshape` with two unknown sizes
    (`-1` cannot be told when there are no elements).
    """
    layer, _, outputs = subject.run()
    usual = specs(outputs)
    subject.verify(
        weights_ignore_the_batch,
        layer=subject.clone(),
        batch=5,
        expected=[tuple(weight.shape) for weight in layer.weights],
    )
    for size in (1, 5, 0):
        subject.verify(
            batch_is_like_another,
            action=f"a batch of {size}",
            batch=size,
            expected=[((size, *shape[1:]), dtype) for shape, dtype in usual],
        )


def weights_ignore_the_batch(layer: Any, x: Any, expected: list[Any]) -> None:
    layer(*x, training=False)
    actual = [tuple(weight.shape) for weight in layer.weights]
    assert actual == expected, (
        f"built with a batch of {len(keras.tree.flatten(x)[0])} its weights "
        f"have the shapes {actual}, with a batch of 2 {expected}"
    )


def batch_is_like_another(layer: Any, x: Any, expected: list[Any]) -> None:
    size = keras.tree.flatten(x)[0].shape[0]
    actual = specs(layer(*x, training=False))
    assert actual == expected, (
        f"a batch of {size} gives the shapes and dtypes {actual}, expected "
        f"{expected} as of a batch of 2"
    )


@check()
def check_batch_independence(subject: Subject) -> None:
    """What comes out for a sample does not depend on the rest of the batch.

    Not asked for with `training=True`, where batch normalization is allowed
    to look at the batch. A layer that declares `batch_independent=False` must
    really depend on it.

    Repair: reduce over the axes of a sample only, never over axis 0.
    """
    subject.require_deterministic()
    declared = subject.traits.batch_independent
    subject.verify(
        samples_are_independent if declared else samples_are_dependent,
        gap="a sample alone gives another output than in a batch:",
        batch=3,
        seed=5,
    )


def samples_are_independent(
    layer: Any, x: Any, atol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    for i in range(3):
        part = slice(i, i + 1)
        x_alone: Any = keras.tree.map_structure(lambda leaf: leaf[part], x)  # noqa: B023
        actual = to_numpy(layer(*x_alone, training=False))
        np.testing.assert_allclose(actual, expected[part], 1e-4, atol)


def samples_are_dependent(layer: Any, x: Any) -> None:
    parts = []
    for i in range(3):
        part = slice(i, i + 1)
        x_alone: Any = keras.tree.map_structure(lambda leaf: leaf[part], x)  # noqa: B023
        parts.append(arrays(layer(*x_alone, training=False)))
    alone = map(np.concatenate, zip(*parts, strict=True))
    whole = arrays(layer(*x, training=False))
    assert not all(map(np.allclose, alone, whole)), (
        "it declares batch_independent=False, but does not depend on the batch"
    )


@check()
def check_linear(subject: Subject) -> None:
    """Declared `linear=True`: sums of inputs give sums of outputs.

        f(a * x + b * z) - f(0) = a * (f(x) - f(0)) + b * (f(z) - f(0))

    Repair: the layer, or the declaration in `traits`.
    """
    if not subject.traits.linear:
        raise CheckSkip("it does not declare linear")
    subject.verify(sums_are_kept, gap="it declares linear, but is not:")


def sums_are_kept(
    layer: Any, x: Any, x_other: Any, atol: float, to_numpy: Any
) -> None:
    x_sum: Any = keras.tree.map_structure(lambda a, b: 2 * a - b, x, x_other)
    of_x, of_other, actual = (
        to_numpy(layer(*x_now, training=False)) for x_now in (x, x_other, x_sum)
    )
    expected = 2 * of_x - of_other
    np.testing.assert_allclose(actual, expected, 1e-4, 3 * atol)


@check()
def check_retracing(subject: Subject) -> None:
    """A new batch size is no reason to trace the layer again.

    Compared with a layer that does nothing: what the backend retraces of
    itself (JAX: every shape) is not held against the layer.

    Repair: no Python number that changes from call to call in an argument or
    attribute that `call` reads.
    """

    class Nothing(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    leaf = leaves(subject.inputs())[0]
    symbol = keras.Input(leaf.shape[1:], dtype=str(leaf.dtype))
    subject.verify(
        is_traced_once,
        action="predicting",
        layer=subject.clone(),
        usual=traces(Nothing(), (leaf,), (symbol,)),
    )


def is_traced_once(layer: Any, x: Any, symbols: Any, usual: int) -> None:
    found = traces(layer, x, symbols)
    assert found <= usual, (
        f"{found} traces for 4 batch sizes, where a layer that does nothing "
        f"has {usual}"
    )


def traces(layer: Any, x: Any, symbols: Any) -> int:
    outputs = layer(*symbols, training=False)
    model: Any = keras.Model(keras.tree.flatten(symbols), outputs)
    calls: list[int] = []
    call = layer.call

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return call(*args, **kwargs)

    object.__setattr__(layer, "call", counting)
    for size in (4, 3, 5, 2):
        leaves = keras.tree.flatten(x)
        data = [np.resize(leaf, (size, *leaf.shape[1:])) for leaf in leaves]
        model.predict(data, batch_size=size, verbose=0)
    return len(calls)
