"""Checks of batches and of compiling: the same numbers however it is run."""

from typing import Any

import keras

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import flat, map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    difference,
    leaves,
    numbers,
)

# Keras documents 0; its default, and so its inferred type, is a string.
QUIET: Any = 0


def check_compiled(subject: Subject) -> None:
    """Compiled, in a model's `predict`, the layer gives its eager outputs.

    On torch Keras does not compile unless it is asked to; there this checks
    `predict`.

    Repair: no Python control flow on the values of tensors, no NumPy on
    tensors, no attribute that `call` writes.
    """
    subject.require_deterministic()
    layer, inputs, outputs = subject.run()
    body = (
        f"expected = {subject.array_code()}\n"
        f"{subject.model_code()}\n"
        "outputs = model.predict_on_batch(keras.tree.flatten(x))\n"
        "got = np.concatenate([one.ravel() for one in "
        "keras.tree.flatten(outputs)])\n"
        "np.testing.assert_allclose(got, expected.ravel(), atol=1e-4)"
    )
    try:
        model = subject.functional(layer, batch=2)
        got = model.predict_on_batch(flat(inputs))
        # Once more with other numbers: constants of the first trace show.
        others = subject.inputs(seed=7)
        again = model.predict_on_batch(flat(others))
    except Exception as error:
        raise subject.failure(
            f"eager it works, compiled it raises {type(error).__name__}: "
            f"{str(error)[:300]}",
            body,
        ) from error
    if words := difference(got, outputs):
        raise subject.failure(f"compiled it gives {words}", body)
    if words := difference(again, subject.call(layer, others)):
        raise subject.failure(
            f"compiled, for a second input, it gives {words}",
            body.replace(
                "outputs =",
                "model.predict_on_batch(keras.tree.map_structure(\n"
                "    np.zeros_like, keras.tree.flatten(x)))\noutputs =",
            ),
        )


def check_batch_sizes(subject: Subject) -> None:
    """Batches of 0, 1 and 5 samples work, in shape and dtype.

    An empty batch comes at the end of a data set, or on one of many devices.

    Repair: no division by the batch size, no `reshape` with two unknown sizes
    (`-1` cannot be told when there are no elements).
    """
    layer, _, outputs = subject.run()
    usual = leaves(outputs)
    for batch in (1, 5, 0):
        expected = [(batch, *leaf.shape[1:]) for leaf in usual]
        body = (
            f"outputs = keras.tree.flatten({subject.call_code()})\n"
            f"assert [tuple(one.shape) for one in outputs] == {expected}"
        )
        try:
            got = leaves(subject.call(layer, subject.inputs(batch=batch)))
        except Exception as error:
            raise subject.failure(
                f"a batch of {batch} raises {type(error).__name__}: "
                f"{str(error)[:200]}",
                body,
                batch=batch,
            ) from error
        shapes = [tuple(leaf.shape) for leaf in got]
        if shapes != expected:
            raise subject.failure(
                f"a batch of {batch} gives the shapes {shapes}, expected "
                f"{expected} as of a batch of 2",
                body,
                batch=batch,
            )
        for one, two in zip(got, usual, strict=True):
            if one.dtype != two.dtype:
                name = keras.backend.standardize_dtype(two.dtype)
                raise subject.failure(
                    f"a batch of {batch} gives {one.dtype}, expected "
                    f"{two.dtype} as of a batch of 2",
                    f"{body}\nassert {name!r} in [keras.backend."
                    "standardize_dtype(one.dtype) for one in outputs]",
                    batch=batch,
                )


def check_batch_independence(subject: Subject) -> None:
    """What comes out for a sample does not depend on the rest of the batch.

    Not asked for with `training=True`, where batch normalization is allowed
    to look at the batch. A layer that declares `batch_independent=False` must
    really depend on it.

    Repair: reduce over the axes of a sample only, never over axis 0.
    """
    subject.require_deterministic()
    layer = subject.run()[0]
    inputs = subject.inputs(batch=3, seed=5)
    whole = numbers(subject.call(layer, inputs))
    dependent = ""
    for index in range(3):
        one = keras.tree.map_structure(
            lambda leaf, index=index: leaf[index : index + 1], inputs
        )
        alone = numbers(subject.call(layer, one))
        dependent = dependent or difference(
            alone, [leaf[index : index + 1] for leaf in whole]
        )
    declared = subject.traits.batch_independent
    body = (
        f"whole = keras.tree.flatten({subject.call_code()})\n"
        "for i in range(3):\n"
        "    one = keras.tree.map_structure(lambda leaf: leaf[i:i + 1], x)\n"
        f"    alone = keras.tree.flatten({subject.call_code(inputs='one')})\n"
        "    for a, b in zip(alone, whole, strict=True):\n"
        "        a = keras.ops.convert_to_numpy(a)\n"
        "        b = keras.ops.convert_to_numpy(b)[i:i + 1]\n"
        "        np.testing.assert_allclose(a, b, atol=1e-4)"
    )
    if declared and dependent:
        raise subject.failure(
            f"a sample alone gives another output than in a batch: {dependent}",
            body,
            batch=3,
        )
    if not declared and not dependent:
        raise subject.failure(
            "it declares batch_independent=False, but does not depend on the "
            "batch",
            f"{body}\nraise AssertionError('samples are independent')",
            batch=3,
        )


def check_linear(subject: Subject) -> None:
    """Declared `linear=True`: sums of inputs give sums of outputs.

        f(a * x + b * z) - f(0) = a * (f(x) - f(0)) + b * (f(z) - f(0))

    Repair: the layer, or the declaration in `traits`.
    """
    if not subject.traits.linear:
        raise CheckSkip("it does not declare linear")
    layer, x, _ = subject.run()
    z = subject.inputs(seed=9)
    mixed = keras.tree.map_structure(lambda one, two: 2 * one - 3 * two, x, z)
    at_zero = keras.tree.map_structure(lambda one: 0 * one, x)
    of_x, of_z, of_mixed, of_zero = (
        numbers(subject.call(layer, one)) for one in (x, z, mixed, at_zero)
    )
    expected = [
        2 * (one - none) - 3 * (two - none) + none
        for one, two, none in zip(of_x, of_z, of_zero, strict=True)
    ]
    if words := difference(of_mixed, expected):
        raise subject.failure(
            f"it declares linear, but is not: {words}",
            "def f(factor):\n"
            "    y = keras.tree.map_structure(lambda leaf: factor * leaf, x)\n"
            f"    return {subject.array_code(inputs='y')}\n\n"
            "np.testing.assert_allclose(\n"
            "    f(2) - f(0), 2 * (f(1) - f(0)), atol=1e-4)",
        )


def check_retracing(subject: Subject) -> None:
    """A new batch size is no reason to trace the layer again.

    Compared with a layer that does nothing: what the backend retraces of
    itself (JAX: every shape) is not held against the layer.

    Repair: no Python number that changes from call to call in an argument or
    attribute that `call` reads.
    """

    class Nothing(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    def traces(layer, call):
        count = 0
        original = layer.call

        def counting(*args, **kwargs):
            nonlocal count
            count += 1
            return original(*args, **kwargs)

        inputs = map_shapes(
            lambda shape: keras.Input(shape, dtype=subject.traits.input_dtype),
            subject.shapes,
        )
        outputs = call(layer, inputs)
        model = keras.Model(flat(inputs), outputs)
        object.__setattr__(layer, "call", counting)
        for batch in (4, 3, 5, 2):
            data = flat(subject.inputs(batch=batch))
            model.predict(data, batch_size=batch, verbose=QUIET)
        return count

    usual = traces(Nothing(), lambda layer, inputs: layer(leaves(inputs)[0]))
    layer = subject.clone()
    try:
        found = traces(layer, subject.call)
    except Exception as error:
        raise subject.failure(
            f"predicting raises {type(error).__name__}: {str(error)[:200]}",
            f"{subject.model_code()}\n"
            "model.predict(keras.tree.flatten(x), verbose=0)",
        ) from error
    if found > usual:
        raise subject.failure(
            f"{found} traces for 4 batch sizes, where a layer that does "
            f"nothing has {usual}",
            "calls = []\ncall = layer.call\n"
            f"{subject.model_code()}\n"
            "layer.call = lambda *args: calls.append(0) or call(*args)\n"
            "for n in (4, 3, 5, 2):\n"
            "    model.predict([np.resize(leaf, (n, *leaf.shape[1:]))\n"
            "                   for leaf in keras.tree.flatten(x)],\n"
            "                  batch_size=n, verbose=0)\n"
            f"assert len(calls) <= {usual}",
        )


CHECKS = (
    check_compiled,
    check_batch_sizes,
    check_batch_independence,
    check_linear,
    check_retracing,
)
